"""Unrolling: the order of rows, blocks of windows, how often an input is read."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from archsim.function import unroll as module
from archsim.function.unroll import Geometry, blocks, coverage, inside_fraction, unroll, weight_matrix

from .test_kernels import geometries, unroll_oracle


def test_rows_are_in_the_order_ky_kx_channel() -> None:
    geometry = Geometry(channels=2, height=3, width=3, out_height=2, out_width=2, columns=1, kernel=(2, 2))
    x = np.arange(18, dtype=np.float32).reshape(1, 2, 3, 3)
    block = next(blocks(geometry, 1))
    first_window = unroll(x, geometry, block, np.zeros(2, np.float32))[0, :, 0]
    assert list(first_window) == [0, 9, 1, 10, 3, 12, 4, 13]


def test_weight_rows_follow_the_same_order_within_each_group() -> None:
    weight = np.arange(2 * 2 * 2 * 2, dtype=np.float32).reshape(2, 2, 2, 2)  # [out, in, ky, kx]
    matrix = weight_matrix(weight, 2)
    assert matrix.shape == (2, 8, 1)
    assert list(matrix[1, :, 0]) == [8, 12, 9, 13, 10, 14, 11, 15]
    assert weight_matrix(weight.reshape(4, 4), 1).shape == (1, 4, 4)


@settings(deadline=None, max_examples=40)
@given(geometries())
def test_blocks_cover_each_window_once_and_agree_with_the_whole(geometry: Geometry) -> None:
    x = (
        np.random.default_rng(0)
        .integers(0, 99, (3, geometry.channels, geometry.height, geometry.width))
        .astype(np.uint8)
    )
    pad = np.arange(geometry.channels, dtype=np.uint8)
    whole = unroll_oracle(x, geometry, pad)
    whole = whole.reshape(geometry.groups, geometry.rows, 3, geometry.out_height, geometry.out_width)
    seen = np.zeros((3, geometry.out_height), np.int64)
    for block in blocks(geometry, 3, share=4):
        images, lines = slice(block.start, block.stop), slice(block.first_row, block.first_row + block.rows)
        seen[images, lines] += 1
        found = unroll(x, geometry, block, pad)
        assert (found == whole[:, :, images, lines].reshape(found.shape)).all()
    assert (seen == 1).all()


def test_blocks_bound_what_is_unrolled_and_feed_every_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    geometry = Geometry(
        channels=64, height=56, width=56, out_height=56, out_width=56, columns=64, kernel=(3, 3), top=1, left=1
    )
    monkeypatch.setattr(module, "BLOCK_ELEMENTS", 400_000)
    found = list(blocks(geometry, 2))
    assert max(block.rows * geometry.out_width * geometry.rows for block in found) <= 400_000
    assert {block.stop - block.start for block in found} == {1}
    small = Geometry(
        channels=64, height=16, width=16, out_height=16, out_width=16, columns=8, kernel=(3, 3), top=1, left=1
    )
    assert len(list(blocks(small, 1))) == 1
    assert len(list(blocks(small, 1, share=2))) == 2
    tiny = Geometry(channels=4, height=4, width=4, out_height=4, out_width=4, columns=8)
    assert len(list(blocks(tiny, 1, share=2))) == 1


@settings(deadline=None, max_examples=60)
@given(geometries())
def test_coverage_counts_reads(geometry: Geometry) -> None:
    rows, columns = coverage(geometry)
    counts = np.zeros((geometry.height, geometry.width), np.int64)
    for index in np.ndindex(counts.shape):
        x = np.zeros((1, geometry.channels, geometry.height, geometry.width), np.uint8)
        x[(0, slice(None), *index)] = 1
        counts[index] = unroll_oracle(x, geometry, np.zeros(geometry.channels, np.uint8)).sum() // geometry.channels
    assert (np.multiply.outer(rows, columns) == counts).all()
    inside = inside_fraction(geometry, 4)
    assert inside.shape == (1, 1, *geometry.kernel)
    assert inside.sum() * geometry.windows == pytest.approx(counts.sum())
