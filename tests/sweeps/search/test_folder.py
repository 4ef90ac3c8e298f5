"""Searches that simulate: the same bytes however they were run or interrupted, and what is in them."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

import archsim
from archsim.cli import main
from archsim.errors import InputError
from archsim.sweeps import Network, PointStore, Study, crew, load_sweep, run_study
from archsim.sweeps.hypercube import Hypercube, range_of
from archsim.sweeps.inputs import Inputs
from archsim.sweeps.pareto import hypervolume, losses, nondominated, parse_objective
from archsim.sweeps.search import SearchStudy, run_search, search
from tests.sweeps.held import held_command

TEXT = """\
name: small
hardware: isaac-8bit
workload: mlp-784-100-10
set: {chip.links.cost.power: 0 W}
axes:
  ima.adc.count: [1, 2, 4, 8, 16]
  ima.count: [1, 2, 4, 12]
  ima.cell.bits: [1, 2, 4]
  ima.adc.bits: [8, 10, 99]
latin_hypercube:
  ranges: {tile.router.flit_rate: {low: 0.5 GHz, high: 4 GHz, log: true}}
search:
  objectives: [energy_j, latency_s, area_m2]
  constraints: ["area_m2 <= 80 mm2"]
  trials: 30
  batch: 6
  sampler: nsga2
  against: random
  repetitions: 2
