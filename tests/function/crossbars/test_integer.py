"""The integer engine's products are exact, up to the edge of what the mantissa holds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.function.crossbars import integer
from archsim.function.crossbars.integer import FLOAT32_EXACT, FLOAT64_EXACT, exact_chunks, prepare_integer


def oracle(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return np.matmul(x.astype(np.int64), weight.astype(np.int64))


@settings(deadline=None, max_examples=80)
@given(
    groups=st.integers(1, 3),
    windows=st.integers(1, 20),
    rows=st.integers(1, 700),
    columns=st.integers(1, 20),
    input_bits=st.integers(1, 16),
    signed=st.booleans(),
    weight_bits=st.integers(2, 16),
    extreme=st.booleans(),
    byte_products=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_products_equal_int64(
    groups: int,
    windows: int,
    rows: int,
    columns: int,
    input_bits: int,
    signed: bool,
    weight_bits: int,
    extreme: bool,
    byte_products: bool,
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    low, high = (-(2 ** (input_bits - 1)), 2 ** (input_bits - 1) - 1) if signed else (0, 2**input_bits - 1)
    edge = 2 ** (weight_bits - 1)
    x_type = np.dtype(f"{'i' if signed else 'u'}{1 if input_bits <= 8 else 2}")
    w_type = np.int8 if weight_bits <= 8 else np.int16
    if extreme:  # every product at its largest, so that the sums reach the bound
        x = np.full((groups, windows, rows), low if signed else high, x_type)
        weight = np.full((groups, rows, columns), -edge, w_type)
    else:
        x = rng.integers(low, high + 1, (groups, windows, rows)).astype(x_type)
        weight = rng.integers(-edge, edge, (groups, rows, columns)).astype(w_type)
    product = prepare_integer(weight, max(high, -low), byte_products=byte_products)(x)
    assert product.dtype in (np.int32, np.int64)
    assert (product == oracle(x, weight)).all()


def test_sixteen_bits_by_sixteen_bits_over_many_rows() -> None:
    x = np.full((1, 2, 30_000), 65535, np.uint16)
    weight = np.full((1, 30_000, 3), -32767, np.int16)
    x[0, 1, ::2] = 65533
    product = prepare_integer(weight, 65535)(x)
    assert (product == oracle(x, weight)).all()
    assert product[0, 0, 0] == -65535 * 32767 * 30_000


def test_the_bound_is_needed() -> None:
    """One float32 product over all rows of this layer is wrong: the chunks are what makes it right."""
    weight = np.full((1, 2047, 1), 127, np.int8)
    x = np.full((1, 1, 2047), 253, np.uint8)
    naive = (x[0].astype(np.float32) @ weight[0].astype(np.float32)).astype(np.int64)
    exact = oracle(x, weight)
    assert exact.max() > 2**24
    assert exact[0, 0, 0] % 2 == 1
    assert naive[0, 0] != exact[0, 0, 0]
    assert (prepare_integer(weight, 255, byte_products=False)(x) == exact).all()


def test_chunks_stay_within_the_mantissa_and_are_as_long_as_they_can_be() -> None:
    rng = np.random.default_rng(0)
    weight = rng.integers(-127, 128, (4608, 32)).astype(np.int8)
    chunks = exact_chunks(weight, 255, FLOAT32_EXACT)
    assert chunks is not None
    assert [start for start, _ in chunks] == [0, *(stop for _, stop in chunks[:-1])]
    assert chunks[-1][1] == 4608
    for start, stop in chunks:
        assert 255 * np.abs(weight[start:stop].astype(np.int64)).sum(axis=0).max() <= 2**24
    for start, stop in chunks[:-1]:
        assert 255 * np.abs(weight[start : stop + 64].astype(np.int64)).sum(axis=0).max() > 2**24
    assert exact_chunks(np.full((512, 1), 127, np.int8), 255, FLOAT32_EXACT) == [(0, 512)]
    assert exact_chunks(np.full((512, 1), 32767, np.int16), 65535, FLOAT32_EXACT) is None
    assert exact_chunks(np.full((512, 1), 32767, np.int16), 65535, FLOAT64_EXACT) == [(0, 512)]


def test_large_layers_are_converted_in_slabs_with_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    weight = rng.integers(-127, 128, (1, 1000, 40)).astype(np.int8)
    x = rng.integers(0, 256, (1, 7, 1000)).astype(np.uint8)
    held = prepare_integer(weight, 255, byte_products=False)(x)
    monkeypatch.setattr(integer, "HELD_WEIGHTS", 100)
    monkeypatch.setattr(integer, "CONVERTED_WEIGHTS", 128 * 40)
    assert (prepare_integer(weight, 255, byte_products=False)(x) == held).all()
    assert (held == oracle(x, weight)).all()


@pytest.mark.parametrize("order", ["C", "F"])
def test_strides_of_the_input_do_not_matter(order: str) -> None:
    rng = np.random.default_rng(2)
    weight = rng.integers(-127, 128, (2, 50, 12)).astype(np.int8)
    x = np.asarray(rng.integers(0, 256, (2, 9, 50)).astype(np.uint8), order=order)
    assert (prepare_integer(weight, 255, byte_products=False)(x) == oracle(x, weight)).all()
