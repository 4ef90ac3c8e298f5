"""The device's answer to a row of pulses, and the counts of what was written."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from archsim.compiling import kernel
from archsim.function.crossbars.analog.kernels.normals import normal_pairs
from archsim.function.crossbars.analog.kernels.vectors import store_f32
from archsim.training.insitu.kernels.streams import ONE, Array, U, between

TOP_LEVEL = 65535
HALF_LEVELS = np.float32(TOP_LEVEL / 2)
BLOCK = 32


class Cells(NamedTuple):
    """An array of cells and its device. cells : uint8 device of each cell, empty if all are alike. wear : uint32 pulses
    each cell has taken, empty if not kept. limit : largest weight. key : stream of the noise; noisy 0 draws none."""

    weights: Array
    cells: Array
    wear: Array
    steps: Array
    limit: np.float32
    key: np.uint64
    noisy: int


class Tally(NamedTuple):
    """Counts of writes, int64. slots : [array rows, array columns, 4] of every physical array: pulse times up and down
    (each row of the array as many as its busiest cell), pulses up and down. totals : [5] cells written, pulses times
    (level before + level after) up and down, change of the sum of levels, rows of arrays read."""

    rows: int
    columns: int
    slots: Array
    totals: Array


@kernel(nogil=True)
def count_row(row: int, pulses: Array, tally: Tally) -> Any:
    """Pulses and pulse times of one row of weights into the arrays it lies in; returns how many cells are written."""
    written = np.int32(0)
    group = row // tally.rows
    for part, start in enumerate(range(0, pulses.size, tally.columns)):
        high, low, up, down, some = np.int32(0), np.int32(0), np.int32(0), np.int32(0), np.int32(0)
        for j in range(start, min(pulses.size, start + tally.columns)):
            n = np.int32(pulses[U(j)])
            high, low = max(high, n), min(low, n)
            up += max(n, np.int32(0))
            down -= min(n, np.int32(0))
            some += np.int32(n != 0)
        if some:
            tally.slots[group, part, 0] += high
            tally.slots[group, part, 1] -= low
            tally.slots[group, part, 2] += up
            tally.slots[group, part, 3] += down
            written += some
    return written


@kernel(nogil=True, inline="always")
def level_of(weight: Any) -> Any:
    """Conductance of a weight in 1/65535 of the window."""
    return np.int64(np.int32((weight + ONE) * HALF_LEVELS))


@kernel(nogil=True)
def write_row(row: int, first: int, cell: Cells, pulses: Array, noise: Array, tally: Tally) -> None:
    """The device's answer to a row of pulses: every pulsed cell moves along its curve, with noise, inside the limit."""
    written = count_row(row, pulses, tally)
    if not written:
        return
    tally.totals[0] += written
    middle = cell.steps.shape[0] // 2
    raised, lowered, change = np.int64(0), np.int64(0), np.int64(0)
    j = 0
    while j < pulses.size:
        block = (first + j) // BLOCK
        stop = min(pulses.size, (block + 1) * BLOCK - first)
        some = np.int16(0)
        for i in range(j, stop):
            some |= pulses[U(i)]
        if some != 0 and cell.noisy:
            one, two = normal_pairs(cell.key, np.uint64(BLOCK // 2 * block))
            store_f32(noise, 0, one)
            store_f32(noise, BLOCK // 2, two)
        for i in range(j, stop if some != 0 else j):
            n = np.int64(pulses[U(i)])
            if n == 0:
                continue
            c = U(first + i)
            entry = U(cell.cells[c]) if cell.cells.size else U(0)
            step = cell.steps[U(n + middle), entry]
            w = cell.weights[c]
            moved = w + step[0] - (ONE + w) * step[1]
            if cell.noisy:
                moved += step[2] * noise[U(first + i - block * BLOCK)]
            moved = between(moved, -cell.limit, cell.limit)
            cell.weights[c] = moved
            before, after = level_of(w), level_of(moved)
            change += after - before
            raised += max(n, 0) * (before + after)
            lowered -= min(n, 0) * (before + after)
            if cell.wear.size:
                cell.wear[c] += np.uint32(abs(n))
        j = stop
    tally.totals[1] += raised
    tally.totals[2] += lowered
    tally.totals[3] += change
