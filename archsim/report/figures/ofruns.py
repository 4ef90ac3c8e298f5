"""Figures of runs: energy, area and critical path by part, the time of each layer, the pipeline; and of several runs,
totals relative to the first, and quality against cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from types import MappingProxyType

from archsim.accounting import energy_by
from archsim.config.suggest import did_you_mean
from archsim.errors import InputError, Problem
from archsim.report.comparison import compare
from archsim.report.figures.naming import inline, slug, slugs
from archsim.report.figures.oflayers import energy_by_layer, time_by_layer, timeline
from archsim.report.figures.panels import Cell, Dot, Figure, Grouped, Part, Scatter, Stacked
from archsim.report.figures.parts import Named, inks_of, others, parts_of, subject
from archsim.report.figures.scales import Measure, component, measure, si
from archsim.report.figures.style import INK
from archsim.result import Result

METRICS = ("latency_s", "energy_per_image_j", "area_m2")
QUALITY_METRICS = ("energy_per_image_j", "dynamic_energy_j")
LIMITS = ("crossbars", "link", "bus", "depth", "digital units", "buffer", "chip link", "registers")
TOTAL = Measure(key="share", label="Share of the critical path", unit="%")


def run_figures(
    runs: Sequence[Result],
    names: Sequence[str] = (),
    metrics: Sequence[str] = (),
    labels: Mapping[str, str] = MappingProxyType({}),
) -> list[Figure]:
    """All figures of some runs; `names` (their folders) tell runs apart that nothing else does, `metrics` are totals,
    `labels` what runs and metrics are called instead of their own names.

    Raises `InputError` for a metric that is no total.
    """
    _check(metrics, runs)
    told = compare(runs, names).labels if len(runs) > 1 else (runs[0].hardware.name,)
    starts = slugs(told) if len(runs) > 1 else ("",)
    named = [
        Named(run=run, label=labels.get(label, label), slug=start)
        for run, label, start in zip(runs, told, starts, strict=True)
    ]
    inks = inks_of(runs)
    found = [_energy(named, inks), *_dynamic(named, inks), _area(named, inks), _path(named)]
    for item in named:
        found += [energy_by_layer(item, inks), time_by_layer(item), timeline(item)]
    if len(runs) > 1:
        found.append(_relative(named, metrics or METRICS, labels))
    return [*found, *_quality(named, metrics or QUALITY_METRICS, labels)]


def _check(metrics: Sequence[str], runs: Sequence[Result]) -> None:
    known = list(asdict(runs[0].totals))
    problems = [
        Problem("--metrics", f"'{name}' is no total of a run; expected {', '.join(known)}{did_you_mean(name, known)}")
        for name in metrics
        if name not in known
    ]
    if problems:
        raise InputError(problems)


def _shares(name: str, parts: Mapping[str, float], unit: str, most: int = 4) -> str:
    """The largest parts of a whole in words."""
    total = sum(parts.values())
    largest = sorted(parts.items(), key=lambda item: -item[1])[:most]
    words = ", ".join(f"{component(part)} {value / (total or 1.0):.1%}" for part, value in largest)
    return f"{name}{si(total, unit)} ({words})"


def _energy(named: Sequence[Named], inks: Mapping[str, int], dynamic: bool = False) -> Figure:
    columns = [
        energy_by([row for row in item.run.actions if not dynamic or row.action != "static"], "component")
        for item in named
    ]
    heads = [f"{item.label}: " if len(named) > 1 else "" for item in named]
    numbers = "; ".join(_shares(head, column, "J") for head, column in zip(heads, columns, strict=True))
    rows: list[tuple[Cell, ...]] = [
        (item.label, name, joule) for item, column in zip(named, columns, strict=True) for name, joule in column.items()
    ]
    what = "Dynamic energy (that of actions, without power that is always on)" if dynamic else "Energy"
    return Figure(
        name="energy-dynamic" if dynamic else "energy",
        caption=f"{what} of {subject(named)}, all images, by component. {numbers}.{others(columns, inks)}",
        columns=("run", "component", "energy_j"),
        rows=rows,
        panel=Stacked(
            bars=[item.label for item in named],
            parts=parts_of(columns, inks),
            measure=measure("dynamic_energy_j" if dynamic else "energy_j"),
            lying=True,
        ),
    )


def _dynamic(named: Sequence[Named], inks: Mapping[str, int]) -> Iterator[Figure]:
    """The same without power that is always on, where there is any: links would hide all else on small networks."""
    if any(row.action == "static" for item in named for row in item.run.actions):
        yield _energy(named, inks, dynamic=True)


def _area(named: Sequence[Named], inks: Mapping[str, int]) -> Figure:
    columns = [{row.component: row.area_m2 for row in item.run.area} for item in named]
    heads = [f"{item.label}: " if len(named) > 1 else "" for item in named]
    numbers = "; ".join(_shares(head, column, "m2") for head, column in zip(heads, columns, strict=True))
    chips = "; ".join(
        f"{head}{item.run.totals.chips} chip{'' if item.run.totals.chips == 1 else 's'}"
        for head, item in zip(heads, named, strict=True)
    )
    return Figure(
        name="area",
        caption=f"Area by component ({chips}). {numbers}.{others(columns, inks)}",
        columns=("run", "component", "count", "area_each_m2", "area_m2"),
        rows=[
            (item.label, row.component, row.count, row.area_each_m2, row.area_m2)
            for item in named
            for row in item.run.area
        ],
        panel=Stacked(
            bars=[item.label for item in named], parts=parts_of(columns, inks), measure=measure("area_m2"), lying=True
        ),
    )


def _path(named: Sequence[Named]) -> Figure:
    """Shares of the critical path by kind of limit."""
    columns = []
    for item in named:
        shares = dict.fromkeys(LIMITS, 0.0)
        for row in item.run.critical_path:
            shares[row.limit] = shares.get(row.limit, 0.0) + row.share
        columns.append(shares)
    kinds = [kind for kind in dict.fromkeys(k for c in columns for k in c) if any(c.get(kind) for c in columns)]
    parts = [
        Part(name=kind, values=[column.get(kind, 0.0) for column in columns], place=place if place < len(INK) else None)
        for place, kind in enumerate(kinds)
    ]
    sentences = "; ".join(
        f"{f'{item.label}: ' if len(named) > 1 else ''}{item.run.bottleneck.sentence}" for item in named
    )
    return Figure(
        name="critical-path",
        caption=f"What the critical path of {subject(named)} is spent on. {sentences}.",
        columns=("run", "limit", "share"),
        rows=[(item.label, kind, c.get(kind, 0.0)) for item, c in zip(named, columns, strict=True) for kind in kinds],
        panel=Stacked(bars=[item.label for item in named], parts=parts, measure=TOTAL, lying=True),
    )


def _relative(named: Sequence[Named], metrics: Sequence[str], labels: Mapping[str, str]) -> Figure:
    """Totals over those of the first run."""
    totals = [asdict(item.run.totals) for item in named]
    kept = [key for key in metrics if all(row[key] for row in totals)]
    if not kept:
        raise InputError(f"is missing or zero in some of the runs: {', '.join(metrics)}", "--metrics")
    measures = {key: measure(key, labels.get(key)) for key in kept}
    words = "; ".join(f"{inline(measures[key].label)} {measures[key].text(totals[0][key])}" for key in kept)
    return Figure(
        name="totals",
        caption=f"Totals of {subject(named)} relative to {named[0].label} ({words}).",
        columns=("run", *kept),
        rows=[(item.label, *[row[key] for key in kept]) for item, row in zip(named, totals, strict=True)],
        panel=Grouped(
            categories=[measures[key].label for key in kept],
            parts=[
                Part(name=item.label, values=[row[key] / totals[0][key] for key in kept], place=place)
                for place, (item, row) in enumerate(zip(named, totals, strict=True))
            ],
            measure=Measure(key="ratio", label=f"Relative to {named[0].label}", unit=""),
            reference=1.0,
        ),
    )


def _quality(named: Sequence[Named], metrics: Sequence[str], labels: Mapping[str, str]) -> Iterator[Figure]:
    """Accuracy (where labels exist, else agreement with float) against cost, where pictures were classified."""
    judged = [item for item in named if item.run.function and item.run.function.top1_agreement is not None]
    if len(judged) < 2:
        return
    right = all(item.run.function and item.run.function.accuracy is not None for item in judged)
    for metric in metrics:
        key = "accuracy" if right else "top1_agreement"
        yield _against(judged, measure(key, labels.get(key)), measure(metric, labels.get(metric)))


def _against(judged: Sequence[Named], what: Measure, cost: Measure) -> Figure:
    key, metric = what.key, cost.key
    dots, rows = [], []
    for item in judged:
        found = item.run.function
        assert found is not None
        share = found.accuracy if key == "accuracy" else found.top1_agreement
        low, high = (found.accuracy_interval if key == "accuracy" else found.agreement_interval) or (None, None)
        assert share is not None
        paid = asdict(item.run.totals)[metric]
        dots.append(Dot(name=item.label, x=paid, y=share, low=low, high=high))
        rows.append((item.label, paid, share, low, high, found.images))
    numbers = "; ".join(f"{dot.name}: {what.text(dot.y)}, {cost.text(dot.x)}" for dot in dots)
    return Figure(
        name=f"{slug(key)}-over-{slug(metric)}",
        caption=(
            f"{what.label} against {inline(cost.label)} of {subject(judged)}, with 95 % intervals (Wilson). {numbers}."
        ),
        columns=("run", metric, key, f"{key}_low", f"{key}_high", "pictures"),
        rows=rows,
        panel=Scatter(dots=(), front=dots, x=cost, y=what, apart=True),
    )
