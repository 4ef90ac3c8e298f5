"""Compiled product of unsigned and signed bytes: plain arrays in, plain arrays out."""

# mypy: allow-untyped-calls, disable-error-code="call-arg"
# (intrinsics are called without their first parameter, the typing context)

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import binding, ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from archsim.compiling import kernel

Array = NDArray[Any]

LANES = 16
"""32-bit sums in a vector: one window each."""
STRIP = 64
"""Windows packed together, four vectors of them."""
COLUMNS = 6
"""Columns computed together: 6 x 4 vectors of sums, 4 of inputs and one of weights fit the 32 registers."""

binding.initialize_native_asmparser()
# inline assembly is text until LLVM reads it

_I32, _I64 = ir.IntType(32), ir.IntType(64)
_VECTOR = ir.VectorType(_I32, LANES)


def _make(vectors: int) -> Any:
    """An intrinsic that adds the products of `vectors` x 16 windows and COLUMNS columns to sums."""

    @intrinsic
    def tile(_: Any, inputs: Any, weights: Any, width: Any, steps: Any, sums: Any) -> Any:
        """Addresses of inputs uint8 [steps, 64, 4], weights int8 [COLUMNS, width] and sums int32 [COLUMNS, 64]."""
        del inputs, weights, width, steps, sums  # only their number matters here
        signature = types.void(types.uint64, types.uint64, types.int64, types.int64, types.uint64)

        def generate(context: Any, builder: Any, _: Any, arguments: Any) -> Any:
            _tile(builder, vectors, *arguments)
            return context.get_dummy_value()

        return signature, generate

    return tile


def _tile(builder: Any, vectors: int, inputs: Any, weights: Any, width: Any, steps: Any, sums: Any) -> None:
    # the instruction itself: LLVM's name for it has changed its types between versions
    dot = ir.InlineAsm(
        ir.FunctionType(_VECTOR, [_VECTOR, _VECTOR, _VECTOR]), "vpdpbusd $3, $2, $0", "=v,0,v,v", side_effect=False
    )

    def whole(value: int) -> Any:
        return ir.Constant(_I64, value)

    def at(base: Any, offset: Any, kind: Any) -> Any:
        return builder.inttoptr(builder.add(base, offset), kind.as_pointer())

    places = [(column, vector) for column in range(COLUMNS) for vector in range(vectors)]
    held = {place: cgutils.alloca_once(builder, _VECTOR) for place in places}
    for column, vector in places:
        start = at(sums, whole(4 * STRIP * column + 64 * vector), _VECTOR)
        builder.store(builder.load(start, align=4), held[column, vector])
    with cgutils.for_range(builder, steps, intp=_I64) as loop:
        here = builder.mul(loop.index, whole(4 * STRIP))
        x = [builder.load(at(inputs, builder.add(here, whole(64 * v)), _VECTOR), align=1) for v in range(vectors)]
        for column in range(COLUMNS):
            offset = builder.add(builder.mul(width, whole(column)), builder.mul(loop.index, whole(4)))
            four = builder.load(at(weights, offset, _I32), align=1)
            one = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), four, ir.Constant(_I32, 0))
            spread = builder.shuffle_vector(
                one, ir.Constant(_VECTOR, ir.Undefined), ir.Constant(ir.VectorType(_I32, LANES), [0] * LANES)
            )
            for vector in range(vectors):
                place = held[column, vector]
                builder.store(builder.call(dot, [builder.load(place), x[vector], spread]), place)
    for column, vector in places:
        end = at(sums, whole(4 * STRIP * column + 64 * vector), _VECTOR)
        builder.store(builder.load(held[column, vector]), end, align=4)


_wide, _narrow = _make(4), _make(1)


@njit(inline="always")
def _address(array: Array) -> np.uint64:
    return np.uint64(array.ctypes.data)


@kernel(nogil=True)
def pack(x: Array, first: int, toggle: int, out: Array) -> None:
    """out [steps, 64, 4] = windows first .. first + 64 of x [rows, windows], four rows together, `toggle` on each byte;
    zero weights meet what lies beyond the last row."""
    rows, windows = x.shape
    count = min(STRIP, windows - first)
    for step in range(rows // 4):
        for window in range(count):
            for part in range(4):
                out[step, window, part] = x[4 * step + part, first + window] ^ np.uint8(toggle)
    for row in range(4 * (rows // 4), rows):
        for window in range(count):
            out[row // 4, window, row % 4] = x[row, first + window] ^ np.uint8(toggle)


@kernel(nogil=True)
def multiply(x: Array, weights: Array, start: Array, toggle: int, out: Array) -> None:
    """out int32 [columns, windows] = start [columns] + weights [columns padded, rows padded] times x [rows, windows].

    x is uint8, weights int8, zero where padded.
    """
    columns, windows = out.shape
    steps = weights.shape[1] // 4
    packed = np.zeros((steps, STRIP, 4), np.uint8)
    sums = np.empty((COLUMNS, STRIP), np.int32)
    for first in range(0, windows, STRIP):
        pack(x, first, toggle, packed)
        count = min(STRIP, windows - first)
        for block in range(0, columns, COLUMNS):
            for column in range(COLUMNS):
                sums[column, :] = start[block + column] if block + column < columns else 0
            lines = _address(weights) + np.uint64(block * weights.shape[1])
            if count > LANES:
                _wide(_address(packed), lines, weights.shape[1], steps, _address(sums))
            else:
                _narrow(_address(packed), lines, weights.shape[1], steps, _address(sums))
            for column in range(min(COLUMNS, columns - block)):
                for window in range(count):
                    out[block + column, first + window] = sums[column, window]
