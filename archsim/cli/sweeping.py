"""The verb sweep: a design space, point by point."""

from __future__ import annotations

from pathlib import Path

import click

from archsim.cli.group import cli
from archsim.cli.options import json_option, show, wide_option
from archsim.errors import ArchsimError


@cli.command()
@click.argument("study", metavar="STUDY")
@click.option("-o", "--output", metavar="DIR", help="Folder of the sweep, by default one of its name; goes on there.")
@click.option(
    "--workers",
    type=click.IntRange(min=0),
    help="Processes that run points, by default one for each processor; 0 runs them in this one.",
)
@click.option("--dask", metavar="ADDRESS", help="Run points on the Dask cluster of this scheduler (tcp://HOST:8786).")
@click.option("--update", is_flag=True, help="Go on in DIR even if it holds points that the study no longer has.")
@wide_option
@json_option
def sweep(
    study: str, output: str | None, workers: int | None, dask: str | None, update: bool, wide: bool, as_json: bool
) -> None:
    """Run every point of a design space: STUDY.yaml or a shipped one (`archsim list`).

    Each finished point is kept in DIR at once; run the same command again to go on after an interruption, or after
    adding points to the study. A point that fails is a row with its error.
    """
    from archsim.report.sweeping import sweep_bar, sweep_report
    from archsim.report.tables import console
    from archsim.sweeps import Inputs, crew, find_sweep, load_sweep, read_sweep, run_study

    inputs = Inputs()
    wanted = read_sweep(find_sweep(study), inputs)
    folder = Path(output or wanted.name)
    try:
        with crew(workers=workers, dask=dask) as lanes, sweep_bar() as told:
            run_study(wanted, folder, lanes, inputs, told=told, update=update)
    except KeyboardInterrupt:
        click.echo(f"stopped; what is finished is in {folder}, the same command goes on", err=True)
        raise click.Abort from None
    found = load_sweep(folder)
    if as_json:
        show(
            {
                "directory": str(folder),
                "points": found.points,
                "axes": found.axes,
                "notes": found.idle,
                "rows": [dict(r) for r in found.rows],
            }
        )
    else:
        console(wide=wide).print(sweep_report(found))
    if found.failed and not found.done:
        raise ArchsimError("no point of the sweep could be run")
