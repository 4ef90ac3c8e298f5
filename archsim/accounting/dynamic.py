"""How counts fall where activation precision is decided on the fly.

What happens once in every input cycle (row drives, array reads, samples, conversions, shift-adds) follows the cycles
that each array really took; what happens once a window (registers, eDRAM, bus, network) does not change. All arrays
that share a row set share its cycles.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from archsim.function.precision.cycles import window_cycles
from archsim.mapping.plan import MappedStage, Plan, unrolled
from archsim.mapping.slicing import CrossbarGrid

if TYPE_CHECKING:
    from archsim.function.activity import LayerActivity

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class InputCycles:
    """Input cycles of every array of one copy, per image: `total` [arrays] over `images` images, exact."""

    total: Ints
    images: int

    def sum(self, weights: Ints | int = 1) -> float:
        """Cycles per image, weighted array by array; a whole number wherever that is exact."""
        found = int((self.total * weights).sum())
        whole, rest = divmod(found, self.images)
        return whole if rest == 0 else found / self.images


def input_cycles(plan: Plan, mapped: MappedStage, activity: LayerActivity | None) -> InputCycles:
    """Cycles of a crossbar stage: as its streams were counted, else every window takes the fixed number."""
    grid = mapped.grid
    assert grid is not None
    if activity is None or activity.streams is None:
        fixed = mapped.windows * fixed_cycles(plan, mapped)
        return InputCycles(total=np.full(grid.crossbars, fixed, np.int64), images=1)
    streams = activity.streams
    return InputCycles(total=streams.cycles[grid.row_set], images=streams.images)


def fixed_cycles(plan: Plan, mapped: MappedStage) -> int:
    """Input cycles of a window that needs no inputs to be known: all bits, or those of a static policy."""
    block = plan.chip.activation_precision
    if block is None or block.needs_inputs or (mapped.stage.kind == "linear" and not block.fully_connected):
        return plan.slicing.input_cycles
    bits = block.bits or plan.slicing.input_bits
    return block.layer_bits.get(mapped.name, bits) if block.policy == "static_mixed" else bits


def timed_cycles(plan: Plan, activity: Mapping[str, LayerActivity], images: int) -> dict[str, Ints]:
    """Crossbar cycles of every window, for the stages that do not take the fixed number: what timing is given.

    The measured pictures stream in order, and begin again when they are fewer than `images`. Static policies of fewer
    bits need no pictures.
    """
    block = plan.chip.activation_precision
    if block is None:
        return {}
    found: dict[str, Ints] = {}
    for mapped in plan.stages:
        if mapped.grid is None:
            continue
        measured = activity.get(mapped.name)
        if measured is not None and measured.streams is not None:
            lanes = mapped.replication if block.free_running else None
            found[mapped.name] = window_cycles(measured.streams.bits, images=images, lanes=lanes)
        elif fixed_cycles(plan, mapped) != plan.slicing.input_cycles:
            found[mapped.name] = np.array([fixed_cycles(plan, mapped)], np.int64)
    return found


def mean_input_bits(plan: Plan, mapped: MappedStage, activity: LayerActivity | None) -> float | None:
    """Bits streamed per window, mean over windows and arrays, weighted by the arrays' conversions."""
    grid = mapped.grid
    if grid is None:
        return None
    columns = converted_columns(plan, grid)
    if activity is None or activity.streams is None:
        cycles = fixed_cycles(plan, mapped)
        return float(plan.slicing.input_bits if cycles == plan.slicing.input_cycles else cycles)
    streams = activity.streams
    return int((streams.cycles[grid.row_set] * columns).sum()) / (streams.windows * int(columns.sum()))


def converted_columns(plan: Plan, grid: CrossbarGrid) -> Ints:
    """Columns of each array that are converted in an input cycle, the unit column included."""
    ima = plan.chip.tile.ima
    unit = 1 if ima.crossbar.unit_column else 0
    used = grid.columns if ima.adc.converts == "used" else np.full(grid.crossbars, ima.crossbar.columns, np.int64)
    return used + unit


def used_cells(mapped: MappedStage, grid: CrossbarGrid) -> Ints:
    """Cells of each array that hold a weight: rows x columns, of which a block-diagonal packing uses one block a
    convolution group."""
    if grid.packed_groups == 1:
        return grid.rows * grid.columns
    inputs, _, _ = unrolled(mapped.stage)
    return grid.rows * grid.columns // (grid.rows // inputs)


def decision_actions(plan: Plan, mapped: MappedStage) -> list[tuple[str, str, float]]:
    """What deciding costs per image: every IMA that holds arrays of a row set looks at the set's inputs once a window.

    Values that need no deciding (fully connected layers, static policies) pass by.
    """
    block, grid = plan.chip.activation_precision, mapped.grid
    units = [unit for unit in plan.chip.tile.ima.overheads if unit.charge == "per_decision"]
    if not units or block is None or grid is None or not block.needs_inputs:
        return []
    if mapped.stage.kind == "linear" and not block.fully_connected:
        return []
    ima = np.arange(grid.crossbars) // plan.chip.tile.ima.crossbars
    _, first = np.unique(ima * (int(grid.row_set.max()) + 1) + grid.row_set, return_index=True)
    values = mapped.windows * int(grid.rows[first].sum())
    return [
        entry
        for unit in units
        for entry in ((unit.name, "value", float(values)), (unit.name, "decide", float(mapped.windows * len(first))))
    ]
