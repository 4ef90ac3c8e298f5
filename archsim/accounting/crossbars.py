"""Counting what the analog side of a crossbar stage does: drives, reads, conversions, and the registers around them."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from archsim.accounting.conduction import ASSUMED_ACTIVE_ROWS, conducting_cells
from archsim.accounting.dynamic import InputCycles, converted_columns, decision_actions, input_cycles, used_cells
from archsim.mapping.plan import MappedStage, Plan

if TYPE_CHECKING:
    from archsim.function.activity import LayerActivity
    from archsim.function.devices.stored import StoredCells

Entry = tuple[str, str, float]
"""(component, action, count per image)."""


def crossbar_actions(
    plan: Plan, mapped: MappedStage, activity: LayerActivity | None, stored: StoredCells | None = None
) -> list[Entry]:
    """Analog side and its registers, per image; nothing for a digital stage.

    ADC conversions: used columns of every array and input cycle, the unit column included where there is one
    (`converts: all`: every column). A read of a partly used array counts as its used share of cells, or (`energy:
    v2gt`) as what its cells conduct, from their levels `stored` where weights are known.
    """
    grid = mapped.grid
    if grid is None:
        return []
    crossbar, cycles = plan.chip.tile.ima.crossbar, input_cycles(plan, mapped, activity)
    columns = int(grid.columns.sum()) + (grid.crossbars if crossbar.unit_column else 0)
    conversions = cycles.sum(converted_columns(plan, grid))
    return [
        ("crossbar", "cell_read", conducting_cells(plan, mapped, activity, cycles, stored))
        if crossbar.energy == "v2gt"
        else ("crossbar", "read", cycles.sum(used_cells(mapped, grid)) / (crossbar.rows * crossbar.columns)),
        ("dac", "drive", _rows_driven(plan, mapped, activity, cycles)),
        ("sample_hold", "sample", conversions),
        ("adc", "convert", conversions),
        ("shift_add", "add", conversions),
        *_input_register(plan, mapped, cycles),
        *_output_register(plan, mapped, columns, cycles),
        *decision_actions(plan, mapped),
    ]


def _rows_driven(plan: Plan, mapped: MappedStage, activity: LayerActivity | None, cycles: InputCycles) -> float:
    """Row drives per image; sibling arrays may share drivers. With `charge: active` only rows with a non-zero digit."""
    grid, dac = mapped.grid, plan.chip.tile.ima.dac
    assert grid is not None
    shared = _arrays_per_driver(plan)
    if dac.charge == "used":
        return cycles.sum(grid.rows) / shared
    if activity is None:
        return cycles.sum(grid.rows) / shared * ASSUMED_ACTIVE_ROWS
    # every row set drives the same number of arrays, so the share of active rows carries over
    full = _driven_rows(plan, mapped) * mapped.windows * plan.slicing.input_cycles
    if activity.streams is None or activity.streams.ones is None:
        return full * activity.active_row_fraction
    return full * activity.streams.ones / (activity.inputs * activity.input_cycles * activity.images)


def _driven_rows(plan: Plan, mapped: MappedStage) -> float:
    """Rows with a driver of their own in one copy: arrays of one weight's slices share where the machine shares."""
    grid = mapped.grid
    assert grid is not None
    return int(grid.rows.sum()) / _arrays_per_driver(plan)


def _arrays_per_driver(plan: Plan) -> int:
    """Arrays of one weight's slices that share row drivers."""
    return min(plan.chip.tile.ima.dac.arrays_per_driver, plan.slicing.arrays_per_weight)


def _input_register(plan: Plan, mapped: MappedStage, cycles: InputCycles) -> list[Entry]:
    """`window`: full registers' worth per array and window. `access`: all lines are read once an input cycle, and every
    value is written once a window, for each set of arrays that share drivers."""
    grid, ima, windows = mapped.grid, plan.chip.tile.ima, mapped.windows
    assert grid is not None
    if ima.input_register.charge == "window":
        return [("input_register", "window", windows * int(grid.rows.sum()) / ima.crossbar.rows)]
    sets = ceil(grid.crossbars / _arrays_per_driver(plan))
    return [
        ("input_register", "read", cycles.sum() * sets / grid.crossbars),
        ("input_register", "write", windows * _driven_rows(plan, mapped)),
    ]


def _output_register(plan: Plan, mapped: MappedStage, columns: int, cycles: InputCycles) -> list[Entry]:
    """`window`: full registers' worth per array and window. `access`: each weight column's sum is read and written back
    once an input cycle (PUMA's counts: 256 accesses for every cycle of 128 columns)."""
    grid, ima, windows = mapped.grid, plan.chip.tile.ima, mapped.windows
    assert grid is not None
    if ima.output_register.charge == "window":
        return [("output_register", "window", windows * columns / ima.crossbar.columns)]
    accesses = cycles.sum(grid.columns) / (plan.slicing.columns_per_weight * plan.slicing.arrays_per_weight)
    return [("output_register", "read", accesses), ("output_register", "write", accesses)]


def assumed_activity(plan: Plan) -> str:
    """What was assumed about the inputs where none were given, for the result to say."""
    if plan.chip.tile.ima.dac.charge == "active" or plan.chip.tile.ima.crossbar.energy == "v2gt":
        return f"assumed ({ASSUMED_ACTIVE_ROWS:.0%} of rows driven in each input cycle; zero fraction not assumed)"
    return "assumed (this machine drives every used row, so no count depends on input values)"
