"""Forward and backward of every trainable operation, as plain functions over arrays.

Maps are [C, N, H, W] and vectors [F, N]: channels first, the batch second. `forward` functions return the output and
what the backward needs; gradients are of a scalar loss summed over the images of the arrays. All is float32; only the
sums of a batch norm are float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.function.reference.operations import pool_counts
from archsim.function.unroll import Geometry
from archsim.training import kernels
from archsim.workload.graph import GlobalPool, Pool, Shape

Array = NDArray[Any]

EPSILON = 1e-5
"""Added to the variance of a batch norm (Ioffe and Szegedy, ICML 2015, Algorithm 1)."""


def patches(x: Array, geometry: Geometry, pad: Array | None = None) -> Array:
    """Inputs of every window of x [C, N, H, W] (or [F, N]): [groups, rows, N * windows], rows in the order channel,
    ky, kx (that of a weight [out, in, kh, kw]); `pad` [C] stands outside the map, zero by default."""
    images = x.shape[1]
    shape = (geometry.groups, geometry.rows, images * geometry.windows)
    if geometry.copies_nothing:
        return np.ascontiguousarray(x).reshape(shape)
    out = np.empty((geometry.channels, *geometry.kernel, images, geometry.out_height, geometry.out_width), x.dtype)
    maps = np.ascontiguousarray(x).reshape(geometry.channels, images, geometry.height, geometry.width)
    fill = np.zeros(geometry.channels, x.dtype) if pad is None else pad.astype(x.dtype)
    kernels.unroll(maps, fill, out, geometry.stride, geometry.dilation, geometry.top, geometry.left)
    return np.asarray(out.reshape(shape))


def matrix_forward(weight: Array, bias: Array | None, unrolled: Array) -> Array:
    """Products [out, N * windows] of weight [out, ...] with `patches`, plus bias [out]."""
    groups, rows, _ = unrolled.shape
    out = np.matmul(weight.reshape(groups, -1, rows), unrolled).reshape(len(weight), -1)
    if bias is not None:
        out += bias[:, None]
    return np.asarray(out)


def matrix_gradients(gradient: Array, unrolled: Array) -> tuple[Array, Array]:
    """Gradients of weight [out, rows] and bias [out], from that of the products [out, N * windows]."""
    groups, rows, _ = unrolled.shape
    grouped = gradient.reshape(groups, -1, unrolled.shape[2])
    weight = np.matmul(grouped, unrolled.transpose(0, 2, 1)).reshape(len(gradient), rows)
    return weight, gradient.sum(axis=1)


def matrix_backward(gradient: Array, weight: Array, geometry: Geometry, shape: tuple[int, ...]) -> Array:
    """Gradient of the input (of the given shape [C, N, ...]), from that of the products [out, N * windows]."""
    grouped = gradient.reshape(geometry.groups, geometry.columns, -1)
    flat = weight.reshape(geometry.groups, geometry.columns, geometry.rows)
    return folded(np.matmul(flat.transpose(0, 2, 1), grouped), geometry, shape)


def folded(unrolled: Array, geometry: Geometry, shape: tuple[int, ...]) -> Array:
    """The adjoint of `patches`: an input of the given shape [C, N, ...], at each place the sum of what came from it in
    unrolled [groups, rows, N * windows]."""
    if geometry.copies_nothing:
        return np.asarray(unrolled.reshape(shape))
    images = shape[1]
    windows = (geometry.channels, *geometry.kernel, images, geometry.out_height, geometry.out_width)
    out = np.empty((geometry.channels, images, geometry.height, geometry.width), unrolled.dtype)
    kernels.fold(unrolled.reshape(windows), out, geometry.stride, geometry.dilation, geometry.top, geometry.left)
    return out.reshape(shape)


def clip_forward(x: Array, low: float, high: float) -> Array:
    """x limited to low..high (ReLU: 0..infinity)."""
    return np.maximum(x, 0) if (low, high) == (0.0, np.inf) else np.clip(x, x.dtype.type(low), x.dtype.type(high))


def clip_backward(gradient: Array, output: Array, low: float, high: float) -> Array:
    """Gradient where the output lies strictly between the limits, else zero."""
    out = np.empty_like(gradient)
    kernels.pass_between(gradient.reshape(-1), output.reshape(-1), low, high, out.reshape(-1))
    return out


def _maps(x: Array) -> Array:
    return np.ascontiguousarray(x).reshape(-1, *x.shape[2:])


def max_pool_forward(x: Array, op: Pool, shape: Shape) -> tuple[Array, Array]:
    """Maxima [C, N, *shape[1:]] of x [C, N, H, W], and the int32 position of each in its map."""
    out = np.empty((*x.shape[:2], *shape[1:]), x.dtype)
    places = np.empty(out.shape, np.int32)
    kernels.max_pool(_maps(x), _maps(out), _maps(places), op.kernel, op.stride, op.padding[0], op.padding[1])
    return out, places


def max_pool_backward(gradient: Array, places: Array, shape: tuple[int, ...]) -> Array:
    """Gradient of the input [C, N, H, W]: each output's goes to the first maximum of its window."""
    out = np.empty(shape, gradient.dtype)
    maps = shape[0] * shape[1]
    kernels.scatter(gradient.reshape(maps, -1), places.reshape(maps, -1), out.reshape(maps, -1))
    return out


