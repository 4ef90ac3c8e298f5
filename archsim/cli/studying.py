"""Verbs of longer work: train, reproduce."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from archsim.cli.group import cli
from archsim.cli.options import check_folder, json_option, show, telling
from archsim.errors import ArchsimError, InputError


@cli.command()
@click.argument("study", metavar="STUDY")
@click.option("-o", "--output", metavar="DIR", help="Folder of the run, instead of the file's; a run there goes on.")
@click.option("--threads", type=click.IntRange(min=1), help="Threads, by default all; results do not depend on it.")
@json_option
def train(study: str, output: str | None, threads: int | None, as_json: bool) -> None:
    """Train a network, in float or quantization-aware, and write it as ONNX with its calibrated ranges.

    STUDY is a shipped training study (`archsim list`) or a YAML file (`archsim schema training`).
    """
    from archsim.report.training import training_bar
    from archsim.training.document import find_study, read_study
    from archsim.training.study import run_study

    wanted = read_study(find_study(study), needs_output=output is None)
    with training_bar() as told:
        outcome = run_study(wanted, output=output, progress=told, threads=threads)
    trained = outcome.trained
    if as_json:
        show({"network": str(outcome.path), "test_accuracy": trained.test_accuracy, "epochs": len(trained.history)})
        return
    accuracy = "" if trained.test_accuracy is None else f", {trained.test_accuracy:.2%} of the test pictures right"
    click.echo(f"{outcome.path}: {len(trained.history)} epochs{accuracy}")


@cli.command()
@click.argument("study", default="all")
@click.option("--quick", is_flag=True, help="A reduced form that takes seconds, on shipped data.")
@click.option("--data", type=click.Path(path_type=Path), help="Pictures and networks that do not ship, at any depth.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="DIR", help="Save STUDY.json and its charts.")
@json_option
def reproduce(study: str, quick: bool, data: Path | None, output: Path | None, as_json: bool) -> None:
    """Reproduce published figures: run a study and hold each claim against what was measured."""
    from archsim.config.suggest import did_you_mean
    from archsim.studies import STUDIES, Request, run_study

    if study != "all" and study not in STUDIES:
        expected = " | ".join([*STUDIES, "all"])
        raise InputError(f"is not a study; expected {expected}{did_you_mean(study, STUDIES)}", where=study)
    check_folder(None if output is None else str(output))
    reports = []
    for name in STUDIES if study == "all" else [study]:
        with telling(name) as told:
            reports.append(run_study(name, Request(quick=quick, data=data, told=told)))
        if output is not None:
            _save_study(reports[-1].to_dict(), output)
    if as_json:
        show(reports[0].to_dict() if study != "all" else [report.to_dict() for report in reports])
    else:
        from archsim.report.claims import claims_report
        from archsim.report.terminal import console

        for report in reports:
            console().print(claims_report(report.to_dict()))
    if not all(report.passed for report in reports):
        raise ArchsimError("some published figures are not met, or some properties do not hold")


def _save_study(report: dict[str, Any], folder: Path) -> None:
    """Write a study as NAME.json and, where matplotlib is installed, its charts."""
    from archsim.files import write_whole
    from archsim.report.charts import can_draw, draw_charts

    path = folder / f"{report['study']}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(report, indent=1, allow_nan=False) + "\n")
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", where=str(path)) from None
    if can_draw():
        draw_charts(report["study"], report["charts"], folder)
    elif report["charts"]:
        click.echo("no charts without matplotlib (extra: figures)", err=True)
