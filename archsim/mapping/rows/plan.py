"""The data model: where each logical row of a layer is stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Whole = NDArray[np.int64]

NOT_STORED = -1
"""Physical row of a logical row that is not stored: its input counts as 0."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class RowPlan:
    """Which physical row stands for each logical row, and where physical rows stand.

    Attributes
    ----------
    physical : int64 [logical rows], index of the physical row, NOT_STORED for rows that are not stored.
    sign : int8 [logical rows], -1 where the physical row holds the complement (the input is subtracted), else 1.
    order : int64 [physical rows], index of the physical row at each place of the array, top to bottom.

    Raises
    ------
    ValueError
        Indices that are not 0 .. P - 1, an order that is no permutation of them, signs that are none.
    """

    physical: Whole
    sign: NDArray[np.int8]
    order: Whole

    def __post_init__(self) -> None:
        stored = self.physical[self.physical != NOT_STORED]
        if not np.array_equal(np.sort(self.order), np.arange(len(self.order))):
            raise ValueError(f"order is no permutation of {len(self.order)} physical rows")
        if not np.array_equal(np.unique(stored), np.arange(len(self.order))):
            raise ValueError(f"physical rows used are not 0 .. {len(self.order) - 1}, or the order has another length")
        if self.sign.shape != self.physical.shape or not np.isin(self.sign, (-1, 1)).all():
            raise ValueError("signs are not one of -1 and 1 for each logical row")

    @property
    def logical_rows(self) -> int:
        """Rows of the matrix."""
        return len(self.physical)

    @property
    def physical_rows(self) -> int:
        """Rows of the array in use."""
        return len(self.order)

    @property
    def rows_saved(self) -> float:
        """Share of the matrix's rows that needs no row of the array."""
        return 1 - self.physical_rows / self.logical_rows

    @property
    def place(self) -> Whole:
        """Place of each physical row in the array: int64 [physical rows], the inverse of `order`."""
        found = np.empty_like(self.order)
        found[self.order] = np.arange(len(self.order))
        return found


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Renamed:
    """A plan with what its physical rows hold: `weight` integers [physical rows, columns], by physical index."""

    plan: RowPlan
    weight: Array

    @property
    def placed(self) -> Array:
        """The array as written, top to bottom: [physical rows, columns]."""
        return np.asarray(self.weight[self.plan.order])


def identity(weight: Array) -> Renamed:
    """Every row of weight [rows, columns] stored where it stands."""
    rows = np.arange(len(weight), dtype=np.int64)
    return Renamed(plan=RowPlan(physical=rows, sign=np.ones(len(weight), np.int8), order=rows), weight=weight)


def in_order(renamed: Renamed, order: Whole) -> Renamed:
    """The same rows at other places; order int64 [physical rows] as in `RowPlan`."""
    plan = RowPlan(physical=renamed.plan.physical, sign=renamed.plan.sign, order=np.asarray(order, np.int64))
    return Renamed(plan=plan, weight=renamed.weight)


def effective_rows(renamed: Renamed) -> Array:
    """The matrix that the stored rows stand for: [logical rows, columns], 0 for rows that are not stored.

    With an exact plan this is the layer's own.
    """
    plan = renamed.plan
    found = np.zeros((plan.logical_rows, renamed.weight.shape[1]), np.int64)
    stored = np.flatnonzero(plan.physical != NOT_STORED)
    found[stored] = renamed.weight[plan.physical[stored]].astype(np.int64) * plan.sign[stored, None]
    return found


def pre_added(plan: RowPlan, x: Array) -> Whole:
    """Inputs of the physical rows, int64 [..., physical rows]: signed sums of the integers x [..., logical rows].

    Their product with the physical rows is that of `effective_rows` with x, whatever the columns.
    """
    stored = np.flatnonzero(plan.physical != NOT_STORED)
    return added(x[..., stored], plan.physical[stored], plan.physical_rows, plan.sign[stored])


def added(values: Array, to: Whole, size: int, sign: Array | None = None) -> Whole:
    """Sums int64 [..., size] of integers values [..., n], each times its sign added to place `to` [n].

    Real products are exact here: sums stay far below 2**53.
    """
    where = np.zeros((len(to), size))
    where[np.arange(len(to)), to] = 1 if sign is None else sign
    return np.asarray(values.astype(np.float64) @ where).astype(np.int64)
