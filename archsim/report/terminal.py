"""Terminal reports: results as Rich tables. Every number comes from the data given; only its unit is chosen here."""

from __future__ import annotations

from dataclasses import asdict
from math import fsum
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from archsim.accounting import energy_by
from archsim.mapping import Plan
from archsim.report.chip import figures_report
from archsim.report.formatting import heading, quantity, share, short_count
from archsim.report.plan import map_rows, map_totals
from archsim.report.sidebyside import comparison_report
from archsim.report.tables import Column, Sheet, add, console, table
from archsim.result import LayerRow, Result, Stream
from archsim.units import format_quantity

__all__ = ["add", "comparison_report", "console", "figures_report", "plan_report", "quantity", "run_report", "table"]


def layers_table(run: Result) -> Sheet:
    """One line per stage: grid, copies, when it worked, where it waited, what it cost. A narrow terminal shows the
    columns of highest rank."""
    rows = run.layers
    zeros = ["-" if row.zero_input_fraction is None else f"{row.zero_input_fraction:.0%}" for row in rows]
    times = {
        "start": ([row.start_s for row in rows], 8),
        "end": ([row.end_s for row in rows], 12),
        "busy": ([row.busy_s for row in rows], 15),
        "wait in": ([row.stall_input_s for row in rows], 14),
        "wait out": ([row.stall_output_s for row in rows], 11),
        "wait bus": ([row.stall_contention_s for row in rows], 10),
    }
    columns = [
        Column(heading="layer", cells=[row.name for row in rows], rank=99, left=True),
        Column(heading="kind", cells=[row.kind for row in rows], rank=4, left=True),
        Column(heading="MACs", cells=[short_count(row.macs) for row in rows], rank=3),
        Column(heading="windows", cells=[f"{row.windows:,}" for row in rows], rank=2),
        Column(heading="copies", cells=[f"{row.replication}" for row in rows], rank=9),
        Column(heading="grid", cells=[_grid(row) for row in rows], rank=5),
        Column(heading="crossbars", cells=[f"{row.crossbars:,}" if row.crossbars else "-" for row in rows], rank=7),
        *[
            Column(heading=name, cells=[format_quantity(value, "s") for value in values], rank=rank)
            for name, (values, rank) in times.items()
        ],
        Column(heading="energy", cells=[format_quantity(row.energy_j, "J") for row in rows], rank=16),
        Column(heading="zeros in", cells=zeros, rank=1),
        *(_quality(run) if run.function else []),
        *(_decisions(run) if any(row.adc_decisions_mean is not None for row in rows) else []),
    ]
    return Sheet(title="Layers", columns=columns, elsewhere="--wide, or layers.csv of -o DIR")


def _grid(row: LayerRow) -> str:
    return f"{row.row_groups}x{row.column_groups}" if row.crossbars else "-"


def _quality(run: Result) -> list[Column]:
    """Signal-to-noise ratio and share of clipped conversions of each layer."""
    snr = ["-" if row.snr_db is None else f"{row.snr_db:.1f} dB" for row in run.layers]
    clipped = ["-" if row.clipped_fraction is None else share(row.clipped_fraction) for row in run.layers]
    clips = any(row.clipped_fraction for row in run.layers)
    return [
        Column(heading="SNR", cells=snr, rank=13),
        Column(heading="clipped", cells=clipped, rank=14 if clips else 0),
    ]


def _decisions(run: Result) -> list[Column]:
    """What an ADC sparsity policy made of each layer's conversions: the share left out, and decisions of the others."""
    left = ["-" if row.adc_skipped_fraction is None else share(row.adc_skipped_fraction) for row in run.layers]
    taken = ["-" if row.adc_decisions_mean is None else f"{row.adc_decisions_mean:.1f} bit" for row in run.layers]
    return [Column(heading="no ADC", cells=left, rank=6), Column(heading="decisions", cells=taken, rank=8)]


def energy_table(run: Result) -> Table:
    """Energy by component, largest first; where some is drawn without any action, shares of the rest too."""
    total, dynamic = run.totals.energy_j, run.totals.dynamic_energy_j
    acting = energy_by([row for row in run.actions if row.action != "static"], "component")
    has_static = any(row.action == "static" for row in run.actions)
    made = table("Energy by component", ["component", "energy", "share", *(["of dynamic"] if has_static else [])])
    for name, energy in sorted(energy_by(run.actions, "component").items(), key=lambda item: -item[1]):
        cells = [name, format_quantity(energy, "J"), f"{energy / total:.1%}" if total else "-"]
        if has_static:
            cells.append(f"{acting[name] / dynamic:.1%}" if name in acting and dynamic else "-")
        add(made, *cells)
    return made


