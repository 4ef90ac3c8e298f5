"""Tables of a page as plain text cells; its template writes them out, and escapes every one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Any

from archsim.report.comparison import Comparison
from archsim.report.formatting import heading, share, short_count, tidy
from archsim.report.page.charts import busy_share
from archsim.report.page.roofline import uses
from archsim.report.page.text import figure, percent, ratio, shown
from archsim.result import FunctionSummary, LayerRow, Result

LONGEST_PATH = 8
BUSIEST = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What stands in a cell, and beside it (None where the column has no such place)."""

    text: str
    beside: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line: its name and cells. `layer` is the one it is about, for the filter."""

    name: str
    cells: tuple[Cell, ...]
    layer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table with its caption and the heads of its columns, that of the names first. `words` columns hold text."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[Row, ...]
    words: frozenset[int] = frozenset()


def _line(name: str, texts: Sequence[str], layer: str | None = None) -> Row:
    return Row(name=name, cells=tuple(Cell(text=text) for text in texts), layer=layer)


def _with_ratios(name: str, texts: Sequence[str], ratios: Sequence[float | None]) -> Row:
    """Values, and beside all but the reference's their ratios to it."""
    beside = [None, *["" if value is None else ratio(value) for value in ratios[1:]]]
    return Row(name=name, cells=tuple(Cell(text=a, beside=b) for a, b in zip(texts, beside, strict=True)))


def _ratios(values: Sequence[float]) -> list[float | None]:
    return [value / values[0] if values[0] and value else None for value in values]


def _some(value: float, unit: str) -> str:
    """A quantity, or a dash for none of it."""
    return shown(value or None, unit)


def totals_table(found: Comparison, labels: Sequence[str]) -> Table:
    """Totals of each run with ratios to the first."""
    ratios = found.ratios()
    streams = any(run.images > 1 for run in found.runs)
    rows = [
        _with_ratios(heading(key), [figure(key, value) for value in values], ratios[key])
        for key, values in found.totals().items()
        if any(value is not None for value in values) and (streams or key != "first_image_latency_s")
    ]
    caption = "Totals of each run, with ratios to the first" if len(labels) > 1 else "Totals"
    return Table(caption=caption, heads=("", *labels), rows=tuple(rows))


def energy_table(found: Comparison, labels: Sequence[str], order: Sequence[str]) -> Table:
    """Energy by component; the last line is the sum."""
    parts = found.energy_by_component()
    rows = [_with_ratios(name, [_some(v, "J") for v in parts[name]], _ratios(parts[name])) for name in order]
    totals = [run.totals.energy_j for run in found.runs]
    rows.append(_with_ratios("all components", [shown(value, "J") for value in totals], _ratios(totals)))
    return Table(caption="Energy of the run by component", heads=("component", *labels), rows=tuple(rows))


def area_table(found: Comparison, labels: Sequence[str]) -> Table:
    """Area by component; the last line is the sum."""
    parts = [{row.component: row.area_m2 for row in run.area} for run in found.runs]
    rows = []
    for name in dict.fromkeys(name for part in parts for name in part):
        values = [part.get(name, 0.0) for part in parts]
        if not any(values):
            continue
        rows.append(_with_ratios(name, [_some(value, "m2") for value in values], _ratios(values)))
    totals = [run.totals.area_m2 for run in found.runs]
    rows.append(_with_ratios("all components", [shown(value, "m2") for value in totals], _ratios(totals)))
    return Table(caption="Area of all chips by component", heads=("component", *labels), rows=tuple(rows))


def setup_table(found: Comparison, labels: Sequence[str]) -> Table:
    """What was run: names, hashes and settings of each."""
    lines = {
        "hardware": [run.hardware.name for run in found.runs],
        "set from outside": [_settings(run) for run in found.runs],
        **{name: [of(run.hardware.expanded or {}) for run in found.runs] for name, of in MACHINE.items()},
        "network": [run.workload.name for run in found.runs],
        "images": [f"{run.images:,}" for run in found.runs],
        "pictures computed": [f"{run.function.images:,}" if run.function else "–" for run in found.runs],
        "activity": [run.activity for run in found.runs],
        "engine, detail": [f"{run.engine}, {run.detail}" for run in found.runs],
        "seed": [str(run.seed) for run in found.runs],
        "archsim": [run.archsim_version for run in found.runs],
        "hardware hash": [run.hardware.hash[:12] for run in found.runs],
        "network hash": [run.workload.hash[:12] for run in found.runs],
    }
    rows = tuple(_line(name, values) for name, values in lines.items())
    every = frozenset(range(1, len(labels) + 1))
    return Table(caption="What was run", heads=("", *labels), rows=rows, words=every)


def _phrase(form: str, *paths: str) -> Callable[[Mapping[str, Any]], str]:
    """A phrase about a hardware document from values at dotted paths; a dash where it lacks one."""

    def phrase(document: Mapping[str, Any]) -> str:
        values = [_at(document, path) for path in paths]
        return "–" if None in values else form.format(*values)

    return phrase


MACHINE = {
    "operands": _phrase("{}-bit weights, {}-bit inputs", "precision.weight_bits", "precision.input_bits"),
    "crossbars": _phrase("{} × {}, {}-bit cells", "ima.crossbar.rows", "ima.crossbar.columns", "ima.cell.bits"),
    "converters": _phrase("{}-bit DACs, {}-bit ADCs at {}", "ima.dac.bits", "ima.adc.bits", "ima.adc.rate"),
    "a tile": _phrase("{} IMAs of {} crossbars", "ima.count", "ima.crossbar.count"),
}
"""What a reader wants to know of a machine first."""


def _settings(run: Result) -> str:
    return ", ".join(f"{path} = {value}" for path, value in (run.hardware.settings or {}).items()) or "–"


