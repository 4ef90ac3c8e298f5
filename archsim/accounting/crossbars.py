"""Counting what the analog side of a crossbar stage does: drives, reads, conversions, and the registers around them."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from archsim.accounting.conduction import conducting_cells
from archsim.accounting.dynamic import decision_actions, row_cells
from archsim.accounting.levels import level_actions
from archsim.accounting.sparsity import conversion_actions, sensing_actions
from archsim.mapping.plan import MappedStage, Plan
from archsim.mapping.reads import ASSUMED_DRIVEN, ArrayReads

if TYPE_CHECKING:
    from archsim.function.crossbars.devices.stored import StoredCells

Entry = tuple[str, str, float]
"""(component, action, count per image)."""


def crossbar_actions(
    plan: Plan, mapped: MappedStage, done: ArrayReads | None, stored: StoredCells | None = None
) -> list[Entry]:
    """Analog side and its registers, per image, from the reads on record; nothing for a digital stage.

    A read counts as the share of an array's cells that it opens and that are used, or (`energy: v2gt`) as what these
    conduct, from their levels `stored` where weights are known. Samples and shift-adds go with every column and read,
    also where an ADC sparsity policy leaves out the conversion between them.
    """
    grid = mapped.grid
    if grid is None or done is None:
        return []
    crossbar = plan.chip.tile.ima.crossbar
    return [
        ("crossbar", "cell_read", conducting_cells(plan, mapped, done, stored))
        if crossbar.energy == "v2gt"
        else ("crossbar", "read", done.mean(done.rows * row_cells(mapped, grid)) / (crossbar.rows * crossbar.columns)),
        ("dac", "drive", _rows_driven(plan, done)),
        ("sample_hold", "sample", done.mean(done.sampled)),
        *conversion_actions(done),
        ("shift_add", "add", done.mean(done.sampled)),
        *_input_register(plan, mapped, done),
        *_output_register(plan, mapped, done),
        *decision_actions(plan, mapped),
        *level_actions(plan, mapped),
        *sensing_actions(plan, mapped, done),
    ]


def _rows_driven(plan: Plan, done: ArrayReads) -> float:
    """Row drives per image; sibling arrays may share drivers. With `charge: active` only rows with a non-zero digit."""
    rows = done.rows if plan.chip.tile.ima.dac.charge == "used" else done.driven
    return done.mean(rows) / _arrays_per_driver(plan)


def _driven_rows(plan: Plan, mapped: MappedStage) -> float:
    """Rows with a driver of their own in one copy: arrays of one weight's slices share where the machine shares."""
    grid = mapped.grid
    assert grid is not None
    return int(grid.rows.sum()) / _arrays_per_driver(plan)


def _arrays_per_driver(plan: Plan) -> int:
    """Arrays of one weight's slices that share row drivers."""
    return min(plan.chip.tile.ima.dac.arrays_per_driver, plan.slicing.arrays_per_weight)


def _input_register(plan: Plan, mapped: MappedStage, done: ArrayReads) -> list[Entry]:
    """`window`: full registers' worth per array and window. `access`: all lines are read once an input cycle, and every
    value is written once a window, for each set of arrays that share drivers."""
    grid, ima, windows = mapped.grid, plan.chip.tile.ima, mapped.windows
    assert grid is not None
    if ima.input_register.charge == "window":
        return [("input_register", "window", windows * int(grid.rows.sum()) / ima.crossbar.rows)]
    sets = ceil(grid.crossbars / _arrays_per_driver(plan))
    return [
        ("input_register", "read", done.mean(done.digits) * sets / grid.crossbars),
        ("input_register", "write", windows * _driven_rows(plan, mapped)),
    ]


def _output_register(plan: Plan, mapped: MappedStage, done: ArrayReads) -> list[Entry]:
    """`window`: full registers' worth per array and window, unit columns included. `access`: each weight column's sum
    is read and written back once a read (PUMA's counts: 256 accesses for every cycle of 128 columns)."""
    grid, ima, windows = mapped.grid, plan.chip.tile.ima, mapped.windows
    assert grid is not None
    if ima.output_register.charge == "window":
        columns = int((grid.columns + grid.unit_columns).sum())
        return [("output_register", "window", windows * columns / ima.crossbar.columns)]
    accesses = done.mean(done.reads * grid.columns) / (plan.slicing.columns_per_weight * plan.slicing.arrays_per_weight)
    return [("output_register", "read", accesses), ("output_register", "write", accesses)]


def assumed_activity(plan: Plan) -> str:
    """What was assumed about the inputs where none were given, for the result to say."""
    if plan.chip.tile.ima.dac.charge == "active" or plan.chip.tile.ima.crossbar.energy == "v2gt":
        return f"assumed ({ASSUMED_DRIVEN:.0%} of rows driven in each input cycle; zero fraction not assumed)"
    sparsity = plan.chip.tile.ima.adc.sparsity
    if sparsity is not None and sparsity.needs_inputs:
        return "assumed (every conversion of full length; this machine drives every used row)"
    return "assumed (this machine drives every used row, so no count depends on input values)"
