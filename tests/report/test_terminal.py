from __future__ import annotations

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

import archsim
from archsim.report.citations import bibtex
from archsim.report.plan import map_rows, map_totals
from archsim.report.terminal import comparison_report, figures_report, plan_report, quantity, run_report
from archsim.result import Result


@pytest.fixture(scope="module")
def run() -> Result:
    plan = archsim.map_network(archsim.load_workload("lenet5"), archsim.load_hardware("isaac-8bit"))
    return archsim.simulate(plan, inputs="digits", limit=2)


def printed(report: object) -> str:
    console = Console(width=200, record=True, file=StringIO())
    console.print(report)
    return console.export_text()


def test_text_from_files_is_never_markup(run: Result) -> None:
    layers = (replace(run.layers[0], name="[bold]c1[/bold] [link=x]"), *run.layers[1:])
    text = printed(run_report(replace(run, layers=layers, notes=("[red]careful[/red]",))))
    assert "[bold]c1[/bold] [link=x]" in text
    assert "[red]careful[/red]" in text


def test_a_run_names_every_layer_and_component(run: Result) -> None:
    text = printed(run_report(run))
    for layer in run.layers:
        assert layer.name in text
    for row in run.actions:
        assert row.component in text
    assert "top-1 agreement" in text


def test_quantities_carry_the_unit_of_their_key() -> None:
    assert quantity("latency_s", 1.5e-6) == "1.5 us"
    assert quantity("energy_j", 0.002) == "2 mJ"
    assert quantity("area_m2", 85.4e-6) == "85.4 mm2"
    assert quantity("interval_s", None) == "-"
    assert quantity("macs", 15470264320) == "15,470,264,320"


def test_plan_and_figures_and_comparison(run: Result) -> None:
    plan = archsim.map_network(archsim.load_workload("lenet5"), archsim.load_hardware("isaac-8bit"))
    assert sum(row["macs"] for row in map_rows(plan)) == map_totals(plan)["macs"]
    assert "lenet5 on isaac-8bit" in printed(plan_report(plan))
    assert "a.b" in printed(figures_report({"name": "n", "a": {"b": 1.0}, "notes": ["mind this"]}))
    assert "held equal" in printed(comparison_report(archsim.compare([run, run])))


def test_bibtex_escapes_what_latex_reads(run: Result) -> None:
    odd = replace(run.citations[0], title="100 % & more_of #it")
    assert r"100 \% \& more\_of \#it" in bibtex(replace(run, citations=(odd,)))
