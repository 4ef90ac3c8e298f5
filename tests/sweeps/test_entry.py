"""`archsim.sweep`: rows, folders, growth, refusals."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

import archsim
from archsim.errors import InputError
from archsim.sweeps import Network, Progress, Study

BITS = {"ima.adc.bits": [6, 8]}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_rows_are_those_of_single_runs() -> None:
    chip, net = archsim.load_hardware("isaac-8bit"), archsim.load_workload("lenet5")
    found = archsim.sweep(chip, net, {"ima.adc.bits": [6, 8], "images": [1, 3]}, seed=5, workers=0)
    assert [(row["point"], row["ima.adc.bits"], row["images"], row["seed"]) for row in found.rows] == [
        (0, 6, 1, 5),
        (1, 6, 3, 5),
        (2, 8, 1, 5),
        (3, 8, 3, 5),
    ]
    assert found.axes == ("ima.adc.bits", "images")
    assert (found.directory, found.points, len(found.done), found.failed) == (None, 4, 4, ())
    for row in found.rows:
        hardware = chip.replace({"ima.adc.bits": row["ima.adc.bits"]})
        run = archsim.simulate(archsim.map_network(net, hardware), images=row["images"], seed=5, engine="kernel")
        expected = run.flat()
        assert {name: row[name] for name in expected} == expected
        assert sum(value for name, value in row.items() if name.startswith("energy_") and name in ENERGIES) == (
            pytest.approx(run.totals.energy_j, rel=1e-12)
        )


ENERGIES = {
    f"energy_{part}_j"
    for part in [
        "activation",
        "adc",
        "alu",
        "bus",
        "crossbar",
        "dac",
        "edram",
        "input_register",
        "link",
        "output_register",
        "pool",
        "router",
        "sample_hold",
        "shift_add",
        "tile_output_register",
        "tile_shift_add",
    ]
}


def test_pictures_add_accuracy() -> None:
    network = Network(workload="lenet5-mnist", input="digits", limit=20)
    found = archsim.sweep("isaac-8bit", network, {"ima.adc.bits": [4, 8]}, workers=0)
    poor, good = found.rows
    run = archsim.simulate(
        archsim.map_network(archsim.load_workload("lenet5-mnist"), archsim.load_hardware("isaac-8bit")),
        inputs="digits",
        limit=20,
        engine="kernel",
    )
    assert run.function is not None
    assert good["accuracy"] == run.function.accuracy == 1.0
    assert (good["input"], good["limit"], good["pictures"]) == ("digits", 20, 20)
    assert poor["accuracy"] < 0.5
    assert found.front(["-accuracy", "energy_j"]) == (poor, good)
    assert found.front(["max:accuracy"]) == (good,)


def test_a_value_where_a_list_is_meant_is_refused() -> None:
    with pytest.raises(InputError, match=r"axes.ima.adc.bits: is no list; expected such as \[6, 7, 8\]"):
        archsim.sweep("isaac-8bit", "lenet5", {"ima.adc.bits": 6}, workers=0)  # type: ignore[dict-item]


def test_designs_compare_on_the_same_work() -> None:
    found = archsim.sweep("isaac-8bit", ["lenet5", "resnet8-cifar10"], {"images": [1, 2]}, workers=0)
    assert found.front(["latency_s", "energy_j"]) == found.rows


def test_a_sweep_in_a_folder_reads_back_and_goes_on(tmp_path: Path) -> None:
    told: list[Progress] = []
    first = archsim.sweep("isaac-8bit", "lenet5", BITS, output=tmp_path / "s", workers=0, told=told.append)
    assert [(state.done, state.total, state.found) for state in told] == [(0, 2, 0), (1, 2, 0), (2, 2, 0)]
    before = contents(tmp_path / "s")
    told.clear()
    again = archsim.sweep("isaac-8bit", "lenet5", BITS, output=tmp_path / "s", workers=0, told=told.append)
    assert [(state.done, state.found) for state in told] == [(2, 2)]
    assert contents(tmp_path / "s") == before
    assert again.rows == first.rows == archsim.load_sweep(tmp_path / "s").rows
    assert repr(again) == "<Sweep sweep: 2 of 2 points over ima.adc.bits>"
    assert "ima.adc.bits" in again._repr_html_()
    assert list(again.to_pandas()["ima.adc.bits"]) == [6, 8]


def test_tables_hold_the_rows(tmp_path: Path) -> None:
    import pyarrow.parquet

    axes = {"ima.adc.rate": ["1.28 GS/s"], "ima.adc.bits": [8, "x"]}
    found = archsim.sweep("isaac-8bit", "lenet5", axes, output=tmp_path, workers=0)
    assert [bool(row["error"]) for row in found.rows] == [False, True]
    with (tmp_path / "table.csv").open(newline="") as stream:
        lines = list(csv.DictReader(stream))
    table = pyarrow.parquet.read_table(tmp_path / "table.parquet").to_pylist()
    for row, line, entry in zip(found.rows, lines, table, strict=True):
        assert {name: value for name, value in entry.items() if value is not None} == {
            name: " | ".join(value) if name == "notes" else value for name, value in row.items() if value is not None
        }
        assert line == {name: "" if value is None else str(value) for name, value in entry.items()}
    assert list(lines[0])[:9] == [
        "point", "hardware", "workload", "ima.adc.rate", "ima.adc.bits", "seed", "images", "error", "error_type",
    ]  # fmt: skip
    assert list(lines[0])[-2:] == ["notes", "key"]


def test_a_grown_study_runs_only_what_is_new(tmp_path: Path) -> None:
    archsim.sweep("isaac-8bit", "lenet5", BITS, output=tmp_path, workers=0)
    told: list[Progress] = []
    grown = {"ima.adc.bits": [5, 6, 8]}
    found = archsim.sweep("isaac-8bit", "lenet5", grown, output=tmp_path, workers=0, told=told.append)
    assert [(state.done, state.total, state.found) for state in told] == [(2, 3, 2), (3, 3, 2)]
    assert [(row["point"], row["ima.adc.bits"]) for row in found.rows] == [(0, 5), (1, 6), (2, 8)]
    fresh = archsim.sweep("isaac-8bit", "lenet5", grown, output=tmp_path / "fresh", workers=0)
    assert fresh.rows == found.rows


def test_a_folder_of_another_study_is_refused_unless_taken_over(tmp_path: Path) -> None:
    archsim.sweep("isaac-8bit", "lenet5", BITS, output=tmp_path, workers=0)
    before = contents(tmp_path)
    with pytest.raises(InputError, match=r"1 of its 2 finished points are not in 'sweep'; expected another folder"):
        archsim.sweep("isaac-8bit", "lenet5", {"ima.adc.bits": [8, 9]}, output=tmp_path, workers=0)
    assert contents(tmp_path) == before
    told: list[Progress] = []
    found = archsim.sweep(
        "isaac-8bit", "lenet5", {"ima.adc.bits": [8, 9]}, output=tmp_path, workers=0, update=True, told=told.append
    )
    assert [row["ima.adc.bits"] for row in found.rows] == [8, 9]
    assert told[0].found == 1


def test_folders_that_hold_other_things_are_refused(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("mine")
    with pytest.raises(InputError, match=r"holds table\.csv but no sweep\.json"):
        archsim.sweep("isaac-8bit", "lenet5", BITS, output=tmp_path, workers=0)
    assert (tmp_path / "table.csv").read_text() == "mine"
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be made"):
        archsim.sweep("isaac-8bit", "lenet5", BITS, output=tmp_path / "file", workers=0)
    for text in ("{", "[]", '{"name": 1}'):
        (tmp_path / "sweep.json").write_text(text)
        with pytest.raises(InputError):
            archsim.load_sweep(tmp_path)


def test_damaged_points_and_those_that_may_have_passed_are_run_again(tmp_path: Path) -> None:
    axes = {"ima.adc.bits": ["6", "7", "8", "x"]}
    archsim.sweep("isaac-8bit", "lenet5", axes, output=tmp_path, workers=0)
    before = contents(tmp_path)
    files = {json.loads(path.read_text())["key"]: path for path in (tmp_path / "points").iterdir()}
    keys = [json.loads(line)["key"] for line in (tmp_path / "points.jsonl").read_text().splitlines()]
    files[keys[0]].write_text("")
    lost = {"error": "MemoryError", "error_type": "MemoryError", "notes": [], "key": keys[1]}
    files[keys[1]].write_text(json.dumps(lost))
    (tmp_path / "points" / f".{keys[0]}.json.1.part").write_text("half")
    told: list[Progress] = []
    archsim.sweep("isaac-8bit", "lenet5", axes, output=tmp_path, workers=0, told=told.append)
    assert told[0].found == 2, "an input error stays one"
    assert contents(tmp_path) == before


def test_whole_runs_are_kept_where_asked(tmp_path: Path) -> None:
    study = Study(
        name="kept",
        hardware=("isaac-8bit",),
        workloads=(Network(workload="lenet5"),),
        axes={"ima.adc.bits": (6, 8)},  # type: ignore[dict-item]
        keep="result",
    )
    found = archsim.sweep(study, output=tmp_path, workers=0)
    for row in found.rows:
        run = archsim.load_result(tmp_path / "points" / row["key"])
        assert run.totals.energy_j == row["energy_j"]
        assert run.hardware.settings == {"ima.adc.bits": str(row["ima.adc.bits"])}
    kept = tmp_path / "points" / found.rows[0]["key"] / "result.json"
    kept.unlink()
    archsim.sweep(study, output=tmp_path, workers=0)
    assert kept.exists()


@pytest.mark.parametrize(
    ("words", "options", "said"),
    [
        (
            ("isaac-8bit", "lenet5", {"ima.adc.bit": [6]}),
            {},
            "axes.ima.adc.bit: unknown key; did you mean 'ima.adc.bits'",
        ),
        (("isaac-8bit", "lenet5", {"ima.adc.bits": [object()]}), {}, "axes.ima.adc.bits: is a object; expected text"),
        (("isaac-8bit", "lenet5", {"ima.adc.bits": []}), {}, "axes.ima.adc.bits: has no values"),
        (([], "lenet5", BITS), {}, "hardware: is missing"),
        (("isaac-8bit", "lenet5"), {"images": 0}, "images: '0' is no images"),
        ((Study(name="x"), "lenet5"), {}, "a whole study takes no further workload"),
    ],
)
def test_wrong_arguments(words: tuple[Any, ...], options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as caught:
        archsim.sweep(*words, workers=0, **options)
    assert said in str(caught.value)
