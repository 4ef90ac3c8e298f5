"""Row plans of whole networks: what is computed stays, what is opened falls, and the file holds what was found."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import archsim
from archsim.config import Hardware, load_hardware
from archsim.errors import InputError
from archsim.function.inference.evaluate import ranges_of
from archsim.function.precision.offline import network_pictures, quantized_for
from archsim.function.rows import RowFile, RowRequest, check_rows, layer_inputs, read_rows, row_file
from archsim.mapper import map_network
from archsim.mapping.rows import memory_of, table_cost
from archsim.mapping.rows.plan import NOT_STORED
from archsim.mapping.slicing import Slicing
from archsim.result import Result
from archsim.workload import Dataset, load_data, load_workload, preprocessing_for

NET = "lenet5-mnist"
ALONE = {"mapping.replication": "none"}


def chip(**changes: object) -> Hardware:
    flat = {name.replace("__", "."): value for name, value in changes.items()}
    return load_hardware("rram40nm").replace({**ALONE, **flat})


def digits(part: str, count: int) -> Dataset:
    graph = load_workload(NET)
    return load_data(f"digits:{part}", preprocessing_for(NET, graph), limit=count, classes=10)


def found(*passes: str, hardware: Hardware | None = None, layers: tuple[str, ...] = (), tries: int = 300) -> RowFile:
    graph = load_workload(NET)
    plan = map_network(graph, hardware or chip())
    request = RowRequest(passes=passes, layers=layers, evaluations=tries)
    return row_file(plan, graph, digits("train", 8), request)


def run(rows: RowFile | None, hardware: Hardware | None = None) -> Result:
    plan = map_network(load_workload(NET), hardware or chip(), rows=None if rows is None else rows.plans)
    return archsim.simulate(plan, inputs=digits("test", 6), engine="kernel")


def conversions(result: Result) -> float:
    return sum(layer.adc_conversions for layer in result.layers)


@pytest.fixture(scope="module")
def plain() -> Result:
    return run(None)


@pytest.mark.parametrize("passes", [("rename",), ("complement",), ("reorder",), ("complement", "reorder")])
def test_predictions_stay_and_orders_open_less(passes: tuple[str, ...], plain: Result) -> None:
    made = found(*passes)
    assert "c1" in made.plans
    result = run(made)
    assert result.function is not None
    assert plain.function is not None
    assert result.function.predictions == plain.function.predictions
    assert result.function.logit_snr_db == plain.function.logit_snr_db
    if passes == ("reorder",):
        assert conversions(result) < 0.97 * conversions(plain)
        assert result.totals.latency_s < plain.totals.latency_s


def test_tables_are_paid_for_look_up_by_look_up(plain: Result) -> None:
    made = found("rename")
    result, memory = run(made), memory_of(map_network(load_workload(NET), chip()).chip)
    counts = {row.layer: row.count for row in result.actions if row.component == "row_table"}
    windows = {row.name: row.windows for row in result.layers}
    tables = {name: table_cost(plan, memory) for name, plan in made.plans.items()}
    assert counts == {name: table.bits * windows[name] for name, table in tables.items()}
    area = {row.component: row for row in result.area}["row_table"]
    assert area.count == sum(table.bits for table in tables.values())
    assert result.totals.area_m2 == pytest.approx(plain.totals.area_m2 + area.area_m2, rel=1e-12)
    assert not any(row.component == "row_table" for row in (*plain.actions, *plain.area))


def test_dead_inputs_are_those_that_no_picture_drives() -> None:
    made = found("dead", layers=("f6",))
    graph = load_workload(NET)
    plan = map_network(graph, chip())
    data = digits("train", 8)
    network = quantized_for(plan, graph, ranges_of(graph, data), data)
    driven = layer_inputs(network, network_pictures(network, data))
    assert set(driven) == {layer.name for layer in network.matrices}
    dead = driven["f6"].max(axis=0) == 0
    assert dead.any()
    assert np.array_equal(made.plans["f6"].physical == NOT_STORED, dead)
    said = f"{dead.sum()} inputs have no row and count as 0 even where they are active"
    assert any(said in note for note in run(made).notes)


def test_the_search_is_a_function_of_its_seed() -> None:
    one, two = found("reorder", layers=("output",)), found("reorder", layers=("output",))
    assert one.to_json() == two.to_json()
    assert sorted(one.plans["output"].order.tolist()) == list(range(84))


def test_a_saved_file_comes_back(tmp_path: Path) -> None:
    made = found("complement", layers=("output", "c1"))
    path = tmp_path / "rows.json"
    path.write_text(made.to_json())
    assert read_rows(path).to_json() == made.to_json()
    held = json.loads(path.read_text())
    held["plans"]["output"]["order"] = held["plans"]["output"]["order"][::-1]
    path.write_text(json.dumps(held))
    with pytest.raises(InputError, match="changed after it was made"):
        read_rows(path)
    for text in ("", "[]", '{"format": 1, "plans": 3}', '{"format": 1, "hash": "", "plans": {"a": {}}}'):
        path.write_text(text)
        with pytest.raises(InputError):
            read_rows(path)


def test_a_file_of_another_network_or_chip_is_refused() -> None:
    made = found("rename", layers=("output",))
    slicing = Slicing.of(map_network(load_workload(NET), chip()).chip)
    check_rows(made, load_workload(NET), slicing, "rows.json")
    other = Slicing.of(map_network(load_workload(NET), load_hardware("isaac-8bit")).chip)
    with pytest.raises(InputError) as caught:
        check_rows(made, load_workload("squeezenet1.1"), other, "rows.json")
    assert len(caught.value.problems) == 4


@pytest.mark.parametrize(
    ("passes", "layers", "hardware", "said"),
    [
        (("renam",), (), "rram40nm", "did you mean 'rename'"),
        (("rename",), ("outptu",), "rram40nm", "did you mean 'output'"),
        (("reorder",), (), "isaac-8bit", "row_activation"),
    ],
)
def test_what_cannot_be_found_is_refused(
    passes: tuple[str, ...], layers: tuple[str, ...], hardware: str, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        found(*passes, layers=layers, hardware=load_hardware(hardware))
