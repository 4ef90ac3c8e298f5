"""Verbs that look without running: list, check, map, cite, schema."""

from __future__ import annotations

import click

from archsim.cli.group import cli
from archsim.cli.options import json_option, overrides, rows_option, saved_rows, set_option, show, wide_option
from archsim.errors import InputError, Problem


@cli.command("list")
@json_option
def list_(as_json: bool) -> None:
    """Shipped hardware, workloads, data sets, and studies: for reproduce, for train and for sweep."""
    from archsim.config.merge import SUFFIXES
    from archsim.config.shipped import names
    from archsim.studies import STUDIES
    from archsim.sweeps.document import sweep_names
    from archsim.training.document import study_names
    from archsim.workload import DATASETS, workload_names

    found = {
        "hardware": list(names("hwconfigs", SUFFIXES)),
        "workloads": list(workload_names()),
        "data": list(DATASETS),
        "studies": list(STUDIES),
        "training": list(study_names()),
        "sweeps": list(sweep_names()),
    }
    if as_json:
        show(found)
        return
    for kind, entries in found.items():
        click.echo(f"{kind}: {' '.join(entries)}")


@cli.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE|NAME...")
@set_option
@wide_option
@json_option
def check(files: tuple[str, ...], settings: tuple[str, ...], wide: bool, as_json: bool) -> None:
    """Validate hardware files; print their derived figures, components and notes."""
    from dataclasses import asdict

    from archsim.components import build_chip, figures
    from archsim.components.rollup import part_rows
    from archsim.config import load_hardware
    from archsim.config.sources import noted

    changes = overrides(settings)
    found: list[dict[str, object]] = []
    problems: list[Problem] = []
    for name in files:
        try:
            chip = build_chip(load_hardware(name, changes))
            parts = [asdict(row) for row in part_rows(chip)]
            found.append({**figures(chip), "components": parts, "file_notes": dict(noted(chip.hardware.model))})
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    if as_json:
        show(found[0] if len(found) == 1 else found)
        return
    from archsim.report.terminal import console, figures_report

    for item in found:
        console(wide=wide).print(figures_report(item))


@cli.command("map")
@click.argument("hw")
@click.argument("net")
@rows_option
@set_option
@wide_option
@json_option
def map_(hw: str, net: str, row_plans: str | None, settings: tuple[str, ...], wide: bool, as_json: bool) -> None:
    """Map a network on a chip: grids, copies, tiles and chips of each layer."""
    from archsim.config import load_hardware
    from archsim.mapper import map_network
    from archsim.report.plan import map_rows, map_totals
    from archsim.report.terminal import console, plan_report
    from archsim.workload import load_workload

    graph, hardware = load_workload(net), load_hardware(hw, overrides(settings))
    plan = map_network(graph, hardware, rows=saved_rows(row_plans, graph, hardware))
    if as_json:
        show({"totals": map_totals(plan), "layers": map_rows(plan), "notes": list(plan.notes)})
    else:
        console(wide=wide).print(plan_report(plan))


@cli.command()
@click.argument("run_dir")
@json_option
def cite(run_dir: str, as_json: bool) -> None:
    """The works that a run's numbers rest on, as BibTeX."""
    from archsim.report.citations import bibtex
    from archsim.result import load_result

    result = load_result(run_dir)
    if as_json:
        show(result.to_dict()["citations"])
    else:
        click.echo(bibtex(result), nl=False)


@cli.command()
@click.argument("kind", type=click.Choice(["hardware", "workload", "training", "sweep"]))
def schema(kind: str) -> None:
    """JSON Schema of a file format, for completion and checks in an editor."""
    if kind == "hardware":
        from archsim.config import hardware_schema

        show(hardware_schema())
    elif kind == "training":
        from archsim.training.document import training_schema

        show(training_schema())
    elif kind == "sweep":
        from archsim.sweeps.document import sweep_schema

        show(sweep_schema())
    else:
        from archsim.workload import workload_schema

        show(workload_schema())
