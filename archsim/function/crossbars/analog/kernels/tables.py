"""Products with real-valued cells by table look-up: sixteen partial sums for every four rows.

Rows are driven by bits, so four rows have sixteen possible sums; a column sum over 128 rows is 32 look-ups and
additions instead of 128 multiplications (the method of four Russians). Every bit plane's sum passes the converter
before it is shifted and added.

Columns come in blocks of 16, one lane each. `cells` is flat float32 [blocks, rows, 16], `places` uint8 [windows,
planes, groups] the table offset (16 * pattern) of each group of four rows in each bit plane; groups is even. A digit
of `depth` planes is summed as the driver does it: sum over planes p of 2**p times the plane's sum, then converted
once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from archsim.compiling import kernel
from archsim.function.crossbars.analog.kernels.normals import normal_pairs
from archsim.function.crossbars.analog.kernels.vectors import (
    LANES,
    at_most,
    bits_of,
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
    store_u16,
    upper_lanes,
    where_negative,
)

Array = NDArray[Any]

PATTERNS = 16
ROWS = 4
COLUMNS = 1 << 24
"""More columns than any layer has: the distance of one pair of digits from the next in the numbers of the noise."""

IDEAL, UNIFORM, CURVE = 0, 1, 2
ON_THRESHOLD = 1.0 + 2.0**-28
"""What is added to a sum's distance from the first threshold, in codes, before it is rounded down: more than rounding
errors of double precision, so that a sum on a threshold takes the upper code, and less than any other whole sum is away
from one."""
ONES = np.uint32(0x01010101)
GATHER = np.uint32((1 << 28) | (1 << 21) | (1 << 14) | (1 << 7))
"""Times a word with a bit in each byte: the four bits, first byte lowest, end up in bits 28 to 31."""


@kernel(nogil=True)
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
def _aligned(table: Array) -> Array:
    """The part of a table from its first whole cache line on: a vector that crosses two lines loads at half speed."""
    return table[-(table.ctypes.data // table.itemsize) % (64 // table.itemsize) :]


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
    """F32 of the column sums of two digits, the planes of the first from places[at] on. Groups are added in order, even
    and odd ones apart: four chains of additions keep the adders busy."""
    low, high = splat_f32(np.float32(0.0)), splat_f32(np.float32(0.0))
    for plane in range(depth - 1, -1, -1):
        low_even, low_odd = splat_f32(np.float32(0.0)), splat_f32(np.float32(0.0))
        high_even, high_odd = splat_f32(np.float32(0.0)), splat_f32(np.float32(0.0))
        first = at + plane * groups
        second = first + depth * groups
        for group in range(0, groups, 2):
            base = group * PATTERNS * LANES
            low_even = low_even + load_f32(table, base + byte_at(places, first + group))
            high_even = high_even + load_f32(table, base + byte_at(places, second + group))
            base += PATTERNS * LANES
            low_odd = low_odd + load_f32(table, base + byte_at(places, first + group + 1))
            high_odd = high_odd + load_f32(table, base + byte_at(places, second + group + 1))
        low = (low + low) + (low_even + low_odd)
        high = (high + high) + (high_even + high_odd)
    return low, high


@njit(inline="always")
def _codes(sums: Any, first: Any, per_step: Any, last: Any) -> Any:
    """Codes of a uniform converter as F64: thresholds at or below the sum (F32). Single precision would decide some
    whole sums wrongly."""
    found = round_down((double_of(sums) - splat_f64(first)) * splat_f64(per_step) + splat_f64(ON_THRESHOLD))
    return clamp(found, splat_f64(0.0), splat_f64(last))


@njit(inline="always")
def _outside(sums: Any, lowest: Any, highest: Any) -> Any:
    """1 where a sum is out of range, else 0 (F32)."""
    one, zero = splat_f32(np.float32(1.0)), splat_f32(np.float32(0.0))
    above = where_negative(bits_of(splat_f32(np.float32(highest)) - sums), one, zero)
    return above + where_negative(bits_of(sums - splat_f32(np.float32(lowest))), one, zero)


@njit(inline="always")
def _convert_each(sums: Any, weight: float, thresholds: Array, values: Array, scratch: Array, totals: Array) -> None:
    """totals [16] += weight * value of each sum, by search in `thresholds`."""
    store_f32(scratch, 0, sums)
    for lane in range(LANES):
        totals[lane] += weight * values[np.searchsorted(thresholds, np.float64(scratch[lane]), side="right")]


@njit(inline="always")
def _window_total(
    table: Array, places: Array, start: Any, weights: Array, at: int, form: Any, noise: Any, scratch: Any, counted: bool
) -> Any:
    """F64 of one window's converted sums times weights[at], and of how many were out of range if that is `counted`.

    `start` is (place of the window's first plane, depth, groups), `form` and `noise` as in `multiply_real`, with the
    window's own counter in place of the block.
    """
    first_place, depth, groups = start
    mode, (first, per_step, last, lowest, highest), thresholds, values = form
    key, sigma, counter = noise
    sums, totals = scratch
    total, outside = splat_f64(0.0), splat_f64(0.0)
    totals[:] = 0.0
    for digit in range(0, weights.shape[1], 2):
        low, high = _column_sums(table, places, first_place + digit * depth * groups, depth, groups)
        if sigma > 0:
            one, two = normal_pairs(key, np.uint64(counter + digit // 2 * COLUMNS))
            low, high = low + one * splat_f32(sigma), high + two * splat_f32(sigma)
        if counted:
            if weights[at, digit] != 0:
                outside = outside + double_of(_outside(low, lowest, highest))
            if weights[at, digit + 1] != 0:
                outside = outside + double_of(_outside(high, lowest, highest))
        if mode == CURVE:
            _convert_each(low, weights[at, digit], thresholds, values, sums, totals)
            _convert_each(high, weights[at, digit + 1], thresholds, values, sums, totals)
            continue
        if mode == UNIFORM:
            lower, upper = _codes(low, first, per_step, last), _codes(high, first, per_step, last)
        else:
            lower, upper = double_of(low), double_of(high)
        total = total + lower * splat_f64(weights[at, digit])
        total = total + upper * splat_f64(weights[at, digit + 1])
    if mode == CURVE:
        total = load_f64(totals, 0)
    return total, outside


@kernel(nogil=True)
def multiply_real(
    places: Array,
    depth: int,
    cells: Array,
    weights: Array,
    scale: Array,
    column: Array,
    mode: int,
    curve: tuple[float, float, float, float, float],
    thresholds: Array,
    values: Array,
    noise: tuple[np.uint64, float, int],
    windows: Array,
    out: Array,
    clips: Array,
) -> None:
    """out flat float64 [windows, width] += converted, shifted and added column sums.

    Parameters
    ----------
    weights : float64 [windows or 1, digits], place value of each digit; an even number of them (a digit that is not
        read weighs 0, and is not counted).
    scale : flat float64 [blocks, 16], place value and sign of each column. column : [blocks], where a block adds to
        out.
    mode : IDEAL; UNIFORM, with `curve` = (first threshold, 1 / step between thresholds, last code, lowest and highest
        sum in range): sums of *codes* are left; CURVE, with ascending `thresholds` float64 and a float64 value for
        each code.
    noise : key, standard deviation (0: none), number of the first block.
    windows : int64, the number of each window. Conversions of digits 2 p and 2 p + 1 of a column take the normals of
        counter (window * pairs of digits + p) * 2**24 + column, with columns counted through all blocks of the layer.
    clips : flat float64 [blocks, 16], += conversions out of range; empty when nobody counts.
    """
    count, planes, groups = places.shape
    flat, width = places.reshape(-1), out.size // max(1, count)
    table = _aligned(np.empty((groups * PATTERNS + 1) * LANES, np.float32))
    scratch = np.empty(LANES, np.float32), np.empty(LANES)
    key, deviation, first_block = noise
    for block in range(column.size):
        _fill_table(cells, block * ROWS * groups * LANES, groups, table)
        factor, clipped = load_f64(scale, block * LANES), splat_f64(0.0)
        for window in range(count):
            start = window * planes * groups, depth, groups
            counter = windows[window] * (weights.shape[1] // 2) * COLUMNS + (first_block + block) * LANES
            drawn = key, np.float32(deviation), counter
            form = mode, curve, thresholds, values
            row = window if weights.shape[0] > 1 else 0
            total, outside = _window_total(table, flat, start, weights, row, form, drawn, scratch, clips.size > 0)
            at = window * width + column[block]
            store_f64(out, at, load_f64(out, at) + total * factor)
            clipped = clipped + outside
        if clips.size:
            store_f64(clips, block * LANES, load_f64(clips, block * LANES) + clipped)


@kernel(nogil=True)
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
    """As `multiply_real` for one-bit digits and a converter of one code per level (0 .. last), without noise, in 16-bit
    fixed point.

    `cells` is flat uint16 [pairs, rows, 32]: two blocks side by side, rounded to `fraction` [pairs] binary places,
    modulo 2**16. `bottom` [pairs] whole levels are added to keep every sum within 0 .. 2**16 - 1. `weights` are
    int64.
    """
    digits, pairs = weights.size, column.size // 2
    count, planes, groups = places.shape
    flat = places.reshape(-1)
    width = out.size // max(1, count)
    table = _aligned(np.empty((groups * PATTERNS + 1) * 2 * LANES, np.uint16))
    for pair in range(pairs):
        _fill_fixed(cells, pair * ROWS * groups * 2 * LANES, groups, table)
        start = splat_u16(np.uint16((bottom[pair] << fraction[pair]) + (1 << fraction[pair] >> 1)))
        none, right = splat_u16(np.uint16(0)), splat_u16(np.uint16(fraction[pair]))
        lowest, highest = splat_u16(np.uint16(bottom[pair])), splat_u16(np.uint16(bottom[pair] + last))
        left, upper = load_f64(scale, 2 * pair * LANES), load_f64(scale, (2 * pair + 1) * LANES)
        for window in range(count):
            one, two = splat_i32(np.int32(0)), splat_i32(np.int32(0))
            for digit in range(0, digits, 2):
                at = (window * planes + digit) * groups
                low_even, low_odd, high_even, high_odd = start, none, start, none
                for group in range(0, groups, 2):
                    base = group * PATTERNS * 2 * LANES
                    low_even = low_even + load_u16(table, base + 2 * byte_at(flat, at + group))
                    high_even = high_even + load_u16(table, base + 2 * byte_at(flat, at + groups + group))
                    base += PATTERNS * 2 * LANES
                    low_odd = low_odd + load_u16(table, base + 2 * byte_at(flat, at + group + 1))
                    high_odd = high_odd + load_u16(table, base + 2 * byte_at(flat, at + groups + group + 1))
                low = at_most((low_even + low_odd) >> right, highest)
                high = at_most((high_even + high_odd) >> right, highest)
                low, high = low - at_most(low, lowest), high - at_most(high, lowest)
                low_weight, high_weight = splat_i32(np.int32(weights[digit])), splat_i32(np.int32(weights[digit + 1]))
                one = one + (lower_lanes(low) * low_weight + lower_lanes(high) * high_weight)
                two = two + (upper_lanes(low) * low_weight + upper_lanes(high) * high_weight)
            at = window * width + column[2 * pair]
            store_f64(out, at, load_f64(out, at) + double_of_whole(one) * left)
            at = window * width + column[2 * pair + 1]
            store_f64(out, at, load_f64(out, at) + double_of_whole(two) * upper)


@njit(inline="always")
def _fill_fixed(cells: Array, first: int, groups: int, table: Array) -> None:
    """table flat [groups, 16, 32 lanes] uint16 of the rows from cells[first] on."""
    for group in range(groups):
        base = group * PATTERNS * 2 * LANES
        store_u16(table, base, splat_u16(np.uint16(0)))
        for row in range(ROWS):
            cell = load_u16(cells, first + (ROWS * group + row) * 2 * LANES)
            for pattern in range(1 << row):
                known = load_u16(table, base + pattern * 2 * LANES)
                store_u16(table, base + ((1 << row) + pattern) * 2 * LANES, known + cell)


@kernel(nogil=True)
def add_outputs(sums: Array, inputs: Array, unit: Array, reach: Array, constant: Array, out: Array) -> None:
    """out [windows, outputs] += sums + inputs @ unit - constant, in that order whatever the number of windows.

    sums [windows, at least outputs], inputs [windows, units] and unit [units, outputs] are float64; `reach` int64
    [units, 2] says which columns of a unit's row are not zero.
    """
    for window in range(out.shape[0]):
        for column in range(out.shape[1]):
            out[window, column] += sums[window, column] - constant[column]
        for index in range(unit.shape[0]):
            value = inputs[window, index]
            for column in range(reach[index, 0], reach[index, 1]):
                out[window, column] += value * unit[index, column]
