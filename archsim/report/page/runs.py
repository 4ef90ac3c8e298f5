"""The page of one run or several: what its template shows, and the charts of its script."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from math import fsum
from pathlib import Path
from typing import Any
from urllib.parse import quote

from archsim.accounting import energy_by
from archsim.errors import InputError
from archsim.report.comparison import Comparison
from archsim.report.page import charts, quality, tables
from archsim.report.page.document import render, write_page
from archsim.report.page.palette import GLYPHS, LETTERS, LIMITS, OTHER, RUNS, TIME_PARTS, coloured, ranked
from archsim.report.page.roofline import EXPLAINED, roofline
from archsim.report.page.text import listed, percent, ratio, shown
from archsim.result import Citation, Result

MOST_RUNS = len(LETTERS)
BRIEF = 3
"""Runs up to which the head of the page says what each of them comes to."""
Charts = dict[str, dict[str, Any]]


def write_runs(found: Comparison, path: str | os.PathLike[str]) -> Path:
    """Write the page of a comparison (of one run too).

    Raises `InputError` for more than eight runs, or where the file cannot be written.
    """
    return write_page(path, runs_page(found))


def runs_page(found: Comparison) -> str:
    """The page of a comparison as text; the same runs give the same text.

    Raises `InputError` for more than eight runs, which no reader tells apart.
    """
    if len(found.runs) > MOST_RUNS:
        what = f"a page holds at most {MOST_RUNS} runs, got {len(found.runs)}; expected fewer, or the folder of a sweep"
        raise InputError(what, where="--html")
    labels = run_labels(found)
    colours = component_colours(found.runs)
    made = _charts(found.runs, labels, colours)
    several = len(found.runs) > 1
    streams = [line for run, label in zip(found.runs, labels, strict=True) for line in stream_lines(run, label)]
    context = {
        "title": title(found),
        "lede": lede(found),
        "notes": found.notes,
        "runs": [_run(run, label, place) for place, (run, label) in enumerate(zip(found.runs, labels, strict=True))],
        "keys": _keys(found.runs, colours),
        "charts": made,
        "tables": _tables(found, labels),
        "differs": list(tables.grouped(tables.differs_table(found, labels))),
        "equal": list(tables.grouped(tables.equal_table(found))),
        "streams": streams,
        "explained": EXPLAINED,
        "own_scale": {name: several and axis.end is None for name, axis in common_axes(found.runs).items()},
        "citations": [_citation(item) for item in _citations(found.runs)],
        "version": found.runs[0].archsim_version,
        "brief": BRIEF,
        "layered": True,
        "example": found.runs[0].layers[0].name if found.runs[0].layers else "conv1",
    }
    return render("runs.html.j2", context, {"charts": made})


def run_labels(found: Comparison) -> list[str]:
    """Labels with a letter where there are several runs."""
    if len(found.runs) == 1:
        return list(found.labels)
    return [f"{letter} · {label}" for letter, label in zip(LETTERS, found.labels, strict=False)]


def component_colours(runs: Sequence[Result]) -> dict[str, str]:
    """One colour for each component over the page: those that take most of energy or area have their own."""
    energies = [energy_by(run.actions, "component") for run in runs]
    areas = [{row.component: row.area_m2 for row in run.area} for run in runs]
    return coloured(ranked([*energies, *areas]))


def title(found: Comparison) -> str:
    """What was run on what."""
    networks = listed(dict.fromkeys(run.workload.name for run in found.runs))
    machines = listed(dict.fromkeys(run.hardware.name for run in found.runs))
    return f"{networks} on {machines}"


def lede(found: Comparison) -> list[str]:
    """The comparison in a sentence for each run but the first."""
    ratios = found.ratios()
    sentences = []
    for place, label in enumerate(found.labels[1:], start=1):
        factors = [
            f"{ratio(value)} the {words}"
            for key, words in (
                ("latency_s", "latency"),
                ("energy_per_image_j", "energy per image"),
                ("area_m2", "area"),
            )
            if (value := ratios[key][place]) is not None
        ]
        sentences.append(f"{label} takes {listed(factors)} of {found.labels[0]}.")
    return sentences


def stream_lines(run: Result, label: str) -> list[str]:
    """How several images flow."""
    found = run.stream
    if found is None or found.interval_s is None:
        return []
    steady = f"{label}: one image every {shown(found.interval_s, 's')}"
    if found.fill_s is None or found.drain_s is None:
        how = "exact, the stream repeats itself" if found.repeats else "the mean over the last half of the images"
        return [f"{steady} ({how})."]
    ends = f"after {shown(found.fill_s, 's')} of filling, and {shown(found.drain_s, 's')} of draining"
    return [f"{steady} {ends}; {found.simulated_images} of {run.images} images were simulated one by one."]


def unlayered_line(run: Result) -> str:
    """What a chart by layer leaves out."""
    parts = {name: value for name, value in charts.unlayered(run).items() if value}
    if not parts:
        return ""
    most = f", most of it {next(iter(parts))}" if len(parts) > 1 else f", all of it {next(iter(parts))}"
    total = fsum(parts.values())
    return f"Not of any layer: {shown(total, 'J')} ({percent(total / run.totals.energy_j)} of the run){most}."


def common_axes(runs: Sequence[Result]) -> dict[str, charts.Axis]:
    """Value axes of the charts by layer, by what they show; shared by runs of like size."""
    energies = [max((row.energy_j for row in run.layers), default=0.0) for run in runs]
    spans = [max(map(charts.span, run.layers), default=0.0) for run in runs]
    latencies = [run.totals.latency_s for run in runs]
    return {
        "energy": charts.common_axis("energy", "J", energies),
        "time": charts.common_axis("time", "s", spans),
        "timeline": charts.common_axis("time since the first input", "s", latencies),
    }


def _charts(runs: Sequence[Result], labels: Sequence[str], colours: Mapping[str, str]) -> Charts:
    named = {name: colour for name, colour in colours.items() if colour != "#BBBBBB"}
    axes = common_axes(runs)
    made: Charts = {
        "energy": charts.energy_of_runs(labels, runs, colours),
        "critical": charts.critical_path(labels, runs),
        **quality.quality_charts(runs, labels),
    }
    roof = roofline(labels, runs, RUNS)
    if roof is not None:
        made["roofline"] = roof
    for place, run in enumerate(runs):
        made[f"energy-layers-{place}"] = charts.energy_by_layer(run, named, axes["energy"])
        made[f"timeline-{place}"] = charts.timeline(run, axes["timeline"])
        made[f"time-layers-{place}"] = charts.time_by_layer(run, axes["time"])
        made[f"area-{place}"] = charts.area_treemap(run, colours)
    return made


def _keys(runs: Sequence[Result], colours: Mapping[str, str]) -> dict[str, list[tuple[str, str]]]:
    """Legends by name: words and colour of each series."""
    parts = [energy_by(run.actions, "component") for run in runs]
    used = [name for name in colours if any(part.get(name) for part in parts)]
    kinds = {row.limit for run in runs for row in run.critical_path}
    components = [(name, colours[name]) for name in used if colours[name] != "#BBBBBB"]
    if len(components) < len(used):
        components.append((OTHER, "#BBBBBB"))
    return {
        "components": components,
        "time": [(words, colour) for words, colour in TIME_PARTS.values()],
        "limits": [(kind, colour) for kind, colour in LIMITS.items() if kind in kinds],
    }


def _run(run: Result, label: str, place: int) -> dict[str, Any]:
    return {
        "label": label,
        "colour": RUNS[place],
        "glyph": GLYPHS[place],
        "bottleneck": run.bottleneck.sentence,
        "relief": run.bottleneck.relief,
        "unlayered": unlayered_line(run),
        "notes": run.notes,
        "place": place,
        "layers": tables.layer_table(run, label),
        "path": tables.path_table(run, label),
        "resources": tables.resource_table(run, label),
        "programming": run.programming
        and f"{run.programming.cells:,} cells, "
        f"{shown(run.programming.energy_j, 'J')}, {shown(run.programming.time_s, 's')}",
    }


def _tables(found: Comparison, labels: Sequence[str]) -> dict[str, tables.Table]:
    order = ranked([energy_by(run.actions, "component") for run in found.runs])
    made = {
        "totals": tables.totals_table(found, labels),
        "setup": tables.setup_table(found, labels),
        "energy": tables.energy_table(found, labels, order),
        "area": tables.area_table(found, labels),
    }
    if any(run.function for run in found.runs):
        made["quality"] = tables.quality_table(found.runs, labels)
    return made


def _citations(runs: Sequence[Result]) -> list[Citation]:
    """The works all runs rest on, each once."""
    return list({(item.key, item.title): item for run in runs for item in run.citations}.values())


def _citation(item: Citation) -> dict[str, Any]:
    """A work, with an address only where it is one of the web."""
    link = f"https://doi.org/{quote(item.doi, safe='/:;()._-')}" if item.doi else item.url
    if link and not re.match(r"https?://", link):
        link = None
    published = ", ".join(str(part) for part in (item.venue, item.year) if part)
    return {"text": f"{item.authors}. {item.title}. {published}.", "key": item.key, "link": link}
