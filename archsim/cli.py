"""Command line: verbs and exit codes, nothing else.

Exit status 0: good; 1: the run or comparison failed; 2: the input is wrong. Results go to standard output, all talk
to standard error.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from archsim import __version__
from archsim.errors import ArchsimError, InputError, Problem

if TYPE_CHECKING:
    from archsim.timing import Machine, Stamps

F = TypeVar("F", bound=Callable[..., Any])


def main() -> None:
    """Entry point of the `archsim` command."""
    try:
        status = cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except click.Abort:
        sys.exit(130)
    except InputError as error:
        for problem in error.problems:
            click.echo(f"archsim: {problem}", err=True)
        sys.exit(2)
    except ArchsimError as error:
        click.echo(f"archsim: {error}", err=True)
        sys.exit(1)
    except BrokenPipeError:
        # the reader of our output has gone (`archsim list | head`); nothing is left to say
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    sys.exit(status if isinstance(status, int) else 0)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="archsim")
def cli() -> None:
    """Cycle-level simulation of ISAAC-style analog in-memory CNN accelerators.

    HW and NET are shipped names (`archsim list`) or paths of YAML and ONNX files.
    """


def set_option(function: F) -> F:
    """`--set PATH=VALUE`, as often as wanted."""
    text = "Override a value of the hardware file, e.g. --set ima.adc.bits=6."
    return click.option("--set", "settings", multiple=True, metavar="PATH=VALUE", help=text)(function)


def json_option(function: F) -> F:
    """`--json`: machine-readable output, alone on standard output."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")(function)


def overrides(settings: tuple[str, ...]) -> dict[str, object]:
    """The values of all `--set`, by dotted path."""
    found: dict[str, object] = {}
    problems = []
    for setting in settings:
        path, equals, value = setting.partition("=")
        if not equals or not path:
            problems.append(Problem(f"--set {setting}", "expected PATH=VALUE, e.g. ima.adc.bits=6"))
        found[path] = value
    if problems:
        raise InputError(problems)
    return found


def show(data: Any) -> None:
    """Print plain data as JSON."""
    click.echo(json.dumps(data, indent=1, allow_nan=False))


@contextmanager
def progress(label: str) -> Iterator[Callable[[int, int], None] | None]:
    """A bar on standard error when it is a terminal; the callback takes how much is done and how much there is."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@cli.command("list")
@json_option
def list_(as_json: bool) -> None:
    """Shipped hardware, workloads, data sets and studies."""
    from archsim.config.merge import SUFFIXES
    from archsim.config.shipped import names
    from archsim.studies import STUDIES
    from archsim.workload import DATASETS, workload_names

    found = {
        "hardware": list(names("hwconfigs", SUFFIXES)),
        "workloads": list(workload_names()),
        "data": list(DATASETS),
        "studies": list(STUDIES),
    }
    if as_json:
        show(found)
        return
    for kind, entries in found.items():
        click.echo(f"{kind}: {' '.join(entries)}")


@cli.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE|NAME...")
@set_option
@json_option
def check(files: tuple[str, ...], settings: tuple[str, ...], as_json: bool) -> None:
    """Validate hardware files and print their derived figures."""
    from archsim.components import build_chip, figures
    from archsim.config import load_hardware

    changes = overrides(settings)
    found: list[dict[str, object]] = []
    problems: list[Problem] = []
    for name in files:
        try:
            found.append(figures(build_chip(load_hardware(name, changes))))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    if as_json:
        show(found[0] if len(found) == 1 else found)
        return
    from archsim.report.terminal import console, figures_report

    for item in found:
        console().print(figures_report(item))


@cli.command("map")
@click.argument("hw")
@click.argument("net")
@set_option
@json_option
def map_(hw: str, net: str, settings: tuple[str, ...], as_json: bool) -> None:
    """Map a network on a chip: grids, copies, tiles and chips of each layer."""
    from archsim.config import load_hardware
    from archsim.mapping import map_network
    from archsim.report.plan import map_rows, map_totals
    from archsim.report.terminal import console, plan_report
    from archsim.workload import load_workload

    plan = map_network(load_workload(net), load_hardware(hw, overrides(settings)))
    if as_json:
        show({"totals": map_totals(plan), "layers": map_rows(plan), "notes": list(plan.notes)})
    else:
        console().print(plan_report(plan))


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
@set_option
def calibrate(
    hw: str,
    net: str,
    data: str,
    output: str,
    limit: int | None,
    method: str,
    budget: str | None,
    settings: tuple[str, ...],
) -> None:
    """Find activation ranges (and precision thresholds) on pictures, and save them for run --calibrate FILE."""
    from archsim.config import load_hardware
    from archsim.function.precision.offline import Request, calibrate_network
    from archsim.function.precision.search import parse_budget
    from archsim.mapping import map_network
    from archsim.result import write_whole
    from archsim.workload import load_data, load_workload, preprocessing_for

    if not output.endswith(".json"):
        raise InputError("must end in .json, by which run --calibrate knows it", where=output)
    graph = load_workload(net)
    plan = map_network(graph, load_hardware(hw, overrides(settings)))
    prepared = preprocessing_for(graph.path or net, graph)
    pictures = load_data(data, prepared, limit=limit, classes=graph[graph.outputs[0]].size)
    request = Request(method=method, budget=parse_budget(budget))
    with progress("trials") as done:
        made = calibrate_network(plan, graph, pictures, request, done)
    try:
        write_whole(Path(output), made.to_json())
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", where=output) from None
    click.echo(f"{output}: {len(made.pictures)} pictures, {len(made.ranges)} ranges, {len(made.thresholds)} thresholds")


@cli.command()
@click.argument("study", metavar="STUDY.yaml")
@click.option("-o", "--output", metavar="DIR", help="Folder of the run, instead of the file's; a run there goes on.")
@click.option("--threads", type=click.IntRange(min=1), help="Threads, by default all; results do not depend on it.")
@json_option
def train(study: str, output: str | None, threads: int | None, as_json: bool) -> None:
    """Train a network, in float or quantization-aware, and write it as ONNX with its calibrated ranges."""
    from archsim.report.training import training_bar
    from archsim.training.document import read_study
    from archsim.training.study import run_study

    wanted = read_study(study)
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
@click.option("--quick", is_flag=True, help="A reduced form that takes seconds.")
@json_option
def reproduce(study: str, quick: bool, as_json: bool) -> None:
    """Reproduce published figures: run a study and hold each claim against what was measured."""
    from archsim.config.suggest import did_you_mean
    from archsim.studies import STUDIES, run_study

    if study != "all" and study not in STUDIES:
        expected = " | ".join([*STUDIES, "all"])
        raise InputError(f"is not a study; expected {expected}{did_you_mean(study, STUDIES)}", where=study)
    reports = [run_study(name, quick=quick) for name in (STUDIES if study == "all" else [study])]
    if as_json:
        show(reports[0].to_dict() if study != "all" else [report.to_dict() for report in reports])
    else:
        from archsim.report.claims import claims_report
        from archsim.report.terminal import console

        for report in reports:
            console().print(claims_report(report.to_dict()))
    if not all(report.passed for report in reports):
        raise ArchsimError("some claims are outside their tolerance")


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
@click.argument("kind", type=click.Choice(["hardware", "workload"]))
def schema(kind: str) -> None:
    """JSON Schema of a file format, for completion and checks in an editor."""
    if kind == "hardware":
        from archsim.config import hardware_schema

        show(hardware_schema())
    else:
        from archsim.workload import workload_schema

        show(workload_schema())
