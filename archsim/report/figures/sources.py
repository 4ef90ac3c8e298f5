"""What figures are drawn from: a saved run, the directory of a sweep, or the file of a reproduced study."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archsim.errors import InputError
from archsim.report.figures.grid import Table, table_of
from archsim.report.figures.ofstudies import chart_figure, study_figures
from archsim.report.figures.panels import Figure
from archsim.result import Result, load_result


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A run with the name of its folder, a sweep's table, or a study's charts."""

    folder: str
    run: Result | None = None
    table: Table | None = None
    charts: Sequence[Figure] = ()


def read_source(name: str, where: Mapping[str, str], labels: Mapping[str, str]) -> Source:
    """Read what lies in a directory or file.

    Raises `InputError` where that is neither a run, a sweep nor a study with charts, or cannot be read.
    """
    path = Path(name)
    if (path / "sweep.json").is_file() or path.name == "sweep.json":
        from archsim.sweeps import load_sweep

        folder = path if path.is_dir() else path.parent
        sweep = load_sweep(folder)
        return Source(
            folder=folder.name,
            table=table_of(sweep.name, sweep.axes, sweep.rows, where=where, labels=labels),
            charts=_of_search(folder / "search.json"),
        )
    if (path / "result.json").is_file() or path.name == "result.json":
        return Source(folder=path.parent.name if path.name == "result.json" else path.name, run=load_result(path))
    if path.is_file() and path.suffix == ".json":
        return Source(folder=path.stem, charts=study_figures(_study(path), name))
    raise InputError(
        "is neither a run (result.json, of archsim run -o DIR), a sweep (sweep.json, of archsim sweep -o DIR) nor a "
        "study (STUDY.json, of archsim reproduce -o DIR)",
        where=name,
    )


def _of_search(path: Path) -> list[Figure]:
    """Hypervolume against trials, where the points were found by a search that came to its end."""
    if not path.is_file():
        return []
    from archsim.report.searching import search_charts
    from archsim.sweeps.store import read_json

    found = read_json(path)
    return [chart_figure("search", chart) for chart in search_charts(found)] if "found" in found else []


def _study(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=str(path)) from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"is not JSON: {error}", where=str(path)) from None
    if not isinstance(found, dict) or not found.get("charts"):
        raise InputError("has no charts; expected a study's report, of archsim reproduce STUDY -o DIR", where=str(path))
    return found
