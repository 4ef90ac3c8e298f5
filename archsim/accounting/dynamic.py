"""How counts fall where reads depend on the inputs.

What happens once in every read (samples, conversions, shift-adds) follows the reads that each array really took, what
happens to rows the rows that were opened, what happens once an input digit the digits that were streamed; what happens
once a window (registers, eDRAM, bus, network) does not change. All arrays that share a row set share its reads.
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
    from archsim.function.inference.activity import LayerActivity

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ArrayReads:
    """What every array of one copy did, int64 [arrays] over `images` images: input digits, reads, rows opened."""

    digits: Ints
    reads: Ints
    rows: Ints
    images: int

    def mean(self, totals: Ints) -> float:
        """The sum of totals [arrays] per image; a whole number wherever that is exact."""
        found = int(totals.sum())
        whole, rest = divmod(found, self.images)
        return whole if rest == 0 else found / self.images


def array_reads(plan: Plan, mapped: MappedStage, activity: LayerActivity | None) -> ArrayReads:
    """Reads of a crossbar stage as they were counted; else every window takes the fixed number, and every row of an
    array is opened for every digit."""
    grid = mapped.grid
    assert grid is not None
    if activity is None or activity.reads is None:
        digits = np.full(grid.crossbars, mapped.windows * fixed_cycles(plan, mapped), np.int64)
        windows = -(-grid.rows // plan.slicing.opened_rows)
        return ArrayReads(digits=digits, reads=digits * windows, rows=digits * grid.rows, images=1)
    counted, sets = activity.reads, grid.row_set
    return ArrayReads(
        digits=counted.digits[sets], reads=counted.reads[sets], rows=counted.rows[sets], images=counted.images
    )


def fixed_cycles(plan: Plan, mapped: MappedStage) -> int:
    """Input digits of a window that needs no inputs to be known: all bits, or those of a static policy."""
    block = plan.chip.activation_precision
    if block is None or block.needs_inputs or (mapped.stage.kind == "linear" and not block.fully_connected):
        return plan.slicing.input_cycles
    bits = block.bits or plan.slicing.input_bits
    return block.layer_bits.get(mapped.name, bits) if block.policy == "static_mixed" else bits


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
        elif fixed_cycles(plan, mapped) != plan.slicing.input_cycles:
            windows = plan.slicing.windows(int(mapped.grid.rows.max()))
            found[mapped.name] = np.array([fixed_cycles(plan, mapped) * windows], np.int64)
    return found


def mean_input_bits(plan: Plan, mapped: MappedStage, activity: LayerActivity | None) -> float | None:
    """Bits streamed per window, mean over windows and arrays, weighted by the arrays' conversions."""
    grid = mapped.grid
    if grid is None:
        return None
    columns = converted_columns(plan, grid)
    if activity is None or activity.reads is None:
        cycles = fixed_cycles(plan, mapped)
        return float(plan.slicing.input_bits if cycles == plan.slicing.input_cycles else cycles)
    reads = activity.reads
    digits = int((reads.digits[grid.row_set] * columns).sum()) / (reads.windows * int(columns.sum()))
    return float(digits * (plan.slicing.input_bits / plan.slicing.input_cycles))


def converted_columns(plan: Plan, grid: CrossbarGrid) -> Ints:
    """Columns of each array that are converted in a read, the unit column included."""
    ima = plan.chip.tile.ima
    unit = 1 if ima.crossbar.unit_column else 0
    used = grid.columns if ima.adc.converts == "used" else np.full(grid.crossbars, ima.crossbar.columns, np.int64)
    return used + unit


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
