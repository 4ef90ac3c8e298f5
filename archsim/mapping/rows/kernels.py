"""Compiled loops of the row passes: plain arrays in and out, no state, a slow oracle each in the tests."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.compiling import kernel

Array = NDArray[Any]


@kernel(nogil=True)
def _disagreement(pull: Array, mass: Array, a: int, b: int) -> float:
    """What joining classes a and b costs: columns where they pull apart lose the weaker pull."""
    total = 0.0
    for column in range(pull.shape[1]):
        p, q = pull[a, column], pull[b, column]
        joined = (mass[a] + mass[b] - abs(p + q)) - (mass[a] - abs(p)) - (mass[b] - abs(q))
        total += joined
    return total / 2


@kernel(nogil=True)
def _nearest(pull: Array, mass: Array, alive: Array, row: int) -> tuple[float, int]:
    """The class after `row` that it joins at least cost, of equal ones the first."""
    best, found = np.inf, -1
    for other in range(row + 1, len(alive)):
        if alive[other]:
            cost = _disagreement(pull, mass, row, other)
            if cost < best:
                best, found = cost, other
    return best, found


@kernel(nogil=True)
def agglomerate(pull: Array, mass: Array, count: int) -> Array:
    """Join classes until `count` are left: int64 [classes], the class that each ended in.

    pull [classes, columns] float64: activity times sign; mass [classes]: activity. Both are changed. Of the cheapest
    pairs the first is joined, into its first class.
    """
    classes = len(mass)
    member = np.arange(classes)
    alive = np.ones(classes, np.bool_)
    best, partner = np.empty(classes), np.empty(classes, np.int64)
    for row in range(classes):
        best[row], partner[row] = _nearest(pull, mass, alive, row)
    for _ in range(classes - count):
        first = 0
        for row in range(classes):
            if alive[row] and (not alive[first] or best[row] < best[first]):
                first = row
        second = partner[first]
        pull[first] += pull[second]
        mass[first] += mass[second]
        alive[second] = False
        member[member == second] = first
        for row in range(classes):
            if not alive[row]:
                continue
            if row == first or partner[row] == second or partner[row] == first:
                best[row], partner[row] = _nearest(pull, mass, alive, row)
            elif row < first:
                cost = _disagreement(pull, mass, row, first)
                if cost < best[row] or (cost == best[row] and first < partner[row]):
                    best[row], partner[row] = cost, first
    return member


@kernel(nogil=True)
def window_cost(active: Array, sums: Array, weight: Array, errors: Array, opening: float) -> float:
    """Cost of one window: active int16 [samples], sums int16 [samples, lines], weight [samples], errors [active + 1,
    sum + 1]; a sample without an active row costs nothing, others `opening` and the errors of their lines."""
    total = 0.0
    for sample in range(len(active)):
        if active[sample]:
            row = errors[active[sample]]
            here = opening
            for line in range(sums.shape[1]):
                here += row[sums[sample, line]]
            total += weight[sample] * here
    return total


@kernel(nogil=True)
def fill(bits: Array, cells: Array, order: Array, size: int, active: Array, sums: Array) -> None:
    """Active rows [windows, samples] and column sums [windows, samples, lines] of rows in this order, `size` a
    window; bits uint8 [rows, samples], cells uint8 [rows, lines]."""
    active[:] = 0
    sums[:] = 0
    for place in range(len(order)):
        window, row = place // size, order[place]
        for sample in range(bits.shape[1]):
            if bits[row, sample]:
                active[window, sample] += 1
                for line in range(cells.shape[1]):
                    sums[window, sample, line] += cells[row, line]


@kernel(nogil=True)
def _after(
    bits: Array, cells: Array, active: Array, sums: Array, weight: Array, errors: Array, opening: float, leaves: int,
    comes: int,
) -> float:  # fmt: skip
    """`window_cost` of a window once row `leaves` is replaced by row `comes`."""
    total = 0.0
    for sample in range(len(active)):
        gone, new = bits[leaves, sample], bits[comes, sample]
        count = active[sample] - gone + new
        if count:
            row = errors[count]
            here = opening
            for line in range(sums.shape[1]):
                here += row[sums[sample, line] - gone * cells[leaves, line] + new * cells[comes, line]]
            total += weight[sample] * here
    return total


@kernel(nogil=True)
def _replace(bits: Array, cells: Array, active: Array, sums: Array, leaves: int, comes: int) -> None:
    for sample in range(len(active)):
        gone, new = bits[leaves, sample], bits[comes, sample]
        if gone != new:
            active[sample] += np.int16(new) - np.int16(gone)
            sign = 1 if new else -1
            row = comes if new else leaves
            for line in range(sums.shape[1]):
                sums[sample, line] += sign * cells[row, line]
        elif new:
            for line in range(sums.shape[1]):
                sums[sample, line] += np.int16(cells[comes, line]) - np.int16(cells[leaves, line])


@kernel(nogil=True)
def swap_rows(
    bits: Array, cells: Array, weight: Array, errors: Array, opening: float, size: int, pairs: Array, order: Array,
    active: Array, sums: Array, costs: Array,
) -> int:  # fmt: skip
    """Exchange the rows at each pair of places [pairs, 2] where that lowers the cost; returns how often it did.

    order, active, sums (`fill`) and costs [windows] follow in place. Pairs of one window cost an evaluation as well and
    change nothing.
    """
    accepted = 0
    for index in range(len(pairs)):
        a, b = pairs[index, 0], pairs[index, 1]
        u, v = a // size, b // size
        if u == v:
            continue
        row, other = order[a], order[b]
        first = _after(bits, cells, active[u], sums[u], weight, errors, opening, row, other)
        second = _after(bits, cells, active[v], sums[v], weight, errors, opening, other, row)
        if first + second < costs[u] + costs[v]:
            _replace(bits, cells, active[u], sums[u], row, other)
            _replace(bits, cells, active[v], sums[v], other, row)
            order[a], order[b] = other, row
            costs[u], costs[v] = first, second
            accepted += 1
    return accepted


@kernel(nogil=True)
def gather(bits: Array, weight: Array, size: int) -> Array:
    """Greedy order: each window begins with the most active row left and takes the rows that open it for the least
    further weight of samples relative to what they share with it. bits uint8 [rows, samples]; of equal ones the
    first."""
    rows, samples = bits.shape
    order, left = np.empty(rows, np.int64), np.ones(rows, np.bool_)
    union = np.zeros(samples, np.uint8)
    for place in range(rows):
        begins = place % size == 0
        if begins:
            union[:] = 0
        best, found = -np.inf, -1
        for row in range(rows):
            if not left[row]:
                continue
            shared, further = 0.0, 0.0
            for sample in range(samples):
                if bits[row, sample]:
                    if union[sample]:
                        shared += weight[sample]
                    else:
                        further += weight[sample]
            score = further if begins else shared - further
            if score > best:
                best, found = score, row
        order[place] = found
        left[found] = False
        for sample in range(samples):
            union[sample] |= bits[found, sample]
    return order
