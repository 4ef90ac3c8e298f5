"""Search studies as files: what they mean, and everything that can be wrong with one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from archsim.errors import InputError
from archsim.sweeps import Network, Study, find_sweep, read_sweep
from archsim.sweeps.inputs import Inputs
from archsim.sweeps.search import SearchStudy, check_search, read_search

GOOD = """\
hardware: isaac-8bit
workload: lenet5
images: steady
axes:
  ima.adc.bits: [6, 7, 8]
latin_hypercube:
  ranges: {tile.router.flit_rate: {low: 0.5 GHz, high: 4 GHz, log: true}}
search:
  objectives: [energy_per_image_j, latency_s, max ops_per_j]
  constraints: ["area_m2 <= 100 mm2"]
  trials: 40
  reference: {latency_s: 1 ms}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "study.yaml"
    path.write_text(text)
    return path


def test_what_a_file_means(tmp_path: Path) -> None:
    found = read_search(written(tmp_path, GOOD))
    assert found.objectives == ("energy_per_image_j", "latency_s", "max ops_per_j")
    assert found.constraints == ("area_m2 <= 100 mm2",)
    assert (found.trials, found.batch, found.sampler, found.against) == (40, 10, "tpe", "none")
    assert found.space.name == "study"
    changed = read_search(written(tmp_path, GOOD), changes={"trials": 500, "sampler": "nsga2"})
    assert (changed.trials, changed.method.sampler, changed.method.population) == (500, "nsga2", 20)


def test_the_shipped_study_is_a_sweep_too() -> None:
    path = find_sweep("isaac-designs")
    search = read_search(path)
    assert search.space == read_sweep(path)


@pytest.mark.parametrize(
    ("line", "other", "said"),
    [
        ("search:\n(.|\n)*", "", r"study.yaml:1: search: is missing; expected a block with objectives"),
        ("energy_per_image_j,", "energy_per_imag_j,", r"study.yaml:9: search.objectives.0: .*mean 'energy_per_im"),
        ("energy_per_image_j,", "max,", r"search.objectives.0: 'max' is no figure of a point"),
        ("max ops_per_j", "max accuracy", r"search.objectives.2: 'accuracy' needs pictures to compute"),
        ("images: steady", "images: 1", r"'energy_per_image_j' is of a steady stream; expected 'images: steady'"),
        ("max ops_per_j", "latency_s", r"search.objectives: names latency_s 2 times"),
        ("100 mm2", "100 mm", r"study.yaml:10: search.constraints.0: area_m2: '100 mm' is a length"),
        ("area_m2 <=", "aera_m2 <=", r"search.constraints.0: .*"),
        ("latency_s: 1 ms", "area_m2: 1 mm2", r"search.reference.area_m2: is no objective of this search"),
        ("latency_s: 1 ms", "latency_s: 1 mJ", r"study.yaml:12: search.reference.latency_s: .*'1 mJ' is an energy"),
        ("trials: 40", "trials: 0", r"study.yaml:11: search.trials: 0 is out of range"),
        ("trials: 40", "trails: 40", r"study.yaml:11: search.trails: unknown key; did you mean 'search.trials'\?"),
        ("trials: 40", "sampler: cmaes", r"search.sampler: 'cmaes' is not one of nsga2 \| tpe \| random"),
        (r"objectives: .*", "objectives: latency_s", r"search.objectives: is no list of text; expected such as \["),
        (r"objectives: .*", "objectives: []", r"search.objectives: has none; expected such as"),
        (r"  objectives: .*\n", "", r"search.objectives: is missing"),
        ("reference: .*", "reference: 1 ms", r"search.reference: is no block"),
        ("ima.adc.bits", "ima.adc.bit", r"study.yaml:5: axes.ima.adc.bit: unknown key; did you mean 'ima.adc.bits'"),
    ],
)  # fmt: skip
def test_each_error_has_its_line(tmp_path: Path, line: str, other: str, said: str) -> None:
    text, count = re.subn(line, other, GOOD, count=1)
    assert count == 1
    with pytest.raises(InputError, match=said):
        read_search(written(tmp_path, text))


def test_all_problems_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("ima.adc.bits", "ima.adc.bit").replace("100 mm2", "100 mm").replace("lenet5", "lenet6")
    with pytest.raises(InputError) as caught:
        read_search(written(tmp_path, text))
    assert [re.sub(r".*study", "study", problem.where) for problem in caught.value.problems] == [
        "study.yaml:5",
        "study.yaml:2",
        "study.yaml:10",
    ]


def test_nothing_to_choose(tmp_path: Path) -> None:
    text = "hardware: isaac-8bit\nworkload: lenet5\nsearch: {objectives: [latency_s]}\n"
    with pytest.raises(InputError, match=r"study.yaml:1: leaves no choice; expected an axis with two values or more"):
        read_search(written(tmp_path, text))


def test_a_study_from_python_is_checked_alike() -> None:
    space = Study(
        name="s", hardware=("isaac-8bit",), workloads=(Network(workload="lenet5"),), axes={"ima.count": ("4", "8")}
    )
    check_search(SearchStudy(space=space, objectives=("latency_s",)), Inputs())
    with pytest.raises(
        InputError, match=r"search.objectives.0: 'latency' is no figure of a point; did you mean 'latency_s'"
    ):
        check_search(SearchStudy(space=space, objectives=("latency",)), Inputs())
