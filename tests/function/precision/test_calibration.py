"""Saved calibrations: round trip, tampering, what must fit, pictures seen twice."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import archsim
from archsim.config.shipped import shipped
from archsim.errors import InputError
from archsim.function.precision.calibration import Calibration, calibrated_on, check_calibration, read_calibration
from archsim.function.precision.offline import Request, calibrate_network, plan_settings
from archsim.function.precision.search import Budget
from archsim.mapping import Plan
from archsim.workload import Dataset, Preprocessing, workload_hash
from tests.function.nets import pictures, plain

GRAPH = plain()
DATA = Dataset(
    name="drawn",
    preprocessing=Preprocessing(size=(8, 8), mean=(100.0,), scale=(0.01,)),
    names=tuple(str(index) for index in range(12)),
    labels=None,
    source=np.ascontiguousarray(pictures(12, 8).transpose(0, 2, 3, 1)),
    indices=np.arange(12, dtype=np.int64),
)


@pytest.fixture(scope="module")
def plan() -> Plan:
    return archsim.map_network(GRAPH, archsim.load_hardware("redy"))


@pytest.fixture(scope="module")
def made(plan: Plan) -> Calibration:
    request = Request(method="p99.99", budget=Budget(kind="snr_db", limit=25.0))
    return calibrate_network(plan, GRAPH, DATA, request)


def test_round_trip(made: Calibration, tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text(made.to_json())
    assert read_calibration(path) == made
    assert read_calibration(path).hash == made.hash
    assert made.settings["budget"] == "snr_db=25"
    assert set(made.thresholds) == {"c1", "c2"}
    assert made.measured["snr_db"] >= 25


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"thresholds": {"c1": 0.5}}, "changed after it was made"),
        ({"format": 9}, "no calibration of format"),
        ({"ranges": 3}, "is no calibration"),
    ],
)
def test_damaged_files(made: Calibration, tmp_path: Path, change: dict[str, object], what: str) -> None:
    path = tmp_path / "c.json"
    path.write_text(json.dumps({**json.loads(made.to_json()), **change}))
    with pytest.raises(InputError, match=what):
        read_calibration(path)


def test_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_calibration(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(InputError, match="not JSON"):
        read_calibration(tmp_path / "bad.json")


def test_everything_that_does_not_fit_is_named(made: Calibration, plan: Plan) -> None:
    settings = plan_settings(plan)
    check_calibration(made, GRAPH, settings)
    with pytest.raises(InputError) as caught:
        check_calibration(made, plain(seed=1), {**settings, "input_bits": 6, "rows": 64, "policy": "range"})
    text = str(caught.value)
    for part in ("weights differ", "input_bits 8", "rows 128", "policy redy_var"):
        assert part in text
    # without thresholds only the network and its operands matter
    check_calibration(replace(made, thresholds={}), GRAPH, {**settings, "rows": 64})


def test_runs_use_it_and_say_when_they_see_its_pictures(made: Calibration, plan: Plan) -> None:
    run = archsim.simulate(plan, inputs=DATA, calibrate=made)
    assert run.function is not None
    assert run.function.calibration == made.origin
    assert any("12 of 12 pictures were calibrated on" in note for note in run.notes)
    fresh = replace(DATA, source=np.ascontiguousarray(pictures(12, 8, seed=9).transpose(0, 2, 3, 1)))
    assert calibrated_on(made, fresh) == 0
    unseen = archsim.simulate(plan, inputs=fresh, calibrate=made)
    assert not any("calibrated on" in note for note in unseen.notes)


@pytest.mark.parametrize("name", ["squeezenet1.1", "resnet8-cifar10"])
def test_shipped_calibrations_belong_to_the_shipped_networks(name: str) -> None:
    found = read_calibration(f"{name}.p99.99.json")
    assert found.network == workload_hash(archsim.load_workload(name))
    assert found.settings["method"] == "p99.99"
    assert not found.thresholds
    assert len(found.pictures) >= 100
    assert (shipped("workloads") / "calibrations" / f"{name}.p99.99.json").is_file()
