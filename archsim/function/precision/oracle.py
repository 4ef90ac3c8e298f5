"""The definition of dynamic precision in plain NumPy: slow, for tests and for checking the fast path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Circuitry:
    """Weights in cells and what reads them: `cell_bits` a cell, offset encoding, columns whose levels add up to more
    than half of what they could store the complement where `flip`, converters that clip above 2^adc_bits - 1 (None: no
    limit). The unit column's count of driven rows is taken as exact."""

    weight_bits: int = 8
    cell_bits: int = 2
    flip: bool = False
    adc_bits: int | None = None

    @property
    def top(self) -> int:
        """Highest cell level."""
        return (1 << self.cell_bits) - 1

    @property
    def largest(self) -> int:
        """Highest code of the converter."""
        return (1 << (62 if self.adc_bits is None else self.adc_bits)) - 1


def cell_levels(weight: Array, starts: Array, circuit: Circuitry) -> tuple[Array, Array]:
    """Levels [slices, rows, columns] uint8 of weights [rows, columns], and which columns are flipped
    [groups, slices, columns]."""
    biased = weight.astype(np.int64) + (1 << (circuit.weight_bits - 1))
    parts = range(0, circuit.weight_bits, circuit.cell_bits)
    levels = np.stack([(biased >> low) & circuit.top for low in parts])
    flipped = np.zeros((len(starts) - 1, *levels.shape[::2]), bool)
    if circuit.flip:
        for group, (first, last) in enumerate(zip(starts[:-1], starts[1:], strict=True)):
            part = levels[:, first:last]
            flipped[group] = 2 * part.sum(axis=1) > circuit.top * (last - first)
            levels[:, first:last] = np.where(flipped[group][:, None], circuit.top - part, part)
    return levels.astype(np.uint8), flipped


def round_half_even(x: Array, shift: int) -> Array:
    """x / 2^shift rounded half to even, int64."""
    return np.asarray(np.rint(x.astype(np.float64) / 2.0**shift), np.int64)


def shortened(x: Array, bits: int, shift: int, signed: bool) -> Array:
    """The codes that are streamed: round-half-to-even(x / 2^shift) limited to `bits` bits."""
    if bits == 0:
        return np.zeros(x.shape, np.int64)
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    return np.clip(round_half_even(x, shift), low, high)


def streamed_product(
    x: Array, weight: Array, starts: Array, bits: Array, shift: Array, signed: bool, circuit: Circuitry
) -> Array:
    """Sums that the machine adds up, int64 [windows, columns], bit plane by bit plane.

    Parameters
    ----------
    x : stored inputs [rows, windows]. weight : integers [rows, columns].
    starts : first rows of the row groups [groups + 1].
    bits, shift : streamed and dropped bits [groups, windows].
    """
    levels, flipped = cell_levels(weight, starts, circuit)
    out = np.zeros((x.shape[1], weight.shape[1]), np.int64)
    offset = 1 << (circuit.weight_bits - 1)
    for group, (first, last) in enumerate(zip(starts[:-1], starts[1:], strict=True)):
        for window in range(x.shape[1]):
            p, t = int(bits[group, window]), int(shift[group, window])
            codes = shortened(x[first:last, window], p, t, signed)
            for plane in range(p):
                on = (codes >> plane) & 1
                weight_of_plane = -(1 << plane) if signed and plane == p - 1 else 1 << plane
                for part, level in enumerate(levels[:, first:last].astype(np.int64)):
                    code = np.minimum(on @ level, circuit.largest)
                    sums = np.where(flipped[group, part], on.sum() * circuit.top - code, code)
                    out[window] += (sums * weight_of_plane << (part * circuit.cell_bits)) << t
                out[window] -= (on.sum() * offset * weight_of_plane) << t
    return out


def rounded_inputs(x: Array, starts: Array, bits: Array, shift: Array, signed: bool) -> Array:
    """What an engine that knows nothing of dynamic precision is given: q' << t, int64 [rows, windows]."""
    out = np.zeros(x.shape, np.int64)
    for group, (first, last) in enumerate(zip(starts[:-1], starts[1:], strict=True)):
        for window in range(x.shape[1]):
            p, t = int(bits[group, window]), int(shift[group, window])
            out[first:last, window] = shortened(x[first:last, window], p, t, signed) << t
    return out


def group_facts(rows: Array, signed: bool) -> tuple[int, int, int]:
    """Span, sum and sum of squares of one group's inputs [rows], by definition: the least width that holds them all."""
    values = [int(value) for value in rows]
    span = 0
    if any(values):
        span = next(
            p
            for p in range(1, 40)
            if all((-(1 << (p - 1)) <= v < (1 << (p - 1))) if signed else v < (1 << p) for v in values)
        )
    return span, sum(values), sum(value * value for value in values)
