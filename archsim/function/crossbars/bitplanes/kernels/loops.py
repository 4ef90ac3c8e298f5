"""Loops of the bit-plane engine over strips of 64 windows.

Window 8 g + j of a strip has place 8 j + g in it: that is how `vectors.transpose_tile` leaves bits. Every routine that
has a vector form has a plain one beside it (`vectorised` false), with the same results.

Numba's cache of compiled code does not see changes of `vectors`: whoever edits that module touches this one too.
"""

# mypy: disable-error-code="call-arg, assignment"
# (intrinsics are called without their first parameter, the typing context; NumPy scalars are plain numbers here)

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from archsim.compiling import kernel
from archsim.function.crossbars.bitplanes.kernels import vectors

Array = NDArray[Any]

STRIP = 64
"""Windows packed and converted together, and rows in a word."""
DIGITS = 16
"""Places for digit counts of a window: no input has more digits."""


@njit(inline="always")
def _address(array: Array) -> np.uint64:
    return np.uint64(array.ctypes.data)


@kernel(nogil=True)
def pack_tile(tile: Array, scratch: Array, planes: Array, vectorised: bool) -> None:
    """planes [8, 64] uint64 = bits of tile [64 rows, 64 columns] uint8; bit i is row i's, columns in strip order.

    `scratch` is uint64 [512].
    """
    if vectorised:
        vectors.transpose_tile(_address(tile), _address(scratch), _address(planes), np.uint64(planes.strides[0]))
        return
    for bit in range(8):
        for place in range(STRIP):
            planes[bit, place] = 0
    for row in range(STRIP):
        for column in range(STRIP):
            place = (column % 8) * 8 + column // 8
            value = np.uint64(tile[row, column])
            for bit in range(8):
                one = (value >> np.uint64(bit)) & np.uint64(1)
                planes[bit, place] |= one << np.uint64(row)


@kernel(nogil=True)
def fill_tile(source: Array, row: int, column: int, shift: int, tile: Array) -> None:
    """tile [64, 64] uint8 = byte at bit `shift` of source [rows, columns] from (row, column) on, zero beyond its
    ends."""
    rows = min(STRIP, source.shape[0] - row)
    columns = min(STRIP, source.shape[1] - column)
    if rows < STRIP or columns < STRIP:
        tile[:] = 0
    for i in range(rows):
        for j in range(columns):
            tile[i, j] = np.uint8((source[row + i, column + j] >> shift) & 0xFF)


