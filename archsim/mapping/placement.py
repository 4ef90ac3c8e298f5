"""Placement: which array, IMA, tile and chip holds each copy of each layer, and what must travel because of it.

A layout (`archsim.mapping.layout`) orders runs of copies; they are laid along the line of IMAs one after the other, the
copies of a run array by array. Arrays, IMAs and tiles are numbered through all chips. Digital stages work on the tiles
of the stage they read from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from archsim.components import Chip
from archsim.mapping.kernels import rows_loaded
from archsim.mapping.layout import Footprint, Layout
from archsim.mapping.slicing import CrossbarGrid

Tiles = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Placement:
    """Where a stage lives. A copy stands on the tiles `first_tile` to `home` [copies], of which `home` collects and
    sends its output; `tiles` lists the tiles of all copies."""

    home: Tiles
    first_tile: Tiles
    tiles: Tiles
    slots: NDArray[np.int64]
    """Number of every array on the machine: [copies, arrays of a copy]."""
    span: int
    """Tiles of the most spread-out copy."""
    read_rows: int
    """Unrolled input rows the busiest tile of one copy loads per window."""
    loaded_rows: float
    """Rows loaded per window over all tiles of a copy, mean over copies (each tile loads what it needs once)."""
    ima_transfers: float
    """Partial-sum vectors per window that cross IMAs inside a tile, mean over copies, counted in array outputs (those
    that cross tiles: `archsim.mapping.gather`)."""
    partial_values: int
    """Values of one such vector at most (weights side by side in one array)."""

    @property
    def crossbars(self) -> int:
        """Arrays of all copies."""
        return int(self.slots.size)


def lay(stages: Sequence[Footprint], layout: Layout, per_ima: int) -> list[NDArray[np.int64]]:
    """Array numbers [copies, arrays of a copy] of every stage when the runs of a layout stand one after the other, each
    from the start of an IMA on."""
    slots = [np.full((stage.copies, stage.crossbars), -1, np.int64) for stage in stages]
    next_ima = 0
    for run in layout:
        shape = len(run.lanes), stages[run.stage].crossbars
        arrays = shape[0] * shape[1]
        slots[run.stage][run.lanes] = next_ima * per_ima + np.arange(arrays).reshape(shape)
        next_ima += ceil(arrays / per_ima)
    return slots


def place_grid(grid: CrossbarGrid, slots: NDArray[np.int64], chip: Chip) -> Placement:
    """Place copies of a grid on arrays `slots` [copies, arrays of a copy], in which the arrays of a copy follow each
    other."""
    per_ima = chip.tile.ima.crossbars
    per_tile = per_ima * chip.tile.imas
    ima, tile = slots // per_ima, slots // per_tile
    edges = np.flatnonzero(np.diff(grid.reduction, prepend=-1))
    ends = np.append(edges[1:], grid.crossbars) - 1
    ima_steps = ima[:, ends] - ima[:, edges]
    tile_steps = tile[:, ends] - tile[:, edges]
    busiest, loaded = rows_loaded(tile, grid.row_set, grid.rows)
    return Placement(
        home=tile[:, -1].copy(),
        first_tile=tile[:, 0].copy(),
        tiles=np.flatnonzero(np.bincount(tile.ravel())),
        slots=slots,
        span=int((tile[:, -1] - tile[:, 0]).max()) + 1,
        read_rows=int(busiest),
        loaded_rows=loaded / len(tile),
        ima_transfers=float((ima_steps - tile_steps).sum(axis=1).mean()),
        partial_values=int(grid.columns.max()) // grid.slicing.columns_per_weight,
    )


def place_digital(producers: Tiles, rows: int) -> Placement:
    """A digital stage on the tiles it reads from, `producers` [lanes of the producer]: one lane per tile, in the order
    of the producer's lanes; `rows` input values per window."""
    found, first = np.unique(producers, return_index=True)
    tiles = found[np.argsort(first)]
    return Placement(
        home=tiles,
        first_tile=tiles,
        tiles=found,
        slots=np.zeros((len(tiles), 0), np.int64),
        span=1,
        read_rows=rows,
        loaded_rows=float(rows),
        ima_transfers=0.0,
        partial_values=0,
    )
