"""Reads charged by what cells conduct (`crossbar.energy: v2gt`).

The unit of count is one cell in the on state for one read pulse; a cell of conductance G counts G / G_on. Its energy
is in the cost table (`crossbar.cell_read`: V^2 G_on t). Cells conduct only while their row is driven, so counts
follow the ones among the input bits. Rows and cells enter as means: the product of the two is the sum over cells as
long as rows that are driven more often hold no other levels than the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archsim.accounting.dynamic import used_cells
from archsim.mapping.plan import MappedStage, Plan
from archsim.mapping.reads import ArrayReads

if TYPE_CHECKING:
    from archsim.function.crossbars.devices.stored import StoredCells


def conducting_cells(plan: Plan, mapped: MappedStage, done: ArrayReads, stored: StoredCells | None) -> float:
    """On-state cell reads per image of one layer."""
    grid, crossbar = mapped.grid, plan.chip.tile.ima.crossbar
    assert grid is not None
    cells = grid.rows * grid.columns if stored is not None else used_cells(mapped, grid)
    share = relative_conductance(plan, (2**crossbar.cell.bits - 1) / 2 if stored is None else stored.mean_level)
    # unit columns of weights that are levels are fully on
    unit_level = 1.0 if plan.hardware.model.weight_levels is None else float(2**crossbar.cell.bits - 1)
    unit_share = grid.unit_columns * relative_conductance(plan, unit_level)
    rows = int(grid.rows.sum())
    return done.mean(done.driven) * (int(cells.sum()) / rows * share + unit_share)


def relative_conductance(plan: Plan, level: float) -> float:
    """Conductance of a cell at `level` over that of one in the on state; the window comes from the hardware file."""
    cell = plan.chip.tile.ima.crossbar.cell
    assert cell.on_resistance is not None
    assert cell.off_resistance is not None
    ratio = cell.on_resistance / cell.off_resistance
    return ratio + (1 - ratio) * level / float(2**cell.bits - 1)
