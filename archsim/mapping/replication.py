"""Replication policies: how many copies of a convolution's weights work in parallel.

A policy sees one `Demand` per crossbar stage and a budget of IMAs, and returns one copy count per stage. Fully
connected layers have one window and are never copied. `POLICIES` is the seam: a new policy is one function with the
same signature.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What a policy knows of a crossbar stage: windows per image, arrays of one copy, time per window [s], and how
    many times more windows it has than the last convolution (ISAAC's product of squared strides, pools included)."""

    name: str
    windows: int
    crossbars: int
    interval_s: float
    replicable: bool


Policy = Callable[[Sequence[Demand], int, int], list[int]]


def imas_for(copies: int, crossbars: int, per_ima: int) -> int:
    """IMAs that `copies` of a layer fill; layers do not share an IMA, copies of one layer do."""
    return ceil(copies * crossbars / per_ima)


def no_replication(demands: Sequence[Demand], ima_budget: int, per_ima: int) -> list[int]:
    """One copy each."""
    del ima_budget, per_ima
    return [1] * len(demands)


def isaac_replication(demands: Sequence[Demand], ima_budget: int, per_ima: int) -> list[int]:
    """Copies in proportion to windows, walked back from the last convolution (ISAAC, Sec. IV, as recalled; a
    reconstruction).

    With strides and pools of product s^2 between two layers the earlier one has s^2 times the windows and gets s^2
    times the copies, so all layers take equal time. The last convolution gets the most copies (at least one) for
    which everything fits; where even one does not fit, early layers are scaled down together, as in the paper's
    under-used classifiers' case.
    """
    counts = [demand.windows for demand in demands if demand.replicable]
    if not counts:
        return [1] * len(demands)
    least = min(counts)

    def copies(factor: float) -> list[int]:
        return [
            max(1, min(demand.windows, int(demand.windows / least * factor))) if demand.replicable else 1
            for demand in demands
        ]

    def fits(factor: float) -> bool:
        used = sum(imas_for(n, d.crossbars, per_ima) for n, d in zip(copies(factor), demands, strict=True))
        return used <= ima_budget

    low, high = 0.0, float(least)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return copies(low)


def balanced_replication(demands: Sequence[Demand], ima_budget: int, per_ima: int) -> list[int]:
    """Give one more copy to the slowest layer until it does not fit: the pipeline's interval is its slowest layer's
    time."""
    copies = [1] * len(demands)
    used = sum(imas_for(1, demand.crossbars, per_ima) for demand in demands)

    def time(index: int) -> float:
        return ceil(demands[index].windows / copies[index]) * demands[index].interval_s

    queue = [(-time(index), index) for index, demand in enumerate(demands) if demand.replicable]
    heapq.heapify(queue)
    while queue:
        _, index = heapq.heappop(queue)
        demand = demands[index]
        slowest = ceil(demand.windows / copies[index])
        if slowest == 1:
            break
        # the fewest copies that shorten the layer: one more copy often leaves the rounded-up share unchanged
        wanted = ceil(demand.windows / (slowest - 1))
        extra = imas_for(wanted, demand.crossbars, per_ima) - imas_for(copies[index], demand.crossbars, per_ima)
        if used + extra > ima_budget:
            break
        used += extra
        copies[index] = wanted
        heapq.heappush(queue, (-time(index), index))
    return copies


POLICIES: dict[str, Policy] = {
    "none": no_replication,
    "isaac": isaac_replication,
    "balanced": balanced_replication,
}
