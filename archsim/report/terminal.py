"""Terminal reports: results as Rich tables. Every number comes from the data given; only its unit is chosen here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from math import fsum
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from archsim.accounting import energy_by
from archsim.mapping import Plan
from archsim.report.comparison import Comparison
from archsim.report.plan import map_rows, map_totals
from archsim.result import LayerRow, Result
from archsim.units import format_quantity

UNITS = {"s": "s", "j": "J", "w": "W", "m2": "m2", "ps": "s"}


def console(width: int | None = None) -> Console:
    """A console on standard output; outside a terminal wide enough that no table is cut."""
    plain = Console()
    return plain if plain.is_terminal or width else Console(width=width or 200)


def quantity(key: str, value: Any) -> str:
    """A value printed with the unit its key ends in (`_s`, `_j`, `_w`, `_m2`, `ops_per_s`, `ops_per_j`)."""
    if value is None:
        return "-"
    if isinstance(value, bool | str):
        return str(value)
    if key == "ops_per_s":
        return format_quantity(value, "op/s")
    if key == "ops_per_j":
        return f"{format_quantity(value, 'op/s')}/W"
    unit = UNITS.get(key.rsplit("_", 1)[-1])
    if unit and "_" in key:
        return format_quantity(value, unit)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def table(title: str, columns: Iterable[str], *, left: int = 1) -> Table:
    """An empty table: the first `left` columns are text, the others numbers."""
    made = Table(
        title=Text(title, style="bold italic"),
        title_justify="left",
        header_style="bold",
        pad_edge=False,
        box=None,
        min_width=60,
    )
    for index, column in enumerate(columns):
        made.add_column(column, justify="left" if index < left else "right", no_wrap=index == 0)
    return made


def add(made: Table, *cells: str) -> None:
    """Append a row. Cells are taken literally: text from a file is never markup."""
    made.add_row(*[Text(cell) for cell in cells])


def layers_table(run: Result) -> Table:
    """One line per stage: grid, copies, when it worked, where it waited, what it cost."""
    made = table(
        "Layers",
        [
            "layer",
            "kind",
            "MACs",
            "windows",
            "copies",
            "grid",
            "crossbars",
            "start",
            "end",
            "busy",
            "wait in",
            "wait out",
            "wait bus",
            "energy",
            "zeros in",
            *(["SNR", "clipped"] if run.function else []),
        ],
        left=2,
    )
    for row in run.layers:
        grid = f"{row.row_groups}x{row.column_groups}" if row.crossbars else "-"
        zeros = "-" if row.zero_input_fraction is None else f"{row.zero_input_fraction:.0%}"
        times = [row.start_s, row.end_s, row.busy_s, row.stall_input_s, row.stall_output_s, row.stall_contention_s]
        add(
            made,
            row.name,
            row.kind,
            f"{row.macs / 1e6:,.1f}M" if row.macs else "-",
            f"{row.windows:,}",
            f"{row.replication}",
            grid,
            f"{row.crossbars:,}" if row.crossbars else "-",
            *[format_quantity(value, "s") for value in times],
            format_quantity(row.energy_j, "J"),
            zeros,
            *(_quality(row) if run.function else []),
        )
    return made


def _quality(row: LayerRow) -> list[str]:
    """Signal-to-noise ratio and share of clipped conversions of a layer."""
    snr = "-" if row.snr_db is None else f"{row.snr_db:.1f} dB"
    return [snr, "-" if row.clipped_fraction is None else _share(row.clipped_fraction)]


def _share(value: float) -> str:
    """A share in per cent that is told from zero however small it is."""
    return "0" if value == 0 else "<0.01%" if value < 0.00005 else f"{value:.2%}"


def energy_table(run: Result) -> Table:
    """Energy by component, largest first."""
    made = table("Energy by component", ["component", "energy", "share"])
    total = run.totals.energy_j
    parts = sorted(energy_by(run.actions, "component").items(), key=lambda item: -item[1])
    for name, energy in parts:
        add(made, name, format_quantity(energy, "J"), f"{energy / total:.1%}" if total else "-")
    return made


def totals_table(run: Result) -> Table:
    """Totals of a run."""
    made = table(f"{run.workload.name} on {run.hardware.name}, {run.images} image(s)", ["total", ""])
    for key, value in asdict(run.totals).items():
        add(made, key, quantity(key, value))
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
    low, high = found.agreement_interval
    snr = "exact" if found.logit_snr_db is None else f"{found.logit_snr_db:.1f} dB"
    lines.append(
        Text(
            f"top-1 agreement with float {found.top1_agreement:.4f} (95 %: {low:.3f} to {high:.3f}), logit SNR {snr}, "
            f"{found.images} picture(s), calibration: {found.calibration}"
        )
    )
    lines.append(Text(_engines(run)))
    if found.accuracy is not None and found.accuracy_interval is not None:
        low, high = found.accuracy_interval
        lines.append(
            Text(f"accuracy {found.accuracy:.4f} (95 %: {low:.3f} to {high:.3f}); float {found.float_accuracy:.4f}")
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
    return f"{text}; clipped conversions: most in {clipped.name}, {_share(clipped.clipped_fraction)}"


def path_table(run: Result, most: int = 8) -> Table:
    """The longest parts of the critical path."""
    made = table("Critical path", ["layer", "activity", "on", "limited by", "which", "time", "share"], left=5)
    for row in run.critical_path[:most]:
        cells = row.layer, row.activity, row.resource or "-", row.limit, row.limit_name or "-"
        add(made, *cells, format_quantity(row.time_s, "s"), f"{row.share:.1%}")
    rest = run.critical_path[most:]
    if rest:
        time, share = fsum(row.time_s for row in rest), fsum(row.share for row in rest)
        add(made, f"{len(rest)} more", "-", "-", "-", "-", format_quantity(time, "s"), f"{share:.1%}")
    return made


def resource_table(run: Result, most: int = 5) -> Table:
    """The busiest shared resources."""
    made = table("Busiest shared resources", ["resource", "busy", "of the run"])
    for name, busy in sorted(run.resource_busy_s.items(), key=lambda item: -item[1])[:most]:
        add(made, name, format_quantity(busy, "s"), f"{busy / run.totals.latency_s:.1%}")
    return made


def bottleneck_lines(run: Result) -> list[Text]:
    """What limits the run, and what would relieve it."""
    found = run.bottleneck
    return [Text(f"bottleneck: {found.sentence}"), Text(f"it would be relieved by {found.relief}")]


def stream_lines(run: Result) -> list[Text]:
    """How several images flow, where the stream repeats itself."""
    found = run.stream
    if found is None or found.interval_s is None:
        return []
    interval = format_quantity(found.interval_s, "s")
    if found.fill_s is None or found.drain_s is None:
        return [Text(f"stream: one image every {interval} (median); it did not repeat exactly within the run")]
    fill, drain = format_quantity(found.fill_s, "s"), format_quantity(found.drain_s, "s")
    rest = f"; {found.simulated_images} of {run.images} images simulated, the others follow from the repetition"
    return [Text(f"stream: fill {fill}, then one image every {interval}, drain {drain}{rest}")]


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
    tables = [layers_table(run), path_table(run), resource_table(run), energy_table(run), totals_table(run)]
    spaced = [part for made in tables for part in (Text(), made)]
    return Group(
        *function_lines(run),
        *spaced,
        Text(),
        *stream_lines(run),
        *programming_lines(run),
        *bottleneck_lines(run),
        *notes,
    )


def plan_report(plan: Plan) -> RenderableType:
    """Everything `archsim map` prints."""
    made = table(
        f"{plan.graph.name} on {plan.hardware.name}",
        [
            "layer",
            "kind",
            "MACs",
            "windows",
            "copies",
            "rows x cols",
            "grid",
            "slices",
            "crossbars",
            "used cells",
            "tiles",
            "chips",
        ],
        left=2,
    )
    for row in map_rows(plan):
        grid = row["crossbars"] > 0
        add(
            made,
            row["name"],
            row["kind"],
            f"{row['macs'] / 1e6:,.1f}M" if grid else "-",
            f"{row['windows']:,}",
            str(row["replication"]),
            f"{row['rows']}x{row['columns']}" if grid else "-",
            f"{row['row_groups']}x{row['column_groups']}" if grid else "-",
            str(row["weight_slices"]) if grid else "-",
            f"{row['crossbars']:,}" if grid else "-",
            f"{row['utilization']:.1%}" if grid else "-",
            f"{row['first_tile']}-{row['last_tile']}",
            f"{row['first_chip']}-{row['last_chip']}",
        )
    lines = [Text(f"{key}: {quantity(key, value)}") for key, value in map_totals(plan).items()]
    return Group(made, Text(), *lines, *[Text(f"note: {note}") for note in plan.notes])


def figures_report(figures: Mapping[str, Any]) -> RenderableType:
    """Derived figures of a chip, one dotted name a line."""
    made = table(str(figures.get("name", "")), ["figure", "value"])
    for key, value in _flatten(figures):
        add(made, key, quantity(key, value))
    notes = [Text(f"note: {note}") for note in figures.get("notes", [])]
    return Group(made, *notes)


def _flatten(node: Mapping[str, Any], path: str = "") -> Iterable[tuple[str, Any]]:
    for key, value in node.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{path}{key}.")
        elif not isinstance(value, list | tuple):
            yield f"{path}{key}", value


def comparison_report(found: Comparison) -> RenderableType:
    """Totals and energies side by side with ratios to the first run, then what differs in the hardware files."""
    names = [f"{run.hardware.name} / {run.workload.name}" for run in found.runs]
    headings = [names[0], *[text for name in names[1:] for text in (name, "ratio")]]
    totals = table("Totals", ["", *headings])
    ratios = found.ratios()
    for key, values in found.totals().items():
        add(totals, key, *_with_ratios([quantity(key, value) for value in values], ratios[key]))
    energy = table("Energy by component", ["", *headings])
    for name, joules in found.energy_by_component().items():
        share = [joule / joules[0] if joules[0] else None for joule in joules]
        add(energy, name, *_with_ratios([format_quantity(joule, "J") for joule in joules], share))
    differs = table("Differs", ["hardware file", *names])
    for item in found.differs:
        add(differs, item.path, *["-" if value is None else str(value) for value in item.values])
    equal = Text(
        f"held equal: {len(found.equal)} of {len(found.equal) + len(found.differs)} figures of the hardware files"
    )
    functions = [
        Text(f"{name}: agreement {run.function.top1_agreement:.4f}, logit SNR {run.function.logit_snr_db} dB")
        for name, run in zip(names, found.runs, strict=True)
        if run.function
    ]
    notes = [Text(f"note: {note}") for note in found.notes]
    return Group(totals, Text(), energy, Text(), differs, equal, *functions, *notes)


def _with_ratios(cells: list[str], ratios: list[float | None]) -> list[str]:
    row = cells[:1]
    for cell, ratio in zip(cells[1:], ratios[1:], strict=True):
        row += [cell, "-" if ratio is None else f"{ratio:.3g}x"]
    return row
