"""The page of a sweep: trade-offs between any two figures, figures along an axis, and the points that failed."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from archsim import __version__
from archsim.errors import InputError
from archsim.report.caveats import notes_of_points
from archsim.report.formatting import heading
from archsim.report.page.document import render, write_page
from archsim.report.page.palette import BUSY, GLYPHS, MARKERS, MUTED
from archsim.report.page.tables import Cell, Row, Table
from archsim.report.page.text import axis_unit, percent, shown
from archsim.result.metrics import METRICS, is_larger_better
from archsim.sweeps.loading import WORK, work_of
from archsim.units import UNITS, QuantityError, parse_number, parse_quantity

if TYPE_CHECKING:
    from archsim.sweeps import Sweep

FIRST = ("energy_per_image_j", "latency_s", "area_m2", "accuracy", "ops_per_j", "average_power_w")
"""Figures that stand first in tables and lists, where a sweep has them."""
COORDINATES = frozenset(
    {"point", "seed", "images", "hardware", "workload", "error", "error_type", "notes", "key", "bottleneck"}
)
MOST_POINTS = 5000
MOST_LINES = 500
DIGITS = 4
"""Significant digits of figures: neighbours in a design space often differ in the third."""
_UNITS = {key: metric.unit for key, metric in METRICS.items() if "/" in metric.unit or metric.unit == "%"}
_SUFFIXES = {"s": "s", "j": "J", "w": "W", "m2": "m2", "db": "dB", "accuracy": "%", "agreement": "%"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A column of figures: its key, words for it, its unit, and whether more of it is better."""

    key: str
    words: str
    unit: str
    larger: bool

    def shown(self, value: object) -> str:
        """A value of it as a reader wants it."""
        if not isinstance(value, int | float):
            return "–"
        if self.unit == "%":
            return percent(value, 2)
        if self.unit == "dB":
            return f"{value:.1f} dB"
        return shown(value, self.unit, DIGITS) if self.unit else f"{value:,.6g}"


def write_sweep(found: Sweep, path: str | os.PathLike[str]) -> Path:
    """Write the page of a sweep.

    Raises `InputError` for more points than a page can draw, or where the file cannot be written.
    """
    return write_page(path, sweep_page(found))


def sweep_page(found: Sweep) -> str:
    """The page of a sweep as text; the same rows give the same text.

    Raises `InputError` for more than 5,000 points.
    """
    if len(found.rows) > MOST_POINTS:
        what = (
            f"a page draws at most {MOST_POINTS:,} points, this sweep has {len(found.rows):,}; expected a smaller sweep"
        )
        raise InputError(f"{what} (table.csv of its folder has them all)", where="--html")
    metrics = metrics_of(found)
    axes = varying(found)
    first, second = start(metrics)
    data = {"charts": {}, "sweep": _payload(found, metrics, axes, (first, second))}
    context = {
        "title": found.name,
        "description": found.description,
        "facts": _facts(found),
        "metrics": metrics,
        "axes": axes,
        "works": _works(found) if "workload" in axes else [],
        "chosen": {
            "x": first.key if first else "",
            "y": second.key if second else "",
            "colour": axes[0] if axes else "",
        },
        "front": front_table(found, axes, first, second) if first and second else None,
        "spans": _spans(found, metrics),
        "failed": _failed(found, axes),
        "notes": notes_of_points(found.done, axes),
        "points": _points(found, axes, metrics),
        "hidden_points": max(0, len(found.done) - MOST_LINES),
        "study": json.dumps(found.study, indent=2, ensure_ascii=False, default=dict),
        "version": __version__,
        "layered": False,
    }
    return render("sweep.html.j2", context, data, ("page.js", "sweep.js"))


def _works(found: Sweep) -> list[tuple[str, str]]:
    """Networks to choose from, all of them first: (value, words)."""
    return [("", "all"), *((name, name) for name in dict.fromkeys(_text(row.get("workload")) for row in found.done))]


