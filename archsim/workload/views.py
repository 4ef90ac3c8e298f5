"""Arithmetic on parameter arrays that keeps constant fills small.

Topology-only networks store weights as one repeated number (ONNX `ConstantOfShape`). Such an array is a broadcast view:
axes of stride 0. These helpers work on one element of each repeated axis and broadcast the result, so that folding a
batch norm into a constant 100 MB weight costs some hundred bytes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def collapse(array: NDArray[Any]) -> NDArray[Any]:
    """The array with every repeated (stride 0) axis cut to length 1; shares memory."""
    cut = tuple(slice(0, 1) if stride == 0 and length > 1 else slice(None)
                for length, stride in zip(array.shape, array.strides, strict=True))  # fmt: skip
    return array[cut]


def to_float32(array: NDArray[Any]) -> NDArray[np.float32]:
    """float32 copy-if-needed, contiguous unless it is a broadcast view."""
    small = np.ascontiguousarray(collapse(array), dtype=np.float32).reshape(collapse(array).shape)
    return small if small.shape == array.shape else np.broadcast_to(small, array.shape)


def scale_rows(weight: NDArray[np.float32], scale: NDArray[Any] | float) -> NDArray[np.float32]:
    """`weight` [out, ...] times `scale` ([out] or one number) per output channel, computed in float64, as float32."""
    small = collapse(weight)
    factor = np.asarray(scale, dtype=np.float64).reshape((-1,) + (1,) * (weight.ndim - 1))
    product = np.asarray(small * factor, dtype=np.float32)
    return product if product.shape == weight.shape else np.broadcast_to(product, weight.shape)
