"""Verbs that run: run and compare."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from archsim.cli.group import cli
from archsim.cli.options import json_option, overrides, progress, set_option, show
from archsim.errors import InputError

if TYPE_CHECKING:
    from archsim.timing import Machine, Stamps


@cli.command()
@click.argument("hw")
@click.argument("net")
@click.option(
    "--images", type=click.IntRange(min=1), default=1, show_default=True, help="Images that stream through the chip."
)
@click.option("--input", "data", metavar="DATA", help="Pictures to compute: a shipped set, a folder, a zip or an .npz.")
@click.option("--limit", type=click.IntRange(min=1), help="Compute only the first pictures of DATA.")
@click.option("--calibrate", metavar="DATA|FILE", help="Pictures for the activation ranges, or a saved calibration.")
@click.option(
    "--engine",
    type=click.Choice(["simpy", "kernel", "maxplus"]),
    default="simpy",
    show_default=True,
    help="Timing engine.",
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
@json_option
def run(
    hw: str,
    net: str,
    images: int,
    data: str | None,
    limit: int | None,
    calibrate: str | None,
    engine: str,
    detail: str,
    settings: tuple[str, ...],
    seed: int,
    output: str | None,
    trace: bool,
    as_json: bool,
) -> None:
    """Simulate a network on a chip: time, energy, area, and with --input what it computes."""
    if trace and not output:
        raise InputError("needs -o DIR to write trace.json.gz into", where="--trace")
    if output and Path(output).exists() and not Path(output).is_dir():
        raise InputError("exists and is not a directory", where=output)
    if data is None and (limit or calibrate):
        raise InputError("--limit and --calibrate need --input")
    from archsim.config import load_hardware
    from archsim.mapping import map_network
    from archsim.simulation import simulate
    from archsim.timing.kernels.compiling import announced
    from archsim.workload import load_workload

    hardware = load_hardware(hw, overrides(settings))
    plan = map_network(load_workload(net), hardware)
    timed: list[tuple[Machine, Stamps]] = []
    with progress("pictures") as done, announced(lambda: click.echo("compiling the timing kernels, once", err=True)):
        result = simulate(
            plan,
            images=images,
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

        for note in write_trace(output, *timed[0], columns=row_lengths(plan)):
            click.echo(f"trace: {note}", err=True)
    if as_json:
        click.echo(result.to_json(), nl=False)
    else:
        from archsim.report.terminal import console, run_report

        console().print(run_report(result))


@cli.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN_DIR|HW...")
@click.option("--workload", "net", metavar="NET", help="Run hardware files on this network first.")
@click.option(
    "--input", "data", metavar="DATA", help="Pictures to compute; by default shipped ones where a chip needs inputs."
)
@click.option("--limit", type=click.IntRange(min=1), help="Compute only so many pictures of DATA.")
@click.option("--calibrate", metavar="DATA|FILE", help="Pictures for the activation ranges, or a saved calibration.")
@set_option
@json_option
def compare(
    runs: tuple[str, ...],
    net: str | None,
    data: str | None,
    limit: int | None,
    calibrate: str | None,
    settings: tuple[str, ...],
    as_json: bool,
) -> None:
    """Put runs side by side; hardware files are run on --workload first. The first is the reference."""
    from archsim.config import load_hardware
    from archsim.mapping import map_network
    from archsim.report import compare as put_side_by_side
    from archsim.result import load_result
    from archsim.simulation import simulate
    from archsim.workload import load_workload, suited_set

    saved = {name for name in runs if (Path(name) / "result.json").is_file() or Path(name).name == "result.json"}
    chips = {name: load_hardware(name, overrides(settings)) for name in runs if net is not None and name not in saved}
    graph = None if net is None else load_workload(net)
    blocks = {chip.name: chip.model.activation_precision for chip in chips.values()}
    deciding = [name for name, block in blocks.items() if block is not None and block.needs_inputs]
    if graph is not None and deciding and data is None:
        data = suited_set(graph)
        if data is None:
            raise InputError(f"{deciding[0]} decides activation precision from inputs; expected --input DATA")
        note = f"{deciding[0]} decides activation precision from inputs (--input takes others)"
        click.echo(f"computing the shipped set {data}: {note}", err=True)
    found = []
    for name in runs:
        if name in saved:
            found.append(load_result(name))
        elif graph is None:
            raise InputError("is not a run directory; to run a hardware file, give --workload NET", where=name)
        else:
            plan = map_network(graph, chips[name])
            found.append(simulate(plan, inputs=data, limit=limit, calibrate=calibrate))
    comparison = put_side_by_side(found)
    if as_json:
        show(comparison.to_dict())
    else:
        from archsim.report.terminal import comparison_report, console

        console().print(comparison_report(comparison))