def metrics_of(found: Sweep) -> list[Metric]:
    """Columns of finite numbers that are no coordinates and vary, the usual ones first; where nothing varies, all."""
    columns: dict[str, set[float]] = {}
    taken = COORDINATES | set(found.axes)
    for row in found.done:
        for key, value in row.items():
            if key not in taken and _is_number(value):
                columns.setdefault(key, set()).add(float(value))
    varied = [key for key, values in columns.items() if len(values) > 1] or list(columns)
    order = {key: place for place, key in enumerate(FIRST)}
    return [_metric(key) for key in sorted(varied, key=lambda key: order.get(key, len(order)))]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _metric(key: str) -> Metric:
    unit = _UNITS.get(key) or ("" if key.endswith("_per_s") else _SUFFIXES.get(key.rsplit("_", 1)[-1], ""))
    return Metric(key=key, words=heading(key), unit=unit, larger=is_larger_better(key))


def varying(found: Sweep) -> tuple[str, ...]:
    """Axes with more than one value, and hardware, workload, seed and images where they vary."""
    names = [*found.axes, *(name for name in ("hardware", "workload", "images", "seed") if name not in found.axes)]
    return tuple(name for name in names if len({str(row.get(name)) for row in found.rows}) > 1)


def start(metrics: Sequence[Metric]) -> tuple[Metric | None, Metric | None]:
    """The pair of figures that the page shows first: against energy, accuracy where there is one, else latency."""
    known = {metric.key: metric for metric in metrics}
    wanted = [known[key] for key in ("energy_per_image_j", "accuracy", "latency_s", "area_m2") if key in known]
    chosen = [*wanted, *(metric for metric in metrics if metric not in wanted)]
    return (chosen[0], chosen[1]) if len(chosen) > 1 else (chosen[0] if chosen else None, None)


def _payload(found: Sweep, metrics: Sequence[Metric], axes: Sequence[str], chosen: Sequence[Metric | None]) -> Any:
    """What the script draws from: coordinates as text, figures as numbers in SI (9 digits), point by point."""
    rows = found.done
    values = {metric.key: [_rounded(row.get(metric.key)) for row in rows] for metric in metrics}
    return {
        "axes": {name: axis_values(name, [_text(row.get(name)) for row in rows]) for name in axes},
        "points": [row["point"] for row in rows],
        "metrics": [_described(metric, values[metric.key]) for metric in metrics],
        "values": values,
        "work": WORK,
        "first": [metric.key for metric in metrics if metric.key in FIRST],
        "chosen": [metric.key if metric else None for metric in chosen],
        "palette": MUTED,
        "markers": MARKERS,
        "glyphs": GLYPHS,
        "ramp": BUSY,
    }


def _described(metric: Metric, values: Iterable[float | None]) -> dict[str, Any]:
    if metric.unit in ("%", "dB", ""):
        size, name = (0.01, "%") if metric.unit == "%" else (1.0, metric.unit)
    else:
        size, name = axis_unit([value for value in values if value is not None], metric.unit)
    title = f"{metric.words} [{name}]" if name else metric.words
    return {"key": metric.key, "title": title, "unit": metric.unit, "size": size, "larger": metric.larger}


def axis_values(name: str, texts: Sequence[str]) -> dict[str, Any]:
    """Values of an axis as text, and as numbers where all of them are, in a unit that suits them."""
    for symbol in ("", *UNITS):
        try:
            values = [parse_quantity(text, symbol) if symbol else parse_number(text, signed=True) for text in texts]
        except QuantityError:
            continue
        size, unit = axis_unit(values, symbol) if symbol else (1.0, "")
        title = f"{name} [{unit}]" if unit else name
        return {"texts": list(texts), "numbers": [_rounded(value / size) for value in values], "title": title}
    return {"texts": list(texts), "numbers": None, "title": name}


def _rounded(value: object) -> float | None:
    return float(f"{value:.9g}") if isinstance(value, int | float) and _is_number(value) else None


