"""A bit-serial crossbar machine written from the papers alone: it imports nothing of the package that it judges.

Whole-numbered weights and inputs of one layer go in; accumulators, and what the arrays did, come out. Every array is
built column by column, every column sum is converted by exact integer arithmetic (Shafiee et al., ISCA 2016, Secs. III
and V). Slow and plain.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

WORD = 4096
"""Converted values have 12 binary places: everything behind a converter is in units of 1 / WORD."""


@dataclass(frozen=True, kw_only=True)
class Chip:
    """What decides a layer's arithmetic and counts."""

    rows: int
    columns: int
    cell_bits: int
    weight_bits: int
    input_bits: int
    encoding: str
    siblings: bool
    unit_column: bool
    adc_bits: int
    full_scale: bool
    every_column: bool
    skips_zeros: bool

    @property
    def pair(self) -> bool:
        """Two columns a weight, for its positive and for its negative part."""
        return self.encoding == "differential"

    @property
    def stored_bits(self) -> int:
        """The sign of a pair is in the choice of the column."""
        return self.weight_bits - 1 if self.pair else self.weight_bits

    @property
    def slices(self) -> int:
        """Cells of a weight (of each side of a pair)."""
        return -(-self.stored_bits // self.cell_bits)

    @property
    def weights_per_array(self) -> int:
        """Weights side by side in a row."""
        return self.columns // ((1 if self.siblings else self.slices) * (2 if self.pair else 1))

    @property
    def largest(self) -> int:
        """Largest sum of a column of a full array."""
        used = self.cell_bits if self.encoding == "flip" else min(self.cell_bits, self.stored_bits)
        return self.rows * (2**used - 1)

    def convert(self, total: int) -> int:
        """Value of a column sum."""
        steps = 2**self.adc_bits - 1
        if not self.full_scale:
            return WORD * min(total, steps)
        code = min((2 * steps * total + self.largest) // (2 * self.largest), steps)
        return code * round(WORD * self.largest / steps)

    def clips(self, total: int) -> bool:
        """Whether a sum is more than half a step above the last code's value."""
        return not self.full_scale and total > 2**self.adc_bits - 1


@dataclass(kw_only=True)
class Done:
    """Accumulators [groups, outputs, windows] times WORD, and counts over all windows."""

    accumulators: Array
    counts: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, kw_only=True)
class Block:
    """What the same rows drive: weight [rows, outputs] dense, the (group, output) of each column, and cells of a row
    that belong to its own convolution group (all, unless groups share the array)."""

    weight: Array
    place_of: list[tuple[int, int]]
    own_weights: int | None


def compute(chip: Chip, weight: Array, x: Array, *, bits: int, signed: bool, trims: bool) -> Done:
    """A layer: weight [groups, rows, outputs], inputs x [groups, rows, windows] of so many bits. With `trims` a row
    group streams only the bits that its largest input needs."""
    groups, _, outputs = weight.shape
    done = Done(accumulators=np.zeros((groups, outputs, x.shape[2]), np.int64))
    for block, inputs in _blocks(chip, weight, x):
        lengths = [_needed(inputs[:, window], signed) if trims else bits for window in range(x.shape[2])]
        for window, length in enumerate(lengths):
            for bit in range(length):
                place = -(2**bit) if signed and bit == length - 1 else 2**bit
                _read(chip, block, (inputs[:, window].astype(int) >> bit) & 1, place, window, done)
            done.counts["digits"] += length
    return done


def _needed(values: Array, signed: bool) -> int:
    """Bits of the largest of some inputs, two's complement where they are signed; none where all are 0."""
    largest = max(int(value if value >= 0 else ~value).bit_length() for value in values)
    return largest + int(signed and bool(values.any()))


def _blocks(chip: Chip, weight: Array, x: Array) -> list[tuple[Block, Array]]:
    groups, rows, outputs = weight.shape
    together = min(chip.rows // rows, chip.weights_per_array // outputs, groups)
    found = []
    if groups > 1 and together > 1:
        for first in range(0, groups, together):
            some = range(first, min(first + together, groups))
            dense = np.zeros((len(some) * rows, len(some) * outputs), int)
            for at, group in enumerate(some):
                dense[at * rows : (at + 1) * rows, at * outputs : (at + 1) * outputs] = weight[group]
            place_of = [(group, output) for group in some for output in range(outputs)]
            inputs = np.concatenate([x[group] for group in some])
            found.append((Block(weight=dense, place_of=place_of, own_weights=outputs), inputs))
        return found
    for group in range(groups):
        for top in range(0, rows, chip.rows):
            place_of = [(group, output) for output in range(outputs)]
            part = slice(top, top + chip.rows)
            held = weight[group, part].astype(int)
            found.append((Block(weight=held, place_of=place_of, own_weights=None), x[group, part]))
    return found


def _read(chip: Chip, block: Block, driven: Array, place: int, window: int, done: Done) -> None:
    """One bit of all inputs of a row group, in all its arrays."""
    exact = int(driven.sum())
    for first in range(0, block.weight.shape[1], chip.weights_per_array):
        held = block.weight[:, first : first + chip.weights_per_array]
        arrays = [[part] for part in range(chip.slices)] if chip.siblings else [list(range(chip.slices))]
        for parts in arrays:
            _count_array(chip, block, held, parts, driven, done)
            unit = WORD * exact
            if chip.unit_column and not chip.pair:
                unit = _converted(chip, np.ones(len(driven), int), driven, done)
            for at in range(held.shape[1]):
                group, output = block.place_of[first + at]
                total = _weight_read(chip, held[:, at], parts, driven, unit, done)
                done.accumulators[group, output, window] += place * total


def _weight_read(chip: Chip, weight: Array, parts: list[int], driven: Array, unit: int, done: Done) -> int:
    """What an array's columns of one weight contribute."""
    total, top = 0, 2**chip.cell_bits - 1
    sides = [weight + 2 ** (chip.weight_bits - 1)]
    if chip.pair:
        sides = [np.where(weight > 0, weight, 0), np.where(weight < 0, -weight, 0)]
    elif 0 in parts:
        total -= 2 ** (chip.weight_bits - 1) * unit
    for sign, side in zip((1, -1), sides, strict=False):
        for part in parts:
            levels = (side >> (part * chip.cell_bits)) & top
            weighs = sign * 2 ** (part * chip.cell_bits)
            if chip.encoding == "flip" and int(levels.sum()) >= 2 ** ((chip.rows * top).bit_length() - 1):
                total += weighs * (top * unit - _converted(chip, top - levels, driven, done))
            else:
                total += weighs * _converted(chip, levels, driven, done)
    return total


def _converted(chip: Chip, levels: Array, driven: Array, done: Done) -> int:
    """One column's conversion."""
    total = int(levels @ driven)
    done.counts["sampled"] += 1
    if chip.skips_zeros and not (driven.any() and levels.any()):
        assert total == 0
        return 0
    done.counts["made"] += 1
    done.counts["clipped"] += chip.clips(total)
    return chip.convert(total)


def _count_array(chip: Chip, block: Block, held: Array, parts: list[int], driven: Array, done: Done) -> None:
    """Rows, cells and idle columns of one read of one array."""
    columns = held.shape[1] * len(parts) * (2 if chip.pair else 1)
    own = held.shape[1] if block.own_weights is None else block.own_weights
    done.counts["rows"] += len(driven)
    done.counts["driven"] += int(driven.sum())
    done.counts["cells"] += len(driven) * own * len(parts) * (2 if chip.pair else 1)
    if chip.every_column:
        done.counts["sampled"] += chip.columns - columns
        done.counts["made"] += 0 if chip.skips_zeros else chip.columns - columns
