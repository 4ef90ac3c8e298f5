"""How far a training run is: a bar on a terminal, else a line for each epoch; on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from archsim.training.loop import Progress


def described(state: Progress) -> str:
    """Loss, accuracy and time left, as text."""
    parts = [f"epoch {state.epoch}/{state.epochs}", f"loss {state.loss:.4f}"]
    if state.accuracy is not None:
        parts.append(f"accuracy {state.accuracy:.2%}")
    if state.test_accuracy is not None:
        parts.append(f"test {state.test_accuracy:.2%}")
    minutes, seconds = divmod(round(state.seconds_left), 60)
    hours, minutes = divmod(minutes, 60)
    left = f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
    return ", ".join([*parts, f"{left} left"])


@contextmanager
def training_bar() -> Iterator[Callable[[Progress], None]]:
    """What shows the progress of `archsim.training`."""
    if not sys.stderr.isatty():
        yield _line
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.description}"))
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None)

        def told(state: Progress) -> None:
            bar.update(task, completed=state.done, total=state.total, description=described(state))

        yield told


def _line(state: Progress) -> None:
    if state.done * state.epochs == state.epoch * state.total:
        print(described(state), file=sys.stderr, flush=True)
