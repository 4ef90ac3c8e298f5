"""Which unrolled inputs drive each placed row, in the form the kernels take."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archsim.mapping.rows.plan import NOT_STORED
from archsim.mapping.slicing import RowCut

Whole = NDArray[np.int64]

POLICIES = {"dense": 0, "windowed": 1, "compacting": 2}
"""Row-activation policies by the number the kernels know them by."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Members:
    """Placed row p is driven by the unrolled inputs member[offsets[p] : offsets[p + 1]], each times its sign.

    `most` int64 [2] is the largest number of inputs that add to, and that are subtracted at, one row.
    """

    member: Whole
    sign: Whole
    offsets: Whole
    most: Whole

    @property
    def plain(self) -> bool:
        """Whether every row has one input, added."""
        return len(self.member) == len(self.offsets) - 1 and int(self.most[1]) == 0

    @property
    def passes(self) -> int:
        """Times that a digit may drive the array, until every input has been driven."""
        return int(self.most.sum())


def members_of(cut: RowCut) -> Members:
    """Inputs of a cut's placed rows; rows without a plan have one each."""
    if cut.rows is None:
        rows = np.arange(int(cut.starts[-1]), dtype=np.int64)
        ones = np.ones(len(rows), np.int64)
        return Members(member=rows, sign=ones, offsets=np.arange(len(rows) + 1), most=np.array([1, 0]))
    plan = cut.rows
    stored = np.flatnonzero(plan.physical != NOT_STORED)
    place = plan.place[plan.physical[stored]]
    order = np.argsort(place, kind="stable")
    member, place = stored[order], place[order]
    sign = plan.sign[member].astype(np.int64)
    added = np.bincount(place[sign > 0], minlength=plan.physical_rows)
    taken = np.bincount(place[sign < 0], minlength=plan.physical_rows)
    offsets = np.append(0, np.cumsum(added + taken))
    return Members(member=member, sign=sign, offsets=offsets, most=np.array([added.max(), taken.max()], np.int64))
