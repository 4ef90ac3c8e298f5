"""Energy = counters x cost table, in this one place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import fsum

from archsim.accounting.counts import Count
from archsim.components import CostTable
from archsim.errors import InputError, Problem


@dataclass(frozen=True, slots=True)
class ActionRow:
    """One line of the energy account. For action `static` the count is in seconds (times instances) and the energy
    per action in watts."""

    layer: str
    component: str
    action: str
    count: float
    energy_per_action_j: float
    energy_j: float
    source: str


def price(counts: Iterable[Count], costs: CostTable) -> list[ActionRow]:
    """Multiply counts by the cost table.

    Raises `InputError` naming every action the hardware file has no energy for: a missing cost is never taken as zero.
    """
    counts = list(counts)
    missing = dict.fromkeys(
        (count.component, count.action) for count in counts if (count.component, count.action) not in costs
    )
    if missing:
        raise InputError(
            Problem(f"{component}.{action}", "is used by this workload but the hardware file gives no energy for it")
            for component, action in missing
        )
    rows = []
    for count in counts:
        cost = costs[count.component, count.action]
        energy = count.count * cost.energy_j
        rows.append(
            ActionRow(count.layer, count.component, count.action, count.count, cost.energy_j, energy, cost.source)
        )
    return rows


def total_energy(rows: Iterable[ActionRow]) -> float:
    """Correctly rounded sum of all rows [J]."""
    return fsum(row.energy_j for row in rows)


def energy_by(rows: Iterable[ActionRow], field: str) -> dict[str, float]:
    """Correctly rounded energy [J] by `layer` or `component`, in order of first appearance."""
    parts: dict[str, list[float]] = {}
    for row in rows:
        parts.setdefault(str(getattr(row, field)), []).append(row.energy_j)
    return {name: fsum(values) for name, values in parts.items()}
