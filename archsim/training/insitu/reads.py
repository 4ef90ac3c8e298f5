"""Reading arrays: inputs drive the rows of one array height after another, and each sum passes a converter.

A sum is that of signed weights: the dummy column, at the middle of the window, is subtracted before the conversion
(`devices.weight_read`), so the on/off ratio drops out. The converter's range is that of the sums it meets: of one group
of rows, over the vectors that are read together (a chunk of a batch).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.training.insitu.kernels import reads as kernels
from archsim.training.insitu.recipe import Converters

Array = NDArray[Any]

BINS = 4096
"""Steps of the observed range on which nonlinear references can lie."""

PARTS = 64
"""Parts of the range in which the density of sums is taken as even."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drive:
    """What codes stand for: real value = step * code, codes of `bits` bits, in two's complement where `signed`."""

    step: float
    bits: int
    signed: bool

    @property
    def low(self) -> int:
        """Least code."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        """Largest code."""
        return (1 << (self.bits - self.signed)) - 1


def codes_of(values: Array, drive: Drive, key: np.uint64 | None = None) -> Array:
    """Codes (float32) of real values, limited to the range; with a key rounded stochastically, number by number."""
    out = np.empty(values.shape, np.float32)
    flat = np.ascontiguousarray(values, np.float32).reshape(-1)
    low, high = np.float32(drive.low), np.float32(drive.high)
    chosen = np.uint64(0) if key is None else key
    kernels.round_to(flat, np.float32(1 / drive.step), low, high, key is not None, chosen, out.reshape(-1))
    return out


def read(
    matrix: Array,
    codes: Array,
    drive: Drive,
    bits: int | None,
    converters: Converters,
    order: NDArray[np.intp] | None = None,
) -> Array:
    """Sums [columns, vectors] of matrix [rows, columns] with codes [rows, vectors], float32.

    Parameters
    ----------
    bits : of the conversions; None adds exactly, over all rows at once.
    order : rows as they follow each other in the arrays; as given by default.
    """
    if bits is None:
        return np.asarray(matrix.T @ codes)
    out = np.zeros((matrix.shape[1], codes.shape[1]), np.float32)
    for weight, plane in planes(codes, drive, converters):
        for start in range(0, len(matrix), converters.rows):
            stop = start + converters.rows
            part = slice(start, stop) if order is None else order[start:stop]
            _add(matrix[part].T @ plane[part], bits, converters, weight, out)
    return out


def planes(codes: Array, drive: Drive, converters: Converters) -> Iterator[tuple[float, Array]]:
    """What drives the rows at one time, with its weight in the sum."""
    if converters.reading == "whole":
        yield 1.0, codes
        return
    flat = np.ascontiguousarray(codes)
    for bit in range(drive.bits):
        plane = np.empty(flat.shape, np.float32)
        kernels.bit_of(flat.reshape(-1), bit, plane.reshape(-1))
        negative = drive.signed and bit == drive.bits - 1
        yield (-1.0 if negative else 1.0) * 2.0**bit, plane


def _add(sums: Array, bits: int, converters: Converters, weight: float, out: Array) -> None:
    low, high = np.float32(sums.min()), np.float32(sums.max())
    if not np.isfinite(high - low):
        out += high - low  # the loop stops a training that diverges
        return
    step = np.float32((high - low) / np.float32(2**bits))
    if not step > np.finfo(np.float32).tiny:
        out += np.float32(weight) * low
        return
    flat, to = sums.reshape(-1), out.reshape(-1)
    if converters.references == "linear":
        kernels.add_linear(flat, low, step, 2**bits - 1, np.float32(weight), to)
        return
    inverse = np.float32(BINS / (high - low))
    counts = np.zeros(BINS, np.int64)
    kernels.tally(flat, low, inverse, counts)
    values = low + np.float32((high - low) / BINS) * bin_values(counts, 2**bits)
    kernels.add_table(flat, low, inverse, values.astype(np.float32), np.float32(weight), to)


def bin_values(counts: Array, codes: int) -> NDArray[np.float64]:
    """Value, in bins, that a converter of `codes` codes gives a sum of each bin, from how many sums were seen there.

    Codes hold equal parts of the cube root of the density, which is estimated over PARTS parts of the range (that of
    few sums a bin would follow their noise); a code's value is the mean of the sums seen in it.
    """
    width = len(counts) // PARTS
    density = np.repeat(np.cbrt(counts.reshape(PARTS, width).sum(axis=1)), width)
    share = np.cumsum(density)
    code = np.minimum((share - density / 2) / share[-1] * codes, codes - 1).astype(np.int64)
    middle = np.arange(len(counts)) + 0.5
    seen = np.bincount(code, counts, codes)
    total = np.bincount(code, counts * middle, codes)
    return np.asarray((total / np.where(seen == 0, 1, seen))[code])
