"""Fronts and hypervolumes against brute force."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from archsim.sweeps.pareto import (
    MARGIN,
    Frame,
    Objective,
    frame_of,
    hypervolume,
    losses,
    nondominated,
    parse_objective,
)

SETS = st.integers(1, 4).flatmap(
    lambda objectives: arrays(np.float64, st.tuples(st.integers(1, 9), st.just(objectives)), elements=st.integers(0, 5))
)


@given(SETS)
def test_front_is_what_nothing_dominates(values: np.ndarray) -> None:
    expected = [not any((other <= row).all() and (other < row).any() for other in values) for row in values]
    assert nondominated(values).tolist() == expected


@given(SETS)
def test_hypervolume_counts_cells(values: np.ndarray) -> None:
    """On a grid of unit cells the volume is the number of cells that some point dominates."""
    objectives = values.shape[1]
    frame = Frame(ideal=np.zeros(objectives), reference=np.full(objectives, 4.0))
    cells = itertools.product(range(4), repeat=objectives)
    dominated = sum(any((row <= cell).all() for row in values) for cell in cells)
    assert math.isclose(hypervolume(values, frame), dominated / 4**objectives, abs_tol=1e-12)


@given(SETS, st.integers(0, 3))
def test_more_points_never_take_volume_away(values: np.ndarray, spare: int) -> None:
    frame = frame_of(values)
    part = values[: max(1, len(values) - spare)]
    assert hypervolume(part, frame) <= hypervolume(values, frame) + 1e-12
    assert hypervolume(values[nondominated(values)], frame) == pytest.approx(hypervolume(values, frame))


def test_frame_is_that_of_the_front() -> None:
    values = np.array([[1.0, 10.0], [3.0, 2.0], [100.0, 100.0], [math.nan, 0.0]])
    frame = frame_of(values)
    assert frame.ideal.tolist() == [1.0, 2.0]
    assert frame.reference.tolist() == [1.0 + (1 + MARGIN) * 2.0, 2.0 + (1 + MARGIN) * 8.0]
    assert frame_of(values, [None, 50.0]).reference.tolist() == [frame.reference[0], 50.0]


def test_objective_in_which_all_of_the_front_is_alike() -> None:
    wide = frame_of(np.array([[1.0, 5.0], [2.0, 9.0]]))  # one point on the front: the width of all points
    assert wide.reference == pytest.approx([1 + 1.1 * 1, 5 + 1.1 * 4])
    assert frame_of(np.array([[2.0, 0.0]])).reference == pytest.approx([2 + 1.1 * 2, 1.1])
    assert hypervolume(np.array([[2.0, 0.0]]), frame_of(np.array([[2.0, 0.0]]))) == 1.0


def test_points_beyond_the_reference_add_nothing() -> None:
    frame = Frame(ideal=np.array([0.0, 0.0]), reference=np.array([2.0, 2.0]))
    assert hypervolume(np.array([[0.0, 2.0], [3.0, 0.0]]), frame) == 0.0
    assert hypervolume(np.array([[1.0, 1.0], [3.0, 0.0]]), frame) == 0.25
    assert hypervolume(np.empty((0, 2)), frame) == 0.0
    nowhere = Frame(ideal=np.array([5.0, 0.0]), reference=np.array([2.0, 2.0]))
    assert hypervolume(np.array([[5.0, 0.0]]), nowhere) == 0.0


def test_no_points_have_no_frame() -> None:
    with pytest.raises(ValueError, match="no points"):
        frame_of(np.array([[math.nan, 1.0]]))


@pytest.mark.parametrize(
    ("text", "metric", "maximize"),
    [
        ("latency_s", "latency_s", False),
        ("min latency_s", "latency_s", False),
        ("min:latency_s", "latency_s", False),
        ("max accuracy", "accuracy", True),
        ("max:accuracy", "accuracy", True),
        ("-accuracy", "accuracy", True),
    ],
)
def test_objectives_as_written(text: str, metric: str, maximize: bool) -> None:
    assert parse_objective(text) == Objective(metric=metric, maximize=maximize)


def test_losses_of_rows() -> None:
    rows = [{"a": 2, "b": 100.0}, {"a": None, "b": 1.0}, {"b": 1.0}, {"a": True, "b": 1.0}, {"a": 1, "b": math.inf}]
    goals = [parse_objective("a"), parse_objective("max b")]
    assert losses(rows, goals)[0].tolist() == [2.0, -100.0]
    assert np.isnan(losses(rows, goals)[1:]).any(axis=1).all()
    assert losses(rows, goals, "log")[0] == pytest.approx([math.log10(2), -2.0])
    assert math.isnan(losses([{"a": 0, "b": 1}], goals, "log")[0, 0])
    assert [goals[1].value(goals[1].loss(7.0, scale), scale) for scale in ("linear", "log")] == pytest.approx(
        [7.0, 7.0]
    )