def totals_table(run: Result) -> Table:
    """Totals of a run."""
    images = "1 image" if run.images == 1 else f"{run.images} images"
    made = table(f"{run.workload.name} on {run.hardware.name}, {images}", ["total", ""])
    for key, value in asdict(run.totals).items():
        # that of the first image is the latency of one
        if value is not None and (run.images > 1 or key != "first_image_latency_s"):
            add(made, heading(key), quantity(key, value))
    return made


def function_lines(run: Result) -> list[Text]:
    """Predictions and agreement with the float network."""
    found = run.function
    if found is None:
        return []
    lines = []
    for item in found.predictions[:12]:
        name = f" ({item.class_name})" if item.class_name else ""
        label = "" if item.label is None else f", label {item.label}"
        lines.append(Text(f"{item.name}: class {item.predicted}{name}; float {item.float_predicted}{label}"))
    if len(found.predictions) > 12:
        lines.append(Text(f"... and {len(found.predictions) - 12} more pictures"))
    snr = f"logit SNR {'exact' if found.logit_snr_db is None else f'{found.logit_snr_db:.1f} dB'}"
    read = f" of output '{found.output}'" if found.outputs > 1 else ""
    quality = f"{snr}{read}"
    if found.top1_agreement is not None and found.agreement_interval is not None:
        low, high = found.agreement_interval
        agreement = f"top-1 agreement with float{read} {found.top1_agreement:.4f}"
        quality = f"{agreement} (95 %: {low:.3f} to {high:.3f}), {snr}"
    lines.append(Text(f"{quality}, {found.images} picture(s), calibration: {found.calibration}"))
    lines.append(Text(_engines(run)))
    if found.accuracy is not None and found.accuracy_interval is not None:
        low, high = found.accuracy_interval
        lines.append(
            Text(
                f"accuracy{read} {found.accuracy:.4f} (95 %: {low:.3f} to {high:.3f}); float {found.float_accuracy:.4f}"
            )
        )
    return lines


def _engines(run: Result) -> str:
    """Which arithmetic served how many layers, and where converters clipped most."""
    assert run.function is not None
    parts = [f"{name} {count}" for name, count in run.function.engines.items()]
    clipped = max(run.layers, key=lambda row: row.clipped_fraction or 0.0)
    text = f"arithmetic by crossbar layer: {', '.join(parts)}"
    if not clipped.clipped_fraction:
        return f"{text}; no conversion clipped" if "analog" not in run.function.engines else text
    return f"{text}; clipped conversions: most in {clipped.name}, {share(clipped.clipped_fraction)}"


def path_table(run: Result, most: int = 8) -> Sheet:
    """The longest parts of the critical path."""
    rows = run.critical_path[:most]
    words = [(row.layer, row.activity, row.resource or "-", row.limit, row.limit_name or "-") for row in rows]
    numbers = [(row.time_s, row.share) for row in rows]
    if rest := run.critical_path[most:]:
        words.append((f"{len(rest)} more", "-", "-", "-", "-"))
        numbers.append((fsum(row.time_s for row in rest), fsum(row.share for row in rest)))
    named = (("layer", 9), ("activity", 6), ("on", 3), ("limited by", 5), ("which", 4))
    columns = [
        *[
            Column(heading=name, cells=[row[place] for row in words], rank=rank, left=True)
            for place, (name, rank) in enumerate(named)
        ],
        Column(heading="time", cells=[format_quantity(time, "s") for time, _ in numbers], rank=7),
        Column(heading="share", cells=[f"{part:.1%}" for _, part in numbers], rank=8),
    ]
    return Sheet(title="Critical path", columns=columns, elsewhere="--wide, or result.json of -o DIR")


def resource_table(run: Result, most: int = 5) -> Table:
    """The busiest shared resources."""
    made = table("Busiest shared resources", ["resource", "busy", "of the run"])
    for name, busy in sorted(run.resource_busy_s.items(), key=lambda item: -item[1])[:most]:
        add(made, name, format_quantity(busy, "s"), f"{busy / run.totals.latency_s:.1%}")
    return made


def bottleneck_lines(run: Result) -> list[Text]:
    """What limits the run, and what would relieve it."""
    found = run.bottleneck
    relief = [Text(f"it would be relieved by {found.relief}")] if found.relief else []
    return [Text(f"bottleneck: {found.sentence}"), *relief]


