from __future__ import annotations

import csv
import json
from dataclasses import replace
from math import fsum
from pathlib import Path

import pytest

import archsim
from archsim.errors import InputError
from archsim.result import Result, load_result


@pytest.fixture(scope="module")
def run() -> Result:
    plan = archsim.map_network(archsim.load_workload("lenet5"), archsim.load_hardware("isaac-8bit"))
    return archsim.simulate(plan, images=2, inputs="digits", limit=3)


def test_round_trip_through_files(run: Result, tmp_path: Path) -> None:
    run.save(tmp_path / "run")
    assert load_result(tmp_path / "run") == run
    assert load_result(tmp_path / "run" / "result.json") == run
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "actions.csv",
        "area.csv",
        "layers.csv",
        "result.json",
    ]
    with (tmp_path / "run" / "layers.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == [layer.name for layer in run.layers]
    assert [float(row["energy_j"]) for row in rows] == [layer.energy_j for layer in run.layers]


def test_contract_of_result_json(run: Result) -> None:
    data = json.loads(run.to_json())
    assert next(iter(data)) == "schema_version"
    assert {
        "latency_s",
        "interval_s",
        "energy_j",
        "average_power_w",
        "area_m2",
        "macs",
        "ops_per_s",
        "ops_per_j",
        "chips",
        "tiles",
        "crossbars",
        "crossbar_utilization",
    } == set(data["totals"])
    assert set(data["hardware"]) >= {"name", "hash", "expanded"}
    assert data["activity"] == "measured"
    assert {"layer", "component", "action", "count", "energy_per_action_j", "energy_j", "source"} == set(
        data["actions"][0]
    )
    assert {"component", "count", "area_each_m2", "area_m2", "source"} == set(data["area"][0])
    assert data["function"]["images"] == 3


def test_drawn_weights_never_have_an_accuracy(run: Result) -> None:
    assert run.workload.weights == "seeded"
    assert run.function is not None
    assert run.function.accuracy is None
    assert run.function.float_accuracy is None
    assert any("drawn with seed 0" in note for note in run.notes)


def test_parts_are_the_totals(run: Result) -> None:
    """Design contract: fsum of actions is the total exactly; layers plus the chip's rows to 1e-12; area likewise."""
    assert fsum(row.energy_j for row in run.actions) == run.totals.energy_j
    chip = fsum(row.energy_j for row in run.actions if row.layer == "chip")
    assert fsum([*(layer.energy_j for layer in run.layers), chip]) == pytest.approx(run.totals.energy_j, rel=1e-12)
    assert fsum(row.area_m2 for row in run.area) == run.totals.area_m2
    for row in run.actions:
        assert row.energy_j == row.count * row.energy_per_action_j
    assert max(layer.end_s for layer in run.layers) <= run.totals.latency_s * (1 + 1e-12)


def test_same_seed_same_bytes() -> None:
    plan = archsim.map_network(archsim.load_workload("lenet5"), archsim.load_hardware("isaac-8bit"))
    first = archsim.simulate(plan, inputs="digits", limit=3, seed=7).to_json()
    assert archsim.simulate(plan, inputs="digits", limit=3, seed=7).to_json() == first
    assert archsim.simulate(plan, inputs="digits", limit=3, seed=8).to_json() != first


def test_tables(run: Result) -> None:
    assert len(run.to_pandas("layers")) == len(run.layers)
    assert run.to_pandas("actions")["energy_j"].sum() == pytest.approx(run.totals.energy_j)
    with pytest.raises(InputError, match="expected layers, actions or area"):
        run.to_pandas("layer")
    assert "lenet5 on isaac-8bit" in run._repr_html_()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not JSON"),
        ("[]", "schema_version None; expected 1"),
        ('{"schema_version": 99}', "schema_version 99; expected 1"),
        ('{"schema_version": 1}', "is not a result of archsim"),
    ],
)
def test_damaged_results_are_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "result.json").write_text(text)
    with pytest.raises(InputError, match=said):
        load_result(tmp_path)


def test_missing_and_unwritable_places(run: Result, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_result(tmp_path / "nothing")
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot write results here"):
        run.save(tmp_path / "file")


def test_results_compare_by_value(run: Result) -> None:
    assert replace(run, seed=1) != run
