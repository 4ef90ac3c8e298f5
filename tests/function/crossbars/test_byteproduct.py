"""Products of bytes: exact at every size and sign, and refused where they would not be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.function.crossbars.byteproduct import has_byte_products, prepare_bytes
from archsim.function.crossbars.byteproduct.product import MOST_ROWS

needs_them = pytest.mark.skipif(not has_byte_products(), reason="this processor has no byte products (AVX-512 VNNI)")


@needs_them
@given(
    rows=st.integers(1, 600),
    columns=st.integers(1, 40),
    windows=st.integers(1, 200),
    signed=st.booleans(),
    extreme=st.booleans(),
    strided=st.booleans(),
    seed=st.integers(0, 999),
)
@settings(deadline=None, max_examples=80)
def test_equals_int64(
    rows: int, columns: int, windows: int, signed: bool, extreme: bool, strided: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    kind = np.int8 if signed else np.uint8
    low, high = np.iinfo(kind).min, np.iinfo(kind).max
    x = np.full((rows, windows), low if signed else high, kind)
    weight = np.full((rows, columns), -128, np.int8)
    if not extreme:
        x = rng.integers(low, high + 1, x.shape).astype(kind)
        weight = rng.integers(-128, 128, weight.shape).astype(np.int8)
    x = x.T if strided else np.ascontiguousarray(x.T)
    product = prepare_bytes(weight, 255)
    assert product is not None
    found = product(x)
    assert found.dtype == np.int32
    assert (found == x.astype(np.int64) @ weight.astype(np.int64)).all()


@needs_them
def test_the_largest_layers_do_not_overflow() -> None:
    """65535 rows of the largest products are just below 2**31; one more is refused."""
    weight = np.full((MOST_ROWS, 2), -128, np.int8)
    product = prepare_bytes(weight, 255)
    assert product is not None
    for x, value in ((np.full((1, MOST_ROWS), 255, np.uint8), 255), (np.full((1, MOST_ROWS), -128, np.int8), -128)):
        assert (product(x) == -128 * value * MOST_ROWS).all()
    assert prepare_bytes(np.ones((MOST_ROWS + 1, 2), np.int8), 255) is None


def test_wider_operands_are_refused() -> None:
    assert prepare_bytes(np.array([[128]], np.int16), 255) is None
    assert prepare_bytes(np.array([[1]], np.int16), 256) is None


@needs_them
def test_wider_inputs_are_an_error() -> None:
    product = prepare_bytes(np.array([[1]], np.int64), 255)
    assert product is not None
    with pytest.raises(TypeError, match="bytes"):
        product(np.array([[1]], np.uint16))
