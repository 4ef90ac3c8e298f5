"""The verb that runs a network on a chip."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from archsim.cli.group import cli
from archsim.cli.options import (
    check_folder,
    compiling,
    json_option,
    judge_option,
    overrides,
    progress,
    rows_option,
    saved_rows,
    set_option,
    wide_option,
)
from archsim.errors import InputError

if TYPE_CHECKING:
    from archsim.timing import Machine, Stamps


@cli.command()
@click.argument("hw")
@click.argument("net")
@click.option(
    "--images",
    type=click.IntRange(min=1),
    help="Images that stream through the chip; by default one, and the rate of an endless stream beside it.",
)
@click.option("--input", "data", metavar="DATA", help="Pictures to compute: a shipped set, a folder, a zip or an .npz.")
@click.option("--limit", type=click.IntRange(min=1), help="Compute only the first pictures of DATA.")
@click.option("--calibrate", metavar="DATA|FILE", help="Pictures for the activation ranges, or a saved calibration.")
@judge_option
@rows_option
@click.option(
    "--engine",
    type=click.Choice(["auto", "simpy", "kernel"]),
    default="auto",
    show_default=True,
    help="How timing is computed, not what: equal results to the picosecond. kernel is compiled and several times "
    "faster on large networks, simpy the readable reference; auto takes simpy where it answers within about a second.",
)
@click.option(
    "--detail",
    type=click.Choice(["window", "bit"]),
    default="window",
    show_default=True,
    help="Timing detail; bit plays out every input digit and converter, for small networks.",
)
@set_option
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option("-o", "--output", metavar="DIR", help="Write result.json and tables here.")
@click.option("--trace", is_flag=True, help="Also write trace.json.gz, a timeline for ui.perfetto.dev, into DIR.")
@wide_option
@json_option
def run(
    hw: str,
    net: str,
    images: int | None,
    data: str | None,
    limit: int | None,
    calibrate: str | None,
    judge: str | None,
    row_plans: str | None,
    engine: str,
    detail: str,
    settings: tuple[str, ...],
    seed: int,
    output: str | None,
    trace: bool,
    wide: bool,
    as_json: bool,
) -> None:
    """Simulate a network on a chip: time, energy, area, and with --input what it computes."""
    if trace and not output:
        raise InputError("needs -o DIR to write trace.json.gz into", where="--trace")
    check_folder(output)
    if data is None and (limit or calibrate or judge):
        raise InputError("--limit, --calibrate and --judge need --input")
    from archsim.compiling import announced
    from archsim.config import load_hardware
    from archsim.mapper import map_network
    from archsim.simulation import simulate
    from archsim.workload import load_workload

    hardware = load_hardware(hw, overrides(settings))
    graph = load_workload(net).judging(judge)
    plan = map_network(graph, hardware, rows=saved_rows(row_plans, graph, hardware))
    timed: list[tuple[Machine, Stamps]] = []
    with progress("pictures") as done, announced(compiling):
        result = simulate(
            plan,
            images=images or "steady",
            advise=True,
            seed=seed,
            inputs=data,
            limit=limit,
            calibrate=calibrate,
            engine=engine,
            detail=detail,
            progress=done,
            observe=lambda machine, stamps: timed.append((machine, stamps)) if trace else None,
        )
    if output:
        result.save(output)
    if output and trace:
        from archsim.report.trace import row_lengths, write_trace

        coarse = write_trace(output, *timed[0], columns=row_lengths(plan))
        if coarse:
            parts = "1 part" if len(coarse) == 1 else f"{len(coarse)} parts"
            click.echo(f"trace: {parts} drawn coarser than they ran (otherData.notes lists them)", err=True)
    if as_json:
        click.echo(result.to_json(), nl=False)
    else:
        from archsim.report.terminal import console, run_report

        console(wide=wide).print(run_report(result))
