"""Options and output that several verbs share."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from archsim.errors import InputError, Problem

F = TypeVar("F", bound=Callable[..., Any])


def set_option(function: F) -> F:
    """`--set PATH=VALUE`, as often as wanted."""
    text = "Override a value of the hardware file, e.g. --set ima.adc.bits=6."
    return click.option("--set", "settings", multiple=True, metavar="PATH=VALUE", help=text)(function)


def wide_option(function: F) -> F:
    """`--wide`: every column of every table, whatever the terminal's width."""
    text = "Print every column and line, however narrow the terminal (try: | less -S)."
    return click.option("--wide", is_flag=True, help=text)(function)


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
