"""What a search found, on a terminal and as charts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from statistics import fmean
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

from archsim.report.caveats import notes_of_points
from archsim.report.formatting import heading, quantity
from archsim.report.tables import Column, Sheet, add, table
from archsim.studies.charts import Chart, Series
from archsim.sweeps.pareto import parse_objective
from archsim.sweeps.space import axes_of

if TYPE_CHECKING:
    from archsim.sweeps.search import SearchOutcome

_MOST_ROWS = 40
_MOST_ERRORS = 5
_STEPS = 10
_FURTHER = (
    "accuracy",
    "energy_per_image_j",
    "energy_j",
    "latency_s",
    "area_m2",
    "images_per_s",
    "bottleneck",
    "crossbars",
    "tiles",
)
_SAMPLERS = {"nsga2": "NSGA-II", "tpe": "TPE", "random": "random designs"}
Row = Mapping[str, Any]


def search_report(found: SearchOutcome) -> RenderableType:
    """The front with its settings, hypervolume against trials, what it is measured in, notes of the front's designs,
    and what failed."""
    parts: list[RenderableType] = []
    rows = found.rows()
    if found.front:
        front = [rows[trial.number] for trial in found.front[:_MOST_ROWS]]
        parts += [Sheet(title=_title(found), columns=_columns(found, front), elsewhere="--wide, or front.csv"), Text()]
    parts += [Text(_counted(found)), *_errors(found), *[Text(f"note: {note}") for note in found.notes]]
    if found.front:
        parts += [Text(), _progress(found), Text(_measured(found))]
        of_front = [rows[trial.number] for trial in found.front]
        parts += [Text(f"note: {line}") for line in notes_of_points(of_front, axes_of(found.study.space))]
    if found.directory is not None:
        parts.append(Text(f"{found.directory}: search.json, front.csv, table.csv"))
    return Group(*parts)


def _title(found: SearchOutcome) -> str:
    objectives = ", ".join(_named(text) for text in found.study.objectives)
    cut = f", the first {_MOST_ROWS}" if len(found.front) > _MOST_ROWS else ""
    several = "s" if len(found.front) > 1 else ""
    return f"{found.study.space.name}: {len(found.front)} design{several} that none beats in {objectives}{cut}"


def _named(objective: str) -> str:
    parsed = parse_objective(objective)
    return f"{heading(parsed.metric)} (more is better)" if parsed.maximize else heading(parsed.metric)


def _columns(found: SearchOutcome, rows: Sequence[Row]) -> list[Column]:
    columns = [Column(heading="point", cells=[str(row["point"]) for row in rows], rank=99)]
    for axis in axes_of(found.study.space):
        cells = ["-" if row.get(axis) is None else str(row[axis]) for row in rows]
        columns.append(Column(heading=axis, cells=cells, rank=50))
    objectives = [parse_objective(text).metric for text in found.study.objectives]
    for place, name in enumerate(dict.fromkeys([*objectives, *_FURTHER])):
        if any(row.get(name) is not None for row in rows):
            cells = [quantity(name, row.get(name)) for row in rows]
            columns.append(Column(heading=heading(name), cells=cells, rank=(90 if name in objectives else 40) - place))
    return columns


def _counted(found: SearchOutcome) -> str:
    method, size = found.walk.method, found.space
    of = "" if size is None else f" of {size:,} ({len(found.trials) / size:.1%})"
    parts = [f"{len(found.trials):,} designs{of} looked at, {_SAMPLERS[method.sampler]}, seed {method.seed}"]
    if found.study.constraints:
        parts.append(f"{len(found.infeasible)} outside {' and '.join(found.study.constraints)}")
    if found.failed:
        parts.append(f"{len(found.failed)} failed")
    if found.walk.repeats:
        parts.append(f"{found.walk.repeats} suggestions had been made before and cost nothing")
    if found.walk.exhausted:
        parts.append("the space has no more")
    return "; ".join(parts)


def _errors(found: SearchOutcome) -> list[RenderableType]:
    counts = Counter(trial.verdict.error for trial in found.failed)
    lines: list[RenderableType] = [
        Text(f"failed {count} x: {error}") for error, count in counts.most_common(_MOST_ERRORS)
    ]
    if len(counts) > _MOST_ERRORS:
        lines.append(Text(f"and {len(counts) - _MOST_ERRORS} other errors (table.csv)"))
    return lines


def _progress(found: SearchOutcome) -> RenderableType:
    """Hypervolume after so many trials, the search beside its rivals."""
    own, others = found.curve, [dict(curve) for curve in found.rival_curves]
    name = _SAMPLERS[found.walk.method.sampler]
    heads = ["trials", name]
    if others:
        heads += [f"random, mean of {len(others)}", "least", "most"]
    made = table("Hypervolume", heads, left=0)
    step = max(1, len(own) // _STEPS)
    shown = [entry for place, entry in enumerate(own) if (len(own) - 1 - place) % step == 0]
    for trials, volume in shown:
        beside = [curve[trials] for curve in others if trials in curve]
        cells = [f"{fmean(beside):.4f}", f"{min(beside):.4f}", f"{max(beside):.4f}"] if beside else ["-"] * 3
        add(made, f"{trials:,}", f"{volume:.4f}", *(cells if others else []))
    return made


def _measured(found: SearchOutcome) -> str:
    bounds = ", ".join(f"{heading(m)} {quantity(m, a)} to {quantity(m, b)}" for m, (a, b) in found.bounds.items())
    scale = " of the objectives' logarithms" if found.study.scale == "log" else ""
    given = ", ".join(found.study.reference)
    source = f"the reference point is the study's ({given})" if given else "a tenth beyond the worst on the front"
    rest = "" if len(found.study.reference) in (0, len(found.study.objectives)) else ", else a tenth beyond the front"
    of = "all trials, the random ones too" if found.rivals else "all trials"
    alone = "" if found.rivals else "; the box is this search's own: shares of other searches are of other boxes"
    box = f"share{scale} of the box {bounds} that feasible designs dominate"
    return f"{box}: from the best of {of}, to {source}{rest}{alone}"


def search_charts(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Charts of a search as plain data, from what `search.json` holds: hypervolume against trials, beside the random
    searches it was compared with (mean, least and most)."""
    found = data["found"]
    curve = found["hypervolume"]["curve"]
    name = _SAMPLERS[data["search"]["sampler"]]
    series = [Series(name=name, x=[trials for trials, _ in curve], y=[volume for _, volume in curve])]
    rivals = [dict(map(tuple, rival["curve"])) for rival in found["against"]]
    if rivals:
        steps = [trials for trials in rivals[0] if all(trials in rival for rival in rivals)]
        beside = [[rival[trials] for rival in rivals] for trials in steps]
        series.append(
            Series(
                name=f"random, mean and range of {len(rivals)}",
                x=steps,
                y=[fmean(values) for values in beside],
                low=[min(values) for values in beside],
                high=[max(values) for values in beside],
            )
        )
    title = f"{data['name']}: hypervolume of {', '.join(data['search']['objectives'])}"
    chart = Chart(name="hypervolume", title=title, x="designs looked at", y="hypervolume", series=tuple(series))
    return [asdict(chart)]
