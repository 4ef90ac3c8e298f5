"""Compiled loops over the reads of an array that opens a few rows at a time: plain arrays in and out, no state. Oracles
are in `oracle`.

Column sums are float32, added row by row in the order in which rows stand; whole levels stay exact below 2**24. Numba
contracts no multiplication and addition here, so results are those of NumPy's float32, bit for bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.compiling import kernel
from archsim.function.crossbars.analog.kernels.normals import fill_normals
from archsim.function.crossbars.analog.kernels.tables import CURVE, IDEAL, ON_THRESHOLD

Array = NDArray[Any]

DENSE, WINDOWED, COMPACTING = 0, 1, 2
NORMALS = 32
"""Normal numbers of one draw, from 16 counters."""


@kernel(nogil=True)
def drive_rows(
    codes: Array, shift: int, mask: int, member: Array, sign: Array, offsets: Array, first: int, drive: Array,
    value: Array, most: Array,
) -> None:  # fmt: skip
    """What a digit of codes [unrolled inputs] drives the rows from place `first` on with.

    drive int32 [2, rows] = inputs above 0 that are added to, and subtracted at, each row; value [rows] = the digit
    (where inputs share rows, digits are 0 and 1); most [2] = the largest entries of drive.
    """
    most[:] = 0
    for row in range(drive.shape[1]):
        drive[0, row] = 0
        drive[1, row] = 0
        value[row] = 0
        for place in range(offsets[first + row], offsets[first + row + 1]):
            digit = (codes[member[place]] >> shift) & mask
            if digit:
                side = 0 if sign[place] > 0 else 1
                drive[side, row] += 1
                value[row] = digit
                most[side] = max(most[side], drive[side, row])


@kernel(nogil=True)
def list_reads(drive: Array, passed: int, at_once: int, policy: int, chosen: Array, ends: Array, slots: Array) -> Any:
    """Reads that serve the rows which still wait after `passed` passes (drive [rows] > passed).

    chosen [rows] = these rows, ends [reads] = the end of each read's rows in `chosen`, slots [reads] = its number among
    all windows of the array. Returns the number of reads and the rows they open.
    """
    rows = len(drive)
    reads, found, opened = 0, 0, 0
    if policy == COMPACTING:
        for row in range(rows):
            if drive[row] > passed:
                chosen[found] = row
                found += 1
                if found % at_once == 0:
                    ends[reads], slots[reads] = found, reads
                    reads += 1
        if found % at_once:
            ends[reads], slots[reads] = found, reads
            reads += 1
        return reads, found
    for window in range((rows + at_once - 1) // at_once):
        first = window * at_once
        last = min(rows, first + at_once)
        before = found
        for row in range(first, last):
            if drive[row] > passed:
                chosen[found] = row
                found += 1
        if found > before or policy == DENSE:
            ends[reads], slots[reads] = found, window
            reads += 1
            opened += last - first
    return reads, opened


@kernel(nogil=True)
def passes_of(most: Array, policy: int, side: int) -> int:
    """Passes of one side of a digit; a dense machine reads an array once even if nothing drives it."""
    return int(max(1, most[side]) if policy == DENSE and side == 0 else most[side])


@kernel(nogil=True)
def count_reads(
    codes: Array, member: Array, sign: Array, offsets: Array, starts: Array, digits: int, dac_bits: int, at_once: int,
    policy: int, streamed: Array, lowest: Array, limited: bool, reads: Array, rows: Array, active: Array,
) -> None:  # fmt: skip
    """Reads of every window, and what they open.

    Parameters
    ----------
    codes : unsigned bit patterns [windows, unrolled inputs].
    member, sign, offsets : inputs of the placed rows (`members.Members`); starts int64 [row groups + 1].
    streamed, lowest : uint8 [row groups, windows]: with `limited`, only digits lowest .. lowest + streamed - 1 are
    driven. reads : uint16 [row groups, windows], written. rows : int64 [row groups], += rows opened.
    active : int64 [row groups, at_once + 1], += reads by the rows among them that are driven.
    """
    longest = 0
    for group in range(len(starts) - 1):
        longest = max(longest, starts[group + 1] - starts[group])
    chosen, ends, slots = np.empty(longest, np.int64), np.empty(longest, np.int64), np.empty(longest, np.int64)
    most = np.zeros(2, np.int64)
    mask = (1 << dac_bits) - 1
    for group in range(len(starts) - 1):
        first, size = starts[group], starts[group + 1] - starts[group]
        drive, value = np.zeros((2, size), np.int32), np.zeros(size, np.int64)
        for window in range(codes.shape[0]):
            total = 0
            for digit in range(digits):
                if limited:
                    low = lowest[group, window]
                    if digit < low or digit >= low + streamed[group, window]:
                        continue
                drive_rows(codes[window], digit * dac_bits, mask, member, sign, offsets, first, drive, value, most)
                for side in range(2):
                    for passed in range(passes_of(most, policy, side)):
                        made, opened = list_reads(drive[side], passed, at_once, policy, chosen, ends, slots)
                        total += made
                        rows[group] += opened
                        before = 0
                        for read in range(made):
                            active[group, ends[read] - before] += 1
                            before = ends[read]
            reads[group, window] = total


@kernel(nogil=True)
def decide(sums: Array, mode: int, line: Array, thresholds: Array, values: Array, out: Array) -> None:
    """out float64 [columns] = values of noisy column sums float32 [columns].

    UNIFORM: the code is floor((sum - line[0]) * line[1] + ON_THRESHOLD) within 0 .. line[2], its value line[3] +
    line[4] * code.
    CURVE: the code is the number of `thresholds` at or below the sum, its value one of `values`. IDEAL: the sum.
    """
    if mode == IDEAL:
        for column in range(len(sums)):
            out[column] = sums[column]
    elif mode != CURVE:
        for column in range(len(sums)):
            code = np.floor((np.float64(sums[column]) - line[0]) * line[1] + ON_THRESHOLD)
            out[column] = line[3] + line[4] * min(max(code, 0.0), line[2])
    else:
        for column in range(len(sums)):
            low, high = 0, len(thresholds)
            while low < high:
                middle = (low + high) // 2
                if thresholds[middle] <= sums[column]:
                    low = middle + 1
                else:
                    high = middle
            out[column] = values[low]


@kernel(nogil=True)
def convert_reads(
    codes: Array, numbers: Array, cells: Array, first: int, used: int, member: Array, sign: Array, offsets: Array,
    weights: Array, dac_bits: int, at_once: int, policy: int, sigma: Array, stream: Any, mode: int, line: Array,
    thresholds: Array, values: Array, out: Array, clipped: Array,
) -> int:  # fmt: skip
    """Converted sums of one row group, digits and reads added up.

    Parameters
    ----------
    codes : unsigned bit patterns [windows, unrolled inputs]; numbers int64 [windows] of the windows in the data set.
    cells : float32 [rows, columns], a multiple of NORMALS columns of which `used` are converted; `first` is the place
        of the first row.
    weights : place values of the digits, int64 [windows or 1, digits]; digits of value 0 are not read.
    sigma : float32 [at_once + 1], standard deviation of a conversion by driven rows.
    stream : key of the noise (uint64), draws of one (window, digit, pass) over all row groups, the first of this group,
        and the passes of each side, int64 [2]. Draw d of a layer are the NORMALS numbers from counter 16 d on.
    out : float64 [windows, columns], added to. clipped : int64 [1], += sums outside line[5] .. line[6].

    Returns
    -------
    Conversions made.
    """
    key, draws, base, sides = stream
    rows, columns = cells.shape
    blocks = columns // NORMALS
    drive, value = np.zeros((2, rows), np.int32), np.zeros(rows, np.int64)
    chosen, ends, slots = np.empty(rows, np.int64), np.empty(rows, np.int64), np.empty(rows, np.int64)
    most = np.zeros(2, np.int64)
    sums, noise, found = np.zeros(columns, np.float32), np.zeros(columns, np.float32), np.zeros(columns, np.float64)
    mask, digits, noisy = (1 << dac_bits) - 1, weights.shape[1], sigma.max() > 0
    conversions, passes = 0, sides.sum()
    for window in range(codes.shape[0]):
        for digit in range(digits):
            place_value = weights[window if weights.shape[0] > 1 else 0, digit]
            if place_value == 0:
                continue
            drive_rows(codes[window], digit * dac_bits, mask, member, sign, offsets, first, drive, value, most)
            for side in range(2):
                factor = float(place_value if side == 0 else -place_value)
                for passed in range(passes_of(most, policy, side)):
                    made, _ = list_reads(drive[side], passed, at_once, policy, chosen, ends, slots)
                    turn = (numbers[window] * digits + digit) * passes + side * sides[0] + passed
                    start = 0
                    for read in range(made):
                        sums[:] = 0
                        for place in range(start, ends[read]):
                            level = np.float32(value[chosen[place]])
                            row = cells[chosen[place]]
                            for column in range(columns):
                                sums[column] += level * row[column]
                        if noisy:
                            draw = turn * draws + base + slots[read] * blocks
                            fill_normals(key, np.uint64(16 * draw), noise)
                            deviation = sigma[ends[read] - start]
                            for column in range(columns):
                                sums[column] += deviation * noise[column]
                        for column in range(used):
                            clipped[0] += (sums[column] < line[5]) | (sums[column] > line[6])
                        decide(sums, mode, line, thresholds, values, found)
                        for column in range(used):
                            out[window, column] += factor * found[column]
                        start = ends[read]
                        conversions += used
    return conversions
