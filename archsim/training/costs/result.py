"""What a batch of in-situ training costs, as plain data."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from math import fsum
from typing import Any, Literal

from archsim.accounting.training import StorageRow
from archsim.notebook import html_lines, html_table
from archsim.units import format_quantity

Phase = Literal["forward", "error", "gradient", "update", "standing"]
PHASES: tuple[Phase, ...] = ("forward", "error", "gradient", "update", "standing")
"""In order; `standing` is power drawn whatever happens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRow:
    """One line of the energy account of a batch; as `ActionRow`, with its phase."""

    phase: Phase
    layer: str
    component: str
    action: str
    count: float
    energy_per_action_j: float
    energy_j: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseCost:
    """One phase of a batch. `arrays_s` is the time of its products (or of writing), `memory_s` that of its off-chip
    traffic, `latency_s` the longer of the two. `macs` are products of the batch."""

    phase: Phase
    arrays_s: float
    memory_s: float
    latency_s: float
    macs: int
    energy_j: float

    @property
    def ops_per_j(self) -> float | None:
        """Operations (2 per product) per joule, None for phases without products."""
        return 2 * self.macs / self.energy_j if self.macs else None


@dataclass(frozen=True, kw_only=True, repr=False)
class TrainingCost:
    """Cost of one batch. `energy_j` is the correctly rounded sum of all rows; `rule_energy_j` what the update rule adds
    to plain gradient descent with as many pulses (0 for sgd). `ops` counts two operations for each product of the
    forward phase, of the error phase (from the second layer with weights on) and of the gradients."""

    archsim_version: str
    hardware: str
    hardware_hash: str
    workload: str
    batch: int
    dataflow: str
    rule: str
    weights: int
    phases: tuple[PhaseCost, ...]
    rows: tuple[TrainingRow, ...]
    storage: tuple[StorageRow, ...]
    rule_energy_j: float
    area_m2: float
    notes: tuple[str, ...]
    citations: tuple[str, ...]

    def __repr__(self) -> str:
        figures = ", ".join(f"{name} {format_quantity(value, unit)}" for name, value, unit in self._figures)
        return f"<TrainingCost {self._title}: {figures}>"

    def _repr_html_(self) -> str:
        """Totals and phases as tables, for notebooks."""
        totals = [(name, format_quantity(value, unit)) for name, value, unit in self._figures]
        phases = [
            (row.phase, format_quantity(row.latency_s, "s"), format_quantity(row.energy_j, "J"), f"{row.macs:,}")
            for row in self.phases
        ]
        columns = ("phase", "latency", "energy", "MACs")
        return (
            html_table(self._title, ("", ""), totals) + html_table("Phases", columns, phases) + html_lines(self.notes)
        )

    @property
    def _title(self) -> str:
        return f"{self.workload} on {self.hardware}, batch {self.batch}, {self.dataflow}, {self.rule}"

    @property
    def _figures(self) -> tuple[tuple[str, float, str], ...]:
        return (
            ("latency", self.latency_s, "s"),
            ("energy", self.energy_j, "J"),
            ("energy an image", self.energy_per_image_j, "J"),
            ("efficiency", self.ops_per_j, "op/s/W"),
            ("area", self.area_m2, "m2"),
        )

    @cached_property
    def energy_j(self) -> float:
        """Energy of a batch."""
        return fsum(row.energy_j for row in self.rows)

    @property
    def energy_per_image_j(self) -> float:
        """Energy of a batch over its images."""
        return self.energy_j / self.batch

    @property
    def latency_s(self) -> float:
        """Time of a batch."""
        return fsum(phase.latency_s for phase in self.phases)

    @property
    def ops(self) -> int:
        """Operations of a batch."""
        return 2 * sum(phase.macs for phase in self.phases)

    @property
    def ops_per_j(self) -> float:
        """Training efficiency."""
        return self.ops / self.energy_j

    @property
    def ops_per_s(self) -> float:
        """Training throughput."""
        return self.ops / self.latency_s

    @property
    def rule_share(self) -> float:
        """Share of the update rule in the energy."""
        return self.rule_energy_j / self.energy_j

    def count(self, phase: Phase, component: str, action: str) -> float:
        """How often a component acted in a phase, all layers."""
        wanted = (phase, component, action)
        return fsum(row.count for row in self.rows if (row.phase, row.component, row.action) == wanted)

    def totals(self) -> dict[str, Any]:
        """Figures of the whole batch, units in the names."""
        names = ("energy_j", "energy_per_image_j", "latency_s", "ops", "ops_per_j", "ops_per_s", "rule_share")
        return {name: getattr(self, name) for name in names}

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {"schema_version": 1, "totals": self.totals(), **asdict(self)}

    def to_json(self) -> str:
        """Plain data as text."""
        return json.dumps(self.to_dict(), indent=1, allow_nan=False) + "\n"
