"""What follows from the reads on record: times, mean bits, and the circuits that decide about digits.

What happens once in every read (samples, conversions, shift-adds) follows the reads that each array really took, what
happens to rows the rows that were opened, what happens once an input digit the digits that were streamed; what happens
once a window (registers, eDRAM, bus, network) does not change. All arrays that share a row set share its reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from archsim.function.precision.cycles import window_cycles
from archsim.mapping.plan import MappedStage, Plan, unrolled
from archsim.mapping.reads import ArrayReads, converted_columns, fixed_digits
from archsim.mapping.slicing import CrossbarGrid

if TYPE_CHECKING:
    from archsim.function.inference.activity import LayerActivity

Ints = NDArray[np.int64]


def timed_cycles(plan: Plan, activity: Mapping[str, LayerActivity], images: int) -> dict[str, Ints]:
    """Reads of every window, for the stages that do not take the fixed number: what timing is given.

    The measured pictures stream in order, and begin again when they are fewer than `images`. Static policies of fewer
    bits need no pictures.
    """
    block = plan.chip.activation_precision
    found: dict[str, Ints] = {}
    for mapped in plan.stages:
        if mapped.grid is None:
            continue
        measured = activity.get(mapped.name)
        if measured is not None and measured.reads is not None and measured.reads.cycles is not None:
            lanes = mapped.replication if block is not None and block.free_running else None
            found[mapped.name] = window_cycles(measured.reads.cycles, images=images, lanes=lanes)
        elif fixed_digits(plan, mapped) != plan.slicing.input_cycles:
            windows = plan.slicing.windows(int(mapped.grid.rows.max()))
            found[mapped.name] = np.array([fixed_digits(plan, mapped) * windows], np.int64)
    return found


def mean_input_bits(plan: Plan, mapped: MappedStage, done: ArrayReads) -> float:
    """Bits streamed per window, mean over windows and arrays, weighted by the arrays' conversions."""
    assert mapped.grid is not None
    columns = converted_columns(plan, mapped.grid)
    digits = int((done.digits * columns).sum()) / (done.images * mapped.windows * int(columns.sum()))
    return float(digits * (plan.slicing.input_bits / plan.slicing.input_cycles))


def used_cells(mapped: MappedStage, grid: CrossbarGrid) -> Ints:
    """Cells of each array that hold a weight (`row_cells` in each of its rows)."""
    return grid.rows * row_cells(mapped, grid)


def row_cells(mapped: MappedStage, grid: CrossbarGrid) -> Ints:
    """Cells of a row of each array that hold a weight: its columns, of which a block-diagonal packing uses one block a
    row."""
    if grid.packed_groups == 1:
        return grid.columns
    inputs, _, _ = unrolled(mapped.stage)
    return grid.columns // (grid.rows // inputs)


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
