"""Products with real-valued cells by table look-up: sixteen partial sums for every four rows.

Rows are driven by bits, so four rows have sixteen possible sums; a column sum over 128 rows is 32 look-ups and additions
instead of 128 multiplications (the method of four Russians). Every bit plane's sum passes the converter before it is
shifted and added.

Columns come in blocks of 16, one lane each. `cells` is flat float32 [blocks, rows, 16], `places` uint8 [windows, planes,
groups] the table offset (16 * pattern) of each group of four rows in each bit plane; groups is even. A digit of
`depth` planes is summed as the driver does it: sum over planes p of 2**p times the plane's sum, then converted once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from archsim.function.analog.kernels.normals import normal_pairs
from archsim.function.analog.kernels.vectors import (
    LANES,
    at_most,
    byte_at,
    clamp,
    double_of,
    double_of_whole,
    load_f32,
    load_f64,
    load_u16,
    lower_lanes,
    round_down,
    splat_f32,
    splat_f64,
    splat_i32,
    splat_u16,
    store_f32,
    store_f64,
    upper_lanes,
)

Array = NDArray[Any]

PATTERNS = 16
ROWS = 4
IDEAL, UNIFORM, CURVE = 0, 1, 2
ONES = np.uint32(0x01010101)
GATHER = np.uint32((1 << 28) | (1 << 21) | (1 << 14) | (1 << 7))
"""Times a word with a bit in each byte: the four bits, first byte lowest, end up in bits 28 to 31."""


@njit(cache=True, nogil=True)
def bit_places(codes: Array, places: Array) -> None:
    """places [windows, planes, groups] of input codes [windows, 4 * groups] (unsigned, 8 or 16 bits)."""
    windows, planes, groups = places.shape
    words = np.empty(groups, np.uint32)
    for window in range(windows):
        for low in range(0, planes, 8):
            for group in range(groups):
                word = np.uint32(0)
                for row in range(ROWS):
                    byte = np.uint32((codes[window, ROWS * group + row] >> low) & 0xFF)
                    word |= byte << np.uint32(8 * row)
                words[group] = word
            for plane in range(low, min(planes, low + 8)):
                for group in range(groups):
                    bits = ((words[group] >> np.uint32(plane - low)) & ONES) * GATHER
                    places[window, plane, group] = np.uint8((bits >> np.uint32(28)) << np.uint32(4))


@njit(inline="always")
def _fill_table(cells: Array, first: int, groups: int, table: Array) -> None:
    """table flat [groups, 16, 16 lanes] of the rows from cells[first] on."""
    for group in range(groups):
        base = group * PATTERNS * LANES
        store_f32(table, base, splat_f32(np.float32(0.0)))
        for row in range(ROWS):
            cell = load_f32(cells, first + (ROWS * group + row) * LANES)
            for pattern in range(1 << row):
                known = load_f32(table, base + pattern * LANES)
                store_f32(table, base + ((1 << row) + pattern) * LANES, known + cell)


@njit(inline="always")
def _column_sums(table: Array, places: Array, at: int, depth: int, groups: int) -> Any:
    """F32 of one digit's column sums, groups in order, even and odd ones apart (two chains of additions)."""
    total = splat_f32(np.float32(0.0))
    for plane in range(depth - 1, -1, -1):
        even, odd = splat_f32(np.float32(0.0)), splat_f32(np.float32(0.0))
        start = at + plane * groups
        for group in range(0, groups, 2):
            base = group * PATTERNS * LANES
            even = even + load_f32(table, base + byte_at(places, start + group))
            odd = odd + load_f32(table, base + PATTERNS * LANES + byte_at(places, start + group + 1))
        total = (total + total) + (even + odd)
    return total


