"""Charts of runs as plain Plotly figures (`data` and `layout`), without colours of the page: its script adds those.

Charts by layer carry `layers`, the names, and every trace `meta.rows`, the layer of each point, by which the script
filters them and places the bars. Everything that Plotly reads as text went through `literal`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from archsim.accounting import energy_by
from archsim.report.page.palette import LIMITS, OTHER, TIME_PARTS, readable_on, shade
from archsim.report.page.text import axis_unit, figure, literal, percent, shown
from archsim.result import LayerRow, Result

Spec = dict[str, Any]
NEAR = 8.0
"""Runs whose largest values differ by less than this factor share an axis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """A value axis: its title, the size of its unit in SI, and its end (None: each chart its own)."""

    title: str
    size: float
    end: float | None = None


def common_axis(name: str, unit: str, largest: Sequence[float]) -> Axis:
    """One axis for charts side by side, given the largest value of each."""
    size, text = axis_unit(largest, unit)
    some = [value for value in largest if value > 0]
    near = bool(some) and len(some) == len(largest) and max(some) < NEAR * min(some)
    return Axis(title=f"{name} [{text}]", size=size, end=max(some) / size * 1.03 if near else None)


def bar_layout(axis: Axis) -> Spec:
    """Stacked horizontal bars over whole-numbered places."""
    x: Spec = {"title": {"text": axis.title}, "zeroline": False, "rangemode": "tozero"}
    if axis.end is not None:
        x["range"] = [0, axis.end]
    return {"barmode": "stack", "bargap": 0.25, "xaxis": x, "yaxis": {}, "showlegend": False}


def bars(name: str, colour: str, rows: Sequence[int], x: Sequence[float], hover: Sequence[Sequence[str]]) -> Spec:
    """One series of stacked bars; `hover` has each bar's place and value in words."""
    return {
        "type": "bar",
        "orientation": "h",
        "name": literal(name),
        "y": list(rows),
        "x": list(x),
        "width": 0.78,
        "marker": {"color": colour, "line": {"width": 0}},
        "customdata": [[literal(word) for word in words] for words in hover],
        "hovertemplate": f"<b>%{{customdata[0]}}</b><br>{literal(name)}: %{{customdata[1]}}<extra></extra>",
        "meta": {"rows": list(rows), "series": name},
    }


def energy_of_runs(labels: Sequence[str], runs: Sequence[Result], colours: Mapping[str, str]) -> Spec:
    """Energy of each run, stacked by component."""
    parts = [energy_by(run.actions, "component") for run in runs]
    axis = common_axis("energy of the run", "J", [run.totals.energy_j for run in runs])
    data = []
    for name, colour in colours.items():
        rows = [place for place, part in enumerate(parts) if part.get(name)]
        if rows:
            values = [parts[place][name] for place in rows]
            words = [
                (labels[place], f"{shown(value, 'J')} ({percent(value / runs[place].totals.energy_j)})")
                for place, value in zip(rows, values, strict=True)
            ]
            data.append(bars(name, colour, rows, [value / axis.size for value in values], words))
    return {"data": data, "layout": bar_layout(Axis(title=axis.title, size=axis.size)), "rows": list(labels)}


def energy_by_layer(run: Result, colours: Mapping[str, str], axis: Axis) -> Spec:
    """Energy of each layer, stacked by component; those without a colour of their own as one. What belongs to no layer
    is left out (see `unlayered`)."""
    layers = {row.name: place for place, row in enumerate(run.layers)}
    table: dict[str, dict[int, float]] = {}
    for row in run.actions:
        if row.layer not in layers:
            continue
        named = row.component if row.component in colours else OTHER
        part = table.setdefault(named, {})
        part[layers[row.layer]] = part.get(layers[row.layer], 0.0) + row.energy_j
    names = list(layers)
    data = []
    for component, colour in {**colours, OTHER: "#BBBBBB"}.items():
        part = {place: value for place, value in sorted(table.get(component, {}).items()) if value}
        if part:
            words = [(names[place], shown(value, "J")) for place, value in part.items()]
            data.append(bars(component, colour, list(part), [value / axis.size for value in part.values()], words))
    return {"data": data, "layout": bar_layout(axis), "layers": names}


def unlayered(run: Result) -> dict[str, float]:
    """Energy [J] that belongs to no layer, by component, largest first: power that is always drawn, and the like."""
    layers = {row.name for row in run.layers}
    parts = energy_by([row for row in run.actions if row.layer not in layers], "component")
    return dict(sorted(parts.items(), key=lambda item: -item[1]))


