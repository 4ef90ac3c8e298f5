"""Verbs that run: run and compare."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archsim.cli.group import cli
from archsim.cli.options import check_folder, json_option, overrides, progress, set_option, show, wide_option
from archsim.errors import InputError, Problem

if TYPE_CHECKING:
    from archsim.config import Hardware
    from archsim.timing import Machine, Stamps
    from archsim.workload import Graph


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
    help="How timing is computed, not what: equal results to the picosecond. kernel is compiled and several times "
    "faster on large networks, simpy the readable reference; maxplus only runs chips whose layers share no bus, link "
    "or memory.",
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
    wide: bool,
    as_json: bool,
) -> None:
    """Simulate a network on a chip: time, energy, area, and with --input what it computes."""
    if trace and not output:
        raise InputError("needs -o DIR to write trace.json.gz into", where="--trace")
    check_folder(output)
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
    with progress("pictures") as done, announced(_compiling):
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

        coarse = write_trace(output, *timed[0], columns=row_lengths(plan))
        if coarse:
            parts = "1 part" if len(coarse) == 1 else f"{len(coarse)} parts"
            click.echo(f"trace: {parts} drawn coarser than they ran (otherData.notes lists them)", err=True)
    if as_json:
        click.echo(result.to_json(), nl=False)
    else:
        from archsim.report.terminal import console, run_report

        console(wide=wide).print(run_report(result))


def _compiling() -> None:
    click.echo("compiling timing kernels: each once on this machine, at its first use", err=True)


@cli.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN_DIR|HW...")
@click.option("--workload", "net", metavar="NET", help="Run hardware files on this network first.")
@click.option("--images", type=click.IntRange(min=1), default=1, show_default=True, help="Images that stream through.")
@click.option(
    "--input", "data", metavar="DATA", help="Pictures to compute; by default shipped ones where a chip needs inputs."
)
@click.option("--limit", type=click.IntRange(min=1), help="Compute only so many pictures of DATA.")
@click.option("--calibrate", metavar="DATA|FILE", help="Pictures for the activation ranges, or a saved calibration.")
@click.option(
    "--engine",
    type=click.Choice(["simpy", "kernel"]),
    default="simpy",
    show_default=True,
    help="How timing is computed; equal results, kernel is faster on large networks.",
)
@set_option
@click.option("-o", "--output", metavar="DIR", help="Write the runs made here into DIR/HW, for later comparisons.")
@wide_option
@json_option
def compare(
    runs: tuple[str, ...],
    net: str | None,
    images: int,
    data: str | None,
    limit: int | None,
    calibrate: str | None,
    engine: str,
    settings: tuple[str, ...],
    output: str | None,
    wide: bool,
    as_json: bool,
) -> None:
    """Put runs side by side; hardware files are run on --workload first. The first is the reference.

    --set applies to every hardware file; to vary a figure of one chip, save runs (archsim run ... -o DIR) and compare
    their folders.
    """
    from archsim.config import load_hardware
    from archsim.mapping import map_network
    from archsim.report import compare as put_side_by_side
    from archsim.result import load_result
    from archsim.simulation import simulate
    from archsim.timing.kernels.compiling import announced
    from archsim.workload import load_workload

    saved = {name for name in runs if (Path(name) / "result.json").is_file() or Path(name).name == "result.json"}
    made = [name for name in runs if name not in saved]
    if net is None and made:
        raise InputError(
            Problem(name, "is not a run directory; to run a hardware file, give --workload NET") for name in made
        )
    if output and not made:
        raise InputError("needs hardware files to run; all of these runs are saved already", where="-o")
    chips = {name: load_hardware(name, overrides(settings)) for name in made}
    graph = None if net is None else load_workload(net)
    if graph is not None and data is None:
        data = _needed_set(graph, chips.values())
    found = []
    for name in runs:
        if name in saved:
            found.append(load_result(name))
            continue
        assert graph is not None
        plan = map_network(graph, chips[name])
        with progress(f"pictures on {plan.hardware.name}") as done, announced(_compiling):
            run = simulate(
                plan, images=images, inputs=data, limit=limit, calibrate=calibrate, engine=engine, progress=done
            )
        if output:
            run.save(Path(output) / plan.hardware.name)
        found.append(run)
    comparison = put_side_by_side(found, [_folder(name) for name in runs])
    if as_json:
        show(comparison.to_dict())
    else:
        from archsim.report.terminal import comparison_report, console

        console(wide=wide).print(comparison_report(comparison, **({"most": None} if wide else {})))


def _needed_set(graph: Graph, chips: Iterable[Hardware]) -> str | None:
    """Shipped pictures that suit the network, where some chip decides something from inputs."""
    from archsim.workload import suited_set

    deciding = [(chip.name, what) for chip in chips for what in chip.model.decided_from_inputs]
    if not deciding:
        return None
    name, what = deciding[0]
    data = suited_set(graph)
    if data is None:
        raise InputError(f"{name} decides {what} from inputs; expected --input DATA")
    note = f"{name} decides {what} from inputs (--input takes others)"
    click.echo(f"computing the shipped set {data}: {note}", err=True)
    return data


def _folder(name: str) -> str:
    """A run by its folder's name."""
    path = Path(name)
    return path.parent.name if path.name == "result.json" else path.name
