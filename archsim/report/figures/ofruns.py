"""Figures of runs: energy, area and critical path by part, the time of each layer, the pipeline; and of several runs,
totals relative to the first, and quality against cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from archsim.accounting import CHIP, energy_by
from archsim.config.suggest import did_you_mean
from archsim.errors import InputError, Problem
from archsim.report.comparison import compare
from archsim.report.figures.naming import inline, slug, slugs
from archsim.report.figures.panels import Cell, Dot, Figure, Grouped, Part, Scatter, Stacked, Timeline
from archsim.report.figures.scales import Measure, component, measure, si
from archsim.report.figures.style import INK
from archsim.result import LayerRow, Result

METRICS = ("latency_s", "energy_per_image_j", "area_m2")
QUALITY_METRICS = ("energy_per_image_j", "dynamic_energy_j")
PLACES = {"adc": 0, "dac": 1, "crossbar": 2, "bus": 3, "router": 4, "edram": 5, "link": 6}
"""Inks of components that most machines have, so that figures of one paper agree."""
TIMES = {
    "busy_s": "busy",
    "stall_input_s": "waits for input",
    "stall_output_s": "waits for output room",
    "stall_contention_s": "waits for shared resources",
    "ends": "fill and drain",
}
LIMITS = ("crossbars", "link", "bus", "depth", "digital units", "buffer", "chip link", "registers")
TOTAL = Measure(key="share", label="Share of the critical path", unit="%")


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A run with the name it has in figures, and the start of its files' names."""

    run: Result
    label: str
    slug: str


def run_figures(runs: Sequence[Result], names: Sequence[str] = (), metrics: Sequence[str] = ()) -> list[Figure]:
    """All figures of some runs; `names` (their folders) tell runs apart that nothing else does, `metrics` are totals.

    Raises `InputError` for a metric that is no total.
    """
    _check(metrics, runs)
    labels = compare(runs, names).labels if len(runs) > 1 else (runs[0].hardware.name,)
    starts = slugs(labels) if len(runs) > 1 else ("",)
    named = [Named(run=run, label=label, slug=slug) for run, label, slug in zip(runs, labels, starts, strict=True)]
    inks = _inks(runs)
    found = [_energy(named, inks), *_dynamic(named, inks), _area(named, inks), _path(named)]
    for item in named:
        found += [_energy_by_layer(item, inks), _time_by_layer(item), _timeline(item)]
    if len(runs) > 1:
        found.append(_relative(named, metrics or METRICS))
    return [*found, *_quality(named, metrics or QUALITY_METRICS)]


def _check(metrics: Sequence[str], runs: Sequence[Result]) -> None:
    known = list(asdict(runs[0].totals))
    problems = [
        Problem("--metrics", f"'{name}' is no total of a run; expected {', '.join(known)}{did_you_mean(name, known)}")
        for name in metrics
        if name not in known
    ]
    if problems:
        raise InputError(problems)


def _inks(runs: Sequence[Result]) -> dict[str, int]:
    """The ink of each component that is drawn by itself: those with the largest share of some run's energy, dynamic
    energy or area. All others are lumped together."""
    weight: dict[str, float] = {}
    for run in runs:
        acting = [row for row in run.actions if row.action != "static"]
        for whole in (
            energy_by(run.actions, "component"),
            energy_by(acting, "component"),
            {row.component: row.area_m2 for row in run.area},
        ):
            total = _sum(whole) or 1.0
            for name, value in whole.items():
                weight[name] = max(weight.get(name, 0.0), value / total)
    chosen = sorted(weight, key=lambda name: (-weight[name], name))[: len(INK)]
    found = {name: PLACES[name] for name in chosen if name in PLACES}
    free = [place for place in range(len(INK)) if place not in found.values()]
    return found | dict(zip([name for name in chosen if name not in found], free, strict=False))


