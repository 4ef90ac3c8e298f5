"""What `archsim compare` prints: totals, energy and quality side by side, then what differs in the hardware files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from archsim.report.comparison import Comparison
from archsim.report.formatting import heading, quantity, tidy
from archsim.report.tables import Column, SideBySide
from archsim.units import format_quantity

MOST_DIFFERENCES = 24


def comparison_report(found: Comparison, *, most: int | None = MOST_DIFFERENCES) -> RenderableType:
    """Totals and energies side by side with ratios to the first run, quality where pictures were computed, and what
    differs in the hardware files (`most` lines; None for all). Notes on the ratios and those of the runs come last."""
    ratios = found.ratios()
    totals = {
        heading(key): [(quantity(key, value), ratio) for value, ratio in zip(values, ratios[key], strict=True)]
        for key, values in found.totals().items()
    }
    energy = {
        name: [(format_quantity(joule, "J"), joule / joules[0] if joules[0] else None) for joule in joules]
        for name, joules in found.energy_by_component().items()
    }
    parts: list[RenderableType] = [
        _with_ratios(f"Totals{f' of {found.subject}' if found.subject else ''}", found.labels, totals),
        Text(),
        _with_ratios("Energy by component", found.labels, energy),
    ]
    if any(run.function for run in found.runs):
        parts += [Text(), _quality(found)]
    parts += [Text(), *_differences(found, most)]
    return Group(*parts, *[Text(f"note: {note}") for note in (*found.notes, *found.run_notes)])


def _with_ratios(
    title: str, labels: Sequence[str], rows: Mapping[str, Sequence[tuple[str, float | None]]]
) -> SideBySide:
    """Each run's values, and behind all but the first their ratios to it."""
    groups = []
    for place, label in enumerate(labels):
        values = Column(heading=label, cells=[row[place][0] for row in rows.values()], rank=0)
        factors = ["-" if (ratio := row[place][1]) is None else f"{ratio:.3g}x" for row in rows.values()]
        groups.append([values, Column(heading="ratio", cells=factors, rank=0)] if place else [values])
    return SideBySide(title=title, names=Column(heading="", cells=list(rows), rank=0, left=True), groups=groups)


def _quality(found: Comparison) -> SideBySide:
    """Accuracy and agreement of each run."""
    keys = ("top1_agreement", "logit_snr_db", "accuracy", "float_accuracy", "images")
    names = ("agreement with float", "logit SNR", "accuracy", "accuracy in float", "pictures")
    groups = []
    for label, run in zip(found.labels, found.runs, strict=True):
        values = ["-" if run.function is None else _measure(key, getattr(run.function, key)) for key in keys]
        groups.append([Column(heading=label, cells=values, rank=0)])
    return SideBySide(title="Quality", names=Column(heading="", cells=names, rank=0, left=True), groups=groups)


def _measure(key: str, value: Any) -> str:
    if value is None:
        return "exact" if key == "logit_snr_db" else "-"
    return f"{value:.1f} dB" if key == "logit_snr_db" else f"{value:.4f}" if isinstance(value, float) else str(value)


def _differences(found: Comparison, most: int | None) -> list[RenderableType]:
    """What differs in the hardware files, and how much does not."""
    shown = found.differs[:most]
    every = len(found.equal) + len(found.differs)
    equal = Text(f"held equal: {len(found.equal)} of {every} figures of the hardware files")
    if not shown:
        return [equal]
    names = Column(heading="hardware file", cells=[item.path for item in shown], rank=0, left=True)
    groups = [
        [Column(heading=label, cells=[tidy(item.values[place]) for item in shown], rank=0)]
        for place, label in enumerate(found.labels)
    ]
    rest = len(found.differs) - len(shown)
    more = [Text(f"... and {rest} more figures that differ (--wide, or --json)")] if rest else []
    return [SideBySide(title="Differs", names=names, groups=groups), *more, equal]
