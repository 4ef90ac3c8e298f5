"""What `archsim train-cost` prints: phases, components, storage and totals of one batch."""

from __future__ import annotations

from math import fsum

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from archsim.report.formatting import share
from archsim.report.tables import Column, Sheet, add, table
from archsim.training.costs import PHASES, PhaseCost, TrainingCost
from archsim.units import format_quantity

ELSEWHERE = "--wide, or --json"


def cost_report(cost: TrainingCost) -> RenderableType:
    """Everything about one batch."""
    notes = [Text(f"note: {note}") for note in cost.notes]
    parts = (phase_table(cost), component_table(cost), layer_table(cost), storage_table(cost), totals_table(cost))
    spaced = [item for part in parts for item in (part, Text())]
    return Group(*spaced, Text(operations_line(cost)), *notes)


def operations_line(cost: TrainingCost) -> str:
    """How operations are counted."""
    per_image = cost.ops / cost.batch
    return (
        f"operations: 2 for each product of forward, error (not into the first layer) and gradient phase, "
        f"{per_image:,.0f} an image"
    )


def phase_table(cost: TrainingCost) -> Table:
    """Latency, energy and efficiency of each phase of a batch."""
    title = f"Phases of a batch of {cost.batch} images"
    made = table(title, ["phase", "arrays", "off-chip memory", "latency", "energy", "share", "efficiency"])
    for phase in cost.phases:
        times = (phase.arrays_s, phase.memory_s, phase.latency_s)
        cells = [format_quantity(time, "s") for time in times]
        add(
            made,
            phase.phase,
            *cells,
            format_quantity(phase.energy_j, "J"),
            share(phase.energy_j / cost.energy_j),
            _efficiency(phase),
        )
    return made


def _efficiency(phase: PhaseCost) -> str:
    return "-" if phase.ops_per_j is None else f"{format_quantity(phase.ops_per_j, 'op/s')}/W"


def component_table(cost: TrainingCost) -> Sheet:
    """Energy an image of each component, phase by phase, largest first."""
    energies: dict[str, dict[str, list[float]]] = {}
    for row in cost.rows:
        energies.setdefault(row.component, {}).setdefault(row.phase, []).append(row.energy_j / cost.batch)
    sums = {name: fsum(value for part in parts.values() for value in part) for name, parts in energies.items()}
    names = sorted(sums, key=lambda name: -sums[name])
    phases = [name for name in PHASES if any(phase.phase == name for phase in cost.phases)]
    columns = [
        Column(heading="component", cells=names, rank=99, left=True),
        *[
            Column(heading=phase, cells=[_joules(energies[name].get(phase, [])) for name in names], rank=5)
            for phase in phases
        ],
        Column(heading="all", cells=[_joules([sums[name]]) for name in names], rank=9),
        Column(heading="share", cells=[share(sums[name] * cost.batch / cost.energy_j) for name in names], rank=8),
    ]
    return Sheet(title="Energy an image by component", columns=columns, elsewhere=ELSEWHERE)


def layer_table(cost: TrainingCost) -> Sheet:
    """Energy an image of each layer, phase by phase."""
    energies: dict[str, dict[str, list[float]]] = {}
    for row in cost.rows:
        energies.setdefault(row.layer, {}).setdefault(row.phase, []).append(row.energy_j / cost.batch)
    names = list(energies)
    phases = [phase.phase for phase in cost.phases]
    columns = [
        Column(heading="layer", cells=names, rank=99, left=True),
        *[
            Column(heading=phase, cells=[_joules(energies[name].get(phase, [])) for name in names], rank=5)
            for phase in phases
        ],
        Column(
            heading="all",
            cells=[_joules([value for part in energies[name].values() for value in part]) for name in names],
            rank=9,
        ),
    ]
    return Sheet(title="Energy an image by layer", columns=columns, elsewhere=ELSEWHERE)


def _joules(values: list[float]) -> str:
    return format_quantity(fsum(values), "J") if values else "-"


def storage_table(cost: TrainingCost) -> Table:
    """What is stored beyond the weights."""
    made = table("Storage beyond the weights", ["data", "in", "size", "area"], left=2)
    for row in cost.storage:
        area = format_quantity(row.area_m2, "m2") if row.area_m2 else "-"
        add(made, row.name, row.where, format_quantity(row.bits / 8, "B"), area)
    return made


def totals_table(cost: TrainingCost) -> Table:
    """Figures of the whole batch."""
    made = table(f"Training {cost.workload} on {cost.hardware}", ["total", ""])
    rows = (
        ("data flow", cost.dataflow),
        ("update rule", cost.rule),
        ("energy an image", format_quantity(cost.energy_per_image_j, "J")),
        ("energy of a batch", format_quantity(cost.energy_j, "J")),
        ("of it the update rule (beyond sgd)", share(cost.rule_share)),
        ("latency of a batch", format_quantity(cost.latency_s, "s")),
        ("images per second", f"{cost.batch / cost.latency_s:,.4g}"),
        ("throughput", format_quantity(cost.ops_per_s, "op/s")),
        ("efficiency", f"{format_quantity(cost.ops_per_j, 'op/s')}/W"),
        ("chip area", format_quantity(cost.area_m2, "m2")),
    )
    for name, value in rows:
        add(made, name, value)
    return made
