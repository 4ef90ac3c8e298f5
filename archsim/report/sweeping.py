"""How far a sweep is, and what it found, on a terminal."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import sqrt
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

from archsim.report.caveats import notes_of_points
from archsim.report.formatting import heading, quantity
from archsim.report.tables import Column, Sheet
from archsim.sweeps.loading import work_of
from archsim.sweeps.run import Progress

if TYPE_CHECKING:
    from archsim.sweeps import Sweep

_MOST_ROWS = 100
_MOST_ERRORS = 5
_OBJECTIVES = ("latency_s", "area_m2")
_FIGURES = (
    "accuracy", "latency_s", "energy_per_image_j", "energy_j", "area_m2", "dynamic_energy_per_image_j", "bottleneck",
    "top1_agreement", "images_per_s", "ops_per_j", "average_power_w", "crossbars", "tiles", "chips",
)  # fmt: skip
"""Figures of a row, the most important first."""
_LINES = 20
"""Lines of progress where there is no terminal."""


def described(state: Progress) -> str:
    """Points done, found, failed and time left, as text."""
    parts = [f"{state.done} of {state.total} points"]
    if state.found:
        parts.append(f"{state.found} were there")
    if state.failed:
        parts.append(f"{state.failed} failed")
    if state.seconds_left is not None and state.done < state.total:
        parts.append(f"{_clock(state.seconds_left)} left")
    return ", ".join(parts)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@contextmanager
def sweep_bar() -> Iterator[Callable[[Progress], None]]:
    """What shows the progress of a sweep on standard error: a bar on a terminal, else a line now and then."""
    if not sys.stderr.isatty():
        yield _Lines().told
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.description}"))
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None)
        yield lambda state: bar.update(task, completed=state.done, total=state.total, description=described(state))


class _Lines:
    """A line at the start, at the end, and at every twentieth in between."""

    def __init__(self) -> None:
        self._part = -1

    def told(self, state: Progress) -> None:
        """Print where the sweep stands, if it is time."""
        part = _LINES * state.done // max(1, state.total)
        if part > self._part:
            self._part = part
            print(described(state), file=sys.stderr, flush=True)


def sweep_report(sweep: Sweep) -> RenderableType:
    """All rows of a small sweep, those that no other beats of a large one; errors with how often they came; notes
    with the points that have them; where the whole table is."""
    failed = Counter(row["error"] for row in sweep.failed)
    parts: list[RenderableType] = []
    if sweep.done:
        title, rows = _chosen(sweep)
        title += _judged(sweep.done)
        parts.append(Sheet(title=title, columns=_columns(sweep, rows), elsewhere="--wide, or table.csv"))
    for error, count in failed.most_common(_MOST_ERRORS):
        parts.append(Text(f"failed {count} x: {error}"))
    if len(failed) > _MOST_ERRORS:
        parts.append(Text(f"and {len(failed) - _MOST_ERRORS} other errors (table.csv)"))
    parts += [Text(f"note: {note}") for note in sweep.idle]
    parts += [Text(f"note: {line}") for line in notes_of_points(sweep.done, sweep.axes)]
    if sweep.directory is not None:
        parts.append(Text(f"{sweep.directory}: {len(sweep.done)} of {sweep.points} points, table.csv"))
    return Group(*parts)


def _chosen(sweep: Sweep) -> tuple[str, Sequence[Mapping[str, Any]]]:
    if len(sweep.done) <= _MOST_ROWS:
        return f"{sweep.name}: {len(sweep.done)} points", sweep.done

    def there(key: str) -> bool:
        return any(row.get(key) is not None for row in sweep.done)

    energy = "energy_per_image_j" if there("energy_per_image_j") else "energy_j"
    objectives = [energy, *_OBJECTIVES, *(["accuracy"] if there("accuracy") else [])]
    rows = sweep.front(objectives)
    names = ", ".join(heading(name) for name in objectives)
    cut = f", the first {_MOST_ROWS}" if len(rows) > _MOST_ROWS else ""
    same = " of the same work" if len({work_of(row) for row in sweep.done}) > 1 else ""
    title = f"{sweep.name}: {len(rows)} of {len(sweep.done)} points that none{same} beats in {names}{cut}"
    return title, rows[:_MOST_ROWS]


def _judged(rows: Sequence[Mapping[str, Any]]) -> str:
    """What accuracies are taken on, and how far apart two must be to differ."""
    counts = sorted({int(row["pictures"]) for row in rows if row.get("pictures") is not None})
    if not counts:
        return ""
    points = 100 * 1.96 * sqrt(0.25 / counts[0])
    return f"; on {' and '.join(f'{count:,}' for count in counts)} pictures (95 %: up to +-{points:.1f} points)"


def _figure(row: Mapping[str, Any], name: str) -> Any:
    if name != "dynamic_energy_per_image_j":
        return row.get(name)
    whole = row.get("dynamic_energy_j")
    return None if whole is None else whole / row.get("images", 1)


def _columns(sweep: Sweep, rows: Sequence[Mapping[str, Any]]) -> list[Column]:
    columns = [Column(heading="point", cells=[str(row["point"]) for row in rows], rank=99)]
    for axis in sweep.axes:
        cells = ["-" if row.get(axis) is None else str(row[axis]) for row in rows]
        columns.append(Column(heading=axis, cells=cells, rank=50))
    for place, name in enumerate(_FIGURES):
        values = [_figure(row, name) for row in rows]
        if any(value is not None for value in values):
            cells = [quantity(name, value) for value in values]
            columns.append(Column(heading=heading(name), cells=cells, rank=len(_FIGURES) - place))
    return columns
