"""Counts of streams: histograms, merging, keeping the first images."""

from __future__ import annotations

import numpy as np

from archsim.function.precision.counts import count_streams, merge_streams

BITS = np.random.default_rng(0).integers(0, 9, (6, 3, 10)).astype(np.uint8)


def test_histogram_and_cycles() -> None:
    found = count_streams(BITS, 8, None)
    for group in range(3):
        assert (found.histogram[group] == np.bincount(BITS[:, group].ravel(), minlength=9)).all()
    assert (found.cycles == BITS.astype(int).sum(axis=(0, 2))).all()
    assert found.windows == 60
    assert found.zero_group_fraction == (BITS == 0).mean()


def test_merging_equals_counting_together() -> None:
    whole = count_streams(BITS, 8, 7)
    parts = merge_streams([count_streams(BITS[:1], 8, 3), count_streams(BITS[1:], 8, 4)])
    assert (parts.histogram == whole.histogram).all()
    assert (parts.bits == whole.bits).all()
    assert (parts.images, parts.ones) == (6, 7)


def test_kept_images_are_the_first_ones_in_any_split() -> None:
    for cut in (1, 2, 3, 5):
        first = count_streams(BITS[:cut], 8, None).keep(2)
        found = merge_streams([first, count_streams(BITS[cut:], 8, None)]).keep(2)
        assert (found.bits == BITS[:2]).all()
        assert found.images == 6
        assert found.ones is None
