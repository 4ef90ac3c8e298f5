"""Sweep studies in YAML."""

from __future__ import annotations

import json
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from archsim.config.shipped import shipped
from archsim.errors import InputError
from archsim.sweeps import Choices, Hypercube, Network, Range, find_sweep, read_sweep, sweep_names, sweep_schema
from archsim.sweeps.space import points_of


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "my study.yaml"
    path.write_text(text)
    return path


def problems(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(InputError) as caught:
        read_sweep(written(tmp_path, text))
    return [str(problem).removeprefix(f"{tmp_path}/my study.yaml:") for problem in caught.value.problems]


def test_every_field_arrives(tmp_path: Path) -> None:
    study = read_sweep(
        written(
            tmp_path,
            """
name: all-fields
description: every field
workload:
  - resnet8-cifar10
  - {name: lenet5-mnist, input: digits, limit: 5, calibrate: digits:train}
images: 2
engine: simpy
seed: 3
keep: result
set: {tile.bus.wires: 256}
axes:
  ima.adc.bits: [6, 7]
  ima.adc.sparsity: [{policy: none}]
zip:
  - {hardware: [isaac-8bit, isaac-ce], mapping.replication: [none, balanced]}
points:
  - {chip.links.bandwidth: 3.2 GB/s}
  - {tile.router.flit_rate: 2 GHz, images: 4}
latin_hypercube:
  samples: 2
  seed: 9
  ranges:
    ima.adc.rate: {low: 1.28 GS/s, high: 2.56 GS/s}
    tile.edram.size: {low: 32 KiB, high: 128 KiB, log: true, whole: true}
    mapping.placement: [snake, banded]
""",
        )
    )
    assert (study.name, study.description, study.hardware) == ("all-fields", "every field", ())
    assert study.workloads == (
        Network(workload="resnet8-cifar10"),
        Network(workload="lenet5-mnist", input="digits", limit=5, calibrate="digits:train"),
    )
    assert (study.images, study.engine, study.seed, study.keep) == (2, "simpy", 3, "result")
    assert study.settings == {"tile.bus.wires": "256"}
    assert study.axes == {"ima.adc.bits": ("6", "7"), "ima.adc.sparsity": ({"policy": "none"},)}
    assert study.zips == ({"hardware": ("isaac-8bit", "isaac-ce"), "mapping.replication": ("none", "balanced")},)
    assert study.points[1] == {"tile.router.flit_rate": "2 GHz", "images": "4"}
    assert study.hypercube == Hypercube(
        samples=2,
        seed=9,
        ranges={
            "ima.adc.rate": Range(low=1.28, high=2.56, unit="GS/s"),
            "tile.edram.size": Range(low=32, high=128, unit="KiB", log=True, whole=True),
            "mapping.placement": Choices(values=("snake", "banded")),
        },
    )
    assert len(list(points_of(study))) == 2 * 2 * 2 * 2 * 2


def test_short_forms(tmp_path: Path) -> None:
    study = read_sweep(
        written(
            tmp_path, "hardware: isaac-8bit\nworkload: lenet5-mnist\ninput: digits\nlimit: 3\naxes: {seed: [0, 1]}\n"
        )
    )
    assert study.name == "my study"
    assert study.workloads == (Network(workload="lenet5-mnist", input="digits", limit=3),)
    axis = read_sweep(written(tmp_path, "hardware: isaac-8bit\naxes:\n  workload: [lenet5, {name: lenet5-mnist}]\n"))
    assert axis.axes == {"workload": (Network(workload="lenet5"), Network(workload="lenet5-mnist"))}


def test_all_problems_of_the_form_at_once(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        """name: a/b
hardwares: isaac-8bit
workload: []
images: 0
axes: [6, 7]
zip: {a: [1]}
keep: rows
latin_hypercube: {sample: 3}
""",
    )
    said = [
        "1: name: 'a/b' names no folder",
        "2: hardwares: unknown key; did you mean 'hardware'?",
        "3: workload: is no name",
        "4: images: 0 is out of range",
        "5: axes: is no block; expected lines 'path: value'",
        "6: zip: is no list",
        "7: keep: 'rows' is not one of row | result; did you mean 'row'?",
        "8: latin_hypercube.sample: unknown key; did you mean 'latin_hypercube.samples'?",
    ]
    for line in said:
        assert any(problem.startswith(line) for problem in found), (line, found)


def test_all_problems_of_blocks_in_lists_at_once(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        """hardware: isaac-8bit
workload:
  - {name: lenet5, limit: none}
  - {nam: lenet5}
latin_hypercube:
  samples: 2
  ranges:
    ima.adc.bits: {low: 6}
    ima.adc.rate: {low: 1 GS/s, high: 1 MS/s}
    tile.bus.wires: {low: 8, high: 4}
""",
    )
    assert [problem.partition(";")[0] for problem in found] == [
        "3: limit: 'none' is not a number",
        "4: nam: unknown key",
        "8: high: is missing",
        "9: ima.adc.rate: low is in 'GS/s' and high in 'MS/s'",
        "10: tile.bus.wires: low (8) is not below high (4)",
    ]


def test_all_problems_of_the_study_at_once(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        """hardware: [isaac-8bit, isaac-9bit]
workload: [lenet5, {name: lenet5-mnist, limit: 4}, {name: lenet5-mnist, input: digits:tests}]
set: {seed: 3, ima.adc.bits: 6, ima.adc.bit: 6}
axes:
  ima.adc.bits: [6, 7]
  ima.adc.rate.x: [1]
  tile.bus.wires: [8, 8]
  seeds: [1]
  images: [1, none]
zip:
  - {tile.count: [1, 2], ima.count: [1]}
  - {tile.bus.wires: [1]}
points: []
""".replace("points: []\n", ""),
    )
    said = [
        "1: hardware: 'isaac-9bit': no shipped hardware or file of this name",
        "2: workload: 'limit', 'calibrate' and 'judge' need 'input'",
        "2: workload: data set 'digits': no part 'tests'",
        "3: set.seed: is no setting; expected 'seed:' at the top of the study",
        "5: axes.ima.adc.bits: is set in 'set' as well; expected one place",
        "3: set.ima.adc.bit: unknown key; did you mean 'ima.adc.bits'?",
        "6: axes.ima.adc.rate.x: 'rate' has no parts",
        "7: axes.tile.bus.wires: holds '8' more than once",
        "8: axes.seeds: unknown key; did you mean 'seed'?",
        "9: axes.images: 'none' is no images; expected a whole number of 1 or more",
        "11: zip.0: walks lists of unequal length: tile.count has 2, ima.count has 1",
        "12: zip.1.tile.bus.wires: is set in 'axes' as well; expected one place",
    ]
    for line in said:
        assert any(problem.startswith(line) for problem in found), (line, found)
    assert len(found) == len(said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("axes: {seed: [0]}\n", "hardware: is missing; expected a name or a list of names"),
        ("- a\n", "is no mapping; expected 'hardware:'"),
        (
            "hardware: isaac-8bit\nworkload: lenet5\naxes: {ima.adc.rate: [1, 2]}\n",
            "'1' has no unit; expected a sampling",
        ),
        ("hardware: isaac-8bit\nworkload: lenet5\naxes: {ima.adc.bits: [[7, 8]]}\n", "is a list; expected a single"),
        ("hardware: isaac-8bit\nworkload: lenet5\nset: {x: 1}\naxes: {mapping.replication: [non]}\n", "mean 'none'?"),
        ("hardware: isaac-8bit\nworkload: lenet5\naxes: {seed: [" + "0, " * 1001 + "1]}\n", "more than once"),
        (
            "hardware: isaac-8bit\nworkload: lenet5\naxes:\n"
            + "".join(
                f"  {axis}: [{', '.join(map(str, range(1, 102)))}]\n" for axis in ("seed", "images", "ima.adc.bits")
            ),
            "has 1030301 points; expected at most 1000000",
        ),
    ],
)
def test_single_problems(tmp_path: Path, text: str, said: str) -> None:
    assert any(said in problem for problem in problems(tmp_path, text))


