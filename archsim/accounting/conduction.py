"""Reads charged by what cells conduct (`crossbar.energy: v2gt`).

The unit of count is one cell in the on state for one read pulse; a cell of conductance G counts G / G_on. Its energy
is in the cost table (`crossbar.cell_read`: V^2 G_on t). Cells conduct only while their row is driven, so a layer's
count is the sum over its rows of how often the row is driven times what its cells conduct: rows that are driven more
often may hold other levels than the rest, as the middle of a picture does beside its border. Where no inputs are known
every row is driven alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from archsim.accounting.dynamic import ArrayReads, used_cells
from archsim.mapping.plan import MappedStage, Plan
from archsim.mapping.rows.plan import NOT_STORED

if TYPE_CHECKING:
    from archsim.function.crossbars.devices.stored import StoredCells
    from archsim.function.inference.activity import LayerActivity

ASSUMED_ACTIVE_ROWS = 0.5
"""Share of rows driven in an input cycle where no inputs were given: random bits."""


def conducting_cells(
    plan: Plan, mapped: MappedStage, activity: LayerActivity | None, done: ArrayReads, stored: StoredCells | None
) -> float:
    """On-state cell reads per image of one layer.

    Drives that are not those of the stored inputs (bits left out, inputs that share a row) are known in sum; they are
    dealt to the rows as the stored inputs drive these.
    """
    grid, crossbar = mapped.grid, plan.chip.tile.ima.crossbar
    assert grid is not None
    with_units = crossbar.unit_column and plan.slicing.encoding != "differential"
    cells = grid.rows * grid.columns if stored is not None else used_cells(mapped, grid)
    share = relative_conductance(plan, (2**crossbar.cell.bits - 1) / 2 if stored is None else stored.mean_level)
    # unit columns of weights that are levels are fully on
    unit_level = 1.0 if plan.hardware.model.weight_levels is None else float(2**crossbar.cell.bits - 1)
    unit_share = relative_conductance(plan, unit_level) if with_units else 0.0
    if activity is None:
        return ASSUMED_ACTIVE_ROWS * (
            done.mean(done.digits * cells) * share + done.mean(done.digits * grid.rows) * unit_share
        )
    once = mapped.windows * plan.slicing.input_cycles
    by_row = _mean_of_driven(plan, mapped, activity, stored)
    weights = int(cells.sum()) * share if by_row is None else int(grid.rows.sum()) * by_row
    return once * _driven_share(activity) * (weights + int(grid.rows.sum()) * unit_share)


def _mean_of_driven(
    plan: Plan, mapped: MappedStage, activity: LayerActivity, stored: StoredCells | None
) -> float | None:
    """What a driven row of one array conducts in on-state cells, mean over drives; None where rows are not known."""
    drives = activity.row_drives
    assert mapped.grid is not None
    if drives is None or stored is None:
        return None
    rows = plan.rows.get(mapped.name)
    if rows is not None:
        drives = np.where(rows.physical == NOT_STORED, 0, drives)
    if not drives.any():
        return 0.0
    off, rise = relative_conductance(plan, 0.0), relative_conductance(plan, 1.0) - relative_conductance(plan, 0.0)
    arrays = mapped.grid.crossbars // (int(mapped.grid.row_set.max()) + 1)
    conducting = stored.row_cells * off + stored.row_levels * rise
    return float(drives @ conducting) / int(drives.sum()) / arrays


def _driven_share(activity: LayerActivity) -> float:
    """Share of rows driven in an input cycle of the full number of bits; streamed ones only where bits are skipped."""
    if activity.reads is None or activity.reads.drives is None:
        return activity.active_row_fraction
    return activity.reads.drives / (activity.inputs * activity.input_cycles * activity.images)


def relative_conductance(plan: Plan, level: float) -> float:
    """Conductance of a cell at `level` over that of one in the on state; the window comes from the hardware file."""
    cell = plan.chip.tile.ima.crossbar.cell
    assert cell.on_resistance is not None
    assert cell.off_resistance is not None
    ratio = cell.on_resistance / cell.off_resistance
    return ratio + (1 - ratio) * level / float(2**cell.bits - 1)
