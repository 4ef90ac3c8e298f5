"""Bars: parts on top of each other, or side by side."""

from __future__ import annotations

from itertools import accumulate
from math import isfinite

from archsim.report.figures.panels import Grouped, Part, Stacked
from archsim.report.figures.sheet import LONGEST, Sheet, bands, plain_numbers, spare, thinned
from archsim.report.figures.style import BLACK, OTHER, ink

LEGEND_FROM = 2
BAR = 0.19
"""Height of a lying bar with the gap behind it [in]."""
HEADROOM = 1.05
HEIGHT = 1.35
"""Height of standing bars [in]."""


def stacked(panel: Stacked, sheet: Sheet) -> None:
    """Bars of parts, in the order of the parts from the axis outwards."""
    if panel.lying:
        _lying(panel, sheet)
    else:
        _standing(panel, sheet)


def _lying(panel: Stacked, sheet: Sheet) -> None:
    axes = sheet.axes
    totals = [sum(column) for column in zip(*[part.values for part in panel.parts], strict=True)]
    factor, label = panel.measure.axis(totals)
    places = [-float(place) for place in range(len(panel.bars))]
    for part, left in zip(panel.parts, _below(panel), strict=True):
        colour, hatch = _ink(part)
        made = axes.barh(
            places,
            [value * factor for value in part.values],
            left=[value * factor for value in left],
            height=0.72,
            color=colour,
            hatch=hatch,
            edgecolor=BLACK,
        )
        sheet.entries.append((made, part.name))
    many = len(panel.bars) > 1
    if panel.measure.unit != "%":
        for place, total in zip(places, totals, strict=True):
            axes.annotate(
                sheet.text(panel.measure.text(total)),
                (total * factor, place),
                (2, 0),
                textcoords="offset points",
                va="center",
                fontsize=sheet.style.small,
            )
        axes.set_xlim(0, (max(totals) or 1.0) * factor * (1.17 if sheet.width < 5 else 1.09))
    else:
        axes.set_xlim(0, max(100.0, max(totals) * factor))
    axes.set_yticks(places, [sheet.text(name) for name in panel.bars] if many else [""] * len(places))
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(label)
    plain_numbers(axes.xaxis, log=False)
    spare(axes, grid="x")
    axes.set_ylim(places[-1] - 0.55, 0.55)
    sheet.fit(0.42 + BAR * len(places) + (0.08 if not many else 0))


def _standing(panel: Stacked, sheet: Sheet) -> None:
    axes = sheet.axes
    totals = [sum(column) for column in zip(*[part.values for part in panel.parts], strict=True)]
    factor, label = panel.measure.axis(totals)
    places = list(range(len(panel.bars)))
    for part, bottom in zip(panel.parts, _below(panel), strict=True):
        colour, hatch = _ink(part)
        made = axes.bar(
            places,
            [value * factor for value in part.values],
            bottom=[value * factor for value in bottom],
            width=0.8,
            color=colour,
            hatch=hatch,
            edgecolor=BLACK,
            linewidth=0.4 if len(places) <= 40 else 0.2,
        )
        sheet.entries.append((made, part.name))
    named, size = thinned(panel.bars, sheet.width - 0.5, sheet.style)
    axes.set_xticks(named, [sheet.text(panel.bars[place]) for place in named], rotation=90, fontsize=size)
    axes.tick_params(axis="x", length=1.5)
    if len(named) < len(places):
        sheet.notes.append(f"one layer in {named[1]} is named")
    axes.set_ylabel(sheet.text(label, LONGEST * 2))
    axes.set_xlim(-0.7, len(places) - 0.3)
    axes.set_ylim(0, (max(totals) or 1.0) * factor * HEADROOM)
    plain_numbers(axes.yaxis, log=False)
    spare(axes, grid="y")
    longest = max((sheet.extent(text)[1] for text in axes.get_xticklabels()), default=0.0)
    sheet.fit(HEIGHT + longest + 0.1)


def grouped(panel: Grouped, sheet: Sheet) -> None:
    """Bars side by side in groups."""
    axes = sheet.axes
    every = [value for part in panel.parts for value in part.values]
    factor, label = panel.measure.axis(every)
    width = 0.8 / len(panel.parts)
    for number, part in enumerate(panel.parts):
        colour, hatch = _ink(part)
        places = [group + (number - (len(panel.parts) - 1) / 2) * width for group in range(len(panel.categories))]
        errors = None
        if panel.low and panel.high:
            errors = [
                list(bands(part.values, panel.low[number], factor)),
                list(bands(part.values, panel.high[number], factor)),
            ]
        made = axes.bar(
            places,
            [value * factor for value in part.values],
            width=width * 0.92,
            color=colour,
            hatch=hatch,
            edgecolor=BLACK,
            yerr=errors,
            error_kw={"elinewidth": 0.6, "capsize": 1.5, "capthick": 0.6},
        )
        if len(panel.parts) >= LEGEND_FROM:
            sheet.entries.append((made, part.name))
    if panel.reference is not None:
        axes.axhline(panel.reference * factor, color=BLACK, lw=0.5, ls="--", zorder=3)
    _categories(panel, sheet)
    axes.tick_params(axis="x", length=0)
    axes.set_xlim(-0.6, len(panel.categories) - 0.4)
    if all(value >= 0 for value in every if isfinite(value)):
        axes.set_ylim(bottom=0)
    if panel.label:
        axes.set_xlabel(sheet.text(panel.label, LONGEST * 2))
    axes.set_ylabel(sheet.text(label, LONGEST * 2))
    plain_numbers(axes.yaxis, log=False)
    spare(axes, grid="y")
    below = max(sheet.extent(text)[1] for text in axes.get_xticklabels())
    sheet.fit(HEIGHT + below + (0.22 if panel.label else 0.08))


def _categories(panel: Grouped, sheet: Sheet) -> None:
    """Names of the groups, slanted where they would touch."""
    axes = sheet.axes
    room = (sheet.width - 0.5) / len(panel.categories)
    words = [sheet.text(name) for name in panel.categories]
    axes.set_xticks(range(len(words)), words)
    turned = any(sheet.extent(text)[0] > room * 0.97 for text in axes.get_xticklabels())
    if turned:
        axes.set_xticks(range(len(words)), words, rotation=30, ha="right", rotation_mode="anchor")


def _ink(part: Part) -> tuple[str, str]:
    colour, hatch, _ = OTHER if part.place is None else ink(part.place)
    return colour, hatch


def _below(panel: Stacked) -> list[list[float]]:
    """What lies between each part and the axis."""
    columns = [
        list(accumulate(column, initial=0.0))[:-1] for column in zip(*[p.values for p in panel.parts], strict=True)
    ]
    return [list(row) for row in zip(*columns, strict=True)]