def test_problems_of_a_named_hardware_file_have_its_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("chip.yaml").write_text("name: mine\nextends: isaac-8bit\nima: {adc: {bitts: 6}}\n")
    found = problems(tmp_path, "hardware: chip.yaml\nworkload: lenet5\n")
    assert found[0].startswith("chip.yaml:3: ima.adc.bitts: unknown key; did you mean 'ima.adc.bits'?")


@pytest.mark.parametrize("name", sweep_names())
def test_shipped_studies_are_found_and_read(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with zipfile.ZipFile("cifar10_jpg.zip", "w") as archive:  # stands for the set that does not ship
        picture = BytesIO()
        Image.new("RGB", (32, 32)).save(picture, "png")
        archive.writestr("test/3_cat/0000.png", picture.getvalue())
    study = read_sweep(find_sweep(name))
    assert study.name == name
    assert study.description
    assert next(points_of(study))


def test_an_unknown_study_gets_a_suggestion() -> None:
    with pytest.raises(InputError, match="did you mean 'adc-resolution'"):
        find_sweep("adc-resolutions")


def test_the_shipped_schema_is_the_present_one() -> None:
    schema = json.loads((shipped("workloads") / "sweep.schema.json").read_text())
    assert schema == sweep_schema()  # regenerate with `archsim schema sweep > workloads/sweep.schema.json`
    assert schema["properties"]["axes"]["additionalProperties"]["minItems"] == 1
