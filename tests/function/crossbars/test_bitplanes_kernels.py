"""Kernels of the bit-plane engine against plain NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.function.crossbars.bitplanes.kernels import loops

PLACES = np.array([(window % 8) * 8 + window // 8 for window in range(64)])


@pytest.mark.parametrize("vectorised", [False, True])
def test_a_tile_is_transposed_bit_by_bit(vectorised: bool) -> None:
    tile = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    planes, scratch = np.zeros((8, 64), np.uint64), np.zeros(512, np.uint64)
    loops.pack_tile(tile, scratch, planes, vectorised)
    bits = (tile[None] >> np.arange(8, dtype=np.uint8)[:, None, None]) & 1
    words = (bits.astype(np.uint64) << np.arange(64, dtype=np.uint64)[:, None]).sum(axis=1, dtype=np.uint64)
    assert (planes[:, PLACES] == words).all()


@pytest.mark.parametrize("vectorised", [False, True])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@given(rows=st.integers(1, 200), windows=st.integers(1, 150), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=15)
def test_strips_hold_the_bits_of_their_windows(
    vectorised: bool, kind: type[np.unsignedinteger], rows: int, windows: int, seed: int
) -> None:
    codes = np.random.default_rng(seed).integers(0, np.iinfo(kind).max + 1, (rows, windows)).astype(kind)
    bits, words = 8 * codes.itemsize, -(-rows // 64)
    found = np.full((bits, words, 64), 7, np.uint64)
    active, most = np.zeros((64, loops.DIGITS), np.int16), np.zeros(64, np.int64)
    for first in range(0, windows, 64):
        tile, scratch = np.full((64, 64), 9, np.uint8), np.zeros(512, np.uint64)
        loops.pack_strip(codes, first, tile, scratch, found, vectorised)
        here = np.zeros((words * 64, 64), kind)
        part = codes[:, first : first + 64]
        here[:rows, : part.shape[1]] = part
        for bit in range(bits):
            ones = ((here >> kind(bit)) & kind(1)).reshape(words, 64, 64).astype(np.uint64)
            packed = (ones << np.arange(64, dtype=np.uint64)[:, None]).sum(axis=1, dtype=np.uint64)
            assert (found[bit][:, PLACES] == packed).all()
        loops.count_active(found, bits // 2, 2, active, most)
        digits = (here[None] >> (2 * np.arange(bits // 2)).astype(kind)[:, None, None]) & kind(3)
        counts = (digits != 0).sum(axis=1)
        assert (active[PLACES, : bits // 2] == counts.T).all()
        assert (most[PLACES] == counts.max(axis=0)).all()


@given(rows=st.integers(1, 60), budget=st.integers(-1, 200), top=st.integers(1, 255), seed=st.integers(0, 99))
@settings(deadline=None)
def test_row_limits_are_the_tightest_bound_on_active_rows(rows: int, budget: int, top: int, seed: int) -> None:
    """As many of the largest cells as fit the budget: one more row could exceed it, unless the whole column fits."""
    cells = np.random.default_rng(seed).integers(0, top + 1, (2, rows, 8)).astype(np.uint8)
    found = np.empty((2, 8), np.int64)
    loops.row_limits(cells, budget, found)
    sums = np.cumsum(-np.sort(-cells.astype(int), axis=1), axis=1)
    reached = np.concatenate([np.zeros((2, 1, 8), int), sums], axis=1)
    assert (found == (reached <= budget).sum(axis=1) - 1).all()


@given(word=st.integers(0, 2**64 - 1))
@settings(deadline=None)
def test_popcount(word: int) -> None:
    assert loops.popcount(np.uint64(word)) == word.bit_count()
