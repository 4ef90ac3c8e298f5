"""Each compiled kernel against its NumPy oracle."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.function import kernels
from archsim.function.unroll import Geometry


def unroll_oracle(x: np.ndarray, g: Geometry, pad: np.ndarray) -> np.ndarray:
    """[groups, rows, images * windows] by padding with Python and slicing, one kernel position at a time."""
    images = len(x)
    reach = [(kernel - 1) * dilation + 1 for kernel, dilation in zip(g.kernel, g.dilation, strict=True)]
    height = max(g.top + g.height, (g.out_height - 1) * g.stride[0] + reach[0])
    width = max(g.left + g.width, (g.out_width - 1) * g.stride[1] + reach[1])
    whole = np.empty((images, g.channels, height, width), x.dtype)
    whole[:] = pad[:, None, None]
    whole[:, :, g.top : g.top + g.height, g.left : g.left + g.width] = x
    per_group = g.channels // g.groups
    out = np.empty((g.groups, *g.kernel, per_group, images, g.out_height, g.out_width), x.dtype)
    for ky in range(g.kernel[0]):
        for kx in range(g.kernel[1]):
            y, z = ky * g.dilation[0], kx * g.dilation[1]
            rows = slice(y, y + (g.out_height - 1) * g.stride[0] + 1, g.stride[0])
            columns = slice(z, z + (g.out_width - 1) * g.stride[1] + 1, g.stride[1])
            seen = whole[:, :, rows, columns].reshape(images, g.groups, per_group, g.out_height, g.out_width)
            out[:, ky, kx] = seen.transpose(1, 2, 0, 3, 4)
    return out.reshape(g.groups, g.rows, images * g.windows)


@st.composite
def geometries(draw: st.DrawFn) -> Geometry:
    groups = draw(st.integers(1, 3))
    kernel, stride, dilation = (tuple(draw(st.integers(1, high)) for _ in range(2)) for high in (3, 3, 2))
    height, width = (draw(st.integers((k - 1) * d + 1, 9)) for k, d in zip(kernel, dilation, strict=True))
    pads = [draw(st.integers(0, k - 1)) for k in (*kernel, *kernel)]
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    return Geometry(
        channels=groups * draw(st.integers(1, 3)),
        height=height,
        width=width,
        out_height=(height + pads[0] + pads[2] - reach[0]) // stride[0] + 1,
        out_width=(width + pads[1] + pads[3] - reach[1]) // stride[1] + 1,
        columns=draw(st.integers(1, 3)),
        kernel=kernel,
        stride=stride,
        dilation=dilation,
        top=pads[0],
        left=pads[1],
        groups=groups,
    )


@settings(deadline=None, max_examples=60)
@given(geometries(), st.integers(1, 3), st.sampled_from([np.uint8, np.uint16, np.uint32]), st.integers(0, 2**32 - 1))
def test_unroll(g: Geometry, images: int, kind: type, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 200, (images, g.channels, g.height, g.width)).astype(kind)
    pad = rng.integers(0, 200, g.channels).astype(kind)
    expected = unroll_oracle(x, g, pad).reshape(g.groups * g.rows, images, g.out_height, g.out_width)
    first = int(rng.integers(0, g.out_height))
    rows = int(rng.integers(1, g.out_height - first + 1))
    out = np.empty((g.groups * g.rows, images * rows * g.out_width), kind)
    kernels.unroll(x, pad, out, g.groups, g.kernel, g.stride, g.dilation, g.top, g.left, first, g.out_width)
    assert (out.reshape(-1, images, rows, g.out_width) == expected[:, :, first : first + rows]).all()


@pytest.mark.parametrize(("kind", "total"), [(np.uint8, np.int32), (np.int16, np.int64), (np.float32, np.float64)])
def test_narrow_product(kind: type, total: type) -> None:
    rng = np.random.default_rng(3)
    weight = rng.integers(-100, 100, (5, 9, 2)).astype(np.int8 if kind is not np.float32 else np.float32)
    x = rng.integers(0, 100, (5, 9, 37)).astype(kind)
    out = np.empty((5, 2, 37), total)
    kernels.narrow_product(weight, x, out)
    assert (out == np.einsum("gkn,gkm->gnm", weight.astype(np.int64), x.astype(np.int64))).all()


@pytest.mark.parametrize("kind", [np.int32, np.int64])
@pytest.mark.parametrize("part", [np.float32, np.float64])
def test_add_exact(kind: type, part: type) -> None:
    total = np.arange(12, dtype=kind).reshape(3, 4)
    kernels.add_exact(total, np.full((3, 4), -(2.0**24), part))
    assert (total == np.arange(12).reshape(3, 4) - 2**24).all()


@pytest.mark.parametrize("step", [1, 3, 64])
def test_block_magnitudes(step: int) -> None:
    weight = np.random.default_rng(0).integers(-128, 128, (70, 5)).astype(np.int8)
    starts = np.arange(0, 70, step)
    expected = np.add.reduceat(np.abs(weight.astype(np.int64)), starts, axis=0)
    assert (kernels.block_magnitudes(weight, step) == expected).all()


@pytest.mark.parametrize("low", [0.0, 5.0, -127.0])
def test_requantize(low: float) -> None:
    rng = np.random.default_rng(1)
    images, channels, block, positions, offset = 3, 4, 6, 10, 2
    accumulators = rng.integers(-3000, 3000, (channels, images * block)).astype(np.int32)
    accumulators[0, :3] = [0, 8, 24]  # with bias 0 and a sixteenth: 0, one half, three halves
    bias = np.array([0, 100, -100, 7])
    multiplier = np.array([1 / 16, 0.03, 0.04, 0.05])
    out = np.full((images, channels, positions), 99, np.uint8 if low >= 0 else np.int8)
    zeros = np.zeros(images, np.int64)
    kernels.requantize(accumulators, bias, multiplier, low, 120.0, out, offset, zeros)
    wide = ((accumulators + bias[:, None]) * multiplier[:, None]).reshape(channels, images, block).swapaxes(0, 1)
    assert (out[:, :, offset : offset + block] == np.clip(np.rint(wide), low, 120)).all()
    assert (out[:, :, :offset] == 99).all()
    assert (out[:, :, offset + block :] == 99).all()
    assert (zeros == ((wide <= 0) if low == 0 else (wide == 0)).sum(axis=(1, 2))).all()
    if low < 0:
        assert list(out[0, 0, 2:5]) == [0, 0, 2]


@settings(deadline=None, max_examples=40)
@given(
    st.integers(1, 9), st.integers(1, 9), st.integers(1, 3), st.integers(1, 3), st.booleans(), st.integers(0, 2**32 - 1)
)
def test_pools(height: int, width: int, kernel: int, stride: int, integers: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    kernel = min(kernel, height, width)
    pad = int(rng.integers(0, kernel))
    x = rng.integers(-99, 99, (2, height, width)).astype(np.int8 if integers else np.float32)
    shape = tuple((extent + pad + pad - kernel) // stride + 1 for extent in (height, width))
    best = np.empty((2, *shape), x.dtype)
    total = np.empty((2, *shape), np.int64 if integers else np.float64)
    kernels.pool_max(x, best, (kernel, kernel), (stride, stride), pad, pad)
    kernels.pool_sum(x, total, (kernel, kernel), (stride, stride), pad, pad)
    for index in np.ndindex(best.shape):
        y, z = index[1] * stride - pad, index[2] * stride - pad
        seen = x[index[0], max(0, y) : y + kernel, max(0, z) : z + kernel]
        assert best[index] == seen.max()
        assert total[index] == seen.sum(dtype=total.dtype)


def test_weighted_counts() -> None:
    rng = np.random.default_rng(2)
    codes = rng.integers(0, 16, (2, 3, 4, 5)).astype(np.uint8)
    rows, columns = rng.integers(0, 4, 4), rng.integers(0, 4, 5)
    table = rng.integers(0, 9, (16, 3))
    out = np.zeros((2, 3), np.int64)
    kernels.weighted_counts(codes, rows, columns, table, out)
    assert (out == np.einsum("nchwt,h,w->nt", table[codes], rows, columns)).all()


def test_zero_windows() -> None:
    rng = np.random.default_rng(4)
    rows = (rng.random((10, 50)) < 0.15).astype(np.uint8) * 128
    starts = np.array([0, 4, 5, 10])
    out = np.empty(3, np.int64)
    kernels.zero_windows(rows, starts, out)
    expected = [(rows[low:high] == 0).all(axis=0).sum() for low, high in pairwise(starts)]
    assert list(out) == expected
    assert 0 < out.min() < 50
