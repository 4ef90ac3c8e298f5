"""The definition of dynamic precision in plain NumPy: slow, for tests and for checking the fast path."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.function.crossbars.circuit import Circuit
from archsim.function.crossbars.converter import FRACTION_BITS
from archsim.function.crossbars.encodings import Drive, combine, encode, row_groups
from archsim.function.quantization.network import MatrixLayer

Array = NDArray[Any]


def round_half_even(x: Array, shift: int) -> Array:
    """x / 2^shift rounded half to even, int64."""
    return np.asarray(np.rint(x.astype(np.float64) / 2.0**shift), np.int64)


def shortened(x: Array, bits: int, shift: int, signed: bool) -> Array:
    """The codes that are streamed: round-half-to-even(x / 2^shift) limited to `bits` bits."""
    if bits == 0:
        return np.zeros(x.shape, np.int64)
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    return np.clip(round_half_even(x, shift), low, high)


def rounded_inputs(x: Array, starts: Array, bits: Array, shift: Array, signed: bool) -> Array:
    """What an engine that knows nothing of dynamic precision is given: codes times 2^shift, int64 [rows, windows]."""
    out = np.zeros(x.shape, np.int64)
    for group, (first, last) in enumerate(pairwise(starts)):
        for window in range(x.shape[1]):
            p, t = int(bits[group, window]), int(shift[group, window])
            out[first:last, window] = shortened(x[first:last, window], p, t, signed) << t
    return out


def group_facts(rows: Array, signed: bool) -> tuple[int, int, int]:
    """Span, sum and sum of squares of one group's inputs [rows], by definition: the least width that holds them all."""
    values = [int(value) for value in rows]
    span = 0
    if any(values):
        ranges = [(-(1 << (p - 1)), (1 << (p - 1)) - 1) if signed else (0, (1 << p) - 1) for p in range(1, 40)]
        span = next(p for p, (low, high) in enumerate(ranges, 1) if low <= min(values) and max(values) <= high)
    return span, sum(values), sum(value * value for value in values)


def streamed_product(layer: MatrixLayer, circuit: Circuit, x: Array, bits: Array, shift: Array) -> Array:
    """Sums that ideal cells and the circuit's converters add up to, plane by plane: float64 [outputs, windows].

    Parameters
    ----------
    x : stored inputs [rows of all groups, windows]. bits, shift : [row groups, windows].
    """
    out = np.zeros((layer.geometry.outputs, x.shape[1]))
    for group in row_groups(layer, circuit.slicing):
        encoded = encode(group.weight, circuit.slicing)
        levels = encoded.cells.astype(np.int64)
        for window in range(x.shape[1]):
            p, t = int(bits[group.index, window]), int(shift[group.index, window])
            codes = shortened(x[group.start : group.stop, window], p, t, layer.format.signed)
            if p == 0:
                continue
            planes = (codes >> np.arange(p)[:, None]) & 1
            sums = circuit.converter.convert(np.einsum("pr,srl->psl", planes, levels))
            driven = planes @ encoded.unit_cells.astype(np.int64)
            units = circuit.converter.convert(driven) if encoded.analog_unit else driven.astype(np.float64)
            drive = Drive(bits=p, dac_bits=1, signed=layer.format.signed)
            found = combine(encoded, sums[..., None], units[..., None], drive)[:, 0]
            out[group.first : group.last, window] += found * 2.0**t
    return np.asarray(np.rint(out * 2**FRACTION_BITS) / 2**FRACTION_BITS)
