"""Products of bytes on processors that have them in hardware; `archsim.function.crossbars.integer` falls back to BLAS
elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.function.processor import processor_has

Array = NDArray[Any]

MOST_ROWS = 2**31 // (255 * 128)
"""Rows whose sums of products of an unsigned and a signed byte fit 32 bits."""


def has_byte_products() -> bool:
    """Whether this processor multiplies and adds four bytes in each 32-bit lane of 512-bit vectors."""
    return processor_has("avx512f", "avx512vnni")


def prepare_bytes(weight: Array, input_limit: int) -> Callable[[Array], Array] | None:
    """Exact product with integer weights [rows, columns], None where operands are wider than bytes or the processor has
    no byte products.

    Parameters
    ----------
    input_limit : largest magnitude of an input.

    Returns
    -------
    function of x [windows, rows] int8 or uint8: int32 [windows, columns].
    """
    rows, columns = weight.shape
    fits = weight.size and weight.min() >= -128 and weight.max() <= 127
    if not (has_byte_products() and fits and input_limit <= 255 and rows <= MOST_ROWS):
        return None
    # kernels hold code that other processors' assemblers refuse
    from archsim.function.crossbars.byteproduct import kernels

    padded = np.zeros((-(-columns // kernels.COLUMNS) * kernels.COLUMNS, -(-rows // 4) * 4), np.int8)
    padded[:columns, :rows] = weight.T
    sums = weight.sum(axis=0, dtype=np.int64)

    def product(x: Array) -> Array:
        if x.dtype.itemsize != 1:
            raise TypeError(f"inputs must be bytes, got {x.dtype}")
        signed = x.dtype.kind == "i"
        lines = np.ascontiguousarray(x.T)
        out = np.empty((columns, lines.shape[1]), np.int32)
        # signed inputs enter with 128 added, which costs 128 times the sum of a column's weights
        start = (-128 * sums).astype(np.int32) if signed else np.zeros(columns, np.int32)
        kernels.multiply(lines.view(np.uint8), padded, start, 0x80 if signed else 0, out)
        return out.T

    return product
