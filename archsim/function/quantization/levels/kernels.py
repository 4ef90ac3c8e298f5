"""Compiled loops over sorted samples and their prefix sums: plain arrays in, plain arrays out.

`sums` is float64 [3, n + 1]: running totals of mass, mass * value and mass * value**2 over ascending values [n].
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.compiling import kernel

Array = NDArray[Any]


@kernel(nogil=True)
def between(values: Array, levels: Array, cuts: Array) -> None:
    """cuts [levels + 1]: level k is nearest to the values cuts[k] .. cuts[k + 1]; a tie goes to the lower level."""
    count = levels.size
    cuts[0], cuts[count] = 0, values.size
    for k in range(1, count):
        middle = 0.5 * (levels[k - 1] + levels[k])
        low, high = cuts[k - 1], values.size
        while low < high:
            place = (low + high) // 2
            if values[place] <= middle:
                low = place + 1
            else:
                high = place
        cuts[k] = low


@kernel(nogil=True)
def squared_error(sums: Array, levels: Array, cuts: Array) -> float:
    """Sum over all samples of mass * (value - level)**2."""
    total = 0.0
    for k in range(levels.size):
        mass = sums[0, cuts[k + 1]] - sums[0, cuts[k]]
        first = sums[1, cuts[k + 1]] - sums[1, cuts[k]]
        second = sums[2, cuts[k + 1]] - sums[2, cuts[k]]
        total += max(0.0, second - 2.0 * levels[k] * first + levels[k] * levels[k] * mass)
    return total


@kernel(nogil=True)
def error_of(values: Array, sums: Array, levels: Array) -> float:
    """`squared_error` of ascending levels."""
    cuts = np.empty(levels.size + 1, np.int64)
    between(values, levels, cuts)
    return squared_error(sums, levels, cuts)


@kernel(nogil=True)
def settled(cuts: Array, last: Array) -> bool:
    """Whether the assignment is that of the round before; keeps it for the next."""
    same = True
    for k in range(cuts.size):
        same = same and cuts[k] == last[k]
        last[k] = cuts[k]
    return same


@kernel(nogil=True)
def lloyd(values: Array, sums: Array, levels: Array, pinned: int, rounds: int) -> float:
    """Lloyd's iteration on ascending `levels`, in place, until nothing moves; returns the squared error.

    Level `pinned` stays where it is (-1: none), and so does a level that no sample is nearest to.
    """
    count = levels.size
    cuts, last = np.empty(count + 1, np.int64), np.empty(count + 1, np.int64)
    last[:] = -1
    between(values, levels, cuts)
    for _ in range(rounds):
        if settled(cuts, last):
            break
        for k in range(count):
            mass = sums[0, cuts[k + 1]] - sums[0, cuts[k]]
            if k != pinned and mass > 0.0:
                # within its own samples, whatever the sums were rounded to
                mean = (sums[1, cuts[k + 1]] - sums[1, cuts[k]]) / mass
                levels[k] = min(max(mean, values[cuts[k]]), values[cuts[k + 1] - 1])
        between(values, levels, cuts)
    return squared_error(sums, levels, cuts)


@kernel(nogil=True)
def ward(mass: Array, means: Array, count: int) -> int:
    """Merge the cheapest neighbours of ascending points until `count` are left, in place; returns how many are left.

    The cost of a merge is m_i m_j / (m_i + m_j) (mean_i - mean_j)**2 (Ward, J. Am. Stat. Assoc. 1963); points without
    mass vanish first.
    """
    left = 0
    for i in range(mass.size):
        if mass[i] > 0.0:
            mass[left], means[left] = mass[i], means[i]
            left += 1
    while left > count:
        best, place = np.inf, 0
        for i in range(left - 1):
            gap = means[i + 1] - means[i]
            cost = mass[i] * mass[i + 1] / (mass[i] + mass[i + 1]) * gap * gap
            if cost < best:
                best, place = cost, i
        total = mass[place] + mass[place + 1]
        means[place] = (mass[place] * means[place] + mass[place + 1] * means[place + 1]) / total
        mass[place] = total
        left -= 1
        for i in range(place + 1, left):
            mass[i], means[i] = mass[i + 1], means[i + 1]
    return left


@kernel(nogil=True)
def spread_inside(sums: Array, start: int, stop: int) -> float:
    """Squared error of samples start .. stop around their mean."""
    mass = sums[0, stop] - sums[0, start]
    if mass <= 0.0:
        return 0.0
    first = sums[1, stop] - sums[1, start]
    error: float = max(0.0, sums[2, stop] - sums[2, start] - first * first / mass)
    return error


@kernel(nogil=True)
def optimal(sums: Array, count: int, cuts: Array) -> None:
    """The partition of samples into `count` runs with the least squared error around their means: cuts [count + 1].

    Dynamic programming over runs; the best last cut does not move back as samples are added (the error satisfies the
    quadrangle inequality: Wu, J. Algorithms 1991), so every row is found by divide and conquer in O(n log n).
    """
    n = sums.shape[1] - 1
    chosen = np.zeros((count + 1, n + 1), np.int32)
    before, after = np.empty(n + 1), np.empty(n + 1)
    for j in range(n + 1):
        before[j] = spread_inside(sums, 0, j)
    stack = np.empty((128, 4), np.int64)
    for used in range(2, count + 1):
        stack[0, 0], stack[0, 1], stack[0, 2], stack[0, 3] = 0, n, 0, n
        depth = 1
        while depth > 0:
            depth -= 1
            low, high, first, last = stack[depth, 0], stack[depth, 1], stack[depth, 2], stack[depth, 3]
            middle = (low + high) // 2
            best, place = np.inf, first
            for cut in range(first, min(last, middle) + 1):
                cost = before[cut] + spread_inside(sums, cut, middle)
                if cost < best:
                    best, place = cost, cut
            after[middle], chosen[used, middle] = best, place
            if low < middle:
                stack[depth, 0], stack[depth, 1], stack[depth, 2], stack[depth, 3] = low, middle - 1, first, place
                depth += 1
            if middle < high:
                stack[depth, 0], stack[depth, 1], stack[depth, 2], stack[depth, 3] = middle + 1, high, place, last
                depth += 1
        before, after = after, before
    cuts[count] = n
    for used in range(count, 0, -1):
        cuts[used - 1] = chosen[used, cuts[used]] if used > 1 else 0


@kernel(nogil=True)
def fit_grid(values: Array, sums: Array, levels: Array, centred: bool, rounds: int) -> float:
    """Evenly spaced ascending `levels`, in place: offset and step by least squares for the present assignment, in
    turns, until nothing moves; `centred` keeps the offset, so that the middle level stays. Returns the squared error.
    """
    count = levels.size
    centre = (count - 1) // 2
    cuts, last = np.empty(count + 1, np.int64), np.empty(count + 1, np.int64)
    last[:] = -1
    between(values, levels, cuts)
    for _ in range(rounds):
        if settled(cuts, last):
            break
        mass = first = place = square = cross = 0.0
        for k in range(count):
            m = sums[0, cuts[k + 1]] - sums[0, cuts[k]]
            s = sums[1, cuts[k + 1]] - sums[1, cuts[k]]
            at = float(k - centre)
            mass += m
            first += s
            place += m * at
            square += m * at * at
            cross += s * at
        offset = levels[centre]
        if centred:
            if square <= 0.0:
                break
            step = (cross - offset * place) / square
        else:
            spread = mass * square - place * place
            if spread <= 1e-12 * mass * square:
                break
            step = (mass * cross - place * first) / spread
            offset = (first - step * place) / mass
        if step <= 0.0:
            break
        for k in range(count):
            levels[k] = offset + step * (k - centre)
        between(values, levels, cuts)
    return squared_error(sums, levels, cuts)


@kernel(nogil=True)
def nearest(exact: Array, levels: Array, sets: Array, out: Array) -> None:
    """out [outputs, n] = the integer of levels[sets[output]] (ascending int16) nearest to exact [outputs, n]; a tie
    goes to the lower one."""
    count = levels.shape[1]
    for output in range(exact.shape[0]):
        own = levels[sets[output]]
        for i in range(exact.shape[1]):
            low, high = 0, count - 1
            while low < high:
                place = (low + high) // 2
                if exact[output, i] <= 0.5 * (float(own[place]) + float(own[place + 1])):
                    high = place
                else:
                    low = place + 1
            out[output, i] = own[low]