"""
WORDS = ["search", "small.yaml", "-o", "out"]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("study") / "small.yaml"
    path.write_text(TEXT)
    return path


@pytest.fixture(scope="module")
def unbroken(study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unbroken")
    search(study, output=folder, workers=0)
    return folder


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """`archsim` with words, in a folder; gives the exit status."""

    def run(folder: Path, *words: str) -> int:
        monkeypatch.chdir(folder)
        monkeypatch.setattr(sys, "argv", ["archsim", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(str(ended.value.code))

    return run


def test_killed_and_run_again_leaves_the_same_bytes(
    study: Path, unbroken: Path, command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = study.parent / "out"
    words = held_command(*WORDS, "--workers", "1", most=25)
    process = subprocess.Popen(words, cwd=study.parent, stderr=subprocess.DEVNULL)
    while len(list((folder / "points").glob("*.json"))) < 8:
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    done = {path: path.stat().st_mtime_ns for path in (folder / "points").glob("*.json")}
    assert not (folder / "table.csv").exists()
    assert command(study.parent, *WORDS, "--workers", "0") == 0
    assert contents(folder) == contents(unbroken)
    assert {path: path.stat().st_mtime_ns for path in done} == done
    printed = capsys.readouterr().out
    assert "designs that none beats in energy, latency, area" in printed
    assert "random, mean of 2" in printed
    assert "failed" in printed


def test_who_runs_the_points_and_when_they_finish_does_not_matter(study: Path, unbroken: Path, tmp_path: Path) -> None:
    with ThreadPoolExecutor(3) as executor:
        search(study, output=tmp_path, executor=executor)
    assert contents(tmp_path) == contents(unbroken)


def test_what_is_in_the_folder(unbroken: Path) -> None:
    head = json.loads((unbroken / "search.json").read_text())
    rows = load_sweep(unbroken).rows
    found = head["found"]
    assert len(rows) == found["trials"] == 30
    assert len({row["key"] for row in rows}) == 30
    assert [row["batch"] for row in rows] == [place // 6 for place in range(30)]
    assert found["failed"] == sum(bool(row["error"]) for row in rows) > 0
    good = [row for row in rows if not row["error"]]
    assert all(row["feasible"] == (row["area_m2"] <= 80e-6) for row in good)
    assert found["infeasible"] == sum(not row["feasible"] for row in good) > 0
    assert all(0.5 <= float(row["tile.router.flit_rate"].split()[0]) <= 4 for row in rows)
    goals = [parse_objective(text) for text in head["search"]["objectives"]]
    feasible = [row for row in good if row["feasible"]]
    best = [row["point"] for row, keep in zip(feasible, nondominated(losses(feasible, goals)), strict=True) if keep]
    assert sorted(found["front"]) == best
    front = list(csv.DictReader((unbroken / "front.csv").read_text().splitlines()))
    assert [int(row["point"]) for row in front] == found["front"]
    assert [float(row["latency_s"]) for row in front] == [rows[point]["latency_s"] for point in found["front"]]
    curve = [volume for _, volume in found["hypervolume"]["curve"]]
    assert curve == sorted(curve)
    assert curve[-1] == found["hypervolume"]["final"]
    assert [rival["seed"] for rival in found["against"]] == [1, 2]
    assert all(0 <= rival["final"] <= 1 for rival in found["against"])


def test_more_trials_go_on_and_other_spaces_are_refused(study: Path, unbroken: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    small = SearchStudy(
        space=Study(name="s", hardware=("isaac-8bit",), workloads=(Network(workload="mlp-784-100-10"),), axes=AXES),
        objectives=("latency_s", "area_m2"),
        trials=5,
        batch=5,
    )
    first = search(small, output=folder, workers=0)
    states = []
    more = search(replace(small, trials=9), output=folder, workers=0, told=states.append)
    assert more.trials[4].outcome == first.trials[4].outcome
    assert states[-1].found == 5
    assert states[-1].done == states[-1].total == 9
    other = replace(small, space=replace(small.space, axes={**AXES, "ima.cell.bits": ["1", "2"]}))
    with pytest.raises(
        InputError, match=r"holds the search 's' of another space; expected another folder \(-o\), or --upd"
    ):
        search(other, output=folder, workers=0)
    assert len(search(replace(other, trials=3), output=folder, workers=0, update=True).trials) == 3


AXES = {"ima.adc.count": ("1", "2", "4", "8"), "ima.count": ("1", "2", "4")}


def test_a_sweep_s_points_are_used_and_its_folder_is_not_taken(tmp_path: Path) -> None:
    space = Study(name="s", hardware=("isaac-8bit",), workloads=(Network(workload="mlp-784-100-10"),), axes=AXES)
    inputs = Inputs()
    asked = SearchStudy(space=space, objectives=("latency_s", "area_m2"), trials=100)
    with crew(workers=0) as lanes:
        run_study(space, tmp_path, lanes, inputs)
        with pytest.raises(InputError, match="holds a sweep; expected another folder"):
            run_search(asked, tmp_path, lanes, inputs)
        states = []
        found = run_search(asked, tmp_path, lanes, inputs, told=states.append, update=True)
    assert found.walk.exhausted
    assert found.space == len(found.trials) == states[-1].found == states[-1].total == 12
    assert PointStore(tmp_path / "points").keys() == {trial.outcome.key for trial in found.trials}
    goals = [parse_objective(text) for text in asked.objectives]
    assert found.frame is not None
    assert found.hypervolume == hypervolume(losses([trial.metrics for trial in found.trials], goals), found.frame)
    assert repr(found).startswith("<SearchOutcome s: 12 trials, ")
    assert len(found.to_pandas()) == 12


def test_nothing_within_the_constraints(
    tmp_path: Path, command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    space = Study(name="s", hardware=("isaac-8bit",), workloads=(Network(workload="mlp-784-100-10"),), axes=AXES)
    asked = SearchStudy(space=space, objectives=("latency_s",), constraints=("area_m2 <= 1 mm2",), trials=4)
    found = search(asked, workers=0)
    assert found.front == ()
    assert found.frame is None
    assert found.hypervolume == 0.0
    assert found.to_dict()["hypervolume"]["bounds"] == {}
    text = TEXT.replace("80 mm2", "1 mm2").replace("trials: 30", "trials: 4").replace("against: random", "")
    (tmp_path / "small.yaml").write_text(text)
    assert command(tmp_path, *WORDS, "--workers", "0", "--json") == 1
    printed = capsys.readouterr()
    assert json.loads(printed.out)["front"] == []
    assert "no design could be run within the constraints; all of them are in out/table.csv" in printed.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["search", "adc-resolution"], "search: is missing; expected a block with objectives"),
        (["search", "no-such"], "no shipped sweep study or file of this name"),
        (["search", "isaac-designs", "--trials", "0"], "0 is not in the range"),
        (["search", "isaac-designs", "--sampler", "cmaes"], "is not one of 'nsga2', 'tpe', 'random'"),
        (["search", "isaac-designs", "-o", "taken"], "taken: exists and is not a directory"),
        (["search", "isaac-designs", "--workers", "1", "--dask", "tcp://127.0.0.1:1"], "exclude each other"),
    ],
)
def test_bad_words(
    tmp_path: Path, command: Callable[..., int], capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    (tmp_path / "taken").write_text("")
    assert command(tmp_path, *words) == 2
    printed = capsys.readouterr()
    assert said in printed.err
    assert printed.out == ""


def test_reference_and_logarithms() -> None:
    space = Study(
        name="s",
        hardware=("isaac-8bit",),
        workloads=(Network(workload="mlp-784-100-10"),),
        axes=AXES,
        images="steady",
    )
    asked = SearchStudy(space=space, objectives=("latency_s", "max ops_per_j"), trials=12, scale="log")
    asked = replace(asked, reference={"latency_s": "1 ms", "ops_per_j": "1e9"})
    found = search(asked, workers=0)
    bounds = found.bounds
    assert bounds["latency_s"][1] == pytest.approx(1e-3)
    assert bounds["ops_per_j"][1] == pytest.approx(1e9)
    assert bounds["latency_s"][0] == pytest.approx(min(trial.metrics["latency_s"] for trial in found.trials))
    assert bounds["ops_per_j"][0] == pytest.approx(max(trial.metrics["ops_per_j"] for trial in found.trials))
    with pytest.raises(InputError, match=r"log takes values above 0 and area_alu_m2 is 0"):
        search(replace(asked, objectives=("area_alu_m2",), reference={}), workers=0)


def test_range_values_stand_in_the_table_as_run() -> None:
    cube = Hypercube(samples=1, ranges={"tile.bus.wires": range_of("128", "512", whole=True)})
    space = Study(name="s", hardware=("isaac-8bit",), workloads=(Network(workload="mlp-784-100-10"),), hypercube=cube)
    found = search(SearchStudy(space=space, objectives=("energy_j",), trials=3), workers=0)
    assert [str(row["tile.bus.wires"]) for row in found.rows()] == [
        t.point.settings["tile.bus.wires"] for t in found.trials
    ]


@pytest.mark.parametrize("module", ["optuna", "moocore"])
def test_without_the_extra(study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=rf"needs {module}; expected the extra: pip install 'archsim\[search\]'"):
        search(study, output=tmp_path, workers=0)
    assert not list(tmp_path.iterdir())


def test_an_optuna_that_is_too_old(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("optuna.trial.Trial.set_constraint")
    monkeypatch.delattr("optuna.trial.BaseTrial.set_constraint")
    with pytest.raises(InputError, match="expected 5 or later"):
        search(study, workers=0)


def test_public_name() -> None:
    assert archsim.search is search
