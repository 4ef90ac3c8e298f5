"""Parts of a study as choices."""

from __future__ import annotations

import pytest

from archsim.sweeps import Choices, Hypercube, Network, Study
from archsim.sweeps.hypercube import range_of
from archsim.sweeps.search.choices import (
    Interval,
    Options,
    assigned,
    choices_of,
    fixed_by,
    identity,
    neighbours,
    space_size,
)

STUDY = Study(
    name="s",
    hardware=("isaac-8bit",),
    workloads=(Network(workload="lenet5"),),
    axes={
        "ima.adc.bits": ("6", "7", "8"),
        "mapping.replication": ("none", "balanced"),
        "tile.edram.size": ("64 KiB", "0.5 MiB", "1 MiB"),
        "ima.count": ("8", "4", "12"),
        "ima.cell.bits": ("2",),
    },
    zips=({"ima.crossbar.rows": ("64", "128", "256"), "ima.crossbar.columns": ("64", "128", "256")},),
)


def test_each_part_is_one_choice_and_single_values_are_none() -> None:
    choices = choices_of(STUDY)
    assert [choice.name for choice in choices] == [
        "ima.adc.bits",
        "mapping.replication",
        "tile.edram.size",
        "ima.count",
        "ima.crossbar.rows+ima.crossbar.columns",
    ]
    assert [choice.ordered for choice in choices if isinstance(choice, Options)] == [True, False, True, False, True]
    assert space_size(choices) == 3 * 2 * 3 * 3 * 3
    assert fixed_by(STUDY) == {"hardware": "isaac-8bit", "workload": STUDY.workloads[0], "ima.cell.bits": "2"}


def test_picks_become_values() -> None:
    choices = choices_of(STUDY)
    picks = dict.fromkeys([choice.name for choice in choices], 1)
    assert assigned(choices, picks) == {
        "ima.adc.bits": "7",
        "mapping.replication": "balanced",
        "tile.edram.size": "0.5 MiB",
        "ima.count": "4",
        "ima.crossbar.rows": "128",
        "ima.crossbar.columns": "128",
    }
    assert identity(choices, picks) != identity(choices, {**picks, "ima.count": 2})
    assert identity(choices, picks) == identity(choices, {**picks, "ima.count": 1.0})


def test_neighbours_come_nearest_first() -> None:
    bits, replication, *_ = choices_of(STUDY)
    assert list(neighbours(bits, 2)) == [1, 0]
    assert list(neighbours(replication, 0)) == [1]


def test_ranges_are_values_with_units() -> None:
    cube = Hypercube(
        samples=1,
        ranges={
            "tile.router.flit_rate": range_of("0.5 GHz", "4 GHz", log=True),
            "tile.bus.wires": range_of("16", "20", whole=True),
            "ima.adc.bits": Choices(values=("6", "8")),
            "ima.cell.bits": Choices(values=("2",)),
        },
    )
    study = Study(name="s", hardware=("h",), workloads=(Network(workload="w"),), hypercube=cube)
    rate, wires, bits = choices_of(study)
    assert isinstance(rate, Interval)
    assert isinstance(wires, Interval)
    assert isinstance(bits, Options)
    assert rate.at(1.23456789) == {"tile.router.flit_rate": "1.23457 GHz"}
    assert rate.at(4.0000001) == {"tile.router.flit_rate": "4 GHz"}
    assert wires.at(17) == {"tile.bus.wires": "17"}
    assert list(neighbours(wires, 19)) == [18, 20, 17, 16]
    assert list(neighbours(rate, 1.0)) == []
    assert space_size([rate, wires]) is None
    assert space_size([wires, bits]) == 10
    assert fixed_by(study)["ima.cell.bits"] == "2"
    near = [
        {"tile.router.flit_rate": value, "tile.bus.wires": 17, "ima.adc.bits": 0} for value in (1.2345671, 1.2345673)
    ]
    assert identity([rate, wires, bits], near[0]) == identity([rate, wires, bits], near[1])


@pytest.mark.parametrize("values", [("a", "b", "c"), ("1", "2 ns", "3"), ("1", "1.0", "2"), ("1", "2")])
def test_values_without_an_order(values: tuple[str, ...]) -> None:
    (choice,) = choices_of(Study(name="s", axes={"path": values}))
    assert isinstance(choice, Options)
    assert not choice.ordered
