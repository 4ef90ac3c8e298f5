"""A search carried out in a folder that is a sweep's as well: its points are the trials.

    search.json           the study, what to look for, and at the end what was found
    front.csv             rows of the front
    sweep.json, points.jsonl, points/, table.csv    as of a sweep, in the order of the trials

Points of random searches it is compared with are in points/ too.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from archsim import __version__
from archsim.errors import InputError
from archsim.files import write_whole
from archsim.sweeps.crew import Crew
from archsim.sweeps.idle import idle_notes
from archsim.sweeps.inputs import Inputs
from archsim.sweeps.pareto import load_moocore
from archsim.sweeps.search.asking import load_optuna
from archsim.sweeps.search.evaluation import Evaluator
from archsim.sweeps.search.loop import Meter, Told, Walk, walk
from archsim.sweeps.search.outcome import SearchOutcome, outcome_of
from archsim.sweeps.search.request import SearchStudy
from archsim.sweeps.space import axes_of
from archsim.sweeps.store import HEAD, PLAN, POINTS, TABLES, PointStore, content_hash, held, plan_lines, read_json
from archsim.sweeps.table import cell, columns_of, write_tables

SCHEMA_VERSION = 1
SEARCH, FRONT = "search.json", "front.csv"


def run_search(
    search: SearchStudy,
    folder: Path | None,
    lanes: Crew,
    inputs: Inputs,
    *,
    told: Told | None = None,
    update: bool = False,
) -> SearchOutcome:
    """Carry out a checked search, and the random searches it is compared with.

    Every finished point is in the folder at once. The same search in the same folder goes on: it suggests the same
    designs again and runs those that are not there. What it leaves does not depend on how often it was interrupted or
    on who ran the points. Without a folder nothing is kept. `told` hears of progress.

    Raises
    ------
    InputError
        Without optuna or moocore (extra: search); a folder of something else, or one that cannot be written.
    SimulationError
        An executor that takes no more points.
    """
    load_optuna()
    load_moocore()
    if folder is None:
        return _searched(search, Evaluator(lanes, inputs), told, inputs)
    with held(folder):
        _check(folder, search, update)
        _write(folder / SEARCH, _head(search))
        for name in (*TABLES, FRONT):
            (folder / name).unlink(missing_ok=True)
        store = PointStore(folder / POINTS)
        outcome = _searched(search, Evaluator(lanes, inputs, store, whole=search.space.keep == "result"), told, inputs)
        outcome = replace(outcome, directory=folder)
        _save(outcome, folder)
    return outcome


def _searched(search: SearchStudy, evaluator: Evaluator, told: Told | None, inputs: Inputs) -> SearchOutcome:
    methods = [search.method]
    if search.against == "random":
        methods += [
            replace(search.method, sampler="random", seed=search.seed + 1 + i) for i in range(search.repetitions)
        ]
    meter = Meter(search.trials * len(methods), told)
    walks: list[Walk] = [walk(search, method, evaluator, meter) for method in methods]
    return replace(outcome_of(search, walks[0], walks[1:]), notes=idle_notes(search.space, inputs))


def _head(search: SearchStudy) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "archsim_version": __version__,
        "name": search.space.name,
        "description": search.space.description,
        "study": search.space.to_dict(),
        "search": search.to_dict(),
    }


def _check(folder: Path, search: SearchStudy, update: bool) -> None:
    """Refuse the folder of something else; searches of one space share their points, whatever they look for."""
    if update:
        return
    head = folder / SEARCH
    if head.exists():
        old = read_json(head)
        if not isinstance(old, dict) or "study" not in old:
            raise InputError("is no search; expected another folder, or none of this name", where=str(head))
        if old["study"] != search.space.to_dict():
            what = f"holds the search '{old.get('name')}' of another space; expected another folder (-o), or --update"
            raise InputError(what, where=str(folder))
        return
    if (folder / HEAD).exists():
        what = "holds a sweep; expected another folder (-o), or --update to turn it into a search that uses its points"
        raise InputError(what, where=str(folder))
    strange = [name for name in (*TABLES, PLAN, POINTS) if _filled(folder / name)]
    if strange:
        what = f"holds {', '.join(strange)} but no {SEARCH}; expected a new folder, or one of a search"
        raise InputError(what, where=str(folder))


def replaced(folder: Path, search: SearchStudy) -> str:
    """What a search's outcome in this folder is about to be replaced by another, "" where it goes on."""
    if not (folder / SEARCH).exists():
        return ""
    old = read_json(folder / SEARCH)
    before = old.get("search") if isinstance(old, dict) else None
    if not isinstance(before, dict):
        return ""
    now = _head(search)["search"]
    changed = [name for name in now if before.get(name) != now[name] and name != "trials"]
    fewer = before.get("trials", 0) > now["trials"]
    changed += ["trials"] if fewer else []
    return f"replaces the outcome of a search with other {', '.join(changed)}; its points are kept" if changed else ""


def _filled(path: Path) -> bool:
    return any(path.iterdir()) if path.is_dir() else path.exists()


def _save(outcome: SearchOutcome, folder: Path) -> None:
    search = outcome.study
    found = outcome.to_dict()
    rows = outcome.rows()
    plan = list(plan_lines({name: row[name] for name in _coordinates(row)} for row in rows))
    head = {
        "schema_version": SCHEMA_VERSION,
        "archsim_version": __version__,
        "name": search.space.name,
        "description": search.space.description,
        "hash": content_hash(plan),
        "points": len(rows),
        "axes": list(axes_of(search.space)),
        "notes": list(outcome.notes),
        "study": search.space.to_dict(),
    }
    _write(folder / PLAN, "".join(plan))
    _write(folder / HEAD, head)
    write_tables(folder)
    _write(folder / FRONT, _csv([rows[trial.number] for trial in outcome.front]))
    _write(folder / SEARCH, {**_head(search), "found": found})


def _coordinates(row: Mapping[str, Any]) -> list[str]:
    """Columns of a row that are not those of its point's file."""
    names = list(row)
    return [*names[: names.index("error")], "key"]


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(columns_of(rows)), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: cell(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def _write(path: Path, content: str | Mapping[str, Any]) -> None:
    text = (
        content
        if isinstance(content, str)
        else json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    )
    try:
        write_whole(path, text)
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", where=str(path)) from None
