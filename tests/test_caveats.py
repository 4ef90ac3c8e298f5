"""What `check` warns of stands where the figures are read: run, sweep, search, comparison, page."""

from __future__ import annotations

import csv
from html import unescape
from pathlib import Path

import pytest

import archsim
from archsim.components import build_chip, figures
from archsim.report.caveats import notes_of_points
from archsim.report.page import sweep_page
from archsim.report.page.runs import runs_page
from archsim.report.searching import search_report
from archsim.report.sweeping import sweep_report
from archsim.report.tables import console
from archsim.report.terminal import run_report
from archsim.result import Result
from archsim.sweeps import Network, Study
from archsim.sweeps.search import SearchStudy, search

EXTRAPOLATED = "the cost of the 16-bit ADC is extrapolated: law sar was fitted over 4 to 10 bits"
SETTINGS = {
    "ima.adc.bits": ("16", EXTRAPOLATED),
    "ima.cell.bits": ("8", "the 8-bit ADC is narrower than the 14 bits that a full column of 128 rows can take"),
    "ima.adc.rate": ("100 MS/s", "the read cycle stretches from 100 ns to 1.28 us: 128 columns an ADC need 1.28 GS/s"),
}


def run(chip: str, **settings: str) -> Result:
    hardware = archsim.load_hardware(chip).replace(settings)
    return archsim.simulate(archsim.map_network(archsim.load_workload("lenet5"), hardware), engine="kernel")


def printed(what: object, capsys: pytest.CaptureFixture[str]) -> str:
    console(wide=True).print(what)
    return capsys.readouterr().out


@pytest.mark.parametrize("path", SETTINGS)
def test_notes_of_check_are_those_of_a_run(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    value, said = SETTINGS[path]
    found = figures(build_chip(archsim.load_hardware("isaac-8bit", {path: value})))["notes"]
    assert isinstance(found, list)
    assert found[0].startswith(said)
    result = run("isaac-8bit", **{path: value})
    assert list(result.notes) == found
    assert f"note: {said}" in printed(run_report(result), capsys)


def test_values_recalled_from_memory_are_named_in_a_run() -> None:
    assert [note.partition(":")[0] for note in run("rram40nm").notes][:2] == [
        "ima.crossbar is recalled from memory",
        "ima.adc is recalled from memory",
    ]


def test_a_comparison_and_its_page_have_the_notes_of_their_runs(capsys: pytest.CaptureFixture[str]) -> None:
    runs = [run("isaac-8bit", **{"ima.adc.bits": bits, "ima.adc.rate": "100 MS/s"}) for bits in ("8", "16")]
    found = archsim.compare(runs)
    stretched = SETTINGS["ima.adc.rate"][1]
    assert found.notes == ()
    assert stretched in found.run_notes, "once, as both have it"
    assert f"{found.labels[1]}: {EXTRAPOLATED}" in found.run_notes
    assert found.to_dict()["run_notes"] == list(found.run_notes)
    for text in (printed(found, capsys), found._repr_html_(), unescape(runs_page(found))):
        assert stretched in text
        assert EXTRAPOLATED in text


def test_a_sweep_has_the_notes_of_its_points(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    axes = {"ima.adc.bits": [8, 12, 16], "ima.adc.count": [8, "x"]}
    found = archsim.sweep("isaac-8bit", "lenet5", axes, settings={"ima.adc.rate": "1 GS/s"}, output=tmp_path, workers=0)
    stretched = "the read cycle stretches from 100 ns to 128 ns: 128 columns an ADC need 1.28 GS/s"
    law = {8: [], 12: [EXTRAPOLATED.replace("16", "12")], 16: [EXTRAPOLATED]}
    for row in found.rows:  # what was set stands in the coordinates
        assert row["notes"] == ([] if row["error"] else [*law[row["ima.adc.bits"]], stretched])
    with (tmp_path / "table.csv").open(newline="") as stream:
        assert [line["notes"] for line in csv.DictReader(stream)][-2] == f"{EXTRAPOLATED} | {stretched}"
    assert archsim.load_sweep(tmp_path).rows == found.rows
    for text in (printed(sweep_report(found), capsys), unescape(sweep_page(found))):
        assert stretched in text
        twelve = EXTRAPOLATED.replace("16", "12")
        assert f"2 of 3 points (ima.adc.bits = 12, 16): {twelve} (the first; numbers differ)" in text


def test_a_search_has_the_notes_of_its_front(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    space = Study(
        name="bits",
        hardware=("isaac-8bit",),
        workloads=(Network(workload="lenet5"),),
        axes={"ima.adc.bits": ("8", "12", "16")},
    )
    found = search(SearchStudy(space=space, objectives=("energy_j",), trials=3), output=tmp_path, workers=0)
    notes = {row["ima.adc.bits"]: row["notes"] for row in found.rows()}
    assert notes == {8: [], 12: [EXTRAPOLATED.replace("16", "12")], 16: [EXTRAPOLATED]}
    assert "extrapolated" not in printed(search_report(found), capsys), "the best design has none"
    worst = search(SearchStudy(space=space, objectives=("max energy_j",), trials=3), output=tmp_path / "w", workers=0)
    assert f"note: {EXTRAPOLATED}" in printed(search_report(worst), capsys)
    assert EXTRAPOLATED in (tmp_path / "w" / "front.csv").read_text()


def test_many_notes_are_counted_the_commonest_first() -> None:
    notes = [["all", f"of {'abcdefghijklmnopqrst'[place]}", *(["half"] if place < 10 else [])] for place in range(20)]
    rows = [{"x": place // 10, "notes": those} for place, those in enumerate(notes)]
    lines = notes_of_points(rows, ["x"])
    assert lines[:3] == ["all", "10 of 20 points (x = 0): half", "1 of 20 points: of a"]
    assert lines[-1] == "10 more, each with its points in table.csv"
    assert len(lines) == 13


def test_notes_that_differ_in_numbers_are_one_line() -> None:
    rows = [{"x": place, "notes": [f"gap {place}.5 of l{place}"] if place < 3 else []} for place in range(4)]
    assert notes_of_points(rows, ["x"]) == ["3 of 4 points (x = 0, 1, 2): gap 0.5 of l0 (the first; numbers differ)"]
