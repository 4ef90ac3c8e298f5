"""Compiled loops of the training engine: plain arrays in, plain arrays out, no state.

Maps are channel-first with the batch second, [C, N, H, W]: a matrix product then lands in its place, and what is done
per channel runs over contiguous memory. Every loop has a NumPy oracle in the tests; each runs on one thread without
the interpreter lock.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.compiling import kernel

Array = NDArray[Any]
Pair = tuple[int, int]

U = np.uintp
"""Indices that cannot be negative: signed ones are tested for counting from the end, which keeps loops scalar."""

REORDER = {"reassoc", "contract", "nsz"}
"""Sums may be reordered once, at compile time: the order is fixed for a machine, not for all machines."""


@kernel(nogil=True)
def inside(shift: int, stride: int, extent: int, count: int) -> Pair:
    """Positions [low, high) of `count` for which position * stride + shift lies in 0..extent - 1."""
    low = min(count, max(0, -(shift // stride)))
    high = max(low, min(count, (extent - 1 - shift) // stride + 1))
    return low, high


@kernel(nogil=True)
def unroll(x: Array, pad: Array, out: Array, stride: Pair, dilation: Pair, top: int, left: int) -> None:
    """Patches of x [C, N, H, W] as rows: out [C, kh, kw, N, OH, OW]; outside the map stands pad [C]."""
    channels, images, height, width = x.shape
    _, kh, kw, _, rows, columns = out.shape
    source, target = x.reshape(-1), out.reshape(-1)
    to = 0
    for channel in range(channels):
        fill = pad[channel]
        for ky in range(kh):
            for kx in range(kw):
                shift = kx * dilation[1] - left
                low, high = inside(shift, stride[1], width, columns)
                for image in range(images):
                    for row in range(rows):
                        line = row * stride[0] - top + ky * dilation[0]
                        begin, end = (low, high) if 0 <= line < height else (0, 0)
                        at = ((channel * images + image) * height + line) * width + shift
                        for column in range(begin):
                            target[U(to + column)] = fill
                        if stride[1] == 1:
                            for column in range(begin, end):
                                target[U(to + column)] = source[U(at + column)]
                        else:
                            for column in range(begin, end):
                                target[U(to + column)] = source[U(at + column * stride[1])]
                        for column in range(end, columns):
                            target[U(to + column)] = fill
                        to += columns


@kernel(nogil=True)
def fold(patches: Array, out: Array, stride: Pair, dilation: Pair, top: int, left: int) -> None:
    """Transpose of `unroll`: out [C, N, H, W] = sums of the patches [C, kh, kw, N, OH, OW] that were read from it."""
    channels, images, height, width = out.shape
    _, kh, kw, _, rows, columns = patches.shape
    source, target = patches.reshape(-1), out.reshape(-1)
    target[:] = 0
    at = 0
    for channel in range(channels):
        for ky in range(kh):
            for kx in range(kw):
                shift = kx * dilation[1] - left
                low, high = inside(shift, stride[1], width, columns)
                for image in range(images):
                    for row in range(rows):
                        line = row * stride[0] - top + ky * dilation[0]
                        begin, end = (low, high) if 0 <= line < height else (0, 0)
                        to = ((channel * images + image) * height + line) * width + shift
                        if stride[1] == 1:
                            for column in range(begin, end):
                                target[U(to + column)] += source[U(at + column)]
                        else:
                            for column in range(begin, end):
                                target[U(to + column * stride[1])] += source[U(at + column)]
                        at += columns


@kernel(nogil=True)
def window(place: int, stride: int, before: int, kernel: int, extent: int) -> Pair:
    """Part [first, last) of pooling window `place` that lies on an axis of length `extent`."""
    first = place * stride - before
    return max(0, first), min(extent, first + kernel)


@kernel(nogil=True)
def max_pool(x: Array, out: Array, places: Array, kernel: Pair, stride: Pair, top: int, left: int) -> None:
    """Maximum over the part of each window inside x [M, H, W]: out [M, OH, OW], and where it stood.

    places [M, OH, OW] int32: flat position in the map of the first maximum of the window.
    """
    maps, height, width = x.shape
    source, target, found = x.reshape(-1), out.reshape(-1), places.reshape(-1)
    to = 0
    for index in range(maps):
        base = index * height * width
        for row in range(out.shape[1]):
            y0, y1 = window(row, stride[0], top, kernel[0], height)
            for column in range(out.shape[2]):
                x0, x1 = window(column, stride[1], left, kernel[1], width)
                place = y0 * width + x0
                best = source[U(base + place)]
                for y in range(y0, y1):
                    for z in range(x0, x1):
                        value = source[U(base + y * width + z)]
                        larger = value > best
                        best = value if larger else best
                        place = y * width + z if larger else place
                target[U(to)] = best
                found[U(to)] = place
                to += 1


@kernel(nogil=True)
def scatter(values: Array, places: Array, out: Array) -> None:
    """out [M, P] = values [M, Q] added at the positions places [M, Q], zero elsewhere."""
    out[:] = 0
    for index in range(values.shape[0]):
        for item in range(values.shape[1]):
            out[index, U(places[index, item])] += values[index, item]


@kernel(nogil=True)
def sum_pool(x: Array, out: Array, kernel: Pair, stride: Pair, top: int, left: int) -> None:
    """Sum over the part of each window inside x [M, H, W]: out [M, OH, OW]."""
    maps, height, width = x.shape
    for index in range(maps):
        for row in range(out.shape[1]):
            y0, y1 = window(row, stride[0], top, kernel[0], height)
            for column in range(out.shape[2]):
                x0, x1 = window(column, stride[1], left, kernel[1], width)
                total = x.dtype.type(0)
                for y in range(y0, y1):
                    for z in range(x0, x1):
                        total += x[index, U(y), U(z)]
                out[index, row, column] = total


@kernel(nogil=True)
def spread_pool(values: Array, out: Array, kernel: Pair, stride: Pair, top: int, left: int) -> None:
    """Transpose of `sum_pool`: each of values [M, OH, OW] added to its window of out [M, H, W]."""
    maps, height, width = out.shape
    out[:] = 0
    for index in range(maps):
        for row in range(values.shape[1]):
            y0, y1 = window(row, stride[0], top, kernel[0], height)
            for column in range(values.shape[2]):
                x0, x1 = window(column, stride[1], left, kernel[1], width)
                for y in range(y0, y1):
                    for z in range(x0, x1):
                        out[index, U(y), U(z)] += values[index, row, column]


@kernel(nogil=True)
def pass_between(gradient: Array, values: Array, low: float, high: float, out: Array) -> None:
    """out [M] = gradient [M] where low < values [M] < high, else zero."""
    for index in range(gradient.size):
        keeps = (values[index] > low) & (values[index] < high)
        out[index] = gradient[index] if keeps else gradient.dtype.type(0)


@kernel(nogil=True, fastmath=REORDER)
def moments(x: Array, y: Array, out: Array) -> None:
    """out [C, 2] float64 = sums over each channel of x [C, M] and of x * y."""
    for channel in range(x.shape[0]):
        first, second = 0.0, 0.0
        for item in range(x.shape[1]):
            value = np.float64(x[channel, item])
            first += value
            second += value * np.float64(y[channel, item])
        out[channel, 0] = first
        out[channel, 1] = second


@kernel(nogil=True)
def blend(x: Array, y: Array, a: Array, b: Array, c: Array, out: Array) -> None:
    """out [C, M] = a x + b y + c, with a, b and c [C] one a channel."""
    for channel in range(x.shape[0]):
        p, q, r = a[channel], b[channel], c[channel]
        for item in range(x.shape[1]):
            out[channel, item] = p * x[channel, item] + q * y[channel, item] + r


@kernel(nogil=True)
def store(sums: Array, bias: Array, factor: Array, low: float, high: float, codes: Array, wide: Array) -> None:
    """codes [C, M] = clamp(round half to even(wide)), wide = (sums [C, M] + bias [C]) * factor [C] in float64.

    What `archsim.function.kernels.requantize` stores, kept as float32 integers, beside the value before rounding.
    """
    for channel in range(sums.shape[0]):
        add, times = np.float64(bias[channel]), factor[channel]
        for item in range(sums.shape[1]):
            value = (np.float64(sums[channel, item]) + add) * times
            wide[channel, item] = value
            value = np.rint(value)
            value = low if value < low else value
            codes[channel, item] = high if value > high else value


@kernel(nogil=True)
def store_gradient(gradient: Array, wide: Array, low: float, high: float, out: Array) -> float:
    """Straight-through gradient of a stored tensor: out [M] = gradient [M] where rounding needs no clamp, else zero.

    A low of zero is a ReLU's, below which nothing passes. Returns the gradient of the step size: the sum of gradient *
    (code - wide) inside and of gradient * code where the value was clamped (Esser et al., ICLR 2020, eq. (3)).
    """
    total = 0.0
    for index in range(gradient.size):
        value = np.float64(wide[index])
        nearest = np.rint(value)
        code = min(max(nearest, low), high)
        above = value > low if low == 0.0 else nearest >= low
        keeps = above & (nearest <= high)
        total += np.float64(gradient[index]) * (code - value if keeps else code)
        out[index] = gradient[index] if keeps else gradient.dtype.type(0)
    return total


GOLDEN, FIRST_FACTOR, SECOND_FACTOR = (
    np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB),
)  # fmt: skip


@kernel(nogil=True, inline="always")
def counted(key: np.uint64, counter: np.uint64) -> float:
    """Number in [0, 1), 24 bits: SplitMix64's finalizer (Steele, Lea and Flood, OOPSLA 2014) of a counter."""
    z = key + counter * GOLDEN
    z = (z ^ (z >> np.uint64(30))) * FIRST_FACTOR
    z = (z ^ (z >> np.uint64(27))) * SECOND_FACTOR
    z = z ^ (z >> np.uint64(31))
    return float(z >> np.uint64(40)) * 2.0**-24


@kernel(nogil=True)
def round_gradient(gradient: Array, unit: float, stochastic: bool, key: np.uint64, out: Array) -> None:
    """out [M] = gradient [M] rounded to multiples of `unit`, half to even or stochastically, limited to unit - 1 .. 1 -
    unit."""
    limit = 1.0 - unit
    for index in range(gradient.size):
        value = np.float64(gradient[index]) / unit
        value = np.floor(value + counted(key, np.uint64(index))) if stochastic else np.rint(value)
        out[index] = min(max(value * unit, -limit), limit)
