"""Power that is drawn without any action, and the silicon it takes: rows for the time of the run."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, fsum
from typing import TYPE_CHECKING

import numpy as np

from archsim.accounting.counts import CHIP
from archsim.accounting.energy import ActionRow
from archsim.accounting.rows import SOURCE, TABLE, table_bits
from archsim.components import area_rows
from archsim.components import static_rows as static_components
from archsim.mapping import Plan
from archsim.mapping.network import Network
from archsim.mapping.rows.table import memory_of

if TYPE_CHECKING:
    from archsim.timing.summary import Timing


def static_rows(plan: Plan, timing: Timing) -> list[ActionRow]:
    """Static energy over the run: action `static`, count in instance-seconds, energy per action in watts, layer `chip`.

    What is gated counts only the tiles and IMAs that hold a layer, and routers of such tiles, for the whole run; what
    is always on counts every instance of every chip.
    """
    chip = plan.chip
    every = {"ima": plan.chips * chip.tiles * chip.tile.imas, "tile": plan.chips * chip.tiles, "chip": plan.chips}
    used = {"ima": _imas_used(plan), "tile": plan.tiles, "chip": plan.chips}
    rows = []
    for component in static_components(chip):
        units = used[component.level] if component.gated else every[component.level]
        count = component.count * units
        if component.component == "router" and component.gated:
            count = _routers_used(plan)
        seconds = count * timing.latency_s
        energy = seconds * component.power_each_w
        rows.append(
            ActionRow(CHIP, component.component, "static", seconds, component.power_each_w, energy, component.source)
        )
    return rows


def _routers_used(plan: Plan) -> int:
    tiles = np.concatenate([mapped.placement.tiles for mapped in plan.stages if not mapped.stage.port])
    return len(np.unique(Network.of(plan.chip).router_of(tiles)))


def _imas_used(plan: Plan) -> int:
    per_ima = plan.chip.tile.ima.crossbars
    return sum(ceil(mapped.placement.crossbars / per_ima) for mapped in plan.stages)


@dataclass(frozen=True, slots=True)
class AreaRow:
    """Area of one kind of component over all chips."""

    component: str
    count: int
    area_each_m2: float
    area_m2: float
    source: str


def area_account(plan: Plan) -> tuple[AreaRow, ...]:
    """Area of all chips the plan uses, component by component; that of indirection tables counts bits."""
    chips = tuple(
        AreaRow(row.component, row.count, row.area_each_m2, row.area_m2, row.source)
        for row in area_rows(plan.chip, plan.chips)
    )
    bits = table_bits(plan)
    if not bits:
        return chips
    memory = memory_of(plan.chip)
    return (*chips, AreaRow(TABLE, bits, memory.area_m2, bits * memory.area_m2, SOURCE.format(memory.source)))


def total_area(rows: tuple[AreaRow, ...]) -> float:
    """Correctly rounded sum of all rows [m2]."""
    return fsum(row.area_m2 for row in rows)
