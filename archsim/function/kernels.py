"""Compiled loops of the function package: plain arrays in, plain arrays out, no state.

Each has a NumPy oracle in the tests. They run on one thread without the interpreter lock; `parallel` runs several at
once on different images or windows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.compiling import kernel

Array = NDArray[Any]
Pair = tuple[int, int]


@kernel(nogil=True)
def unroll(
    x: Array,
    pad: Array,
    out: Array,
    groups: int,
    kernel: Pair,
    stride: Pair,
    dilation: Pair,
    top: int,
    left: int,
    first: int,
    columns: int,
) -> None:
    """Patches of x [N, C, H, W] as rows: out [C * kh * kw, N * output rows * columns].

    Rows run over the groups, then ky, kx and the channels of the group.
    `first` is the first output row; out's width says how many there are. Positions outside the map take pad [C].
    """
    images, channels, height, width = x.shape
    kh, kw = kernel
    per_group = channels // groups
    block = kh * kw * per_group
    out_rows = out.shape[1] // (images * columns)
    # unsigned indices spare the test for negative ones, which keeps loops scalar
    flat, patches, step = x.reshape(-1), out.reshape(-1), np.uintp(stride[1])
    for row in range(out.shape[0]):
        inside = row % block
        ky = inside // (kw * per_group)
        shift = (inside // per_group) % kw * dilation[1] - left
        channel = row // block * per_group + inside % per_group
        low = min(columns, max(0, -(shift // stride[1])))
        high = max(low, min(columns, (width - 1 - shift) // stride[1] + 1))
        fill = pad[channel]
        for image in range(images):
            for line in range(out_rows):
                source = (first + line) * stride[0] - top + ky * dilation[0]
                start = np.uintp(row * out.shape[1] + (image * out_rows + line) * columns)
                if source < 0 or source >= height:
                    for column in range(np.uintp(columns)):
                        patches[start + column] = fill
                    continue
                for column in range(np.uintp(low)):
                    patches[start + column] = fill
                origin = np.uintp(((image * channels + channel) * height + source) * width + low * stride[1] + shift)
                inner, count = start + np.uintp(low), np.uintp(high - low)
                if step == 1:
                    for column in range(count):
                        patches[inner + column] = flat[origin + column]
                else:
                    for column in range(count):
                        patches[inner + column] = flat[origin + column * step]
                for column in range(np.uintp(high), np.uintp(columns)):
                    patches[start + column] = fill


@kernel(nogil=True)
def narrow_product(weight: Array, x: Array, out: Array) -> None:
    """out [G, N, M] = weight [G, K, N] transposed times x [G, K, M], in out's type.

    For groups too narrow for BLAS (depthwise).
    """
    groups, rows, columns = weight.shape
    windows = x.shape[2]
    for group in range(groups):
        for column in range(columns):
            for window in range(windows):
                out[group, column, window] = 0
            for row in range(rows):
                factor = out.dtype.type(weight[group, row, column])
                for window in range(windows):
                    out[group, column, window] += factor * out.dtype.type(x[group, row, window])


@kernel(nogil=True)
def add_exact(total: Array, part: Array) -> None:
    """total [N, M] += part [N, M] (float32 or float64 holding integers)."""
    for row in range(total.shape[0]):
        for column in range(total.shape[1]):
            total[row, column] += total.dtype.type(part[row, column])


@kernel(nogil=True)
def block_magnitudes(weight: Array, step: int) -> Array:
    """Sum of magnitudes of weight [K, N] over blocks of `step` rows: int64 [ceil(K / step), N]."""
    rows, columns = weight.shape
    sums = np.zeros(((rows + step - 1) // step, columns), np.int64)
    for row in range(rows):
        for column in range(columns):
            sums[row // step, column] += abs(np.int64(weight[row, column]))
    return sums


@kernel(nogil=True)
def requantize(
    accumulators: Array, bias: Array, multiplier: Array, low: float, high: float, out: Array, offset: int, zeros: Array
) -> None:
    """out [images, N, positions] from offset on = clamp(round half to even((accumulators + bias) * multiplier)).

    accumulators [N, images * block] hold positions offset .. offset + block of each image; bias is int64 [N],
    multiplier float64 [N]. zeros [images] += values that are zero before rounding (below it, when it is the low clamp).
    """
    images = out.shape[0]
    block = accumulators.shape[1] // images
    for channel in range(accumulators.shape[0]):
        add = np.float64(bias[channel])
        factor = multiplier[channel]
        for image in range(images):
            count = 0
            for position in range(block):
                value = (np.float64(accumulators[channel, image * block + position]) + add) * factor
                count += (value <= 0.0) if low == 0.0 else (value == 0.0)
                value = np.rint(value)
                value = low if value < low else value
                value = high if value > high else value
                out[image, channel, offset + position] = np.int32(value)
            zeros[image] += count


@kernel(nogil=True)
def pool_max(x: Array, out: Array, kernel: Pair, stride: Pair, top: int, left: int) -> None:
    """Maximum over the part of each window inside x [maps, H, W]: out [maps, OH, OW]."""
    maps, height, width = x.shape
    flat = x.reshape(-1)
    for index in range(maps):
        for row in range(out.shape[1]):
            y0 = row * stride[0] - top
            y1 = min(height, y0 + kernel[0])
            y0 = max(0, y0)
            for column in range(out.shape[2]):
                x0 = column * stride[1] - left
                x1 = min(width, x0 + kernel[1])
                x0 = max(0, x0)
                start = (index * height + y0) * width + x0
                best = flat[np.uintp(start)]
                for y in range(y1 - y0):
                    line = np.uintp(start + y * width)
                    for z in range(np.uintp(x1 - x0)):
                        value = flat[line + z]
                        best = value if value > best else best
                out[index, row, column] = best


@kernel(nogil=True)
def pool_sum(x: Array, out: Array, kernel: Pair, stride: Pair, top: int, left: int) -> None:
    """Sum over the part of each window inside x [maps, H, W], in out's type (float64 or int64): out [maps, OH, OW]."""
    maps, height, width = x.shape
    flat = x.reshape(-1)
    for index in range(maps):
        for row in range(out.shape[1]):
            y0 = row * stride[0] - top
            y1 = min(height, y0 + kernel[0])
            y0 = max(0, y0)
            for column in range(out.shape[2]):
                x0 = column * stride[1] - left
                x1 = min(width, x0 + kernel[1])
                x0 = max(0, x0)
                total = out.dtype.type(0)
                for y in range(y1 - y0):
                    line = np.uintp((index * height + y0 + y) * width + x0)
                    for z in range(np.uintp(x1 - x0)):
                        total += out.dtype.type(flat[line + z])
                out[index, row, column] = total


