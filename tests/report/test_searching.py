"""What a search found, printed and as charts."""

from __future__ import annotations

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from archsim.report.charts import draw_charts
from archsim.report.figures import Request, draw_figures
from archsim.report.searching import search_charts, search_report
from archsim.sweeps import Network, Study
from archsim.sweeps.search import SearchOutcome, SearchStudy, search
from archsim.sweeps.search.outcome import outcome_of

ASKED = SearchStudy(
    space=Study(
        name="[bold]odd",
        hardware=("isaac-8bit",),
        workloads=(Network(workload="mlp-784-100-10"),),
        images="steady",
        axes={"ima.adc.count": ("1", "2", "4", "8", "0"), "ima.count": ("1", "2", "4", "8", "12")},
    ),
    objectives=("latency_s", "max ops_per_j", "area_m2"),
    constraints=("area_m2 <= 80 mm2",),
    trials=20,
    batch=5,
    against="random",
    repetitions=3,
    reference={"area_m2": "100 mm2"},
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("search")


@pytest.fixture(scope="module")
def found(folder: Path) -> SearchOutcome:
    return search(ASKED, output=folder, workers=0)


def printed(found: SearchOutcome, width: int) -> str:
    console = Console(width=width, record=True, file=StringIO())
    console.print(search_report(found))
    return console.export_text()


def test_all_that_a_reader_needs(found: SearchOutcome) -> None:
    text = printed(found, 240)
    assert (
        f"[bold]odd: {len(found.front)} designs that none beats in latency, efficiency (more is better), area" in text
    )
    assert "20 designs of 25 (80.0%) looked at, TPE, seed 0" in text
    assert f"{len(found.infeasible)} outside area_m2 <= 80 mm2; {len(found.failed)} failed" in text
    assert "failed 4 x: --set ima.adc.count: 0 is out of range" in text or "is out of range" in text
    assert "random, mean of 3" in text
    last = f"{found.hypervolume:.4f}"
    assert any(line.split()[:2] == ["20", last] for line in text.splitlines())
    assert "the reference point is the study's (area_m2), else a tenth beyond the front" in " ".join(text.split())
    assert "100 mm2 that feasible designs dominate" in text
    fronts = [line.split()[0] for line in text.splitlines()[2 : 2 + len(found.front)]]
    assert fronts == [str(trial.number) for trial in found.front]


@pytest.mark.parametrize("width", [40, 80, 120])
def test_it_fits(found: SearchOutcome, width: int) -> None:
    lines = printed(found, width).splitlines()
    assert max(map(len, lines)) <= width
    assert "not shown: " in "\n".join(lines)


def test_without_rivals_or_a_front(found: SearchOutcome) -> None:
    alone = printed(outcome_of(ASKED, found.walk), 200)
    assert "random" not in alone
    assert "Hypervolume" in alone
    nothing = tuple(replace(t, verdict=replace(t.verdict, violations=(1.0,))) for t in found.trials)
    missed = replace(ASKED, constraints=("area_m2 <= 1 mm2",))
    text = printed(outcome_of(missed, replace(found.walk, trials=nothing)), 200)
    assert "Hypervolume" not in text
    assert "outside area_m2 <= 1 mm2" in text


def test_charts_are_plain_data_that_can_be_drawn(found: SearchOutcome, folder: Path, tmp_path: Path) -> None:
    (chart,) = search_charts(json.loads((folder / "search.json").read_text()))
    own, random = chart["series"]
    assert list(zip(own["x"], own["y"], strict=True)) == list(found.curve)
    assert random["name"] == "random, mean and range of 3"
    assert all(low <= mean <= high for low, mean, high in zip(random["low"], random["y"], random["high"], strict=True))
    (path,) = draw_charts("odd", [chart], tmp_path)
    assert path.stat().st_size > 1000


def test_figures_of_a_search_show_its_hypervolume(found: SearchOutcome, folder: Path, tmp_path: Path) -> None:
    paths = draw_figures([str(folder)], tmp_path, Request(metrics=("latency_s",)))
    assert "search-hypervolume.pdf" in [path.name for path in paths]
    rows = (tmp_path / "search-hypervolume.csv").read_text().splitlines()
    assert f"TPE,20,{found.hypervolume}" in [line.rstrip(",") for line in rows]
    assert "[bold]odd: hypervolume of latency_s, max ops_per_j, area_m2" in (tmp_path / "captions.txt").read_text()