def _parts(columns: Sequence[Mapping[str, float]], inks: Mapping[str, int]) -> list[Part]:
    """Parts of bars, one mapping a bar; what has no ink is lumped together."""
    present = {name for column in columns for name, value in column.items() if value}
    parts = [
        Part(name=component(name), values=[column.get(name, 0.0) for column in columns], place=place)
        for name, place in sorted(inks.items(), key=lambda item: item[1])
        if name in present
    ]
    rest = [sum(value for name, value in column.items() if name not in inks) for column in columns]
    return [*parts, Part(name="other", values=rest, place=None)] if any(rest) else parts


def _others(columns: Sequence[Mapping[str, float]], inks: Mapping[str, int]) -> str:
    names = dict.fromkeys(name for column in columns for name, value in column.items() if value and name not in inks)
    return f" Other: {', '.join(component(name) for name in names)}." if names else ""


def _of(named: Sequence[Named]) -> str:
    """What the runs are, in a caption."""
    if len(named) > 1:
        networks = dict.fromkeys(item.run.workload.name for item in named)
        return ", ".join(networks)
    run = named[0].run
    return f"{run.workload.name} on {run.hardware.name} ({_images(run)})"


def _images(run: Result) -> str:
    return "1 image" if run.images == 1 else f"{run.images} images"


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
        caption=f"{what} of {_of(named)}, all images, by component. {numbers}.{_others(columns, inks)}",
        columns=("run", "component", "energy_j"),
        rows=rows,
        panel=Stacked(
            bars=[item.label for item in named],
            parts=_parts(columns, inks),
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
        caption=f"Area by component ({chips}). {numbers}.{_others(columns, inks)}",
        columns=("run", "component", "count", "area_each_m2", "area_m2"),
        rows=[
            (item.label, row.component, row.count, row.area_each_m2, row.area_m2)
            for item in named
            for row in item.run.area
        ],
        panel=Stacked(
            bars=[item.label for item in named], parts=_parts(columns, inks), measure=measure("area_m2"), lying=True
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
        caption=f"What the critical path of {_of(named)} is spent on. {sentences}.",
        columns=("run", "limit", "share"),
        rows=[(item.label, kind, c.get(kind, 0.0)) for item, c in zip(named, columns, strict=True) for kind in kinds],
        panel=Stacked(bars=[item.label for item in named], parts=parts, measure=TOTAL, lying=True),
    )


def _energy_by_layer(item: Named, inks: Mapping[str, int]) -> Figure:
    table: dict[str, dict[str, float]] = {row.name: {} for row in item.run.layers}
    for row in item.run.actions:
        layer = table.setdefault(row.layer, {})
        layer[row.component] = layer.get(row.component, 0.0) + row.energy_j
    chip = sum(table.pop(CHIP, {}).values())
    columns = list(table.values())
    outside = f" Energy of the whole chip ({si(chip, 'J')}) belongs to no layer and is not drawn." if chip else ""
    return Figure(
        name=f"{item.slug}energy-by-layer",
        caption=(
            f"Energy of the layers of {_of([item])} by component, {si(sum(map(_sum, columns)), 'J')} in all."
            f"{outside}{_others(columns, inks)}"
        ),
        columns=("layer", "component", "energy_j"),
        rows=[(name, part, joule) for name, parts in table.items() for part, joule in parts.items()],
        panel=Stacked(bars=list(table), parts=_parts(columns, inks), measure=measure("energy_j"), lying=False),
    )


def _sum(parts: Mapping[str, float]) -> float:
    return sum(parts.values())


def _times(row: LayerRow) -> dict[str, float]:
    return {**{key: getattr(row, key) for key in TIMES if key != "ends"}, "ends": row.fill_s + row.drain_s}


def _time_by_layer(item: Named) -> Figure:
    layers = item.run.layers
    columns = [_times(row) for row in layers]
    parts = [
        Part(name=name, values=[column[key] for column in columns], place=place)
        for place, (key, name) in enumerate(TIMES.items())
        if any(column[key] for column in columns)
    ]
    slowest = max(layers, key=lambda row: row.end_s - row.start_s)
    longest = si(slowest.end_s - slowest.start_s, "s")
    return Figure(
        name=f"{item.slug}time-by-layer",
        caption=(
            f"Where the time of each layer of {_of([item])} goes, from its first window to its last, mean over its "
            f"copies. The longest is {slowest.name}, {longest} of {si(item.run.totals.latency_s, 's')}."
        ),
        columns=("layer", *[key for key in TIMES if key != "ends"], "fill_s", "drain_s"),
        rows=[
            (
                row.name,
                row.busy_s,
                row.stall_input_s,
                row.stall_output_s,
                row.stall_contention_s,
                row.fill_s,
                row.drain_s,
            )
            for row in layers
        ],
        panel=Stacked(
            bars=[row.name for row in layers],
            parts=parts,
            measure=Measure(key="time_s", label="Time", unit="s"),
            lying=False,
        ),
    )


def _timeline(item: Named) -> Figure:
    layers = item.run.layers
    busy = [row.busy_s / (row.end_s - row.start_s) if row.end_s > row.start_s else 0.0 for row in layers]
    return Figure(
        name=f"{item.slug}timeline",
        caption=(
            f"Pipeline of {_of([item])}: each layer from its first window read to its last sent, shaded by the share "
            f"of that time in which its crossbars or digital units were busy; {si(item.run.totals.latency_s, 's')} in "
            "all."
        ),
        columns=("layer", "kind", "start_s", "end_s", "busy_s", "busy_share"),
        rows=[
            (row.name, row.kind, row.start_s, row.end_s, row.busy_s, part)
            for row, part in zip(layers, busy, strict=True)
        ],
        panel=Timeline(
            names=[row.name for row in layers],
            start=[row.start_s for row in layers],
            end=[row.end_s for row in layers],
            busy=busy,
        ),
    )


def _relative(named: Sequence[Named], metrics: Sequence[str]) -> Figure:
    """Totals over those of the first run."""
    totals = [asdict(item.run.totals) for item in named]
    kept = [key for key in metrics if all(row[key] for row in totals)]
    if not kept:
        raise InputError(f"is missing or zero in some of the runs: {', '.join(metrics)}", "--metrics")
    measures = {key: measure(key) for key in kept}
    words = "; ".join(f"{inline(measures[key].label)} {measures[key].text(totals[0][key])}" for key in kept)
    return Figure(
        name="totals",
        caption=f"Totals of {_of(named)} relative to {named[0].label} ({words}).",
        columns=("run", *kept),
        rows=[(item.label, *[row[key] for key in kept]) for item, row in zip(named, totals, strict=True)],
        panel=Grouped(
            categories=[measures[key].label for key in kept],
            parts=[
                Part(name=item.label, values=[row[key] / totals[0][key] for key in kept], place=place)
                for place, (item, row) in enumerate(zip(named, totals, strict=True))
            ],
            measure=Measure(key="ratio", label="Relative to the first", unit=""),
            reference=1.0,
        ),
    )


def _quality(named: Sequence[Named], metrics: Sequence[str]) -> Iterator[Figure]:
    """Accuracy (where labels exist, else agreement with float) against cost, where pictures were computed."""
    judged = [item for item in named if item.run.function is not None]
    if len(judged) < 2:
        return
    right = all(item.run.function and item.run.function.accuracy is not None for item in judged)
    for metric in metrics:
        yield _against(judged, "accuracy" if right else "top1_agreement", metric)


def _against(judged: Sequence[Named], key: str, metric: str) -> Figure:
    cost, what = measure(metric), measure(key)
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
        caption=f"{what.label} against {inline(cost.label)} of {_of(judged)}, with 95 % intervals (Wilson). {numbers}.",
        columns=("run", metric, key, f"{key}_low", f"{key}_high", "pictures"),
        rows=rows,
        panel=Scatter(dots=(), front=dots, x=cost, y=what, apart=True),
    )
