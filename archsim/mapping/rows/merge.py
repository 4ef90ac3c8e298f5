"""Lossy merging: rows that differ little where inputs are seldom active share a physical row."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.mapping.rows.plan import NOT_STORED, Renamed, RowPlan
from archsim.mapping.rows.rename import rename

Array = NDArray[Any]


def merge(
    weight: Array, count: int, activity: Array, *, complement: bool = False, dead: NDArray[np.bool_] | None = None
) -> Renamed:
    """At most `count` physical rows for a matrix of signs [rows, columns].

    Starting from the exact plan, the two classes of rows whose union costs least more are joined until `count` are
    left. A class stores the sign that most of its activity has in each column; its cost is the activity of the others,
    that is the activity-weighted Hamming distance of its rows to what is stored.

    Parameters
    ----------
    activity : [rows], mean input of each row, not negative.
    complement, dead : as `rename` takes them, before merging.

    Raises
    ------
    ValueError
        Weights that are no signs, activities below 0, or a count below 1.
    """
    from archsim.mapping.rows.kernels import agglomerate

    if not (np.abs(weight) == 1).all():
        raise ValueError("only rows of signs (-1, 1) can be merged")
    if count < 1 or activity.shape != (len(weight),) or (activity < 0).any():
        raise ValueError(f"expected one activity >= 0 for each of {len(weight)} rows, and a count of at least 1")
    exact = rename(weight, complement=complement, dead=dead)
    plan, classes = exact.plan, exact.plan.physical_rows
    if classes <= count:
        return exact
    stored = np.flatnonzero(plan.physical != NOT_STORED)
    mass = np.bincount(plan.physical[stored], weights=activity[stored], minlength=classes)
    member = agglomerate(exact.weight.astype(np.float64) * mass[:, None], mass.copy(), count)
    labels, first, index = np.unique(member, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))[index]
    pull = np.zeros((len(labels), weight.shape[1]))
    np.add.at(pull, rank, exact.weight * mass[:, None])
    # without activity, or where it is balanced, the first row of the class decides
    own = exact.weight[np.sort(first)]
    held = np.where(pull == 0, own, np.sign(pull)).astype(weight.dtype)
    physical = plan.physical.copy()
    physical[stored] = rank[plan.physical[stored]]
    merged = RowPlan(physical=physical, sign=plan.sign, order=np.arange(len(held)))
    return Renamed(plan=merged, weight=held)
