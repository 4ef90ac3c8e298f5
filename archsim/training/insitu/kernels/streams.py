"""Counted uniform numbers, and what every kernel needs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.compiling import kernel
from archsim.function.crossbars.analog.kernels.normals import FIRST_FACTOR, GOLDEN, SECOND_FACTOR, SHIFTS

Array = NDArray[Any]

U = np.uintp
"""Indices that cannot be negative (see `archsim.training.kernels`)."""

ONE, ZERO = np.float32(1.0), np.float32(0.0)
UPPER = np.uint64(40)
UNIT = np.float32(2.0**-24)


@kernel(nogil=True, inline="always")
def scrambled(key: Any, counter: Any) -> Any:
    """64 random bits of number `counter` of a stream (SplitMix64)."""
    z = key + counter * GOLDEN
    z = (z ^ (z >> SHIFTS[0])) * FIRST_FACTOR
    z = (z ^ (z >> SHIFTS[1])) * SECOND_FACTOR
    return z ^ (z >> SHIFTS[2])


@kernel(nogil=True, inline="always")
def uniform(bits: Any) -> Any:
    """The upper 24 bits as a float32 in [0, 1)."""
    return np.float32(np.int32(bits >> UPPER)) * UNIT


@kernel(nogil=True, inline="always")
def between(value: Any, low: Any, high: Any) -> Any:
    """min(max(value, low), high)."""
    value = low if value < low else value
    return high if value > high else value