def mapping_line(run: Result) -> Text:
    """What the mapper took."""
    found = run.mapping
    rows = "1 row" if found.buffer_slack_rows == 1 else f"{found.buffer_slack_rows} rows"
    return Text(f"mapping for the {found.objective}: {found.layout}; buffers with {rows} of slack")


def stream_lines(run: Result) -> list[Text]:
    """How several images flow, where the stream repeats itself."""
    found = run.stream
    if found is None or found.interval_s is None:
        return []
    interval, rate = format_quantity(found.interval_s, "s"), quantity("images_per_s", 1 / found.interval_s)
    if run.images == 1:
        how = "exact: it repeats itself" if found.repeats else f"not repeating: {_last_half(found)}"
        return [Text(f"steady stream: one image every {interval} ({rate} a second; {how})")]
    if found.fill_s is None or found.drain_s is None:
        return [Text(f"stream: one image every {interval} ({rate} a second; not repeating: {_last_half(found)})")]
    fill, drain = format_quantity(found.fill_s, "s"), format_quantity(found.drain_s, "s")
    rest = ""
    if found.simulated_images < run.images:
        rest = f"; {found.simulated_images} of {run.images} images simulated, the others follow from the repetition"
    return [Text(f"stream: fill {fill}, then one image every {interval} ({rate} a second), drain {drain}{rest}")]


def _last_half(found: Stream) -> str:
    """How the rate of a stream that does not repeat itself was found."""
    spread = f", whose halves differ by {found.spread:.2%}" if found.spread is not None else ""
    return f"mean over the last half of {found.simulated_images} images{spread}"


def programming_lines(run: Result) -> list[Text]:
    """What writing the network into the cells once takes; not part of the run's energy."""
    found = run.programming
    if found is None:
        return []
    energy, time = format_quantity(found.energy_j, "J"), format_quantity(found.time_s, "s")
    return [Text(f"programming, once: {found.cells:,} cells, {energy}, {time}")]


def run_report(run: Result) -> RenderableType:
    """Everything `archsim run` prints."""
    notes = [Text(f"note: {note}") for note in (*run.notes, f"activity: {run.activity}")]
    parts: list[RenderableType] = [*function_lines(run)]
    for made in (layers_table(run), path_table(run), resource_table(run), energy_table(run), totals_table(run)):
        parts += [Text(), made]
    return Group(
        *parts, Text(), mapping_line(run), *stream_lines(run), *programming_lines(run), *bottleneck_lines(run), *notes
    )


def plan_report(plan: Plan) -> RenderableType:
    """Everything `archsim map` prints."""
    rows = map_rows(plan)

    def cells(key: str, form: str = "{}", *, every: bool = False) -> list[str]:
        return [form.format(row[key]) if every or row["crossbars"] else "-" for row in rows]

    columns = [
        Column(heading="layer", cells=cells("name", every=True), rank=99, left=True),
        Column(heading="kind", cells=cells("kind", every=True), rank=3, left=True),
        Column(heading="MACs", cells=[short_count(row["macs"]) for row in rows], rank=7),
        Column(heading="windows", cells=cells("windows", "{:,}", every=True), rank=5),
        Column(heading="copies", cells=cells("replication", every=True), rank=11),
        Column(heading="rows x cols", cells=_pairs(rows, "rows", "columns", "x"), rank=6),
        Column(heading="grid", cells=_pairs(rows, "row_groups", "column_groups", "x"), rank=10),
        Column(heading="slices", cells=cells("weight_slices"), rank=1),
        Column(heading="crossbars", cells=cells("crossbars", "{:,}"), rank=12),
        Column(heading="used cells", cells=cells("utilization", "{:.1%}"), rank=8),
        Column(heading="tiles", cells=_spans(rows, "tile"), rank=9),
        Column(heading="chips", cells=_spans(rows, "chip"), rank=4),
    ]
    made = Sheet(title=f"{plan.graph.name} on {plan.hardware.name}", columns=columns, elsewhere="--wide, or --json")
    lines = [Text(f"{heading(key)}: {quantity(key, value)}") for key, value in map_totals(plan).items()]
    return Group(made, Text(), *lines, *[Text(f"note: {note}") for note in plan.notes])


def _pairs(rows: list[dict[str, Any]], first: str, second: str, between: str) -> list[str]:
    return [f"{row[first]}{between}{row[second]}" if row["crossbars"] else "-" for row in rows]


def _spans(rows: list[dict[str, Any]], unit: str) -> list[str]:
    """First and last tile or chip of each stage."""
    ends = [(row[f"first_{unit}"], row[f"last_{unit}"]) for row in rows]
    return [str(first) if first == last else f"{first}-{last}" for first, last in ends]
