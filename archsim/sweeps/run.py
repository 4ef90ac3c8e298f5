"""Runs a study into its folder."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archsim import __version__
from archsim.errors import InputError
from archsim.files import write_whole
from archsim.sweeps.crew import Crew
from archsim.sweeps.dealing import Task, run_tasks
from archsim.sweeps.idle import idle_notes
from archsim.sweeps.inputs import Inputs
from archsim.sweeps.point import Outcome
from archsim.sweeps.space import Columns, axes_of, points_of
from archsim.sweeps.store import (
    HEAD,
    PLAN,
    POINTS,
    SCHEMA_VERSION,
    TABLES,
    PointStore,
    check_folder,
    content_hash,
    held,
    plan_lines,
)
from archsim.sweeps.study import Study
from archsim.sweeps.table import write_tables


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a sweep is: points done of `total`, `found` of them before this run began, `failed` of them with an
    error; seconds left at the pace so far (None before the first)."""

    done: int
    total: int
    found: int
    failed: int
    seconds_left: float | None


Told = Callable[[Progress], None]


def run_study(
    study: Study, folder: Path, lanes: Crew, inputs: Inputs, *, told: Told | None = None, update: bool = False
) -> None:
    """Run what is not done yet of a checked study, and write its table.

    Every finished point is in the folder at once; a run that is killed loses those it was at. Points with an error that
    may have passed (memory, a killed process) are run again, others not. `told` hears of progress.

    Raises
    ------
    InputError
        A folder of another study, or one that cannot be written.
    SimulationError
        An executor that takes no more points.
    """
    with held(folder):
        keys = _take(folder, study, inputs, update=update)
        _run(study, folder, keys, lanes, told or (lambda _: None))
        write_tables(folder)


def _take(folder: Path, study: Study, inputs: Inputs, *, update: bool) -> list[str]:
    """Make the folder that of the study, if it may be; returns the keys of all points."""
    plan = folder / f".{PLAN}.part"
    try:
        keys = _write_plan(plan, study, inputs)
        content = content_hash(_lines(plan))
        check_folder(folder, study.name, content, set(keys), update=update)
        _write_head(folder, study, content, len(keys), idle_notes(study, inputs))
        plan.replace(folder / PLAN)
        return keys
    finally:
        plan.unlink(missing_ok=True)


def _write_plan(path: Path, study: Study, inputs: Inputs) -> list[str]:
    """Coordinates and keys of all points into a file; returns the keys."""
    columns, keys = Columns(study), list[str]()

    def rows() -> Iterator[dict[str, Any]]:
        for place, point in enumerate(points_of(study)):
            keys.append(inputs.key(point))
            yield {"point": place, **columns.row(point), "key": keys[-1]}

    try:
        with path.open("w", encoding="utf-8") as stream:
            stream.writelines(plan_lines(rows()))
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", where=str(path)) from None
    return keys


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8") as stream:
        yield from stream


def _write_head(folder: Path, study: Study, content: str, points: int, notes: Sequence[str]) -> None:
    head = {
        "schema_version": SCHEMA_VERSION,
        "archsim_version": __version__,
        "name": study.name,
        "description": study.description,
        "hash": content,
        "points": points,
        "axes": list(axes_of(study)),
        "notes": notes,
        "study": study.to_dict(),
    }
    try:
        write_whole(folder / HEAD, json.dumps(head, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
        for table in TABLES:
            (folder / table).unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", where=str(folder / HEAD)) from None


def _run(study: Study, folder: Path, keys: list[str], lanes: Crew, told: Told) -> None:
    store, count = PointStore(folder / POINTS), _Count(keys)
    tasks: dict[str, Task] = {}
    for place, point in enumerate(points_of(study)):
        key = keys[place]
        if key in tasks or key in count.seen:
            continue
        outcome = store.read(key)
        if outcome is not None and outcome.final and _whole(store, study, outcome):
            count.add(key, outcome.error, found=True)
        else:
            tasks[key] = Task(place=place, point=point, key=key)
    told(count.progress())
    for task, outcome in run_tasks(tasks.values(), lanes, keep_results=study.keep == "result"):
        store.write(outcome)
        count.add(task.key, outcome.error)
        told(count.progress())


def _whole(store: PointStore, study: Study, outcome: Outcome) -> bool:
    """Whether all that the study keeps of a point is there."""
    return bool(outcome.error) or study.keep == "row" or store.has_result(outcome.key)


class _Count:
    """Counts rows as their points are done; points of one key are one run and several rows."""

    def __init__(self, keys: list[str]) -> None:
        self._rows = Counter(keys)
        self._began = time.monotonic()
        self._done = self._found = self._failed = 0
        self.seen: set[str] = set()

    def add(self, key: str, error: str, *, found: bool = False) -> None:
        """A key is done, `found` done before."""
        rows = self._rows[key]
        self.seen.add(key)
        self._done += rows
        self._found += rows if found else 0
        self._failed += rows if error else 0

    def progress(self) -> Progress:
        """Where this stands now."""
        total, here = self._rows.total(), self._done - self._found
        pace = (time.monotonic() - self._began) / here if here else None
        left = None if pace is None else pace * (total - self._done)
        return Progress(done=self._done, total=total, found=self._found, failed=self._failed, seconds_left=left)
