"""Verbs that prepare a network for a chip on pictures: calibrate and rows."""

from __future__ import annotations

from pathlib import Path

import click

from archsim.cli.group import cli
from archsim.cli.options import judge_option, overrides, progress, set_option
from archsim.errors import InputError


@cli.command()
@click.argument("hw")
@click.argument("net")
@click.argument("data")
@click.option("-o", "--output", required=True, metavar="FILE", help="Write the calibration here (.json).")
@click.option("--limit", type=click.IntRange(min=1), help="Use only so many pictures of DATA.")
@click.option("--method", default="minmax", show_default=True, help="minmax, p99.9, p99.99, p99.999 or mse8.")
@click.option(
    "--budget",
    metavar="KIND=LIMIT",
    help="Also find thresholds layer by layer: agreement=0.98, snr_db=30 or accuracy_loss=0.005, against static 8 bit.",
)
@judge_option
@set_option
def calibrate(
    hw: str,
    net: str,
    data: str,
    output: str,
    limit: int | None,
    method: str,
    budget: str | None,
    judge: str | None,
    settings: tuple[str, ...],
) -> None:
    """Find activation ranges (and precision thresholds) on pictures, and save them for run --calibrate FILE."""
    from archsim.config import load_hardware
    from archsim.files import write_whole
    from archsim.function.precision.offline import Request, calibrate_network
    from archsim.function.precision.search import parse_budget
    from archsim.mapper import map_network
    from archsim.workload import load_data, load_workload, preprocessing_for

    if not output.endswith(".json"):
        raise InputError("must end in .json, by which run --calibrate knows it", where=output)
    graph = load_workload(net).judging(judge)
    plan = map_network(graph, load_hardware(hw, overrides(settings)))
    prepared = preprocessing_for(graph.path or net, graph)
    pictures = load_data(data, prepared, limit=limit, classes=graph.classes)
    request = Request(method=method, budget=parse_budget(budget))
    with progress("trials") as done:
        made = calibrate_network(plan, graph, pictures, request, done)
    try:
        write_whole(Path(output), made.to_json())
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", where=output) from None
    click.echo(f"{output}: {len(made.pictures)} pictures, {len(made.ranges)} ranges, {len(made.thresholds)} thresholds")


@cli.command()
@click.argument("hw")
@click.argument("net")
@click.argument("data")
@click.option("-o", "--output", required=True, metavar="FILE", help="Write the row plans here (.json).")
@click.option(
    "--limit", type=click.IntRange(min=1), default=64, show_default=True, help="Use so many pictures of DATA."
)
@click.option(
    "--pass",
    "passes",
    multiple=True,
    default=("rename",),
    metavar="PASS",
    help="rename (the default; equal rows share a place), complement, dead, reorder; as often as wanted.",
)
@click.option("--layer", "layers", multiple=True, help="Only this layer, as often as wanted; by default all.")
@click.option("--tries", default=4000, show_default=True, type=click.IntRange(min=0), help="Exchanges of reorder.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0))
@set_option
def rows(
    hw: str,
    net: str,
    data: str,
    output: str,
    limit: int,
    passes: tuple[str, ...],
    layers: tuple[str, ...],
    tries: int,
    seed: int,
    settings: tuple[str, ...],
) -> None:
    """Find which rows of each layer share a place in its arrays, or their order, for run --rows FILE."""
    from archsim.config import load_hardware
    from archsim.files import write_whole
    from archsim.function.rows import RowRequest, row_file
    from archsim.mapper import map_network
    from archsim.workload import load_data, load_workload, preprocessing_for

    graph = load_workload(net)
    plan = map_network(graph, load_hardware(hw, overrides(settings)))
    pictures = load_data(data, preprocessing_for(graph.path or net, graph), limit=limit)
    request = RowRequest(passes=passes, layers=layers, evaluations=tries, seed=seed)
    with progress("layers") as done:
        made = row_file(plan, graph, pictures, request, done)
    try:
        write_whole(Path(output), made.to_json())
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", where=output) from None
    for name, found in made.plans.items():
        click.echo(f"{name}: {found.logical_rows} rows at {found.physical_rows} places")
    click.echo(f"{output}: {len(made.plans)} layers changed, on {len(pictures)} pictures of {pictures.name}")
