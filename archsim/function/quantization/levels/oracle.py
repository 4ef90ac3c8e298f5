"""Definitions without shortcuts, for tests: squared error, Lloyd's iteration, Ward's merge, the optimum."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def error(values: Array, mass: Array, levels: Array) -> float:
    """Sum of mass * squared distance to the nearest level."""
    return float((mass * (values[:, None] - levels).__abs__().min(axis=1) ** 2).sum())


def lloyd(values: Array, mass: Array, levels: Array, rounds: int) -> Array:
    """Lloyd's iteration, sample by sample; a tie goes to the lower level."""
    levels = levels.astype(np.float64)
    for _ in range(rounds):
        own = np.abs(values[:, None] - levels).argmin(axis=1)
        for k in range(len(levels)):
            if mass[own == k].sum() > 0:
                levels[k] = np.average(values[own == k], weights=mass[own == k])
    return levels


def ward(values: Array, mass: Array, count: int) -> Array:
    """Ward's merge of neighbours: the pair whose merging adds least squared error about the means."""
    groups = [[index] for index in range(len(values)) if mass[index] > 0]

    def inside(group: list[int]) -> float:
        mean = np.average(values[group], weights=mass[group])
        return float((mass[group] * (values[group] - mean) ** 2).sum())

    while len(groups) > count:
        costs = [inside(a + b) - inside(a) - inside(b) for a, b in pairwise(groups)]
        place = int(np.argmin(costs))
        groups[place : place + 2] = [groups[place] + groups[place + 1]]
    return np.array([np.average(values[group], weights=mass[group]) for group in groups])


def optimum(values: Array, mass: Array, count: int) -> float:
    """Least squared error of any `count` levels, over every way to cut the sorted samples."""
    order = np.argsort(values)
    values, mass = values[order], mass[order]

    @cache
    def best(stop: int, runs: int) -> float:
        if stop == 0:
            return 0.0
        if runs == 0:
            return float("inf")
        return min(best(start, runs - 1) + inside(start, stop) for start in range(stop))

    def inside(start: int, stop: int) -> float:
        part, weight = values[start:stop], mass[start:stop]
        return float((weight * (part - np.average(part, weights=weight)) ** 2).sum())

    return best(len(values), count)
