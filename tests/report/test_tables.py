"""Tables on terminals of any width: columns may go, numbers stay whole."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

import archsim
from archsim.report.claims import claims_report, verdict
from archsim.report.formatting import dotted, heading, plain_value, quantity, short_count, tidy
from archsim.report.tables import Column, Sheet, SideBySide
from archsim.report.terminal import comparison_report, run_report
from archsim.result import Result
from archsim.units import format_quantity


@pytest.fixture(scope="module")
def run() -> Result:
    plan = archsim.map_network(archsim.load_workload("lenet5"), archsim.load_hardware("isaac-8bit"))
    return archsim.simulate(plan, inputs="digits", limit=2, images=2)


def printed(report: object, width: int) -> str:
    console = Console(width=width, record=True, file=StringIO())
    console.print(report)
    return console.export_text()


@pytest.mark.parametrize("width", [60, 80, 100, 120])
def test_a_run_fits_and_no_number_is_cut(run: Result, width: int) -> None:
    text = printed(run_report(run), width)
    assert "…" not in text
    assert all(len(line) <= width for line in text.splitlines())
    for row in run.layers:
        assert format_quantity(row.energy_j, "J") in text
    assert "not shown: " in text


def test_a_wide_terminal_shows_every_column(run: Result) -> None:
    text = printed(run_report(run), 200)
    assert "not shown" not in text
    for name in ("MACs", "wait bus", "zeros in", "clipped"):
        assert name in text


def test_the_most_important_columns_stay() -> None:
    columns = [
        Column(heading="layer", cells=["a", "b"], rank=0, left=True),
        Column(heading="first", cells=["12.5 us", "1 us"], rank=1),
        Column(heading="second", cells=["7 J", "8 J"], rank=3),
        Column(heading="third", cells=["9 m", "9 m"], rank=2),
    ]
    sheet = Sheet(title="t", columns=columns, elsewhere="elsewhere")
    assert [column.heading for column in sheet.fitting(5 + 2 + 6)] == ["layer", "second"]
    assert [column.heading for column in sheet.fitting(5 + 2 + 6 + 2 + 5)] == ["layer", "second", "third"]
    assert [column.heading for column in sheet.fitting(100)] == ["layer", "first", "second", "third"]
    assert "not shown: first, third (elsewhere)" in " ".join(printed(sheet, 13).split())


def test_runs_that_do_not_fit_side_by_side_go_on_below() -> None:
    groups = [[Column(heading=f"run{number}", cells=["1.25 mJ"], rank=0)] for number in range(5)]
    found = SideBySide(title="T", names=Column(heading="", cells=["energy"], rank=0, left=True), groups=groups)
    assert len(found.parts(200)) == 1
    text = printed(found, 36)
    assert text.count("run0") == 2
    assert all(text.count(f"run{number}") == 1 for number in range(1, 5))
    assert "T, continued" in text


@pytest.mark.parametrize("width", [60, 80, 100])
def test_a_comparison_of_four_runs_cuts_nothing(run: Result, width: int) -> None:
    hardware, net = archsim.load_hardware("isaac-8bit"), archsim.load_workload("lenet5")
    chips = [hardware.replace({"ima.adc.bits": bits}) for bits in (8, 7, 6, 5)]
    found = archsim.compare([archsim.simulate(archsim.map_network(net, chip)) for chip in chips])
    assert found.labels == ("ima.adc.bits=8", "ima.adc.bits=7", "ima.adc.bits=6", "ima.adc.bits=5")
    text = printed(comparison_report(found), width)
    assert "…" not in text
    for label in found.labels:
        assert label in text


def test_spelling_of_a_figure_is_no_difference(run: Result) -> None:
    hardware, net = archsim.load_hardware("isaac-8bit"), archsim.load_workload("lenet5")
    other = hardware.replace({"chip.links.cost.power": "10400 mW", "ima.adc.bits": 7})
    found = archsim.compare([archsim.simulate(archsim.map_network(net, chip)) for chip in (hardware, other)])
    assert [item.path for item in found.differs] == ["ima.adc.bits"]
    assert plain_value("0.4 mW") == plain_value("400 uW") != plain_value("0.5 mW")
    assert plain_value("offset") == "offset"
    assert tidy("0.045000000000000005 pJ") == "0.045 pJ"
    assert tidy("0.26524444444444445 pJ") == "0.265244 pJ"
    assert tidy("128") == "128"


def test_names_leave_their_units_to_the_values() -> None:
    assert (heading("latency_s"), heading("area_m2"), heading("ops_per_s")) == ("latency", "area", "throughput")
    assert quantity("pe_gops_per_w", 627.39) == "627.4 GOPS/W"
    assert quantity("energy_per_action_j.link.static", 2.6) == "2.6 W"
    assert quantity("energy_per_action_j.adc.convert", 1.5625e-12) == "1.56 pJ"
    assert quantity("images_per_s", 96303.2) == "96,303"
    assert dotted("tile.power_share.adc") == "tile.power_share.adc"
    assert dotted("chip.area_m2") == "chip.area"
    assert short_count(416_640) == "417k"
    assert short_count(48) == "48"


def claim(paper: float | None, *, passed: bool, **further: object) -> dict[str, object]:
    made = {"id": "a.b", "paper": paper, "measured": 15.8, "low": 1e-9, "high": 100.0, "status": "found"}
    return {**made, "pass": passed, "note": "a long text " * 20, **further}


def test_only_published_figures_are_met() -> None:
    assert verdict(claim(2, passed=True)) == "met"
    assert verdict(claim(2, passed=False)) == "not met"
    assert verdict(claim(None, passed=True)) == "holds"
    assert verdict(claim(None, passed=False)) == "does not hold"


@pytest.mark.parametrize("width", [60, 80, 120])
def test_claims_wrap_their_text(width: int) -> None:
    claims = [claim(2, passed=False, reason="circuits are large"), claim(None, passed=True)]
    text = printed(claims_report({"study": "s", "seconds": 1.0, "claims": claims}), width)
    assert "…" not in text
    words = " ".join(text.split())
    assert words.count("text") == 40
    assert "above 0, up to 100" in words
    assert "1e-09" not in words.replace("1e-09 to 100", "")  # a published figure's band is printed as it is
    assert "0 of 1 published figures met" in words
    assert "1 of 1 properties without a published figure hold" in words
