"""Figures of the layers of one run: energy, time, and the pipeline."""

from __future__ import annotations

from collections.abc import Mapping

from archsim.accounting import CHIP
from archsim.report.figures.panels import Figure, Part, Stacked, Timeline
from archsim.report.figures.parts import Named, others, parts_of, subject, total_of
from archsim.report.figures.scales import Measure, measure, si
from archsim.result import LayerRow

TIMES = {
    "busy_s": "busy",
    "stall_input_s": "waits for input",
    "stall_output_s": "waits for output room",
    "stall_contention_s": "waits for shared resources",
    "ends": "fill and drain",
}
"""Fields of a layer and what they are called; `ends` is what comes before the first and after the last window."""


def energy_by_layer(item: Named, inks: Mapping[str, int]) -> Figure:
    """Energy of each layer by component; what belongs to no layer is named in the caption."""
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
            f"Energy of the layers of {subject([item])} by component, {si(sum(map(total_of, columns)), 'J')} in all."
            f"{outside}{others(columns, inks)}"
        ),
        columns=("layer", "component", "energy_j"),
        rows=[(name, part, joule) for name, parts in table.items() for part, joule in parts.items()],
        panel=Stacked(bars=list(table), parts=parts_of(columns, inks), measure=measure("energy_j"), lying=False),
    )


def _times(row: LayerRow) -> dict[str, float]:
    return {**{key: getattr(row, key) for key in TIMES if key != "ends"}, "ends": row.fill_s + row.drain_s}


def time_by_layer(item: Named) -> Figure:
    """Where the time of each layer goes: its parts add up to the span from first to last window."""
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
            f"Where the time of each layer of {subject([item])} goes, from its first window to its last, mean over its "
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


def timeline(item: Named) -> Figure:
    """First and last window of each layer, and how busy it was between them."""
    layers = item.run.layers
    busy = [row.busy_s / (row.end_s - row.start_s) if row.end_s > row.start_s else 0.0 for row in layers]
    return Figure(
        name=f"{item.slug}timeline",
        caption=(
            f"Pipeline of {subject([item])}: each layer from its first window read to its last sent, shaded by the "
            "share of that time in which its crossbars or digital units were busy; "
            f"{si(item.run.totals.latency_s, 's')} in all."
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
