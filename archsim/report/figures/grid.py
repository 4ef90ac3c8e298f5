"""The points of a sweep as a table: its axes, which of them vary, and groups of rows that share all but one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from types import MappingProxyType
from typing import Any

from archsim.config.suggest import did_you_mean
from archsim.errors import InputError, Problem
from archsim.function.inference.compare import wilson
from archsim.report.figures.scales import axis_name, quantities
from archsim.report.formatting import tidy
from archsim.result.metrics import METRICS, PICTURES, needing

Row = Mapping[str, Any]
COORDINATES = ("hardware", "workload", "seed", "images")
"""Columns that tell points apart beside the axes of the study."""
SHARES_OF_PICTURES = tuple(key for key in needing(PICTURES) if METRICS[key].unit == "%")
NO_METRICS = ("point", "key", "error", "error_type", "notes", "bottleneck", "pictures", "input", "limit", *COORDINATES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Finished points of a sweep. `axes` are all columns that tell points apart and vary; `labels` name axes and
    metrics where the customary names are not wanted; `failed` counts the points that are left out."""

    name: str
    axes: tuple[str, ...]
    rows: tuple[Row, ...]
    failed: int = 0
    labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def subject(self) -> str:
        """Network and hardware where all points share them, for captions."""
        shared = [
            (word, {str(row.get(name)) for row in self.rows}) for word, name in (("of", "workload"), ("on", "hardware"))
        ]
        return "".join(f" {word} {name}" for word, names in shared if len(names) == 1 for name in names)

    @property
    def hardware(self) -> tuple[str, ...]:
        """Names or paths of the hardware files."""
        return tuple(dict.fromkeys(str(row.get("hardware")) for row in self.rows))

    def values(self, axis: str) -> list[Any]:
        """Distinct values of an axis: numbers in rising order, words as the study has them."""
        found = list({_key(row.get(axis)): row.get(axis) for row in self.rows}.values())
        numbers = quantities(found)
        if numbers is None:
            return found
        return [value for _, value in sorted(zip(numbers[0], found, strict=True), key=lambda pair: pair[0])]

    def label(self, axis: str) -> str:
        """What an axis is called."""
        return self.labels.get(axis, axis_name(axis))

    def setting(self, axis: str, value: Any) -> str:
        """A value of an axis in a legend."""
        shown = tidy(value)
        if axis in ("hardware", "workload"):
            return self.labels.get(shown, shown)
        return f"{self.labels[axis]} = {shown}" if axis in self.labels else f"{_short(axis)}={shown}"


def table_of(
    name: str,
    axes: Sequence[str],
    rows: Sequence[Row],
    *,
    where: Mapping[str, str] = MappingProxyType({}),
    labels: Mapping[str, str] = MappingProxyType({}),
) -> Table:
    """Points of a sweep, those with the values `where` only.

    Raises `InputError` where a path of `where` is no axis, a value does not occur, or no point is left.
    """
    columns = list(dict.fromkeys([*axes, *COORDINATES]))
    problems = [
        Problem(
            f"--where {path}", f"is no axis of the sweep; expected {', '.join(columns)}{did_you_mean(path, columns)}"
        )
        for path in where
        if path not in columns
    ]
    for path, value in where.items():
        present = {_key(row.get(path)) for row in rows}
        if path in columns and _key(value) not in present:
            problems.append(
                Problem(f"--where {path}={value}", f"no point has it; expected {' | '.join(sorted(present))}")
            )
    if problems:
        raise InputError(problems)
    kept = [row for row in rows if all(_key(row.get(path)) == _key(value) for path, value in where.items())]
    done = [row for row in kept if not row.get("error")]
    if not done:
        raise InputError(f"has no finished point{' with these values' if where else ''}; expected at least one", name)
    varying = [axis for axis in columns if len({_key(row.get(axis)) for row in done}) > 1]
    return Table(
        name=name, axes=tuple(varying), rows=tuple(done), failed=len(kept) - len(done), labels=MappingProxyType(labels)
    )