@njit(inline="always")
def _draw(key: Any, counter: int, sigma: float, digits: int, stride: int, noise: Array) -> None:
    """noise [digits (rounded up to even), 16] of one window and block; counters of pairs of digits are `stride` apart."""
    for pair in range((digits + 1) // 2):
        one, two = normal_pairs(key, np.uint64(counter + pair * stride))
        store_f32(noise, 2 * pair * LANES, one * splat_f32(sigma))
        store_f32(noise, (2 * pair + 1) * LANES, two * splat_f32(sigma))


@njit(cache=True, nogil=True)
def multiply_real(
    places: Array,
    depth: int,
    cells: Array,
    weights: Array,
    scale: Array,
    column: Array,
    mode: int,
    curve: tuple[float, float, float],
    thresholds: Array,
    values: Array,
    noise: tuple[np.uint64, float, int, int],
    windows: Array,
    out: Array,
) -> None:
    """out flat float64 [windows, width] += converted, shifted and added column sums.

    Parameters
    ----------
    weights : float64 [digits], place value of each digit.
    scale : flat float64 [blocks, 16], place value and sign of each column. column : [blocks], where a block adds to out.
    mode : IDEAL; UNIFORM, with `curve` = (first threshold, 1 / step between thresholds, last code): sums of *codes* are
        left; CURVE, with ascending `thresholds` float64 and a float64 value for each code.
    noise : key, standard deviation (0: none), number of the first block, number of blocks of the layer.
    windows : int64, the number of each window, for the noise.
    """
    digits, blocks = weights.size, column.size
    count, planes, groups = places.shape
    flat = places.reshape(-1)
    width = out.size // max(1, count)
    table = np.empty(groups * PATTERNS * LANES, np.float32)
    drawn = np.zeros((digits + 1) * LANES, np.float32)
    sums, totals = np.empty(LANES, np.float32), np.empty(LANES)
    key, sigma, first_block, all_blocks = noise
    first, per_step, last = np.float32(curve[0]), np.float32(curve[1]), np.float32(curve[2])
    pairs = (digits + 1) // 2
    for block in range(blocks):
        _fill_table(cells, block * ROWS * groups * LANES, groups, table)
        for window in range(count):
            if sigma > 0:
                counter = (windows[window] * pairs * all_blocks + first_block + block) * LANES
                _draw(key, counter, np.float32(sigma), digits, all_blocks * LANES, drawn)
            total = splat_f64(0.0)
            totals[:] = 0.0
            for digit in range(digits):
                found = _column_sums(table, flat, (window * planes + digit * depth) * groups, depth, groups)
                if sigma > 0:
                    found = found + load_f32(drawn, digit * LANES)
                if mode == UNIFORM:
                    found = (found - splat_f32(first)) * splat_f32(per_step) + splat_f32(np.float32(1.0))
                    found = clamp(round_down(found), splat_f32(np.float32(0.0)), splat_f32(last))
                if mode == CURVE:
                    store_f32(sums, 0, found)
                    for lane in range(LANES):
                        code = np.searchsorted(thresholds, np.float64(sums[lane]), side="right")
                        totals[lane] += weights[digit] * values[code]
                else:
                    total = total + double_of(found) * splat_f64(weights[digit])
            if mode == CURVE:
                total = load_f64(totals, 0)
            at = window * width + column[block]
            store_f64(out, at, load_f64(out, at) + total * load_f64(scale, block * LANES))


@njit(cache=True, nogil=True)
def multiply_fixed(
    places: Array,
    cells: Array,
    weights: Array,
    scale: Array,
    column: Array,
    fraction: Array,
    bottom: Array,
    last: int,
    out: Array,
) -> None:
    """As `multiply_real` for one-bit digits and a converter of one code per level (0 .. last), without noise, with
    tables of 16-bit fixed point.

    Two blocks at a time; `blocks` is even. Sums of four rows are rounded to `fraction` [blocks / 2] binary places, so a
    column sum errs by at most groups * 2**-(fraction + 1) levels. `bottom` [blocks / 2] whole levels are added to keep
    sums from 0 to 2**16 - 1. `weights` are int64 powers of two, at most one of them negative: the last.
    """
    digits, pairs = weights.size, column.size // 2
    count, planes, groups = places.shape
    flat = places.reshape(-1)
    width = out.size // max(1, count)
    rows = ROWS * groups
    real = np.empty(PATTERNS * LANES * groups, np.float32)
    table = np.empty(groups * PATTERNS * 2 * LANES, np.uint16)
    for pair in range(pairs):
        unit = np.float32(2.0 ** fraction[pair])
        for side in range(2):
            _fill_table(cells, (2 * pair + side) * rows * LANES, groups, real)
            for entry in range(groups * PATTERNS):
                for lane in range(LANES):
                    fixed = np.int32(np.rint(real[entry * LANES + lane] * unit))
                    table[(2 * entry + side) * LANES + lane] = np.uint16(fixed & 0xFFFF)
        half = splat_u16(np.uint16((bottom[pair] << fraction[pair]) + (1 << fraction[pair] >> 1)))
        places_right = splat_u16(np.uint16(fraction[pair]))
        low, high = splat_u16(np.uint16(bottom[pair])), splat_u16(np.uint16(bottom[pair] + last))
        for window in range(count):
            lower, upper = splat_i32(np.int32(0)), splat_i32(np.int32(0))
            for digit in range(digits):
                found = half
                start = (window * planes + digit) * groups
                for group in range(groups):
                    entry = group * PATTERNS * 2 * LANES + 2 * byte_at(flat, start + group)
                    found = found + load_u16(table, entry)
                code = at_most(found >> places_right, high)
                code = code - at_most(code, low)
                factor = splat_i32(np.int32(weights[digit]))
                lower = lower + lower_lanes(code) * factor
                upper = upper + upper_lanes(code) * factor
            for side in range(2):
                block = 2 * pair + side
                part = double_of_whole(lower) if side == 0 else double_of_whole(upper)
                at = window * width + column[block]
                store_f64(out, at, load_f64(out, at) + part * load_f64(scale, block * LANES))
