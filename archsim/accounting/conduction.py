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

from archsim.accounting.dynamic import used_cells
from archsim.mapping.plan import MappedStage, Plan
from archsim.mapping.reads import ArrayReads
from archsim.mapping.rows.plan import NOT_STORED

if TYPE_CHECKING:
    from archsim.function.crossbars.devices.stored import StoredCells


def conducting_cells(plan: Plan, mapped: MappedStage, done: ArrayReads, stored: StoredCells | None) -> float:
    """On-state cell reads per image of one layer.

    Drives that are not those of the stored inputs (bits left out, inputs that share a row) are known in sum; they are
    dealt to the rows as the stored inputs drive these.
    """
    grid, crossbar = mapped.grid, plan.chip.tile.ima.crossbar
    assert grid is not None
    cells = grid.rows * grid.columns if stored is not None else used_cells(mapped, grid)
    share = relative_conductance(plan, (2**crossbar.cell.bits - 1) / 2 if stored is None else stored.mean_level)
    # unit columns of weights that are levels are fully on
    unit_level = 1.0 if plan.hardware.model.weight_levels is None else float(2**crossbar.cell.bits - 1)
    unit_share = grid.unit_columns * relative_conductance(plan, unit_level)
    by_row = _mean_of_driven(plan, mapped, done, stored)
    weights = int(cells.sum()) / int(grid.rows.sum()) * share if by_row is None else by_row
    return done.mean(done.driven) * (weights + unit_share)


def _mean_of_driven(plan: Plan, mapped: MappedStage, done: ArrayReads, stored: StoredCells | None) -> float | None:
    """What a driven row of one array conducts in on-state cells, mean over drives; None where rows are not known."""
    drives = done.row_drives
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


def relative_conductance(plan: Plan, level: float) -> float:
    """Conductance of a cell at `level` over that of one in the on state; the window comes from the hardware file."""
    cell = plan.chip.tile.ima.crossbar.cell
    assert cell.on_resistance is not None
    assert cell.off_resistance is not None
    ratio = cell.on_resistance / cell.off_resistance
    return ratio + (1 - ratio) * level / float(2**cell.bits - 1)
