"""Compiled loops of dynamic precision against their NumPy oracles."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from archsim.function.precision import kernels
from archsim.function.precision.oracle import group_facts, rounded_inputs
from archsim.function.precision.stream import SPANS

Array = NDArray[Any]
DTYPES = [np.uint8, np.int8, np.uint16, np.int16]


def some_rows(rng: np.random.Generator, dtype: type, rows: int = 29, windows: int = 37) -> Array:
    info = np.iinfo(dtype)
    scale = 2.0 ** -rng.integers(0, info.bits, (1, windows))
    x = rng.integers(info.min, info.max + 1, (rows, windows)) * scale
    x[rng.random(x.shape) < 0.4] = 0
    x[:, 0], x[:, 1] = info.min, info.max
    return x.astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_patterns_and_moments(dtype: type) -> None:
    rng = np.random.default_rng(1)
    rows, starts = some_rows(rng, dtype), np.array([0, 11, 12, 29])
    found = np.zeros((3, 37), dtype)
    kernels.patterns(rows, starts, found)
    total, squares = np.zeros((3, 37), np.int64), np.zeros((3, 37), np.int64)
    kernels.moments(rows, starts, total, squares)
    signed = np.issubdtype(dtype, np.signedinteger)
    for group, (first, last) in enumerate(pairwise(starts)):
        for window in range(37):
            span, wanted, wanted_squares = group_facts(rows[first:last, window], signed)
            pattern = int(found[group, window])
            assert pattern >= 0
            used = int(SPANS[pattern]) + bool(signed and rows[first:last, window].any())
            assert used == span
            assert (total[group, window], squares[group, window]) == (wanted, wanted_squares)


@settings(deadline=None)
@given(seed=st.integers(0, 2**32 - 1), dtype=st.sampled_from(DTYPES))
def test_rounding_and_driven_rows(seed: int, dtype: type) -> None:
    rng = np.random.default_rng(seed)
    rows, starts = some_rows(rng, dtype), np.array([0, 13, 29])
    signed, width = np.issubdtype(dtype, np.signedinteger), np.iinfo(dtype).bits
    bits = rng.integers(0, width + 1, (2, 37)).astype(np.uint8)
    shift = (rng.random((2, 37)) * (width + 1 - bits)).astype(np.uint8)
    out = np.empty_like(rows)
    kernels.round_groups(rows, starts, bits, shift, out)
    wanted = rounded_inputs(rows, starts, bits, shift, signed)
    assert (out == wanted).all()
    ones = np.zeros(2, np.int64)
    kernels.driven_rows(out, starts, bits, shift, ones)
    for group, (first, last) in enumerate(pairwise(starts)):
        codes = (wanted[first:last] >> shift[group]) & ((1 << bits[group].astype(int)) - 1)
        assert ones[group] == sum(int(code).bit_count() for code in codes.ravel())


def test_halves_go_to_the_even_neighbour() -> None:
    """Half up would be biased: 1/2 -> 1, 3/2 -> 2, 5/2 -> 3; half to even gives 0, 2, 2 (and -2 for -3/2)."""
    rows = np.array([[1, 3, 5, -3]], np.int8)
    out = np.empty_like(rows)
    one = np.ones((1, 4), np.uint8)
    kernels.round_groups(rows, np.array([0, 1]), 4 * one, one, out)
    assert (out // 2 == [[0, 2, 2, -2]]).all()
