"""The programmed columns of a layer, array by array, as searches see them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.function.crossbars.arrays import crossbar_index, layouts
from archsim.function.crossbars.encodings import RowGroup, encode, row_groups
from archsim.function.quantization.network import MatrixLayer
from archsim.mapping.rows.plan import RowPlan
from archsim.mapping.slicing import Slicing

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ArrayColumns:
    """One array of a layer: its place in `archsim.mapping.slicing.CrossbarGrid`, the row group that drives it, and the
    levels of its converted columns [rows, columns], float32 (whole numbers unless weights are levels of their own)."""

    array: int
    group: RowGroup
    levels: Array


def array_columns(
    layer: MatrixLayer, slicing: Slicing, *, every_column: bool, rows: RowPlan | None = None
) -> Iterator[ArrayColumns]:
    """Arrays of one copy of a layer, with their unit column last where there is one.

    Parameters
    ----------
    every_column : converters serve columns without weights too; their cells are at level 0.
    """
    for group in row_groups(layer, slicing, rows):
        encoded = encode(group.weight, slicing, ends=group.ends)
        height = encoded.cells.shape[1]
        for index, place in enumerate(layouts(encoded, slicing)):
            parts = [encoded.cells[place.slices, :, place.lines].T]
            if every_column:
                parts.append(np.zeros((height, slicing.columns - len(place.lines))))
            if encoded.analog_unit:
                parts.append(encoded.unit_cells[:, index, None])
            levels = np.ascontiguousarray(np.concatenate(parts, axis=1), np.float32)
            yield ArrayColumns(array=crossbar_index(group, index, slicing), group=group, levels=levels)
