"""The verb that puts runs side by side, in the terminal and on a page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from archsim.cli.group import cli
from archsim.cli.options import (
    check_file,
    check_folder,
    compiling,
    json_option,
    judge_option,
    overrides,
    progress,
    set_option,
    show,
    wide_option,
)
from archsim.errors import InputError, Problem

if TYPE_CHECKING:
    from archsim.config import Hardware
    from archsim.result import Result
    from archsim.workload import Graph


@cli.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUN_DIR|HW|SWEEP_DIR...")
@click.option("--workload", "net", metavar="NET", help="Run hardware files on this network first.")
@click.option(
    "--images",
    type=click.IntRange(min=1),
    help="Images that stream through; by default one, and the steady rate beside it.",
)
@click.option(
    "--input", "data", metavar="DATA", help="Pictures to compute; by default shipped ones where a chip needs inputs."
)
@click.option("--limit", type=click.IntRange(min=1), help="Compute only so many pictures of DATA.")
@click.option("--calibrate", metavar="DATA|FILE", help="Pictures for the activation ranges, or a saved calibration.")
@judge_option
@click.option(
    "--engine",
    type=click.Choice(["auto", "simpy", "kernel"]),
    default="auto",
    show_default=True,
    help="How timing is computed; equal results, kernel is faster on large networks.",
)
@set_option
@click.option("-o", "--output", metavar="DIR", help="Write the runs made here into DIR/HW, for later comparisons.")
@click.option("--html", metavar="FILE", help="Write one self-contained page: up to eight runs, or one sweep.")
@wide_option
@json_option
def compare(
    runs: tuple[str, ...],
    net: str | None,
    images: int | None,
    data: str | None,
    limit: int | None,
    calibrate: str | None,
    judge: str | None,
    engine: str,
    settings: tuple[str, ...],
    output: str | None,
    html: str | None,
    wide: bool,
    as_json: bool,
) -> None:
    """Put runs side by side; hardware files are run on --workload first. The first is the reference.

    --set applies to every hardware file; to vary a figure of one chip, save runs (archsim run ... -o DIR) and compare
    their folders. With --html FILE, one run alone or the folder of a sweep makes a page too.
    """
    check_folder(output)
    check_file(html)
    sweeps = [name for name in runs if (Path(name) / "sweep.json").is_file() or Path(name).name == "sweep.json"]
    if sweeps:
        _sweep_page(runs, sweeps, html, as_json)
        return
    simulated: dict[str, Any] = {"images": images or "steady", "limit": limit, "calibrate": calibrate, "engine": engine}
    found = _runs(runs, net, judge, data, settings, output, simulated)
    from archsim.report.comparison import side_by_side

    names = [_folder(name) for name in runs]
    if len(found) == 1 and html is None:
        raise InputError("a comparison needs at least two runs, got 1; one alone makes a page (--html FILE)", runs[0])
    comparison = side_by_side(found, names)
    if html:
        _tell(comparison.html(html))
    if as_json:
        show(comparison.to_dict())
        return
    from archsim.report.terminal import comparison_report, console, run_report

    report = (
        comparison_report(comparison, **({"most": None} if wide else {})) if len(found) > 1 else run_report(found[0])
    )
    console(wide=wide).print(report)


def _runs(
    runs: Sequence[str],
    net: str | None,
    judge: str | None,
    data: str | None,
    settings: tuple[str, ...],
    output: str | None,
    simulated: dict[str, Any],
) -> list[Result]:
    """Saved runs, and those of hardware files, which are made here."""
    from archsim.compiling import announced
    from archsim.config import load_hardware
    from archsim.mapper import map_network
    from archsim.result import load_result
    from archsim.simulation import simulate
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
    graph = None if net is None else load_workload(net).judging(judge)
    if graph is not None and data is None:
        data = _needed_set(graph, chips.values())
    found = []
    for name in runs:
        if name in saved:
            found.append(load_result(name))
            continue
        assert graph is not None
        plan = map_network(graph, chips[name])
        with progress(f"pictures on {plan.hardware.name}") as done, announced(compiling):
            run = simulate(plan, inputs=data, progress=done, **simulated)
        if output:
            run.save(Path(output) / plan.hardware.name)
        found.append(run)
    return found


def _sweep_page(runs: Sequence[str], sweeps: Sequence[str], html: str | None, as_json: bool) -> None:
    """The page of one sweep, which compares its points."""
    if html is None or as_json:
        what = "is a sweep; expected --html FILE for a page of it (its table.csv is for other programs)"
        raise InputError(Problem(name, what) for name in sweeps)
    if len(runs) > 1:
        raise InputError("a page holds one sweep or up to eight runs; expected one sweep alone", where=sweeps[0])
    from archsim.report.page import write_sweep
    from archsim.sweeps import load_sweep

    _tell(write_sweep(load_sweep(sweeps[0]), html))


def _tell(page: Path) -> None:
    click.echo(f"page: {page} ({page.stat().st_size / 1e6:.1f} MB, works offline)", err=True)


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
