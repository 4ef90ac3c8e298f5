"""The digital operations in floating point, shared by the float executor and the quantized network.

Each function takes and returns arrays [N, *shape]. Semantics are ONNX's.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.function import kernels
from archsim.workload.graph import Activation, GlobalPool, LocalResponseNorm, Pad, Parameters, Pool, Shape, Softmax

Array = NDArray[Any]


def activate(op: Activation, x: Array) -> Array:
    """The element-wise function, in x's float type."""
    if op.function == "relu":
        return np.maximum(x, 0)
    if op.function == "clip":
        return np.asarray(np.clip(x, x.dtype.type(op.low), x.dtype.type(op.high)))
    if op.function == "leaky_relu":
        return np.asarray(np.where(x < 0, x * x.dtype.type(op.alpha), x))
    if op.function == "sigmoid":
        return _sigmoid(x)
    if op.function == "tanh":
        return np.asarray(np.tanh(x))
    if op.function == "hard_sigmoid":
        return _hard_sigmoid(x, op.alpha, op.beta)
    # hard_swish, ONNX: alpha = 1/6 and beta = 0.5 are not attributes of the operation
    return np.asarray(x * _hard_sigmoid(x, 1 / 6, 0.5))


def _hard_sigmoid(x: Array, alpha: float, beta: float) -> Array:
    return np.asarray(np.clip(x * x.dtype.type(alpha) + x.dtype.type(beta), x.dtype.type(0), x.dtype.type(1)))


def _sigmoid(x: Array) -> Array:
    # exp of a negative magnitude only: no overflow at either end
    small = np.exp(-np.abs(x))
    return np.asarray(np.where(x < 0, small, 1) / (1 + small))


def affine(parameters: Parameters, x: Array) -> Array:
    """Scale and shift per channel (first axis after the batch)."""
    along = (-1,) + (1,) * (x.ndim - 2)
    scaled = x * parameters.weight.reshape(along)
    return scaled if parameters.bias is None else scaled + parameters.bias.reshape(along)


def max_pool(op: Pool, x: Array, shape: Shape) -> Array:
    """Maximum over the part of each window that lies on the map, in x's type: [N, *shape]."""
    out = np.empty((len(x), *shape), x.dtype)
    _pool(kernels.pool_max, op, x, out)
    return out


def sum_pool(op: Pool, x: Array, shape: Shape) -> Array:
    """Sum over the part of each window that lies on the map, float64 or int64 as x is float or integer: [N, *shape]."""
    out = np.empty((len(x), *shape), np.float64 if x.dtype.kind == "f" else np.int64)
    _pool(kernels.pool_sum, op, x, out)
    return out


def _pool(kernel: Any, op: Pool, x: Array, out: Array) -> None:
    maps = np.ascontiguousarray(x).reshape(-1, *x.shape[2:])
    kernel(maps, out.reshape(-1, *out.shape[2:]), op.kernel, op.stride, op.padding[0], op.padding[1])


def pool_counts(op: Pool, height: int, width: int, shape: Shape) -> NDArray[np.int64]:
    """What an average divides by at each output position: int64 [OH, OW].

    Without `count_padding` the positions on the map. With it the positions on the padded map, so a last partial window
    that `ceil` keeps does not count what lies beyond the padding.
    """
    top, left, bottom, right = op.padding
    before, after = ((top, left), (bottom, right)) if op.count_padding else ((0, 0), (0, 0))
    sides = []
    for axis, extent in enumerate((height, width)):
        start = np.arange(shape[1 + axis]) * op.stride[axis] - op.padding[axis]
        low = np.maximum(start, -before[axis])
        high = np.minimum(start + op.kernel[axis], extent + after[axis])
        sides.append(high - low)
    return np.asarray(sides[0][:, None] * sides[1], np.int64)


def reads_nothing(op: Pool, before: Shape, after: Shape) -> bool:
    """Whether some window lies wholly on padding (no value to take, no count to divide by)."""
    return bool((pool_counts(replace(op, count_padding=False), before[-2], before[-1], after) < 1).any())


def average_pool(op: Pool, x: Array, shape: Shape) -> Array:
    """Average of each window: float [N, *shape]."""
    counts = pool_counts(op, x.shape[2], x.shape[3], shape)
    return (sum_pool(op, x, shape) / counts).astype(x.dtype)


def global_pool(op: GlobalPool, x: Array) -> Array:
    """Maximum or mean over the map: [N, C, 1, 1] in x's type."""
    axes = tuple(range(2, x.ndim))
    if op.function == "max":
        return np.asarray(x.max(axis=axes, keepdims=True))
    return np.asarray(x.mean(axis=axes, keepdims=True, dtype=np.float64).astype(x.dtype))


def pad(op: Pad, x: Array, value: Any) -> Array:
    """Constant padding of the two spatial axes (negative padding crops)."""
    top, left, bottom, right = op.padding
    widths = [(0, 0)] * (x.ndim - 2) + [(max(0, top), max(0, bottom)), (max(0, left), max(0, right))]
    out = np.pad(x, widths, constant_values=value)
    rows = slice(max(0, -top), out.shape[-2] - max(0, -bottom))
    columns = slice(max(0, -left), out.shape[-1] - max(0, -right))
    return out[..., rows, columns]


def softmax(op: Softmax, x: Array) -> Array:
    """Softmax along the operation's axis, or its logarithm."""
    axis = op.axis + 1
    shifted = x - x.max(axis=axis, keepdims=True)
    total = np.exp(shifted).sum(axis=axis, keepdims=True)
    return np.asarray(shifted - np.log(total) if op.log else np.exp(shifted) / total)


def local_response_norm(op: LocalResponseNorm, x: Array) -> Array:
    """x / (bias + alpha / size * squares) ** beta, in x's type.

    `squares` sums x ** 2 over the channels c - floor((size - 1) / 2) .. c + ceil((size - 1) / 2).
    """
    channels = x.shape[1]
    sums = np.zeros((len(x), channels + 1, *x.shape[2:]), np.float64)
    np.cumsum(np.square(x, dtype=np.float64), axis=1, out=sums[:, 1:])
    centre = np.arange(channels)
    low = np.maximum(centre - (op.size - 1) // 2, 0)
    high = np.minimum(centre + op.size // 2 + 1, channels)
    squares = sums[:, high] - sums[:, low]
    return np.asarray((x / (op.bias + op.alpha / op.size * squares) ** op.beta).astype(x.dtype))
