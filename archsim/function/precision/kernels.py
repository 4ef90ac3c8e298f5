"""Compiled loops of dynamic precision: plain arrays in, plain arrays out, no state. Oracles are in `oracle`.

Inputs are unrolled: [rows, windows], row groups given by their first rows `starts` [groups + 1]. Loops run over rows
outside and windows inside, so that they vectorise.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.compiling import kernel

Array = NDArray[Any]


@kernel(nogil=True)
def patterns(rows: Array, starts: Array, out: Array) -> None:
    """out [groups, windows] |= every input of the group, negative ones complemented: its highest one bit is that of the
    input that needs most bits. (What a tree of OR gates finds.) out has the inputs' type and starts at zero."""
    windows = rows.shape[1]
    sign = 8 * rows.itemsize - 1
    signed = rows.dtype.type(-1) < rows.dtype.type(0)
    for group in range(out.shape[0]):
        for row in range(starts[group], starts[group + 1]):
            if signed:
                for window in range(windows):
                    value = rows[row, window]
                    out[group, window] |= value ^ (value >> sign)
            else:
                for window in range(windows):
                    out[group, window] |= rows[row, window]


@kernel(nogil=True)
def moments(rows: Array, starts: Array, total: Array, squares: Array) -> None:
    """total, squares [groups, windows] += sum of the group's inputs and of their squares, in the outputs' type."""
    windows = rows.shape[1]
    for group in range(total.shape[0]):
        for row in range(starts[group], starts[group + 1]):
            for window in range(windows):
                value = total.dtype.type(rows[row, window])
                total[group, window] += value
                squares[group, window] += value * value


@kernel(nogil=True)
def round_groups(rows: Array, starts: Array, bits: Array, shift: Array, out: Array) -> None:
    """out = round-half-to-even(rows / 2^shift), limited to `bits` bits, times 2^shift; bits, shift [groups, windows].

    out has the type of rows. A group of 0 bits becomes zero.
    """
    windows = rows.shape[1]
    signed = rows.dtype.type(-1) < rows.dtype.type(0)
    half = np.empty(windows, np.int32)
    odd = np.empty(windows, np.int32)
    low = np.empty(windows, np.int32)
    high = np.empty(windows, np.int32)
    drop = np.empty(windows, np.int32)
    for group in range(bits.shape[0]):
        for window in range(windows):
            p, t = np.int32(bits[group, window]), np.int32(shift[group, window])
            drop[window] = t
            half[window] = (1 << t) // 2 - 1 if t > 0 else 0
            odd[window] = 1 if t > 0 else 0
            high[window] = (1 << (p - 1)) - 1 if signed and p > 0 else (1 << p) - 1
            low[window] = -(1 << (p - 1)) if signed and p > 0 else 0
        for row in range(starts[group], starts[group + 1]):
            for window in range(windows):
                value = np.int32(rows[row, window])
                t = drop[window]
                value = np.int32(value + half[window] + ((value >> t) & odd[window])) >> t
                value = min(max(value, low[window]), high[window])
                out[row, window] = rows.dtype.type(value << t)


@kernel(nogil=True)
def driven_rows(rows: Array, starts: Array, bits: Array, shift: Array, out: Array) -> None:
    """out [groups] += rows driven, summed over windows and input cycles: ones in the streamed codes (rows already
    rounded, two's complement of `bits` bits for signed inputs)."""
    for group in range(out.size):
        count = 0
        for row in range(starts[group], starts[group + 1]):
            for window in range(rows.shape[1]):
                code = (np.int64(rows[row, window]) >> shift[group, window]) & ((1 << bits[group, window]) - 1)
                while code > 0:
                    count += code & 1
                    code >>= 1
        out[group] += count


@kernel(nogil=True)
def stream_group(
    rows: Array,
    bits: Array,
    shift: Array,
    levels: Array,
    sign: Array,
    unit: Array,
    table: Array,
    unit_table: Array,
    cell_bits: int,
    out: Array,
) -> None:
    """The shortened bit streams of one row group played out: out [outputs, windows] += what its crossbar adds up to.

    Parameters
    ----------
    rows : inputs [rows, windows], not yet rounded. bits, shift : uint8 [windows].
    levels, sign : of `archsim.function.crossbars.encodings.Encoded`: [slices, rows, lines], [slices, lines].
    unit : [units, outputs], weights of the sum of inputs.
    table, unit_table : fixed-point values of all column sums, and of all sums of inputs.
    out : int64, in the tables' fixed point.
    """
    signed = rows.dtype.type(-1) < rows.dtype.type(0)
    slices, count, lines = levels.shape
    outputs = out.shape[0]
    codes = np.empty(count, np.int64)
    for window in range(rows.shape[1]):
        p, t = np.int64(bits[window]), np.int64(shift[window])
        high = (1 << (p - 1)) - 1 if signed and p > 0 else (1 << p) - 1
        low = -(1 << (p - 1)) if signed and p > 0 else 0
        for row in range(count):
            value = np.int64(rows[row, window])
            if t > 0:
                value = (value + (1 << t) // 2 - 1 + ((value >> t) & 1)) >> t
            codes[row] = min(max(value, low), high)
        for plane in range(p):
            place = (-(1 << plane) if signed and plane == p - 1 else 1 << plane) << t
            on = np.int64(0)
            for code in codes:
                on += (code >> plane) & 1
            for index in range(unit.shape[0]):
                for output in range(outputs):
                    out[output, window] += place * unit[index, output] * unit_table[on]
            for part in range(slices):
                for line in range(lines):
                    total = np.int64(0)
                    for row in range(count):
                        total += ((codes[row] >> plane) & 1) * np.int64(levels[part, row, line])
                    out[line % outputs, window] += place * sign[part, line] * (table[total] << (cell_bits * part))