def _text(value: object) -> str:
    return "–" if value is None else str(value)


def _facts(found: Sweep) -> tuple[str, list[tuple[str, str]]]:
    """How many points, and over what: names and their values."""
    finished = f"{len(found.rows):,} of {found.points:,} points finished"
    points = f"{found.points:,} points" if len(found.rows) == found.points else finished
    failed = f", {len(found.failed):,} of them failed" if found.failed else ""
    facts = []
    for name in varying(found):
        values = list(dict.fromkeys(_text(row.get(name)) for row in found.rows))
        shown_values = ", ".join(values[:12]) + (f" and {len(values) - 12} more" if len(values) > 12 else "")
        facts.append((name, shown_values))
    for name in ("hardware", "workload"):
        if name not in varying(found) and found.rows:
            facts.append((name, _text(found.rows[0].get(name))))
    return f"{points}{failed}", facts


def front_table(found: Sweep, axes: Sequence[str], first: Metric, second: Metric) -> Table:
    """Points that no other one of the same work beats in both figures; the script rewrites it for other figures."""
    rows = found.front([f"max:{metric.key}" if metric.larger else metric.key for metric in (first, second)])
    works = list(dict.fromkeys(work_of(row) for row in found.done))
    ordered = sorted(rows, key=lambda row: (works.index(work_of(row)), row[first.key], row["point"]))
    lines = tuple(_line(row, axes, (first, second)) for row in ordered)
    heads = ("point", *axes, first.words, second.words)
    caption = f"Front: {first.words} and {second.words}"
    return Table(caption=caption, heads=heads, rows=lines, words=_wordy(found, axes))


def _wordy(found: Sweep, axes: Sequence[str]) -> frozenset[int]:
    """Columns of axes whose values are names rather than figures."""
    columns = [[_text(row.get(name)) for row in found.rows] for name in axes]
    return frozenset(
        place for place, texts in enumerate(columns, start=1) if not any(text[:1].isdigit() for text in texts)
    )


def _line(row: Mapping[str, Any], axes: Sequence[str], metrics: Sequence[Metric]) -> Row:
    texts = [*[_text(row.get(name)) for name in axes], *[metric.shown(row.get(metric.key)) for metric in metrics]]
    return Row(name=f"{row['point']}", cells=tuple(Cell(text=text) for text in texts))


def _spans(found: Sweep, metrics: Sequence[Metric]) -> Table:
    """Least, median and largest value of the main figures."""
    rows = []
    for metric in metrics:
        values = [row[metric.key] for row in found.done if _is_number(row.get(metric.key))]
        if metric.key in FIRST:
            texts = [metric.shown(value) for value in (min(values), median(values), max(values))]
            rows.append(Row(name=metric.words, cells=tuple(Cell(text=text) for text in texts)))
    heads = ("", "least", "median", "largest")
    return Table(caption="Figures over all points", heads=heads, rows=tuple(rows))


def _failed(found: Sweep, axes: Sequence[str]) -> Table | None:
    """Points that could not be run, and why."""
    if not found.failed:
        return None
    rows = []
    for row in found.failed[:MOST_LINES]:
        texts = [*[_text(row.get(name)) for name in axes], str(row["error"])]
        rows.append(Row(name=f"{row['point']}", cells=tuple(Cell(text=text) for text in texts)))
    words = _wordy(found, axes) | {len(axes) + 1}
    return Table(caption="Points that failed", heads=("point", *axes, "error"), rows=tuple(rows), words=words)


def _points(found: Sweep, axes: Sequence[str], metrics: Sequence[Metric]) -> Table:
    """The first points with their main figures."""
    main = [metric for metric in metrics if metric.key in FIRST]
    rows = tuple(_line(row, axes, main) for row in found.done[:MOST_LINES])
    heads = ("point", *axes, *[metric.words for metric in main])
    return Table(caption="Points", heads=heads, rows=rows, words=_wordy(found, axes))
