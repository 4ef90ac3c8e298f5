"""Row order: the incremental search against costs from scratch, its budget, and the noise it counts with."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.mapping.rows import Openings, bit_planes, expected_errors, order_cost, reorder


def case(rows: int, lines: int, windows: int, seed: int, size: int = 4) -> tuple[np.ndarray, np.ndarray, Openings]:
    rng = np.random.default_rng(seed)
    shared = rng.random((windows, 3)) < 0.5  # groups of rows that are active together
    x = rng.integers(0, 4, (windows, rows)) * shared[:, np.arange(rows) % 3]
    cells = rng.integers(0, 2, (rows, lines)).astype(np.uint8)
    sigma = np.linspace(0.3, 0.9, size + 1)
    return (
        bit_planes(x, 2),
        cells,
        Openings(rows_at_once=size, errors=expected_errors(size, size, 7, sigma), opening=0.1),
    )


def slow_cost(planes: np.ndarray, cells: np.ndarray, order: np.ndarray, openings: Openings) -> float:
    total = 0.0
    for bit, plane in enumerate(planes):
        for sample in plane:
            for start in range(0, len(order), openings.rows_at_once):
                rows = [row for row in order[start : start + openings.rows_at_once] if sample[row]]
                if rows:
                    sums = cells[rows].sum(axis=0)
                    total += 4.0**bit * (openings.opening + sum(openings.errors[len(rows), s] for s in sums))
    return total / planes.shape[1]


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 13), st.integers(1, 4), st.integers(1, 12), st.integers(0, 10**6))
def test_costs_are_those_counted_from_scratch(rows: int, lines: int, windows: int, seed: int) -> None:
    planes, cells, openings = case(rows, lines, windows, seed)
    found = reorder(planes, cells, openings, evaluations=200, seed=seed)
    assert sorted(found.order) == list(range(rows))
    assert found.cost == pytest.approx(slow_cost(planes, cells, found.order, openings))
    assert found.cost_before == pytest.approx(slow_cost(planes, cells, np.arange(rows), openings))
    assert found.cost <= min(found.cost_before, found.cost_greedy) + 1e-12
    assert (found.evaluations, found.stopped) == (200, "evaluations")


def test_every_exchange_is_followed_exactly() -> None:
    """The search's own books (active rows, sums, costs) after many accepted exchanges."""
    from archsim.mapping.rows import kernels

    planes, cells, openings = case(21, 3, 60, 5)
    bits = np.ascontiguousarray(planes.reshape(-1, 21).T)
    weight = np.repeat([1.0, 4.0], 60) / 60
    order = np.random.default_rng(0).permutation(21)
    windows = 6
    active, sums = np.zeros((windows, 120), np.int16), np.zeros((windows, 120, 3), np.int16)
    kernels.fill(bits, cells, order, 4, active, sums)
    costs = np.array(
        [kernels.window_cost(a, s, weight, openings.errors, 0.1) for a, s in zip(active, sums, strict=True)]
    )
    pairs = np.random.default_rng(1).integers(0, 21, (300, 2))
    before = costs.sum()
    accepted = kernels.swap_rows(bits, cells, weight, openings.errors, 0.1, 4, pairs, order, active, sums, costs)
    fresh, again = np.zeros_like(active), np.zeros_like(sums)
    kernels.fill(bits, cells, order, 4, fresh, again)
    assert accepted > 3
    np.testing.assert_array_equal(active, fresh)
    np.testing.assert_array_equal(sums, again)
    assert costs.sum() == pytest.approx(slow_cost(planes, cells, order, openings))
    assert costs.sum() < before


def test_rows_that_act_together_come_to_stand_together() -> None:
    planes, cells, _ = case(24, 2, 200, 3)
    openings = Openings(rows_at_once=4, errors=expected_errors(4, 4, 7, np.ones(5)))  # each opening costs alike
    found = reorder(planes, cells, openings)
    rng = np.random.default_rng(0)
    random = [order_cost(planes, cells, rng.permutation(24), openings) for _ in range(50)]
    assert found.cost < 0.8 * np.median(random)
    groups = found.order.reshape(-1, 4) % 3
    assert all(len(set(group)) == 1 for group in groups)


def test_the_budget_counts_evaluations_and_time_only_stops_it() -> None:
    planes, cells, openings = case(24, 2, 40, 3)
    assert (
        reorder(planes, cells, openings, seed=1).order.tolist()
        == reorder(planes, cells, openings, seed=1).order.tolist()
    )
    none = reorder(planes, cells, openings, evaluations=10**9, seconds=0.0)
    assert none.stopped == "time"
    assert none.evaluations < 10**9
    assert reorder(planes, cells, openings, evaluations=0).evaluations == 0


def test_expected_errors_are_those_of_drawn_noise() -> None:
    sigma = np.array([0.0, 0.4, 1.3, 2.0])
    errors = expected_errors(3, 3, 3, sigma)
    rng = np.random.default_rng(0)
    for n in range(4):
        for m in range(4):
            drawn = np.clip(np.rint(m + sigma[n] * rng.standard_normal(200_000)), 0, 3)
            assert errors[n, m] == pytest.approx(((drawn - m) ** 2).mean(), rel=0.03, abs=1e-4)
    assert (expected_errors(5, 9, 7, np.zeros(6))[0] == [0] * 8 + [1, 4]).all()  # a converter that clips errs as well