@kernel(nogil=True)
def pack_lines(cells: Array, cell_bits: int, out: Array, vectorised: bool) -> None:
    """Bit planes of cells [slices, rows, lines] (uint8, lines a multiple of 8) in the order the conversion reads:
    out uint64 [lines / 8, slices, cell bits, words, 8]."""
    tile = np.zeros((STRIP, STRIP), np.uint8)
    scratch = np.empty(512, np.uint64)
    planes = np.empty((8, STRIP), np.uint64)
    slices, _, lines = cells.shape
    for part in range(slices):
        for word in range(out.shape[3]):
            for first in range(0, lines, STRIP):
                fill_tile(cells[part], word * STRIP, first, 0, tile)
                pack_tile(tile, scratch, planes, vectorised)
                for block in range(min(8, (lines - first) // 8)):
                    for bit in range(cell_bits):
                        for lane in range(8):
                            out[first // 8 + block, part, bit, word, lane] = planes[bit, lane * 8 + block]


@kernel(nogil=True)
def row_limits(cells: Array, budget: int, out: Array) -> None:
    """out int64 [slices, lines] = the most rows that can be active, whichever they are, before a column of cells
    [slices, rows, lines] can exceed `budget` (all rows, when the whole column cannot)."""
    slices, rows, lines = cells.shape
    counts = np.empty((256, lines), np.int64)
    for part in range(slices):
        counts[:] = 0
        for row in range(rows):
            for line in range(lines):
                counts[cells[part, row, line], line] += 1
        for line in range(lines):
            left, held = budget, 0
            for level in range(255, 0, -1):
                here = min(counts[level, line], left // level)
                held += here
                left -= here * level
                if here < counts[level, line]:
                    break
            else:
                held = rows
            out[part, line] = held if budget >= 0 else -1


@kernel(nogil=True)
def pack_strip(codes: Array, first: int, tile: Array, scratch: Array, words: Array, vectorised: bool) -> None:
    """words uint64 [planes, words, 64] = bit planes of the windows first .. first + 64 of codes [rows, windows]."""
    planes = np.empty((8, STRIP), np.uint64)
    for word in range(words.shape[1]):
        for byte in range(codes.itemsize):
            fill_tile(codes, word * STRIP, first, 8 * byte, tile)
            pack_tile(tile, scratch, planes, vectorised)
            for bit in range(min(8, words.shape[0] - 8 * byte)):
                for place in range(STRIP):
                    words[8 * byte + bit, word, place] = planes[bit, place]


@kernel(nogil=True)
def popcount(value: np.uint64) -> np.int64:
    """Ones of a word."""
    value = value - ((value >> np.uint64(1)) & np.uint64(0x5555555555555555))
    value = (value & np.uint64(0x3333333333333333)) + ((value >> np.uint64(2)) & np.uint64(0x3333333333333333))
    value = (value + (value >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((value * np.uint64(0x0101010101010101)) >> np.uint64(56))


@kernel(nogil=True)
def count_active(words: Array, digits: int, dac_bits: int, active: Array, most: Array) -> None:
    """active int16 [64, DIGITS] = rows with a non-zero digit; most int64 [64] = the largest of a window's digits."""
    most[:] = 0
    for digit in range(digits):
        for place in range(STRIP):
            count = 0
            for word in range(words.shape[1]):
                driven = np.uint64(0)
                for bit in range(dac_bits):
                    driven |= words[digit * dac_bits + bit, word, place]
                count += popcount(driven)
            active[place, digit] = count
            most[place] = max(most[place], count)


@kernel(nogil=True)
def convert_plain(
    sums: Array, counts: Array, lines: Array, signs: Array, valid: Array, columns: Array, thresholds: Array,
    words: Array, active: Array, place: int, dac_bits: int, allowed: int, negative: int, mode: int,
    lowest: int, highest: int, table: Array,
) -> int:  # fmt: skip
    """Conversions of 8 lines [slices, cell bits, words, 8] for the window at `place`, without vector code.

    For each slice, the digits of `allowed` with more active rows than the slice's threshold: what the converter makes
    of each column sum (`vectors.SATURATE`; its entry of the table for LINE and TABLE), shifted and added to sums [8].
    `counts` [8] += clipped conversions. Returns the number of conversions, columns [slices] for each (slice, digit).
    """
    done = 0
    for part in range(lines.shape[0]):
        for digit in range(DIGITS):
            if not (allowed >> digit) & 1 or active[place, digit] <= thresholds[part]:
                continue
            done += columns[part]
            for lane in range(8):
                total = 0
                for bit in range(dac_bits):
                    for cell in range(lines.shape[1]):
                        met = 0
                        for word in range(lines.shape[2]):
                            met += popcount(words[digit * dac_bits + bit, word, place] & lines[part, cell, word, lane])
                        total += met << (bit + cell)
                if mode == vectors.SATURATE:
                    value = min(0, highest - total)
                    clipped = total > highest
                else:
                    value = table[total]
                    clipped = total > highest or total < lowest
                counts[lane] += valid[part, lane] * clipped
                value = -value if (signs[part, lane] ^ negative) else value
                sums[lane] += value << (digit * dac_bits + part * lines.shape[1])
    return done


@kernel(nogil=True)
def convert_block(
    sums: Array, first: int, counts: Array, lines: Array, signs: Array, valid: Array, columns: Array,
    thresholds: Array, words: Array, active: Array, most: Array, limit: int, strip: int, windows: int, dac_bits: int,
    mask: Array, negative: int, mode: int, lowest: int, highest: int, line: Array, table: Array, vectorised: bool,
) -> int:  # fmt: skip
    """`convert_plain`, in vectors where asked for, for the `windows` windows of the strip from window `strip` on that
    have a digit with more than `limit` active rows; into sums [64, lines] from line `first` on. `mask` [windows or 1]
    has the digits allowed."""
    done = 0
    slices, cell_bits, word_count = lines.shape[0], lines.shape[1], lines.shape[2]
    isaac = (cell_bits, word_count, dac_bits) == vectors.ISAAC
    # addresses once a block: views of arrays are counted references, and too slow for the inner loop
    out, inputs, rows = _address(sums) + np.uint64(8 * first), _address(words), _address(active)
    counts_, lines_, signs_, valid_ = _address(counts), _address(lines), _address(signs), _address(valid)
    columns_, thresholds_ = _address(columns), _address(thresholds)
    line_, table_ = _address(line), _address(table)
    for window in range(windows):
        place = (window % 8) * 8 + window // 8
        allowed = mask[strip + window if len(mask) > 1 else 0]
        if most[place] <= limit or allowed == 0:
            continue
        if not vectorised:
            done += convert_plain(
                sums[place, first : first + 8], counts, lines, signs, valid, columns, thresholds, words, active, place,
                dac_bits, allowed, negative, mode, lowest, highest, table,
            )  # fmt: skip
            continue
        here = out + np.uint64(sums.strides[0] * place)
        bits = inputs + np.uint64(8 * place)
        driven = rows + np.uint64(2 * DIGITS * place)
        if isaac and mode == vectors.SATURATE:
            done += vectors.saturate_isaac(
                here, counts_, lines_, signs_, valid_, columns_, thresholds_, bits, driven, slices, cell_bits,
                word_count, dac_bits, allowed, negative, lowest, highest, line_, table_,
            )  # fmt: skip
        elif isaac and mode == vectors.LINE:
            done += vectors.line_isaac(
                here, counts_, lines_, signs_, valid_, columns_, thresholds_, bits, driven, slices, cell_bits,
                word_count, dac_bits, allowed, negative, lowest, highest, line_, table_,
            )  # fmt: skip
        elif mode == vectors.SATURATE:
            done += vectors.saturate_general(
                here, counts_, lines_, signs_, valid_, columns_, thresholds_, bits, driven, slices, cell_bits,
                word_count, dac_bits, allowed, negative, lowest, highest, line_, table_,
            )  # fmt: skip
        elif mode == vectors.LINE:
            done += vectors.line_general(
                here, counts_, lines_, signs_, valid_, columns_, thresholds_, bits, driven, slices, cell_bits,
                word_count, dac_bits, allowed, negative, lowest, highest, line_, table_,
            )  # fmt: skip
        else:
            done += vectors.table_general(
                here, counts_, lines_, signs_, valid_, columns_, thresholds_, bits, driven, slices, cell_bits,
                word_count, dac_bits, allowed, negative, lowest, highest, line_, table_,
            )  # fmt: skip
    return done


@kernel(nogil=True)
def fold(sums: Array, first: int, unit: Array, reach: Array, place: int, out: Array) -> None:
    """Add sums [64, lines] of a strip from window `first` on to out [outputs, windows]: lines of an output one after
    the other every `outputs` lines, each times `place`, then the unit columns, each times unit [units, outputs] where
    that is not 0, from output reach[unit, 0] to reach[unit, 1]."""
    units, outputs = unit.shape
    for window in range(min(STRIP, out.shape[1] - first)):
        row = sums[(window % 8) * 8 + window // 8]
        sides = (row.size - units) // outputs
        for n in range(outputs):
            total = row[n]
            if sides > 1:
                total += row[outputs + n]
            out[n, first + window] += total * place
        for u in range(units):
            for n in range(reach[u, 0], reach[u, 1]):
                out[n, first + window] += unit[u, n] * row[sides * outputs + u]


@kernel(nogil=True)
def convert_group(
    codes: Array, lines: Array, signs: Array, valid: Array, thresholds: Array, unit: Array, reach: Array, place: int,
    used: int, digits: int, dac_bits: int, masks: Array, mode: int, lowest: int, highest: int, line: Array,
    table: Array, vectorised: bool, out: Array,
) -> tuple[int, int]:  # fmt: skip
    """Converted column sums of one row group, where no bound proves them exact.

    Parameters
    ----------
    codes : [rows, windows] uint8 or uint16 bit patterns.
    lines : uint64 [blocks, slices, cell bits, words, 8] from `pack_lines`; signs, valid int64 [blocks, slices, 8]: -1
        where a line is subtracted, 1 where it stands for a column.
    thresholds : int16 [blocks, slices] active rows up to which a digit of a block needs no conversion.
    unit : int64 [units, outputs], reach int64 [units, 2] where it is not 0; `place` the place value of the first
        slice; `used` lines, the last of them unit columns.
    masks : int64 [2, windows or 1], bits of the digits that are added and that are subtracted; others are not read.
    mode, line, table : what conversions add (`vectors.SATURATE`, LINE, TABLE); line int64 [6], table int64, also for
    LINE.
    out : int64 [outputs, windows], added to.

    Returns
    -------
    Columns converted one by one, and how many of them were clipped.
    """
    blocks = lines.shape[0]
    words = np.zeros((max(8 * codes.itemsize, digits * dac_bits), lines.shape[3], STRIP), np.uint64)
    tile, scratch = np.zeros((STRIP, STRIP), np.uint8), np.empty(512, np.uint64)
    active, most = np.zeros((STRIP, DIGITS), np.int16), np.zeros(STRIP, np.int64)
    sums, counts = np.zeros((STRIP, 8 * blocks), np.int64), np.zeros(8, np.int64)
    columns = valid.sum(axis=2)
    limits = np.empty(blocks, np.int64)
    for block in range(blocks):
        limits[block] = thresholds[block].min()
    done = 0
    for first in range(0, codes.shape[1], STRIP):
        pack_strip(codes, first, tile, scratch, words, vectorised)
        count_active(words, digits, dac_bits, active, most)
        windows = min(STRIP, codes.shape[1] - first)
        if most.max() <= limits.min():
            continue
        sums[:] = 0
        for block in range(blocks):
            for passed in range(2):
                if not masks[passed].any():
                    continue
                done += convert_block(
                    sums, 8 * block, counts, lines[block], signs[block], valid[block], columns[block],
                    thresholds[block], words, active, most, limits[block], first, windows, dac_bits, masks[passed],
                    -passed, mode, lowest, highest, line, table, vectorised,
                )  # fmt: skip
        fold(sums[:, :used], first, unit, reach, place, out)
    return done, counts.sum()
