"""From a study to its points."""

from __future__ import annotations

from archsim.config import load_hardware
from archsim.sweeps import Choices, Hypercube, Network, Study
from archsim.sweeps.space import Columns, axes_of, points_of
from archsim.sweeps.study import size

NET = (Network(workload="lenet5"),)


def test_a_grid_has_every_combination_and_the_last_axis_is_fastest() -> None:
    study = Study(
        name="grid",
        hardware=("isaac-8bit", "isaac-ce"),
        workloads=NET,
        settings={"tile.bus.wires": "256"},
        axes={"ima.adc.bits": ("6", "8"), "seed": ("0", "7"), "images": ("1", "4")},
    )
    points = list(points_of(study))
    assert len(points) == size(study) == 16
    found = [(p.hardware, p.settings["ima.adc.bits"], p.seed, p.images) for p in points]
    assert found[:5] == [
        ("isaac-8bit", "6", 0, 1),
        ("isaac-8bit", "6", 0, 4),
        ("isaac-8bit", "6", 7, 1),
        ("isaac-8bit", "6", 7, 4),
        ("isaac-8bit", "8", 0, 1),
    ]
    assert len(set(found)) == 16
    assert all(
        dict(p.settings)["tile.bus.wires"] == "256" and next(iter(p.settings)) == "tile.bus.wires" for p in points
    )
    assert axes_of(study) == ("hardware", "ima.adc.bits", "seed", "images")


def test_zip_groups_walk_together_and_multiply_with_the_rest() -> None:
    study = Study(
        name="zip",
        workloads=NET,
        axes={"ima.adc.bits": ("6", "8")},
        zips=({"hardware": ("isaac-8bit", "isaac-ce"), "tile.bus.wires": ("256", "384")}, {"seed": ("1", "2", "3")}),
    )
    points = list(points_of(study))
    assert len(points) == size(study) == 2 * 2 * 3
    assert {(p.hardware, p.settings["tile.bus.wires"]) for p in points} == {("isaac-8bit", "256"), ("isaac-ce", "384")}
    assert [p.seed for p in points[:4]] == [1, 2, 3, 1]
    assert axes_of(study) == ("ima.adc.bits", "hardware", "tile.bus.wires", "seed")


def test_single_points_leave_out_what_they_do_not_set() -> None:
    study = Study(
        name="list",
        hardware=("isaac-8bit",),
        workloads=NET,
        points=({"ima.adc.bits": "6"}, {"tile.bus.wires": "256", "ima.adc.bits": "7"}, {"images": "2"}),
    )
    columns = Columns(study)
    rows = [columns.row(point) for point in points_of(study)]
    assert [(r["ima.adc.bits"], r["tile.bus.wires"], r["images"]) for r in rows] == [
        (6, None, 1),
        (7, 256, 1),
        (None, None, 2),
    ]
    assert list(rows[0]) == ["hardware", "workload", "ima.adc.bits", "tile.bus.wires", "seed", "images"]


def test_samples_are_points() -> None:
    ranges = {"ima.adc.bits": Choices(values=("6", "7", "8", "9"))}
    study = Study(
        name="cube", hardware=("isaac-8bit",), workloads=NET, hypercube=Hypercube(samples=8, seed=1, ranges=ranges)
    )
    bits = [point.settings["ima.adc.bits"] for point in points_of(study)]
    assert sorted(bits) == ["6", "6", "7", "7", "8", "8", "9", "9"]
    assert size(study) == 8
    assert axes_of(study) == ("ima.adc.bits",)


def test_networks_with_pictures_and_loaded_hardware() -> None:
    chip = load_hardware("isaac-8bit")
    networks = (
        Network(workload="lenet5"),
        Network(workload="lenet5-mnist", input="digits", limit=5, calibrate="digits"),
    )
    study = Study(name="nets", hardware=(chip,), workloads=networks, axes={"ima.adc.bits": ("6",)})
    first, second = points_of(study)
    assert (first.hardware, first.input) == (chip, None)
    assert (second.workload, second.input, second.limit, second.calibrate) == ("lenet5-mnist", "digits", 5, "digits")
    row = Columns(study).row(second)
    assert (row["hardware"], row["workload"], row["input"], row["limit"]) == ("isaac-8bit", "lenet5-mnist", "digits", 5)
    assert axes_of(study) == ("workload", "ima.adc.bits")
