"""Rescaling of wide integers to stored ones: dyadic multipliers and one rounding, half to even.

Rounding half up is biased by a quarter of an output unit wherever the dropped part is short, and the bias of many rows
adds up; rounding an already rounded value repeats the mistake. So the wide value is rounded once, to even.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archsim.function.quantization.network import TensorFormat
from archsim.workload.graph import Activation, Layer

Array = NDArray[Any]

MULTIPLIER_BITS = 22
"""Significant bits of a multiplier. An accumulator below 2**31 times such a number is exact in float64 (53 bits), so a
machine with a 22-bit integer multiplier and a shift that rounds half to even stores the same integers. Its error,
2**-22 relative, is far below half a unit of a stored value."""


def dyadic(factor: ArrayLike) -> NDArray[np.float64]:
    """The nearest numbers with MULTIPLIER_BITS significant bits."""
    mantissa, exponent = np.frexp(np.asarray(factor, np.float64))
    return np.asarray(np.ldexp(np.rint(np.ldexp(mantissa, MULTIPLIER_BITS)), exponent - MULTIPLIER_BITS))


def store(value: Array, form: TensorFormat, limits: tuple[int, int] | None = None) -> Array:
    """Integers nearest to `value` (in units of the format's scale), clamped to the format or to `limits`."""
    low, high = limits or (form.low, form.high)
    return np.clip(np.rint(value), low, high).astype(form.dtype)


def clamps_of(fused: tuple[Layer, ...], form: TensorFormat) -> tuple[int, int] | None:
    """Integer limits that stand for the fused layers, or None when they do more than clamp.

    Rounding is monotone, so clamping after it equals rounding the clamped wide value.
    """
    low, high = form.low, form.high
    for layer in fused:
        op = layer.op
        if not isinstance(op, Activation) or op.function not in ("relu", "clip"):
            return None
        if op.function == "relu":
            low = max(low, 0)
        else:
            # limits may be infinite: clamp before rounding
            low, high = (round(min(max(limit / form.scale, low), high)) for limit in (op.low, op.high))
    return low, max(low, high)