@kernel(nogil=True)
def weighted_counts(codes: Array, weight_rows: Array, weight_columns: Array, table: Array, out: Array) -> None:
    """out [images, 3] = sum over codes [images, C, H, W] of table[code, :] * weight_rows[y] * weight_columns[x]."""
    images, channels, height, width = codes.shape
    for image in range(images):
        first, second, third = 0, 0, 0
        for channel in range(channels):
            for y in range(height):
                line0, line1, line2 = 0, 0, 0
                for x in range(width):
                    weight = weight_columns[x]
                    code = codes[image, channel, y, x]
                    line0 += weight * table[code, 0]
                    line1 += weight * table[code, 1]
                    line2 += weight * table[code, 2]
                first += weight_rows[y] * line0
                second += weight_rows[y] * line1
                third += weight_rows[y] * line2
        out[image, 0] = first
        out[image, 1] = second
        out[image, 2] = third


@kernel(nogil=True)
def zero_windows(rows: Array, starts: Array, out: Array) -> None:
    """out [groups] = how many columns of rows[starts[g]:starts[g + 1], :] are zero throughout."""
    windows = rows.shape[1]
    for group in range(out.size):
        seen = np.zeros(windows, rows.dtype)
        for row in range(starts[group], starts[group + 1]):
            for window in range(windows):
                seen[window] |= rows[row, window]
        count = 0
        for window in range(windows):
            count += seen[window] == 0
        out[group] = count
