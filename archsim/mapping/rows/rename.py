"""Row renaming: rows that are equal are stored once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.mapping.rows.plan import NOT_STORED, Renamed, RowPlan

Array = NDArray[Any]


def rename(weight: Array, *, complement: bool = False, dead: NDArray[np.bool_] | None = None) -> Renamed:
    """Equal rows of weight, integers [rows, columns], share a physical row; physical rows are numbered as they first
    occur.

    Parameters
    ----------
    complement : a row and its negative share one too; the sign goes into the table.
    dead : [rows], inputs that are always 0 and need no row. Taken from a calibration set this is no longer exact: an
        input that is active on other pictures is lost (`conflicts` counts them).

    A row of zeros is never stored.
    """
    sign = np.ones(len(weight), np.int8)
    if complement:
        # the first non-zero weight of a row is made positive
        first = np.argmax(weight != 0, axis=1)
        sign = np.where(weight[np.arange(len(weight)), first] < 0, -1, 1).astype(np.int8)
    gone = ~(weight != 0).any(axis=1)
    if dead is not None:
        gone |= dead
    rows = weight.astype(np.int64) * sign[:, None]
    kept = np.flatnonzero(~gone)
    _, first, member = np.unique(rows[kept], axis=0, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    physical = np.full(len(weight), NOT_STORED, np.int64)
    physical[kept] = rank[member.reshape(-1)]
    held = rows[kept[np.sort(first)]].astype(weight.dtype)
    sign[gone] = 1
    return Renamed(plan=RowPlan(physical=physical, sign=sign, order=np.arange(len(held))), weight=held)
