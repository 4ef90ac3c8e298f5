"""Each compiled loop against its NumPy oracle."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.function import kernels as inference
from archsim.training import kernels

Pair = tuple[int, int]


@st.composite
def windows(draw: st.DrawFn) -> tuple[np.ndarray, Pair, Pair, Pair, int, int, Pair]:
    """Maps, kernel, stride, dilation, top, left and output size of a convolution that may reach far over the edge."""
    kernel, stride, dilation = ((draw(st.integers(1, n)), draw(st.integers(1, n))) for n in (4, 3, 3))
    top, left = draw(st.integers(0, 5)), draw(st.integers(0, 5))
    shape = (draw(st.integers(1, 3)), draw(st.integers(1, 3)), draw(st.integers(1, 9)), draw(st.integers(1, 9)))
    out = draw(st.integers(1, 7)), draw(st.integers(1, 7))
    x = np.random.default_rng(draw(st.integers(0, 99))).standard_normal(shape).astype(np.float32)
    return x, kernel, stride, dilation, top, left, out


def unrolled(
    x: np.ndarray, pad: np.ndarray, kernel: Pair, stride: Pair, dilation: Pair, corner: Pair, size: Pair
) -> np.ndarray:
    channels, images, height, width = x.shape
    out = np.empty((channels, *kernel, images, *size), x.dtype)
    for ky, kx, row, column in np.ndindex(*kernel, *size):
        y = row * stride[0] - corner[0] + ky * dilation[0]
        z = column * stride[1] - corner[1] + kx * dilation[1]
        on_map = 0 <= y < height and 0 <= z < width
        out[:, ky, kx, :, row, column] = x[:, :, y, z] if on_map else pad[:, None]
    return out


@settings(deadline=None, max_examples=60)
@given(windows())
def test_unroll_and_its_transpose(case: tuple) -> None:
    x, kernel, stride, dilation, top, left, size = case
    pad = np.arange(len(x), dtype=x.dtype)
    out = np.full((len(x), *kernel, x.shape[1], *size), np.nan, x.dtype)
    kernels.unroll(x, pad, out, stride, dilation, top, left)
    np.testing.assert_array_equal(out, unrolled(x, pad, kernel, stride, dilation, (top, left), size))

    patches = np.random.default_rng(1).standard_normal(out.shape)
    folded = np.full(x.shape, np.nan)
    kernels.fold(patches, folded, stride, dilation, top, left)
    linear = np.empty(out.shape)
    kernels.unroll(x.astype(np.float64), np.zeros(len(x)), linear, stride, dilation, top, left)
    # <fold(p), x> = <p, unroll(x)> is what makes it the transpose
    assert np.vdot(folded, x) == pytest.approx(np.vdot(patches, linear), rel=1e-9, abs=1e-9)


@st.composite
def pools(draw: st.DrawFn) -> tuple[np.ndarray, Pair, Pair, int, int, Pair]:
    """Maps and a pooling in which every window holds some of the map."""
    kernel, stride = ((draw(st.integers(1, n)), draw(st.integers(1, n))) for n in (4, 3))
    top, left = draw(st.integers(0, kernel[0] - 1)), draw(st.integers(0, kernel[1] - 1))
    height, width = draw(st.integers(1, 8)), draw(st.integers(1, 8))
    size = ((height - 1 + top) // stride[0] + 1, (width - 1 + left) // stride[1] + 1)
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    x = rng.integers(-4, 5, (2, height, width)).astype(np.float32)  # ties are common
    return x, kernel, stride, top, left, size


@settings(deadline=None, max_examples=60)
@given(pools())
def test_pools(case: tuple) -> None:
    x, kernel, stride, top, left, size = case
    maximum, total = (np.empty((2, *size), np.float32) for _ in range(2))
    places = np.empty((2, *size), np.int32)
    kernels.max_pool(x, maximum, places, kernel, stride, top, left)
    kernels.sum_pool(x, total, kernel, stride, top, left)
    for index, row, column in np.ndindex(2, *size):
        y, z = row * stride[0] - top, column * stride[1] - left
        seen = x[index, max(0, y) : y + kernel[0], max(0, z) : z + kernel[1]]
        assert maximum[index, row, column] == seen.max()
        assert total[index, row, column] == seen.sum()
        place = divmod(int(places[index, row, column]), x.shape[2])
        first = np.argwhere(seen == seen.max())[0]
        assert place == (max(0, y) + first[0], max(0, z) + first[1])
    values = np.random.default_rng(1).standard_normal(total.shape)
    spread = np.full(x.shape, np.nan)
    kernels.spread_pool(values, spread, kernel, stride, top, left)
    assert np.vdot(spread, x) == pytest.approx(np.vdot(values, total), rel=1e-9, abs=1e-9)
    scattered = np.full((2, x[0].size), np.nan)
    kernels.scatter(values.reshape(2, -1), places.reshape(2, -1), scattered)
    expected = np.zeros_like(scattered)
    for index in range(2):
        np.add.at(expected[index], places[index].ravel(), values[index].ravel())
    np.testing.assert_allclose(scattered, expected, rtol=1e-12)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 999), st.sampled_from([(0.0, 255.0), (0.0, 7.0), (-127.0, 127.0), (3.0, 9.0)]))
def test_store_keeps_what_inference_stores(seed: int, clamps: tuple[float, float]) -> None:
    rng = np.random.default_rng(seed)
    sums = rng.integers(-4000, 4000, (3, 40)).astype(np.float32)
    bias = rng.integers(-500, 500, 3)
    factor = rng.choice([1 / 64, 1 / 16, 0.0371, 1.5], 3)  # powers of two make exact halves
    codes, wide = np.empty(sums.shape, np.float32), np.empty(sums.shape, np.float32)
    kernels.store(sums, bias.astype(np.float64), factor, *clamps, codes, wide)
    stored = np.empty((1, 3, 40), np.int32)
    inference.requantize(sums, bias, factor, *clamps, stored, 0, np.zeros(1, np.int64))
    np.testing.assert_array_equal(codes, stored[0])
    np.testing.assert_allclose(wide, (sums + bias[:, None]) * factor[:, None], rtol=1e-6)


def test_store_gradient() -> None:
    wide = np.array([-3.0, 0.0, 0.4, 2.5, 6.9, 7.3, 11.0], np.float32)
    gradient = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0], np.float32)
    out = np.empty_like(gradient)
    step = kernels.store_gradient(gradient, wide, 0.0, 7.0, out)
    np.testing.assert_array_equal(out, [0, 0, 4, 8, 16, 32, 0])  # 7.3 rounds to 7 without a clamp
    # inside: code - wide (2.5 rounds to 2); outside: the clamped code
    assert step == pytest.approx(4 * -0.4 + 8 * -0.5 + 16 * 0.1 + 32 * -0.3 + 64 * 7, rel=1e-6)
    signed = np.array([-9.0, -7.4, -7.0, 0.0, 7.0, 7.4, 9.0], np.float32)
    kernels.store_gradient(gradient, signed, -7.0, 7.0, out)
    np.testing.assert_array_equal(out, [0, 2, 4, 8, 16, 32, 0])


def test_elementwise() -> None:
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal((3, 50)).astype(np.float32) for _ in range(2))
    sums = np.empty((3, 2))
    kernels.moments(x, y, sums)
    np.testing.assert_allclose(
        sums, np.stack([x.sum(1, dtype=float), (x.astype(float) * y).sum(1)], axis=1), rtol=1e-10
    )
    a, b, c = (rng.standard_normal(3).astype(np.float32) for _ in range(3))
    out = np.empty_like(x)
    kernels.blend(x, y, a, b, c, out)
    np.testing.assert_allclose(out, a[:, None] * x + b[:, None] * y + c[:, None], rtol=1e-5, atol=1e-6)
    flat = np.empty(150, np.float32)
    kernels.pass_between(x.ravel(), y.ravel(), -0.5, np.inf, flat)
    np.testing.assert_array_equal(flat, np.where(y.ravel() > -0.5, x.ravel(), 0))
