"""The integer engine: exact integer products at the speed of floating-point BLAS, or of the processor's byte products.

Where no converter clips or rounds, a crossbar's shifted and added column sums equal the plain integer product, so this
engine stands for the whole machine. Floating-point units add integers exactly as long as nothing they hold exceeds
their mantissa:

    Let every |x| <= X. In a chunk of rows where sum over rows of |w[row, column]| * X <= 2**24 for every column, each
    product, each partial sum in any order (fused or not, vectorised or not) and the result are integers of magnitude <=
    2**24. float32 represents all of these, so no operation rounds and the chunk is exact. Chunk results are added as
    integers.

With 8-bit operands 255 * 127 * 512 < 2**24, so any 512 rows qualify; the magnitudes of real weights usually let a whole
layer be one chunk. Operands of more than 8 bits use float64 the same way with 2**53: 65535 * 32767 * 2**22 < 2**53
covers four million rows.

Operands of 8 bits go to `archsim.function.crossbars.byteproduct` on processors that multiply bytes in vectors; the
results are the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.function import kernels
from archsim.function.crossbars.byteproduct import prepare_bytes

Array = NDArray[Any]

FLOAT32_EXACT = 1 << 24
FLOAT64_EXACT = 1 << 53
BLOCK_ROWS = 64
"""Chunks are whole numbers of this many rows."""

NARROW_COLUMNS = 8
HELD_WEIGHTS = 1 << 24
"""Weights kept in floating point between calls, per layer; larger layers are converted chunk by chunk at each call."""

CONVERTED_WEIGHTS = 1 << 22
"""Weights of such a chunk."""

Chunk = tuple[int, int]
Multiply = Callable[[Array], Array]


def exact_chunks(weight: Array, input_limit: int, exact: int, most: int | None = None) -> list[Chunk] | None:
    """Row ranges of weight [rows, columns] whose sums stay within `exact` for inputs of magnitude up to `input_limit`.

    None when even BLOCK_ROWS rows of these weights could exceed it. Ranges have at most `most` rows, if given.
    """
    step = BLOCK_ROWS
    most = weight.shape[0] if most is None else max(most, step)
    sums = kernels.block_magnitudes(weight, step) * input_limit
    if sums.size and sums.max() > exact:
        return None
    chunks = []
    start, held = 0, np.zeros(weight.shape[1], np.int64)
    for index, block in enumerate(sums):
        held = held + block
        if held.max(initial=0) > exact or (index + 1) * step - start > most:
            chunks.append((start, index * step))
            start, held = index * step, block
    chunks.append((start, weight.shape[0]))
    return chunks


def prepare_integer(weight: Array, input_limit: int, *, byte_products: bool = True) -> Multiply:
    """Exact product with integer weights.

    Parameters
    ----------
    weight : [groups, rows, columns] integers of up to 16 bits.
    input_limit : largest magnitude of an input.
    byte_products : use the processor's, where it has them and operands are bytes.

    Returns
    -------
    function of x [groups, windows, rows] integers: sums over rows of x * weight, int32 or int64
    [groups, windows, columns].
    """
    groups, rows, columns = weight.shape
    flat = weight.transpose(1, 0, 2).reshape(rows, groups * columns)
    largest = int(kernels.block_magnitudes(flat, max(1, rows)).max(initial=0)) * input_limit
    total = np.dtype(np.int32 if largest < 2**31 else np.int64)
    if groups > 1 and columns < NARROW_COLUMNS:
        return lambda x: _narrow(weight, x, total)
    products = [_prepare_group(weight[group], input_limit, total, byte_products) for group in range(groups)]
    if groups == 1:
        return lambda x: products[0](x[0])[None]
    return lambda x: np.stack([product(part).T for product, part in zip(products, x, strict=True)]).transpose(0, 2, 1)


def _narrow(weight: Array, x: Array, total: np.dtype[Any]) -> Array:
    out = np.empty((weight.shape[0], weight.shape[2], x.shape[1]), total)
    kernels.narrow_product(weight, np.ascontiguousarray(x.transpose(0, 2, 1)), out)
    return out.transpose(0, 2, 1)


def _prepare_group(weight: Array, input_limit: int, total: np.dtype[Any], byte_products: bool) -> Multiply:
    in_bytes = prepare_bytes(weight, input_limit) if byte_products else None
    return in_bytes or _prepare_real(weight, input_limit, total)


def _prepare_real(weight: Array, input_limit: int, total: np.dtype[Any]) -> Multiply:
    real: np.dtype[Any] = np.dtype(np.float32)
    most = None if weight.size <= HELD_WEIGHTS else CONVERTED_WEIGHTS // weight.shape[1]
    chunks = exact_chunks(weight, input_limit, FLOAT32_EXACT, most)
    if chunks is None:
        real = np.dtype(np.float64)
        chunks = exact_chunks(weight, input_limit, FLOAT64_EXACT, most)
    if chunks is None:
        raise OverflowError(f"{BLOCK_ROWS} rows of these operands exceed 2**53: more than 16 bits each?")
    parts = [weight[start:stop].T for start, stop in chunks]
    if weight.size <= HELD_WEIGHTS:
        parts = [np.ascontiguousarray(part, real) for part in parts]

    def product(x: Array) -> Array:
        columns = x.T
        if len(parts) == 1:
            return np.asarray((parts[0].astype(real, copy=False) @ columns.astype(real)).astype(total).T)
        sums = np.zeros((weight.shape[1], len(x)), total)
        for (start, stop), part in zip(chunks, parts, strict=True):
            kernels.add_exact(sums, part.astype(real, copy=False) @ columns[start:stop].astype(real))
        return sums.T

    return product