def time_by_layer(run: Result, axis: Axis) -> Spec:
    """How each layer spends the time between its first read and its last send: the parts add up to that."""
    data = []
    for key, (words, colour) in TIME_PARTS.items():
        values = {place: getattr(row, key) for place, row in enumerate(run.layers) if getattr(row, key) > 0}
        hover = [
            (run.layers[place].name, f"{shown(value, 's')} ({percent(value / span(run.layers[place]))})")
            for place, value in values.items()
        ]
        data.append(bars(words, colour, list(values), [value / axis.size for value in values.values()], hover))
    return {"data": data, "layout": bar_layout(axis), "layers": [row.name for row in run.layers]}


def span(row: LayerRow) -> float:
    """Time [s] from a layer's first read to its last send."""
    return row.end_s - row.start_s


def busy_share(row: LayerRow) -> float:
    """Share of its span that a layer's crossbars (or digital units) work, mean over its copies."""
    return row.busy_s / span(row) if span(row) > 0 else 0.0


def timeline(run: Result, axis: Axis) -> Spec:
    """When each layer worked, from its first read to its last send, the darker the busier."""
    rows = run.layers
    shares = [busy_share(row) for row in rows]
    trace = bars("busy", "", range(len(rows)), [span(row) / axis.size for row in rows], [])
    trace |= {
        "base": [row.start_s / axis.size for row in rows],
        "marker": {"color": [shade(share) for share in shares], "line": {"width": 0}},
        "customdata": [
            [literal(row.name), shown(row.start_s, "s"), shown(row.end_s, "s"), percent(share)]
            for row, share in zip(rows, shares, strict=True)
        ],
        "hovertemplate": "<b>%{customdata[0]}</b><br>%{customdata[1]} to %{customdata[2]}<br>busy %{customdata[3]}"
        "<extra></extra>",
    }
    return {"data": [trace], "layout": bar_layout(axis), "layers": [row.name for row in rows]}


def critical_path(labels: Sequence[str], runs: Sequence[Result]) -> Spec:
    """What the critical path of each run is ascribed to; the shares of a run add up to 1."""
    shares: list[dict[str, float]] = []
    for run in runs:
        kinds: dict[str, float] = {}
        for row in run.critical_path:
            kinds[row.limit] = kinds.get(row.limit, 0.0) + row.share
        shares.append(kinds)
    data = []
    for kind, colour in LIMITS.items():
        rows = [place for place, kinds in enumerate(shares) if kinds.get(kind)]
        if rows:
            values = [shares[place][kind] for place in rows]
            words = [(labels[place], percent(value)) for place, value in zip(rows, values, strict=True)]
            data.append(bars(kind, colour, rows, [value * 100 for value in values], words))
    layout = bar_layout(Axis(title="share of the critical path [%]", size=0.01, end=100.0))
    return {"data": data, "layout": layout, "rows": list(labels)}


def area_treemap(run: Result, colours: Mapping[str, str]) -> Spec:
    """Area of all chips by component."""
    rows = [row for row in run.area if row.area_m2 > 0]
    total = run.totals.area_m2
    fills = [colours.get(row.component, "#BBBBBB") for row in rows]
    trace = {
        "type": "treemap",
        "branchvalues": "remainder",
        "labels": ["all", *[literal(row.component) for row in rows]],
        "ids": ["all", *[f"part {place}" for place in range(len(rows))]],
        "parents": ["", *["all"] * len(rows)],
        "values": [0.0, *[row.area_m2 * 1e6 for row in rows]],
        "text": [percent(1.0), *[percent(row.area_m2 / total) for row in rows]],
        "customdata": [
            [figure("area_m2", total), "", ""],
            *[[figure("area_m2", row.area_m2), f"{row.count:,}", shown(row.area_each_m2, "m2")] for row in rows],
        ],
        "texttemplate": "%{label}<br>%{text}",
        "hovertemplate": "<b>%{label}</b><br>%{customdata[0]} (%{text})<br>%{customdata[1]} of %{customdata[2]}"
        "<extra></extra>",
        "marker": {"colors": ["rgba(0,0,0,0)", *fills], "line": {"width": 1}, "pad": {"t": 0, "l": 0, "r": 0, "b": 0}},
        "textfont": {"color": ["#000000", *[readable_on(fill) for fill in fills]]},
        "pathbar": {"visible": False},
        "tiling": {"packing": "squarify", "pad": 1},
        "sort": True,
    }
    return {"data": [trace], "layout": {"uniformtext": {"minsize": 9, "mode": "hide"}}}
