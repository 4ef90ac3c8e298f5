"""Parts of bars, their inks, and what runs are called in figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from archsim.accounting import energy_by
from archsim.report.figures.panels import Part
from archsim.report.figures.scales import component
from archsim.report.figures.style import INK
from archsim.result import Result

PLACES = {"adc": 0, "dac": 1, "crossbar": 2, "bus": 3, "router": 4, "edram": 5, "link": 6}
"""Inks of components that most machines have, so that figures of one paper agree."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A run with the name it has in figures, and the start of its files' names."""

    run: Result
    label: str
    slug: str


def inks_of(runs: Sequence[Result]) -> dict[str, int]:
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
            total = total_of(whole) or 1.0
            for name, value in whole.items():
                weight[name] = max(weight.get(name, 0.0), value / total)
    chosen = sorted(weight, key=lambda name: (-weight[name], name))[: len(INK)]
    found = {name: PLACES[name] for name in chosen if name in PLACES}
    free = [place for place in range(len(INK)) if place not in found.values()]
    return found | dict(zip([name for name in chosen if name not in found], free, strict=False))


def parts_of(columns: Sequence[Mapping[str, float]], inks: Mapping[str, int]) -> list[Part]:
    """Parts of bars, one mapping a bar; what has no ink is lumped together."""
    present = {name for column in columns for name, value in column.items() if value}
    parts = [
        Part(name=component(name), values=[column.get(name, 0.0) for column in columns], place=place)
        for name, place in sorted(inks.items(), key=lambda item: item[1])
        if name in present
    ]
    rest = [sum(value for name, value in column.items() if name not in inks) for column in columns]
    return [*parts, Part(name="other", values=rest, place=None)] if any(rest) else parts


def others(columns: Sequence[Mapping[str, float]], inks: Mapping[str, int]) -> str:
    """What is lumped together, as the end of a caption."""
    names = dict.fromkeys(name for column in columns for name, value in column.items() if value and name not in inks)
    return f" Other: {', '.join(component(name) for name in names)}." if names else ""


def subject(named: Sequence[Named]) -> str:
    """What the runs are, in a caption."""
    if len(named) > 1:
        networks = dict.fromkeys(item.run.workload.name for item in named)
        return ", ".join(networks)
    run, label = named[0].run, named[0].label
    which = "" if label == run.hardware.name else f"; {label}"
    return f"{run.workload.name} on {run.hardware.name} ({images(run)}{which})"


def images(run: Result) -> str:
    """How many images, in words."""
    return "1 image" if run.images == 1 else f"{run.images} images"


def total_of(parts: Mapping[str, float]) -> float:
    """The whole of some parts."""
    return sum(parts.values())