def average_pool_forward(x: Array, op: Pool, shape: Shape) -> Array:
    """Averages [C, N, *shape[1:]] of x [C, N, H, W]."""
    out = np.empty((*x.shape[:2], *shape[1:]), x.dtype)
    kernels.sum_pool(_maps(x), _maps(out), op.kernel, op.stride, op.padding[0], op.padding[1])
    return np.asarray(out / pool_counts(op, x.shape[2], x.shape[3], shape).astype(x.dtype))


def average_pool_backward(gradient: Array, op: Pool, shape: tuple[int, ...]) -> Array:
    """Gradient of the input [C, N, H, W]."""
    counts = pool_counts(op, shape[2], shape[3], (shape[0], *gradient.shape[2:]))
    out = np.empty(shape, gradient.dtype)
    parts = gradient / counts.astype(gradient.dtype)
    kernels.spread_pool(_maps(parts), _maps(out), op.kernel, op.stride, op.padding[0], op.padding[1])
    return out


def whole_map(op: GlobalPool, shape: Shape) -> Pool:
    """The pooling window that covers a map of the given shape (C, H, W)."""
    return Pool(function=op.function, kernel=(shape[1], shape[2]))


def reshape_forward(x: Array, shape: Shape) -> Array:
    """Row-major reshape of every image: [C, N, ...] to [shape[0], N, *shape[1:]]."""
    images = x.shape[1]
    return np.ascontiguousarray(np.moveaxis(np.moveaxis(x, 1, -1).reshape(*shape, images), -1, 1))


def norm_sums(x: Array, y: Array) -> Array:
    """Sums over each channel of x and of x * y: float64 [C, 2]."""
    out = np.empty((len(x), 2))
    kernels.moments(x.reshape(len(x), -1), y.reshape(len(y), -1), out)
    return out


def norm_statistics(sums: Array, count: int) -> tuple[Array, Array]:
    """Mean and (biased) variance [C], float64, from the sums of x and x * x over `count` values a channel."""
    mean = sums[:, 0] / count
    return mean, np.maximum(sums[:, 1] / count - mean**2, 0)


def norm_forward(x: Array, gain: Array, bias: Array, mean: Array, variance: Array) -> Array:
    """gain * (x - mean) / sqrt(variance + EPSILON) + bias, per channel."""
    scale = gain / np.sqrt(variance + EPSILON)
    return _blend(x, x, scale, np.zeros(len(scale)), bias - scale * mean)


def norm_backward(
    gradient: Array, x: Array, gain: Array, statistics: tuple[Array, Array], sums: Array, count: int
) -> Array:
    """Gradient of a batch norm's input, through mean and variance as well.

    `sums` [C, 2]: those of the output's gradient and of its product with x over the whole batch of `count` values.
    """
    mean, variance = statistics
    inverse = 1 / np.sqrt(variance + EPSILON)
    direct = gain * inverse
    along = inverse * (sums[:, 1] - mean * sums[:, 0]) / count
    slope = -direct * along * inverse
    return _blend(gradient, x, direct, slope, -direct * sums[:, 0] / count - slope * mean)


def norm_gradients(sums: Array, statistics: tuple[Array, Array]) -> tuple[Array, Array]:
    """Gradients of gain and bias [C] from the sums of `norm_backward` (over any part of the batch)."""
    mean, variance = statistics
    return (sums[:, 1] - mean * sums[:, 0]) / np.sqrt(variance + EPSILON), sums[:, 0]


def _blend(x: Array, y: Array, a: Array, b: Array, c: Array) -> Array:
    out = np.empty_like(x)
    flat = (len(x), -1)
    a, b, c = (np.asarray(item, x.dtype) for item in (a, b, c))
    kernels.blend(x.reshape(flat), y.reshape(flat), a, b, c, out.reshape(flat))
    return out
