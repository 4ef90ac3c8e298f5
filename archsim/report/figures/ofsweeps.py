"""Figures of a sweep: metrics over each axis, heat maps of two-axis grids, Pareto fronts of pairs of metrics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise
from math import log, nan

from archsim.errors import InputError
from archsim.report.figures.grid import Line, Row, Table, lines, metrics_of
from archsim.report.figures.naming import inline, slug
from archsim.report.figures.panels import Cell, Curve, Curves, Dot, Figure, Grouped, HeatMap, Part, Scatter
from archsim.report.figures.scales import Measure, measure, quantities
from archsim.report.figures.style import INK
from archsim.report.formatting import tidy
from archsim.result.metrics import is_larger_better
from archsim.sweeps.pareto import Objective, losses, nondominated

MOST_NUMBERED = 15
MOST_TICKS = 9
TOLD = 8


def sweep_figures(table: Table, metrics: Sequence[str] = ()) -> list[Figure]:
    """All figures of a sweep. Raises `InputError` for an unknown metric, and where nothing varies."""
    chosen = metrics_of(table, metrics)
    if not chosen or not table.axes:
        raise InputError("has nothing to draw: no axis or no metric varies over its finished points", where=table.name)
    axes = [axis for axis in table.axes if axis != "seed" or table.axes == ("seed",)]
    found = [_over(table, axis, _measure(table, metric)) for metric in chosen for axis in axes]
    if len(axes) == 2:
        found += [_map(table, axes, _measure(table, metric)) for metric in chosen]
    for pair in combinations(chosen, 2):
        found += _fronts(table, pair)
    return found


def _measure(table: Table, metric: str) -> Measure:
    return measure(metric, table.labels.get(metric))


def _left_out(table: Table) -> str:
    return (
        f" {table.failed} of {table.failed + len(table.rows)} points failed and are left out." if table.failed else ""
    )


def _extremes(table: Table, what: Measure) -> str:
    """The least and the largest value, and where they are."""
    ordered = sorted(table.rows, key=lambda row: float(row[what.key]))
    words = [f"{what.text(row[what.key])} ({_settings(table, row)})" for row in (ordered[0], ordered[-1])]
    return f"from {words[0]} to {words[1]}" if ordered[0][what.key] != ordered[-1][what.key] else f"always {words[0]}"


def _settings(table: Table, row: Row) -> str:
    return ", ".join(table.setting(axis, row.get(axis)) for axis in table.axes) or "one point"


def _rows(table: Table, columns: Sequence[str]) -> list[tuple[Cell, ...]]:
    return [tuple(row.get(name) for name in columns) for row in table.rows]


def _over(table: Table, axis: str, what: Measure) -> Figure:
    """A metric over one axis: curves where it is numeric, bars where it is not."""
    scattered = _scattered(table, axis)
    found, rest = ([], ()) if scattered else lines(table, axis, what.key, len(INK))
    values = table.values(axis)
    numbers = quantities(values)
    columns = ("point", *table.axes, what.key)
    over = ", ".join(inline(table.label(other)) for other in rest) or "repeated points"
    spread = f" It does not depend on {over}." if rest else ""
    if any(line.spread for line in found):
        spread = f" Median over {over}; bars end at the least and the largest value."
    elif any(line.sampled for line in found):
        spread += " Bars: 95 % intervals (Wilson) of the number of pictures."
    return Figure(
        name=f"{slug(what.key)}-over-{slug(axis)}",
        caption=(
            f"{what.label}{table.subject} over {inline(table.label(axis))} (study {table.name}): "
            f"{_extremes(table, what)}."
            f"{spread}{_left_out(table)}"
        ),
        columns=columns,
        rows=_rows(table, columns),
        panel=_bars(table, axis, what, found)
        if numbers is None
        else _curves(table, axis, what, _cloud(table, axis, what) if scattered else _joined(found, numbers[0])),
    )


def _scattered(table: Table, axis: str) -> bool:
    """Whether (nearly) every point has a value of its own, as in a Latin hypercube: no lines can be drawn."""
    values = table.values(axis)
    return len(table.axes) > 1 and len(values) > MOST_TICKS and len(values) * 2 > len(table.rows)


def _joined(found: Sequence[Line], numbers: Sequence[float]) -> list[Curve]:
    return [
        Curve(
            name=line.name,
            x=[numbers[place] for place in line.at],
            y=line.middle,
            low=line.low if line.has_ends else None,
            high=line.high if line.has_ends else None,
        )
        for line in found
    ]


def _cloud(table: Table, axis: str, what: Measure) -> list[Curve]:
    numbers = quantities([row.get(axis) for row in table.rows])
    assert numbers is not None
    return [Curve(name="", x=numbers[0], y=[float(row[what.key]) for row in table.rows], joined=False)]


def _curves(table: Table, axis: str, what: Measure, found: list[Curve]) -> Curves:
    numbers = quantities(table.values(axis))
    assert numbers is not None
    places, unit = numbers
    label = table.label(axis)
    ticks = [(place, f"{place:g}") for place in places] if len(places) <= MOST_TICKS else []
    return Curves(
        x=f"{label} ({unit})" if unit else label,
        curves=found,
        measure=what,
        log_x=_geometric(places),
        ticks=ticks,
    )


def _geometric(places: Sequence[float]) -> bool:
    """Whether values lie more evenly on a logarithmic axis."""
    if len(places) < 3 or min(places) <= 0 or max(places) / min(places) < 4:
        return False
    return _uneven([log(place) for place in places]) < _uneven(places)


def _uneven(places: Sequence[float]) -> float:
    steps = [after - before for before, after in pairwise(places)]
    return max(steps) / min(steps)


def _bars(table: Table, axis: str, what: Measure, found: Sequence[Line]) -> Grouped:
    values = table.values(axis)

    def padded(at: Sequence[int], numbers: Sequence[float]) -> list[float]:
        known = dict(zip(at, numbers, strict=True))
        return [known.get(place, nan) for place in range(len(values))]

    ends = any(line.has_ends for line in found)
    return Grouped(
        categories=[tidy(value) for value in values],
        parts=[Part(name=line.name, values=padded(line.at, line.middle), place=n) for n, line in enumerate(found)],
        measure=what,
        label=table.label(axis),
        low=[padded(line.at, line.low) for line in found] if ends else (),
        high=[padded(line.at, line.high) for line in found] if ends else (),
    )


def _map(table: Table, axes: Sequence[str], what: Measure) -> Figure:
    """A metric over a grid of two axes; the one with more values lies across."""
    down, across = sorted(axes, key=lambda axis: len(table.values(axis)))
    found = {tuple(tidy(row.get(axis)) for axis in (down, across)): row for row in table.rows}
    cells: dict[tuple[str, ...], list[float]] = {key: [] for key in found}
    for row in table.rows:
        cells[tidy(row.get(down)), tidy(row.get(across))].append(float(row[what.key]))
    names = [[tidy(value) for value in table.values(axis)] for axis in (down, across)]
    columns = ("point", *table.axes, what.key)
    return Figure(
        name=f"{slug(what.key)}-map",
        caption=(
            f"{what.label}{table.subject} over {inline(table.label(across))} and {inline(table.label(down))} "
            f"(study {table.name}): {_extremes(table, what)}."
            f"{' Mean over seeds.' if 'seed' in table.axes else ''}{_left_out(table)}"
        ),
        columns=columns,
        rows=_rows(table, columns),
        panel=HeatMap(
            x=table.label(across),
            y=table.label(down),
            columns=names[1],
            rows=names[0],
            values=[[_mean(cells.get((row, column))) for column in names[1]] for row in names[0]],
            measure=what,
        ),
    )


def _mean(values: Sequence[float] | None) -> float | None:
    return sum(values) / len(values) if values else None


def _fronts(table: Table, pair: Sequence[str]) -> Iterator[Figure]:
    """The plane of two metrics, a figure for each network."""
    x, y = sorted(pair, key=lambda metric: is_larger_better(metric))
    networks = table.values("workload") if "workload" in table.axes else [None]
    for network in networks:
        rows = [row for row in table.rows if network is None or row.get("workload") == network]
        yield _front(table, rows, x, y, "" if network is None else str(network))


def _front(table: Table, rows: Sequence[Row], x: str, y: str, network: str) -> Figure:
    better = (is_larger_better(x), is_larger_better(y))
    objectives = [Objective(metric=metric, maximize=more) for metric, more in zip((x, y), better, strict=True)]
    worse = [not kept for kept in nondominated(losses(rows, objectives)).tolist()]
    best = _grouped(rows, worse, x, y)
    places = sorted(best)
    number = {id(row): place for place, at in enumerate(places, 1) for row in best[at]}
    horizontal, vertical = _measure(table, x), _measure(table, y)
    columns = ("point", *table.axes, x, y)
    return Figure(
        name=f"pareto-{slug(x)}-{slug(y)}{f'-{slug(network)}' if network else ''}",
        caption=(
            f"{vertical.label} against {inline(horizontal.label)}{f' of {network}' if network else ''}"
            f"{table.subject} (study {table.name}, {len(rows)} points). Pareto front: "
            f"{_told(table, [best[at] for at in places], (horizontal, vertical))}.{_left_out(table)}"
        ),
        columns=(*columns, "front"),
        rows=[(*[row.get(name) for name in columns], number.get(id(row))) for row in rows],
        panel=Scatter(
            dots=[
                Dot(name=_settings(table, row), x=float(row[x]), y=float(row[y]))
                for row, out in zip(rows, worse, strict=True)
                if out
            ],
            front=[
                Dot(
                    name=_settings(table, best[at][0]),
                    x=at[0],
                    y=at[1],
                    number=str(place) if len(places) <= MOST_NUMBERED else "",
                )
                for place, at in enumerate(places, 1)
            ],
            x=horizontal,
            y=vertical,
            more_is_better=better,
        ),
    )


def _grouped(rows: Sequence[Row], worse: Sequence[bool], x: str, y: str) -> dict[tuple[float, float], list[Row]]:
    """Points that none dominates, by their place; several may coincide."""
    best: dict[tuple[float, float], list[Row]] = {}
    for row, out in zip(rows, worse, strict=True):
        if not out:
            best.setdefault((float(row[x]), float(row[y])), []).append(row)
    return best


def _told(table: Table, places: Sequence[Sequence[Row]], measures: Sequence[Measure]) -> str:
    """The points of a front in words; points that coincide share a number."""
    words = []
    for number, rows in enumerate(places[:TOLD], 1):
        others = f" and {len(rows) - 1} more" if len(rows) > 1 else ""
        values = ", ".join(what.text(rows[0][what.key]) for what in measures)
        words.append(f"{number}: {_settings(table, rows[0])}{others} ({values})")
    if len(places) > TOLD:
        words.append(f"{len(places) - TOLD} more in the table")
    return "; ".join(words)
