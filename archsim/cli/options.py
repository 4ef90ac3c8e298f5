"""Options and output that several verbs share."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from archsim.errors import InputError, Problem

if TYPE_CHECKING:
    from archsim.config import Hardware
    from archsim.mapping.rows import RowPlan
    from archsim.workload import Graph

F = TypeVar("F", bound=Callable[..., Any])


def set_option(function: F) -> F:
    """`--set PATH=VALUE`, as often as wanted."""
    text = "Override a value of the hardware file, e.g. --set ima.adc.bits=6."
    return click.option("--set", "settings", multiple=True, metavar="PATH=VALUE", help=text)(function)


def wide_option(function: F) -> F:
    """`--wide`: every column of every table, whatever the terminal's width."""
    text = "Print every column and line, however narrow the terminal (try: | less -S)."
    return click.option("--wide", is_flag=True, help=text)(function)


def rows_option(function: F) -> F:
    """`--rows FILE`: which rows share a place in the arrays, and their order."""
    text = "Row plans that archsim rows saved for this network and chip."
    return click.option("--rows", "row_plans", metavar="FILE", help=text)(function)


def judge_option(function: F) -> F:
    """`--judge OUTPUT`: which of several outputs of a network quality is read from."""
    text = "Output of the network that predictions and quality are read from, by default its first."
    return click.option("--judge", metavar="OUTPUT", help=text)(function)


def saved_rows(path: str | None, graph: Graph, hardware: Hardware) -> Mapping[str, RowPlan] | None:
    """Row plans of a file, checked against what they are used for."""
    if path is None:
        return None
    from archsim.components import build_chip
    from archsim.function.rows import check_rows, read_rows
    from archsim.mapping.slicing import Slicing

    made = read_rows(path)
    check_rows(made, graph, Slicing.of(build_chip(hardware)), path)
    return made.plans


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
        elif found.get(path, value) != value:
            problems.append(Problem(f"--set {setting}", f"was set to {found[path]} before; expected one value"))
        found[path] = value
    if problems:
        raise InputError(problems)
    return found


def check_folder(name: str | None) -> None:
    """Refuse a folder that results cannot be written into, before long work rather than after it."""
    if name is None:
        return
    folder = Path(name)
    nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not nearest.is_dir():
        raise InputError(f"{'' if nearest == folder else f'{nearest} '}exists and is not a directory", where=name)
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise InputError(f"cannot be written: no permission in {nearest}", where=name)


def check_file(name: str | None) -> None:
    """Refuse a file that cannot be written, before long work rather than after it."""
    if name is None:
        return
    path = Path(name)
    if path.is_dir():
        raise InputError("is a directory; expected a file to write", where=name)
    if not path.absolute().parent.is_dir():
        raise InputError(f"there is no directory {path.parent}", where=name)


def compiling() -> None:
    """Say why the first run on a machine takes longer."""
    click.echo("compiling timing kernels: each once on this machine, at its first use", err=True)


def show(data: Any) -> None:
    """Print plain data as JSON."""
    click.echo(json.dumps(data, indent=1, allow_nan=False))


@contextmanager
def progress(label: str) -> Iterator[Callable[[int, int], None] | None]:
    """A bar on standard error when it is a terminal; the callback takes how much is done and how much there is, from
    when on the bar has its label."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("working", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total, description=label)


@contextmanager
def telling(label: str) -> Iterator[Callable[[str], None]]:
    """What is being done, on standard error: one line that changes on a terminal, else a line each."""
    if not sys.stderr.isatty():
        yield lambda what: click.echo(f"{label}: {what}", err=True)
        return
    from rich.console import Console

    with Console(stderr=True).status(label) as status:
        yield lambda what: status.update(f"{label}: {what}")
