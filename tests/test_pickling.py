"""Public values travel to other processes: pickled and read again they are the same."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import pytest

import archsim
from archsim.mapper import map_network
from archsim.workload import load_data, preprocessing_for, workload_hash


def _plan() -> Any:
    return map_network(archsim.load_workload("lenet5-mnist"), archsim.load_hardware("redy"))


@pytest.mark.parametrize("make", [_plan, lambda: archsim.load_hardware("puma"), lambda: archsim.simulate(_plan())])
def test_pickled_and_read_again_is_equal(make: Callable[[], Any]) -> None:
    value = make()
    again = pickle.loads(pickle.dumps(value))
    assert type(again) is type(value)
    if hasattr(value, "to_json"):
        assert again.to_json() == value.to_json()
    if hasattr(value, "hash"):
        assert again.hash == value.hash


def test_a_plan_from_a_pickle_gives_the_same_run() -> None:
    plan = _plan()
    again = pickle.loads(pickle.dumps(plan))
    assert workload_hash(again.graph) == workload_hash(plan.graph)
    run, copied = (archsim.simulate(item, inputs="digits", limit=8, engine="kernel") for item in (plan, again))
    assert copied.to_json() == run.to_json()


def test_graphs_pictures_and_preprocessing() -> None:
    graph = archsim.load_workload("resnet8-cifar10")
    prepared = preprocessing_for("resnet8-cifar10", graph)
    data = load_data("cats", prepared)
    for value in (graph, prepared, data):
        again = pickle.loads(pickle.dumps(value))
        assert type(again) is type(value)
    assert (pickle.loads(pickle.dumps(data)).pixels() == data.pixels()).all()
    assert pickle.loads(pickle.dumps(graph)).by_name.keys() == graph.by_name.keys()
