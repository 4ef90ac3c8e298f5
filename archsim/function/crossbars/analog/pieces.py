"""Row groups of programmed arrays as the table kernels take them: columns in blocks of 16."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.errors import InputError
from archsim.function.crossbars.analog.kernels.tables import COLUMNS
from archsim.function.crossbars.analog.kernels.vectors import LANES
from archsim.function.crossbars.arrays import programmed
from archsim.function.crossbars.circuit import Circuit
from archsim.function.crossbars.encodings import Encoded, RowGroup
from archsim.function.quantization.network import MatrixLayer

Array = NDArray[Any]

ROW_STEP = 8
"""Rows are padded to pairs of groups of four."""

LEAST_FRACTION = 5
"""Binary places below which fixed point is refused: 128 rows then err by 0.07 levels (standard deviation) at worst."""

MOST_FRACTION = 12


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FixedCells:
    """Cells of a piece in fixed point, two blocks side by side (see `tables.multiply_fixed`)."""

    cells: NDArray[np.uint16]
    fraction: NDArray[np.int64]
    bottom: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Piece:
    """One row group. Outputs of one slice and side stand together, unit columns last; the number of blocks is even.

    Attributes
    ----------
    cells : float32 [blocks, rows, 16].
    scale : float64 [blocks * 16], place value, sign and gain of each column; 0 for columns that are not there.
    column : int64 [blocks], where a block adds to a row of `width` sums; unit columns from `units_at` on.
    unit : float64 [units, outputs], what each output owes of the sum of inputs; `reach` int64 [units, 2] the columns
        where that is not zero. `analog_unit`: the sum is that of a unit column, converted; else it is exact.
    first_block : blocks of the row groups before.
    """

    group: RowGroup
    cells: NDArray[np.float32]
    scale: NDArray[np.float64]
    column: NDArray[np.int64]
    width: int
    units_at: int
    unit: NDArray[np.float64]
    reach: NDArray[np.int64]
    analog_unit: bool
    first_block: int
    fixed: FixedCells | None = None


def pieces(layer: MatrixLayer, circuit: Circuit, replica: int, *, fixed: bool) -> Iterator[Piece]:
    """The programmed row groups of one copy of a layer, in fixed point where asked for."""
    first = 0
    for group, encoded in programmed(layer, circuit, replica):
        piece = piece_of(group, encoded, first)
        first += len(piece.column)
        if first * LANES > COLUMNS:
            raise InputError(f"takes more than {COLUMNS:,} columns, the most the analog engine numbers", layer.name)
        yield replace(piece, fixed=fixed_cells(piece)) if fixed else piece


def piece_of(group: RowGroup, encoded: Encoded, first_block: int) -> Piece:
    """A row group in blocks."""
    slices, rows, lines = encoded.cells.shape
    outputs, padded = encoded.outputs, _up(encoded.outputs, LANES)
    sides = lines // outputs
    units = encoded.unit_cells.shape[1] if encoded.analog_unit else 0
    own = slices * sides * padded
    every = _up(own + _up(units, LANES), 2 * LANES)
    cells, scale = np.zeros((_up(rows, ROW_STEP), every), np.float32), np.zeros(every)
    view = cells[:rows, :own].reshape(rows, slices, sides, padded)
    view[..., :outputs] = encoded.cells.reshape(slices, rows, sides, outputs).transpose(1, 0, 2, 3)
    signs = scale[:own].reshape(slices, sides, padded)
    signs[..., :outputs] = encoded.sign.reshape(slices, sides, outputs) * encoded.slice_weights[:, None, None]
    if encoded.gain is not None:
        signs[..., :outputs] *= encoded.gain
    if units:
        cells[:rows, own : own + units] = encoded.unit_cells
        scale[own : own + units] = 1
    starts = np.arange(0, every, LANES)
    return Piece(
        group=group,
        cells=np.ascontiguousarray(cells.reshape(len(cells), -1, LANES).transpose(1, 0, 2)),
        scale=scale,
        column=np.where(starts < own, starts % padded, padded + starts - own),
        width=padded + every - own,
        units_at=padded,
        unit=encoded.unit.astype(np.float64),
        reach=encoded.reach,
        analog_unit=encoded.analog_unit,
        first_block=first_block,
    )


def _up(count: int, step: int) -> int:
    return -(-count // step) * step


def fixed_cells(piece: Piece) -> FixedCells:
    """Cells with as many binary places as leave room for every sum they can make.

    Raises
    ------
    InputError
        Sums so large that fewer than LEAST_FRACTION places are left.
    """
    pairs = piece.cells.reshape(-1, 2, *piece.cells.shape[1:]).transpose(0, 2, 1, 3)
    pairs = pairs.reshape(len(pairs), -1, 2 * LANES).astype(np.float64)
    top = np.maximum(pairs, 0).sum(axis=1).max(axis=1)
    bottom = np.ceil(np.maximum(-pairs, 0).sum(axis=1).max(axis=1)).astype(np.int64)
    room = np.floor(np.log2((2**16 - 1) / (top + bottom + 2.0)))
    if room.min() < LEAST_FRACTION:
        what = f"int16 leaves {room.min():.0f} binary places for these column sums; expected float32"
        raise InputError(what, "arithmetic")
    fraction = np.minimum(room, MOST_FRACTION).astype(np.int64)
    whole = np.rint(pairs * 2.0 ** fraction[:, None, None]).astype(np.int64)
    return FixedCells(cells=(whole & 0xFFFF).astype(np.uint16), fraction=fraction, bottom=bottom)
