"""Conversions of column sums, and the bits and roundings of what drives the rows; each has a NumPy oracle."""

from __future__ import annotations

import numpy as np

from archsim.compiling import kernel
from archsim.training.insitu.kernels.streams import Array, U, scrambled, uniform


@kernel(nogil=True)
def add_linear(sums: Array, low: np.float32, step: np.float32, top: int, weight: np.float32, out: Array) -> None:
    """out += weight * value of the code of each sum: code = min(max(floor((sum - low) / step), 0), top), value = low +
    (code + 1/2) step."""
    inverse, half = np.float32(1.0) / step, np.float32(0.5)
    for at in range(sums.size):
        code = np.int32((sums[U(at)] - low) * inverse)
        code = min(code, np.int32(top))
        out[U(at)] += weight * (low + (np.float32(code) + half) * step)


@kernel(nogil=True)
def add_table(sums: Array, low: np.float32, inverse: np.float32, values: Array, weight: np.float32, out: Array) -> None:
    """out += weight * values[bin of each sum], bin = floor((sum - low) * inverse)."""
    top = values.size - 1
    for at in range(sums.size):
        place = np.int32((sums[U(at)] - low) * inverse)
        place = min(place, np.int32(top))
        out[U(at)] += weight * values[U(place)]


@kernel(nogil=True)
def tally(sums: Array, low: np.float32, inverse: np.float32, counts: Array) -> None:
    """counts[bin of each sum] += 1, bins as in `add_table`."""
    top = counts.size - 1
    for at in range(sums.size):
        place = np.int32((sums[U(at)] - low) * inverse)
        place = min(place, np.int32(top))
        counts[U(place)] += 1


@kernel(nogil=True)
def bit_of(codes: Array, bit: int, out: Array) -> None:
    """Bit of whole numbers (stored as float32) in two's complement, as 0 or 1."""
    for at in range(codes.size):
        out[U(at)] = np.float32((np.int32(codes[U(at)]) >> np.int32(bit)) & np.int32(1))


@kernel(nogil=True)
def round_to(
    values: Array, inverse: np.float32, low: np.float32, high: np.float32, stochastic: bool, key: np.uint64, out: Array
) -> None:
    """min(max(round(value * inverse), low), high): to the nearest, or up with the probability of the rest."""
    if stochastic:
        for at in range(values.size):
            found = np.floor(values[U(at)] * inverse + uniform(scrambled(key, np.uint64(at))))
            out[U(at)] = min(max(found, low), high)
    else:
        for at in range(values.size):
            found = np.rint(values[U(at)] * inverse)
            out[U(at)] = min(max(found, low), high)
