from __future__ import annotations

import csv
import json
from dataclasses import replace
from math import fsum
from pathlib import Path

import pytest

import archsim
from archsim.config.shipped import shipped
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
        "first_image_latency_s",
        "interval_s",
        "images_per_s",
        "energy_j",
        "dynamic_energy_j",
        "energy_per_image_j",
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


def test_totals_of_a_stream(run: Result) -> None:
    """Two images: the first is done before the last; rates are of the steady stream, not of the run."""
    totals = run.totals
    assert totals.interval_s is not None
    assert totals.first_image_latency_s == pytest.approx(totals.latency_s - totals.interval_s)
    assert totals.images_per_s == 1 / totals.interval_s
    static = fsum(row.energy_j for row in run.actions if row.action == "static")
    assert static > 0.9 * totals.energy_j  # ISAAC's links, always on, and a share of memories, buses and routers
    assert totals.dynamic_energy_j + static == pytest.approx(totals.energy_j, rel=1e-12)
    steady = totals.dynamic_energy_j / 2 + static / totals.latency_s * totals.interval_s
    assert totals.energy_per_image_j == pytest.approx(steady, rel=1e-12)
    off = {f"tile.{name}.always_on": 0 for name in ("edram", "bus", "router")}
    alone = archsim.load_hardware("isaac-8bit", {"chip.links.cost.power": "0 W", **off})
    without = archsim.simulate(archsim.map_network(archsim.load_workload("lenet5"), alone), images=2).totals
    assert without.energy_j == without.dynamic_energy_j
    # what is always on of memories, buses and routers is less than their actions take when it is not
    assert without.energy_j == pytest.approx(totals.dynamic_energy_j, rel=0.03)
    assert without.energy_j > totals.dynamic_energy_j


def test_a_result_in_a_console_is_a_line(run: Result) -> None:
    assert repr(run).startswith("<Result lenet5 on isaac-8bit: 2 images, latency 1")
    assert "\n" not in repr(run)
    assert len(repr(run)) < 200
    found = archsim.compare([run, replace(run, images=3)])
    assert repr(found) == "<Comparison of 2 images, 3 images (isaac-8bit / lenet5)>"
    assert ">ratio</th>" in found._repr_html_()


def test_what_was_set_stays_with_the_run(run: Result, tmp_path: Path) -> None:
    changed = archsim.load_hardware("isaac-8bit", {"ima.adc.bits": 7})
    found = archsim.simulate(archsim.map_network(archsim.load_workload("lenet5"), changed))
    found.save(tmp_path)
    again = load_result(tmp_path)
    assert again.hardware.settings == {"ima.adc.bits": "7"}
    sources = {row.source for row in again.actions if row.component == "adc"}
    assert all(source.endswith("set for this run: bits = 7 (8 in the file)") for source in sources)
    assert not any("set for this run" in row.source for row in run.actions)
    assert again.workload.source is not None
    assert again.workload.source.startswith("LeCun1998")


def test_same_seed_same_bytes() -> None:
    plan = archsim.map_network(archsim.load_workload("lenet5"), archsim.load_hardware("isaac-8bit"))
    first = archsim.simulate(plan, inputs="digits", limit=3, seed=7).to_json()
    assert archsim.simulate(plan, inputs="digits", limit=3, seed=7).to_json() == first
    assert archsim.simulate(plan, inputs="digits", limit=3, seed=8).to_json() != first


def test_tables(run: Result) -> None:
    assert len(run.to_pandas("layers")) == len(run.layers)
    assert run.to_pandas("actions")["energy_j"].sum() == pytest.approx(run.totals.energy_j)
    with pytest.raises(InputError, match=r"expected layers, actions, .*; did you mean 'layers'"):
        run.to_pandas("layer")
    assert run.to_pandas("totals")["latency_s"][0] == run.totals.latency_s
    energy = run.to_pandas("energy")
    assert float(energy.loc["c1", "adc"]) == fsum(
        row.energy_j for row in run.actions if (row.layer, row.component) == ("c1", "adc")
    )
    assert energy.to_numpy().sum() == pytest.approx(run.totals.energy_j, rel=1e-12)
    assert run.to_pandas("critical_path")["share"].sum() == pytest.approx(1)
    assert set(run.to_pandas("resources")["resource"]) == set(run.resource_busy_s)
    assert len(run.to_pandas("predictions")) == 3
    assert "lenet5 on isaac-8bit" in run._repr_html_()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not JSON"),
        ("[]", "schema_version None; expected 2"),
        ('{"schema_version": 99}', "schema_version 99; expected 2"),
        ('{"schema_version": 2}', "lacks 'function'"),
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


def test_ranges_from_the_judged_pictures_are_named_and_warned_of(run: Result) -> None:
    assert run.function is not None
    assert run.function.calibration == "self"
    assert any("the very pictures that were computed" in note for note in run.notes)


def test_ranges_beside_a_users_network_are_not_called_shipped(tmp_path: Path) -> None:
    for name in ("lenet5-mnist.onnx", "lenet5-mnist.inputs.yaml"):
        (tmp_path / name).write_bytes((shipped("workloads") / name).read_bytes())
    hardware = archsim.load_hardware("isaac-8bit")
    for network, origin in (("lenet5-mnist", "shipped"), (tmp_path / "lenet5-mnist.onnx", "sidecar")):
        plan = archsim.map_network(archsim.load_workload(network), hardware)
        found = archsim.simulate(plan, inputs="digits", limit=3).function
        assert found is not None
        assert (found.calibration, found.data) == (origin, "digits:test")