def differs_table(found: Comparison, labels: Sequence[str]) -> Table:
    """Figures of the hardware files that differ."""
    rows = tuple(_line(item.path, [tidy(value) for value in item.values]) for item in found.differs)
    return Table(caption="Differs", heads=("figure of the hardware file", *labels), rows=rows)


def equal_table(found: Comparison) -> Table:
    """Figures of the hardware files that all runs share."""
    document = found.runs[0].hardware.expanded or {}
    rows = tuple(_line(path, [tidy(_at(document, path))]) for path in found.equal)
    return Table(caption="Held equal", heads=("figure of the hardware file", "value"), rows=rows)


def _at(document: Mapping[str, Any], path: str) -> Any:
    """Value at a dotted path; keys may hold dots themselves."""
    for key, value in document.items():
        if key == path:
            return value
        if isinstance(value, Mapping) and path.startswith(f"{key}."):
            return _at(value, path.removeprefix(f"{key}."))
    return None


def path_table(run: Result, label: str) -> Table:
    """The longest parts of a critical path."""
    rows = [
        _line(row.layer, (row.activity, row.resource or "–", row.limit, shown(row.time_s, "s"), percent(row.share)))
        for row in run.critical_path[:LONGEST_PATH]
    ]
    if rest := run.critical_path[LONGEST_PATH:]:
        times = shown(fsum(row.time_s for row in rest), "s"), percent(fsum(row.share for row in rest))
        rows.append(_line(f"{len(rest):,} shorter parts", ("", "", "", *times)))
    heads = ("layer", "activity", "on", "limited by", "time", "share")
    return Table(caption=f"Critical path of {label}", heads=heads, rows=tuple(rows), words=frozenset({1, 2, 3}))


def resource_table(run: Result, label: str) -> Table:
    """The busiest shared resources."""
    busiest = sorted(run.resource_busy_s.items(), key=lambda item: -item[1])[:BUSIEST]
    rows = tuple(_line(name, (shown(busy, "s"), percent(busy / run.totals.latency_s))) for name, busy in busiest)
    return Table(caption=f"Busiest shared resources of {label}", heads=("resource", "held", "of the run"), rows=rows)


def layer_table(run: Result, label: str) -> Table:
    """One line a layer: what it is, when it worked, what it cost, and how it used its arrays."""
    rates = {item.row: item for item in uses(run)}
    computed = run.function is not None
    rows = []
    for place, row in enumerate(run.layers):
        use = rates.get(place)
        cells = (*_shape(row), *_times(row), shown(row.energy_j, "J"))
        cells += (shown(use.achieved if use else None, "MAC/s"), percent(use.achieved / use.peak if use else None))
        rows.append(_line(row.name, cells + (_quality_of(row) if computed else ()), layer=row.name))
    heads = ("layer", "kind", "MACs", "copies", "grid", "crossbars", "start", "end", "busy")
    heads += ("waits", "energy", "achieved", "of peak", *(("SNR", "clipped") if computed else ()))
    return Table(caption=f"Layers of {label}", heads=heads, rows=tuple(rows), words=frozenset({1}))


def _shape(row: LayerRow) -> tuple[str, ...]:
    macs = short_count(row.macs) if row.macs else "–"
    if not row.crossbars:
        return row.kind, macs, f"{row.replication:,}", "–", "–"
    return row.kind, macs, f"{row.replication:,}", f"{row.row_groups}×{row.column_groups}", f"{row.crossbars:,}"


def _times(row: LayerRow) -> tuple[str, ...]:
    waits = row.stall_input_s + row.stall_output_s + row.stall_contention_s
    return shown(row.start_s, "s"), shown(row.end_s, "s"), percent(busy_share(row)), shown(waits, "s")


def _quality_of(row: LayerRow) -> tuple[str, ...]:
    snr = "–" if row.snr_db is None else figure("snr_db", row.snr_db)
    return snr, "–" if row.clipped_fraction is None else share(row.clipped_fraction)


def quality_table(runs: Sequence[Result], labels: Sequence[str]) -> Table:
    """Accuracy and agreement with their 95 % Wilson intervals."""
    found = [run.function for run in runs]
    rows = (
        _line("accuracy", [_measured(item, "accuracy", "accuracy_interval") for item in found]),
        _line("accuracy in float", [_measured(item, "float_accuracy", "float_accuracy_interval") for item in found]),
        _line("agreement with float", [_measured(item, "top1_agreement", "agreement_interval") for item in found]),
        _line("logit SNR", ["–" if item is None else _snr(item) for item in found]),
        _line("pictures", ["–" if item is None else f"{item.images:,}" for item in found]),
        _line("data", ["–" if item is None else item.data or "of the user" for item in found]),
        _line("activation ranges", ["–" if item is None else item.calibration for item in found]),
    )
    caption = "Quality, with 95 % Wilson intervals"
    return Table(caption=caption, heads=("", *labels), rows=rows)


def _measured(found: FunctionSummary | None, key: str, interval: str) -> str:
    value = None if found is None else getattr(found, key)
    if value is None:
        return "–"
    low, high = getattr(found, interval)
    return f"{percent(value)} ({low * 100:.1f} to {high * 100:.1f})"


def _snr(found: FunctionSummary) -> str:
    return "exact" if found.logit_snr_db is None else figure("logit_snr_db", found.logit_snr_db)


def grouped(table: Table) -> Iterator[tuple[str, list[Row]]]:
    """Lines of a table of dotted paths by their first part."""
    groups: dict[str, list[Row]] = {}
    for row in table.rows:
        first, dot, rest = row.name.partition(".")
        groups.setdefault(first, []).append(Row(name=rest if dot else first, cells=row.cells))
    yield from groups.items()