def metrics_of(table: Table, wanted: Sequence[str]) -> tuple[str, ...]:
    """The metrics to draw: those that were asked for, else accuracy, energy, latency and area as far as they vary.

    Raises `InputError` for what is no metric of every point.
    """
    known = [
        name
        for name, value in table.rows[0].items()
        if name not in (*NO_METRICS, *table.axes) and isinstance(value, int | float) and not isinstance(value, bool)
    ]
    whole = [name for name in known if all(isinstance(row.get(name), int | float) for row in table.rows)]
    problems = [
        Problem("--metrics", f"'{name}' is no metric of every point; expected one of them{did_you_mean(name, whole)}")
        for name in wanted
        if name not in whole
    ]
    if problems:
        raise InputError(problems)
    usual = ("accuracy", "energy_per_image_j", "latency_s", "area_m2")
    return tuple(wanted) or tuple(name for name in usual if name in whole and _varies(table, name))


def _varies(table: Table, metric: str) -> bool:
    return len({row[metric] for row in table.rows}) > 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A metric over the values of one axis: the median of what other axes leave open, and its ends."""

    name: str
    at: Sequence[int]
    """Places in the axis' values."""
    middle: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    spread: bool
    """Whether some value stands for several points that differ."""
    sampled: bool
    """Whether `low` and `high` are 95 % intervals of a share of pictures."""

    @property
    def has_ends(self) -> bool:
        """Whether `low` and `high` say something that `middle` does not."""
        return self.spread or self.sampled


def lines(table: Table, axis: str, metric: str, most: int) -> tuple[list[Line], tuple[str, ...]]:
    """(a line for each combination of the other axes, axes that lines are spread over).

    With more than `most` combinations there is a line for each value of the first other axis that has few enough, and
    the rest is spread over; seeds always are.
    """
    others = [other for other in table.axes if other not in (axis, "seed")]
    groups = _combinations(table, others)
    split, rest = others, ["seed"] if "seed" in table.axes and axis != "seed" else []
    if len(groups) > most:
        split = next(([other] for other in others if len(table.values(other)) <= most), [])
        rest = [other for other in others if other not in split] + rest
        groups = _combinations(table, split)
    values = {_key(value): place for place, value in enumerate(table.values(axis))}
    found = []
    for group in groups:
        members = [
            row for row in table.rows if tuple(_key(row.get(other)) for other in split) == tuple(map(_key, group))
        ]
        cells: dict[int, list[Row]] = {}
        for row in members:
            cells.setdefault(values[_key(row.get(axis))], []).append(row)
        name = ", ".join(table.setting(other, value) for other, value in zip(split, group, strict=True))
        found.append(_line(name, cells, metric))
    return found, tuple(rest)


def _line(name: str, cells: Mapping[int, Sequence[Row]], metric: str) -> Line:
    at = sorted(cells)
    numbers = [[float(row[metric]) for row in cells[place]] for place in at]
    ends = [(min(values), max(values)) for values in numbers]
    alone = [rows[0] for rows in cells.values() if len(rows) == 1]
    sampled = metric in SHARES_OF_PICTURES and len(alone) == len(cells) and all(row.get("pictures") for row in alone)
    if sampled:
        ends = [_interval(cells[place][0], metric) for place in at]
    return Line(
        name=name,
        at=at,
        middle=[median(values) for values in numbers],
        low=[low for low, _ in ends],
        high=[high for _, high in ends],
        spread=not sampled and any(low < high for low, high in ends),
        sampled=sampled,
    )


def _interval(row: Row, metric: str) -> tuple[float, float]:
    pictures = int(row["pictures"])
    return wilson(round(float(row[metric]) * pictures), pictures)


def _combinations(table: Table, axes: Sequence[str]) -> list[tuple[Any, ...]]:
    order = {axis: {_key(value): place for place, value in enumerate(table.values(axis))} for axis in axes}
    found = {tuple(_key(row.get(axis)) for axis in axes): tuple(row.get(axis) for axis in axes) for row in table.rows}
    return [found[key] for key in sorted(found, key=lambda key: [order[a][k] for a, k in zip(axes, key, strict=True)])]


def _short(path: str) -> str:
    return ".".join(path.split(".")[-2:])


def _key(value: Any) -> str:
    return tidy(value)
