"""The verb search: good designs of a space without running all of it."""

from __future__ import annotations

from pathlib import Path

import click

from archsim.cli.group import cli
from archsim.cli.options import check_folder, json_option, show, wide_option
from archsim.errors import ArchsimError


@cli.command()
@click.argument("study", metavar="STUDY")
@click.option("-o", "--output", metavar="DIR", help="Folder of the search, by default one of its name; goes on there.")
@click.option("--trials", type=click.IntRange(min=1), help="Designs to look at, instead of the study's.")
@click.option("--sampler", type=click.Choice(["nsga2", "tpe", "random"]), help="Instead of the study's.")
@click.option("--seed", type=click.IntRange(min=0, max=2**63 - 1), help="Of the sampler, instead of the study's.")
@click.option("--against", type=click.Choice(["none", "random"]), help="Also look at as many random designs.")
@click.option(
    "--repetitions", type=click.IntRange(min=1, max=1000), help="Random searches, each with its own seed [study: 5]."
)
@click.option(
    "--workers",
    type=click.IntRange(min=0),
    help="Processes that run points, by default one for each processor; 0 runs them in this one.",
)
@click.option("--dask", metavar="ADDRESS", help="Run points on the Dask cluster of this scheduler (tcp://HOST:8786).")
@click.option("--update", is_flag=True, help="Take over a DIR of another space or of a sweep; points are kept.")
@wide_option
@json_option
def search(
    study: str,
    output: str | None,
    trials: int | None,
    sampler: str | None,
    seed: int | None,
    against: str | None,
    repetitions: int | None,
    workers: int | None,
    dask: str | None,
    update: bool,
    wide: bool,
    as_json: bool,
) -> None:
    """Look for designs that are good in several respects at once.

    STUDY is a sweep study with a block `search:` (objectives, constraints, trials, ...), or a shipped one. Each
    finished point is kept in DIR at once; run the command again to go on after an interruption, or with more trials.
    """
    from archsim.report.searching import search_report
    from archsim.report.sweeping import sweep_bar
    from archsim.report.tables import console
    from archsim.sweeps import Inputs, crew, find_sweep
    from archsim.sweeps.search import read_search, replaced, run_search

    check_folder(output)
    given = {"trials": trials, "sampler": sampler, "seed": seed, "against": against, "repetitions": repetitions}
    changes, inputs = {name: value for name, value in given.items() if value is not None}, Inputs()
    wanted = read_search(find_sweep(study), inputs, changes)
    folder = Path(output or wanted.space.name)
    if note := replaced(folder, wanted):
        click.echo(f"{folder}: {note}", err=True)
    try:
        with crew(workers=workers, dask=dask) as lanes, sweep_bar() as told:
            found = run_search(wanted, folder, lanes, inputs, told=told, update=update)
    except KeyboardInterrupt:
        click.echo(f"stopped; what is finished is in {folder}, the same command goes on", err=True)
        raise click.Abort from None
    if as_json:
        show({"directory": str(folder), **found.to_dict(), "rows": found.rows()})
    else:
        console(wide=wide).print(search_report(found))
    if not found.front:
        raise ArchsimError(f"no design could be run within the constraints; all of them are in {folder}/table.csv")
