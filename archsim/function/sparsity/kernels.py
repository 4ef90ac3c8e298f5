"""Compiled loops that count decisions: plain arrays in, plain arrays out, no state. Oracles are in `oracle`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.compiling import kernel

Array = NDArray[Any]


@kernel(nogil=True)
def count_active(
    codes: Array, starts: Array, digits: int, dac_bits: int, streamed: Array, first: Array, limited: bool, out: Array
) -> None:
    """out int64 [row groups, rows + 1] += windows and digits with so many active rows of codes [rows, windows].

    Parameters
    ----------
    codes : unsigned bit patterns; starts int64 [row groups + 1].
    streamed, first : uint8 [row groups, windows]: with `limited`, only digits first .. first + streamed - 1 are driven.
    """
    windows = codes.shape[1]
    active = np.empty(windows, np.int32)
    mask = codes.dtype.type((1 << dac_bits) - 1)
    for group in range(out.shape[0]):
        for digit in range(digits):
            active[:] = 0
            shift = codes.dtype.type(digit * dac_bits)
            for row in range(starts[group], starts[group + 1]):
                for window in range(windows):
                    active[window] += ((codes[row, window] >> shift) & mask) != 0
            for window in range(windows):
                if limited:
                    low = first[group, window]
                    if digit < low or digit >= low + streamed[group, window]:
                        continue
                out[group, active[window]] += 1


@kernel(nogil=True)
def tally(active: Array, lengths: Array, alike: Array, array: int, out: Array) -> None:
    """out[array] [bits + 1] += conversions of each length, for active int64 [rows + 1] cycles with so many active rows,
    lengths uint8 [rows + 1, kinds of columns] and alike int64 [kinds] columns of each kind."""
    for count in range(lengths.shape[0]):
        if active[count] == 0:
            continue
        for column in range(lengths.shape[1]):
            out[array, lengths[count, column]] += active[count] * alike[column]


@kernel(nogil=True)
def tally_sums(sums: Array, edges: Array, arrays: Array, driven: Array, out: Array) -> None:
    """out int64 [arrays, bits + 1] += conversions of each length for sums float32 [columns, windows] of one digit.

    `arrays` int64 [columns] names the array of each column; windows without `driven` are not converted; a sum's length
    is the number of `edges` [bits] at or below it.
    """
    bits = edges.size
    for column in range(sums.shape[0]):
        array = arrays[column]
        for window in range(sums.shape[1]):
            if not driven[window]:
                continue
            value = sums[column, window]
            low, high = 0, bits
            while low < high:
                middle = (low + high) // 2
                if edges[middle] <= value:
                    low = middle + 1
                else:
                    high = middle
            out[array, low] += 1
