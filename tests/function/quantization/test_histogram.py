"""Percentile and least-squares ranges from histograms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.function.quantization.histogram import (
    EDGES,
    Histogram,
    least_squares_range,
    observe_histogram,
    percentile_range,
)


def histogram(values: np.ndarray, pieces: int = 1) -> Histogram:
    state = None
    for part in np.array_split(values, pieces):
        state = observe_histogram(state, part)
    assert state is not None
    return state


def test_edges_ascend_and_bins_hold_their_values() -> None:
    assert (np.diff(EDGES) > 0).sum() >= len(EDGES) - 1 - 4 * 2**8  # the bins of infinities and NaN have no width
    values = np.random.default_rng(0).standard_normal(5000).astype(np.float32) * 100
    counts = histogram(values).counts
    inside = np.histogram(values, EDGES[(used := np.flatnonzero(counts))[0] : used[-1] + 2])[0]
    assert (inside == counts[used[0] : used[-1] + 1]).all()


@given(seed=st.integers(0, 2**32 - 1), pieces=st.integers(1, 7), percent=st.sampled_from([99.0, 99.9, 99.99]))
def test_percentiles_within_a_bin_of_the_exact_ones(seed: int, pieces: int, percent: float) -> None:
    rng = np.random.default_rng(seed)
    values = (rng.standard_normal(20_000) * 10 ** rng.uniform(-3, 3)).astype(np.float32)
    low, high = percentile_range(histogram(values, pieces), percent)
    assert (low, high) == percentile_range(histogram(values), percent)
    for found, share in ((low, 1 - percent / 100), (high, percent / 100)):
        bin_width = abs(found) / 256
        assert (values < found - bin_width).sum() <= share * len(values) <= (values <= found + bin_width).sum()
    assert values.min() <= low < 0 < high <= values.max()


def test_zeros_do_not_hide_a_side() -> None:
    """One value in a million: its percentile is zero, but the tensor has a scale."""
    values = np.zeros(10**6, np.float32)
    values[17] = 3.0
    assert percentile_range(histogram(values), 99.99) == (0.0, 3.0)
    assert percentile_range(histogram(np.zeros(5, np.float32)), 99.99) == (0.0, 0.0)


def test_tensors_on_one_side_keep_their_other_end() -> None:
    values = np.random.default_rng(1).random(10_000).astype(np.float32) + 1
    low, high = percentile_range(histogram(values), 99.0)
    assert low == values.min()
    assert high == pytest.approx(1.99, rel=0.01)


def test_values_that_are_not_finite_are_seen() -> None:
    for bad in (np.inf, -np.inf, np.nan):
        values = np.array([1.0, bad] * 3, np.float32)
        assert not np.isfinite(percentile_range(histogram(values), 99.0)).all()
        assert not np.isfinite(least_squares_range(histogram(values), 8)).all()


def test_least_squares_clips_outliers_as_a_search_over_the_values_does() -> None:
    rng = np.random.default_rng(2)
    values = np.abs(np.append(rng.standard_normal(50_000), [40.0])).astype(np.float32)
    low, high = least_squares_range(histogram(values), 4)
    assert low == values.min()
    limits = values.max() * np.arange(256, 0, -1) / 256
    errors = [np.square(values - np.clip(np.rint(values / c * 15), 0, 15) * c / 15).mean() for c in limits]
    assert high == pytest.approx(limits[int(np.argmin(errors))], rel=0.05)
    assert high < 5


def test_least_squares_of_signed_values() -> None:
    values = np.random.default_rng(3).standard_normal(10_000).astype(np.float32)
    low, high = least_squares_range(histogram(values), 8)
    assert values.min() <= low < -2.5
    assert 2.5 < high <= values.max()
