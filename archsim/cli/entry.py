"""Entry point: runs a verb and turns errors into messages and exit codes."""

from __future__ import annotations

import os
import sys
import warnings
from typing import Any

import click

from archsim.cli import calibrating, comparing, costing, drawing, inspecting, running, searching, studying, sweeping
from archsim.cli.group import cli
from archsim.errors import ArchsimError, InputError

VERBS = (inspecting, running, comparing, calibrating, drawing, costing, studying, sweeping, searching)
"""Modules whose verbs register themselves with the group."""


def _show(message: Warning | str, *_: Any, **__: Any) -> None:
    """A warning as one line: where in the code it was raised tells a user nothing."""
    click.echo(f"archsim: {message}", err=True)


def main() -> None:
    """Entry point of the `archsim` command."""
    warnings.showwarning = _show
    try:
        status = cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except click.Abort as error:
        if isinstance(error.__cause__ or error.__context__, EOFError):  # click takes it for Ctrl-D at a prompt
            click.echo("archsim: a file ended before it was complete", err=True)
            sys.exit(1)
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
