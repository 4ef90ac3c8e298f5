"""Counting what the analog side of a crossbar stage does: drives, reads, conversions, and the registers around them."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from archsim.mapping.plan import MappedStage, Plan

if TYPE_CHECKING:
    from archsim.function.activity import LayerActivity

Entry = tuple[str, str, float]
"""(component, action, count per image)."""

ASSUMED_ACTIVE_ROWS = 0.5
"""Share of rows driven per input cycle where a machine gates its row drivers and no inputs were given: random bits."""


def crossbar_actions(plan: Plan, mapped: MappedStage, activity: LayerActivity | None) -> list[Entry]:
    """Analog side and its registers, per image; nothing for a digital stage.

    ADC conversions: used columns of every array and input cycle, the unit column included where there is one
    (`converts: all`: every column). A read of a partly used array counts as its used share of cells.
    """
    grid = mapped.grid
    if grid is None:
        return []
    ima, steps = plan.chip.tile.ima, mapped.windows * plan.slicing.input_cycles
    unit = grid.crossbars if ima.crossbar.unit_column else 0
    columns = int(grid.columns.sum()) + unit
    converted = grid.crossbars * ima.crossbar.columns + unit if ima.adc.converts == "all" else columns
    return [
        ("crossbar", "read", steps * grid.crossbars * grid.utilization),
        ("dac", "drive", _rows_driven(plan, mapped, activity)),
        ("sample_hold", "sample", steps * converted),
        ("adc", "convert", steps * converted),
        ("shift_add", "add", steps * converted),
        *_input_register(plan, mapped),
        *_output_register(plan, mapped, columns),
    ]


def _rows_driven(plan: Plan, mapped: MappedStage, activity: LayerActivity | None) -> float:
    """Row drives per image; sibling arrays may share drivers. With `charge: active` only rows with a non-zero digit."""
    grid, dac = mapped.grid, plan.chip.tile.ima.dac
    assert grid is not None
    used = _driven_rows(plan, mapped) * mapped.windows * plan.slicing.input_cycles
    if dac.charge == "used":
        return used
    # every row set drives the same number of arrays, so the share of active rows carries over
    return used * (ASSUMED_ACTIVE_ROWS if activity is None else activity.active_row_fraction)


def _driven_rows(plan: Plan, mapped: MappedStage) -> float:
    """Rows with a driver of their own in one copy: arrays of one weight's slices share where the machine shares."""
    grid = mapped.grid
    assert grid is not None
    shared = min(plan.chip.tile.ima.dac.arrays_per_driver, plan.slicing.arrays_per_weight)
    return int(grid.rows.sum()) / shared


def _input_register(plan: Plan, mapped: MappedStage) -> list[Entry]:
    """`window`: full registers' worth per array and window. `access`: all lines are read once an input cycle, and every
    value is written once a window, for each set of arrays that share drivers."""
    grid, ima, windows = mapped.grid, plan.chip.tile.ima, mapped.windows
    assert grid is not None
    if ima.input_register.charge == "window":
        return [("input_register", "window", windows * int(grid.rows.sum()) / ima.crossbar.rows)]
    shared = min(ima.dac.arrays_per_driver, plan.slicing.arrays_per_weight)
    reads = ceil(grid.crossbars / shared) * plan.slicing.input_cycles
    return [
        ("input_register", "read", windows * reads),
        ("input_register", "write", windows * _driven_rows(plan, mapped)),
    ]


def _output_register(plan: Plan, mapped: MappedStage, columns: int) -> list[Entry]:
    """`window`: full registers' worth per array and window. `access`: each weight column's sum is read and written back
    once an input cycle (PUMA's counts: 256 accesses for every cycle of 128 columns)."""
    grid, ima, windows = mapped.grid, plan.chip.tile.ima, mapped.windows
    assert grid is not None
    if ima.output_register.charge == "window":
        return [("output_register", "window", windows * columns / ima.crossbar.columns)]
    sums = int(grid.columns.sum()) / (plan.slicing.columns_per_weight * plan.slicing.arrays_per_weight)
    accesses = windows * sums * plan.slicing.input_cycles
    return [("output_register", "read", accesses), ("output_register", "write", accesses)]


def assumed_activity(plan: Plan) -> str:
    """What was assumed about the inputs where none were given, for the result to say."""
    if plan.chip.tile.ima.dac.charge == "active":
        return f"assumed ({ASSUMED_ACTIVE_ROWS:.0%} of rows driven in each input cycle; zero fraction not assumed)"
    return "assumed (this machine drives every used row, so no count depends on input values)"
