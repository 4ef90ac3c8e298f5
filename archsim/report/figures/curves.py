"""Curves over an axis, and points in the plane of two metrics with the front of those that no other dominates."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from archsim.report.figures.panels import Curve, Curves, Scatter
from archsim.report.figures.scales import Measure
from archsim.report.figures.sheet import LONGEST, POINT, SMALLEST, Sheet, bands, plain_numbers, spare
from archsim.report.figures.style import BLACK, GREY, ink, stroke

HEIGHT = 1.95
"""Height of the axes with their labels [in]."""
LOG_FROM = 30.0
"""Ratio of the largest to the smallest value from which an axis is logarithmic."""
APART = 2.2
"""Distance [pt] of neighbouring series with error bars, which would hide each other."""
CLOSE = 7.0
"""Distance [pt] below which two numbers at points would overlap."""


def curves(panel: Curves, sheet: Sheet) -> None:
    """Lines with markers, and error bars where there are any."""
    axes = sheet.axes
    every = [value for curve in panel.curves for ends in (curve.y, curve.low or (), curve.high or ()) for value in ends]
    factor, label = panel.measure.axis(every)
    drawn = []
    for place, curve in enumerate(panel.curves):
        made = _curve(axes, curve, place, factor)
        drawn.append(made)
        if len(panel.curves) > 1:
            sheet.entries.append((made, curve.name))
    _scale(axes.set_xscale, panel.log_x)
    log_y = _spread(every) if panel.log_y is None else panel.log_y
    _scale(axes.set_yscale, log_y)
    axes.set_xlabel(sheet.text(panel.x, LONGEST * 2))
    axes.set_ylabel(sheet.text(label, LONGEST * 2))
    axes.margins(x=0.04, y=0.08)
    if not log_y:
        _from_zero(axes, every)
    plain_numbers(axes.yaxis, log=log_y)
    if panel.ticks:
        axes.xaxis.set_minor_locator(import_module("matplotlib.ticker").NullLocator())
        axes.set_xticks([value for value, _ in panel.ticks], [sheet.text(text, 12) for _, text in panel.ticks])
    else:
        plain_numbers(axes.xaxis, log=panel.log_x)
    spare(axes, grid="both")
    if any(curve.low is not None for curve in panel.curves):
        _set_apart(sheet, drawn)
    sheet.fit(HEIGHT)


def _set_apart(sheet: Sheet, drawn: list[Any]) -> None:
    """Move series sidewards by a little; the limits of the axes stay those of the data."""
    limits = sheet.axes.get_xlim(), sheet.axes.get_ylim()
    shift = import_module("matplotlib.transforms").ScaledTranslation
    for place, made in enumerate(drawn):
        points = (place - (len(drawn) - 1) / 2) * APART
        line, caps, bars = made.lines
        for artist in (line, *caps, *bars):
            if artist is not None:
                artist.set_transform(sheet.axes.transData + shift(points * POINT, 0, sheet.figure.dpi_scale_trans))
    sheet.axes.set_xlim(limits[0])
    sheet.axes.set_ylim(limits[1])


def _curve(axes: Any, curve: Curve, place: int, factor: float) -> Any:
    colour, dashes, marker = stroke(place)
    errors = None
    if curve.low is not None and curve.high is not None:
        errors = [list(bands(curve.y, curve.low, factor)), list(bands(curve.y, curve.high, factor))]
    return axes.errorbar(
        curve.x,
        [value * factor for value in curve.y],
        yerr=errors,
        color=colour,
        ls=dashes if curve.joined else "none",
        marker=marker,
        mfc=colour if place % 2 == 0 else "white",
        mec=colour,
        elinewidth=0.6,
        capsize=1.5,
        capthick=0.6,
    )


def scatter(panel: Scatter, sheet: Sheet) -> None:
    """Points, and the front as a staircase: what lies on its far side is out of reach."""
    axes = sheet.axes
    every = [*panel.dots, *panel.front]
    across, x_label = panel.x.axis([dot.x for dot in every])
    up, y_label = panel.y.axis([dot.y for dot in every])
    if panel.dots:
        made = axes.plot(
            [dot.x * across for dot in panel.dots],
            [dot.y * up for dot in panel.dots],
            "o",
            ms=2.6,
            mfc="none",
            mec=GREY,
            zorder=2,
        )[0]
        sheet.entries.append((made, "dominated"))
    if panel.apart:
        _apart(panel, sheet, across, up)
    else:
        _front(panel, sheet, across, up)
    log_x = _axis_scale(axes.set_xscale, [dot.x for dot in every], panel.x)
    log_y = _axis_scale(axes.set_yscale, [dot.y for dot in every], panel.y)
    axes.margins(0.08)
    axes.set_xlabel(sheet.text(x_label, LONGEST * 2))
    axes.set_ylabel(sheet.text(y_label, LONGEST * 2))
    plain_numbers(axes.xaxis, log=log_x)
    plain_numbers(axes.yaxis, log=log_y)
    spare(axes, grid="both")
    sheet.fit(HEIGHT + 0.15)
    if not panel.apart:
        _numbers(panel, sheet, across, up)


def _front(panel: Scatter, sheet: Sheet, across: float, up: float) -> None:
    ordered = sorted(panel.front, key=lambda dot: (dot.x, dot.y))
    made = sheet.axes.plot(
        [dot.x * across for dot in ordered],
        [dot.y * up for dot in ordered],
        "s-",
        drawstyle="steps-pre" if panel.more_is_better[0] else "steps-post",
        color=ink(0)[0],
        mec=BLACK,
        mew=0.4,
        zorder=3,
    )[0]
    if panel.dots:
        sheet.entries.append((made, "Pareto front"))


def _apart(panel: Scatter, sheet: Sheet, across: float, up: float) -> None:
    for place, dot in enumerate(panel.front):
        colour, _, marker = ink(place)
        errors = None
        if dot.low is not None and dot.high is not None:
            errors = [[(dot.y - dot.low) * up], [(dot.high - dot.y) * up]]
        made = sheet.axes.errorbar(
            [dot.x * across],
            [dot.y * up],
            yerr=errors,
            ls="none",
            marker=marker,
            ms=4.5,
            mfc=colour,
            mec=BLACK,
            ecolor=BLACK,
            elinewidth=0.6,
            capsize=1.5,
            capthick=0.6,
        )
        sheet.entries.append((made, dot.name))


def _numbers(panel: Scatter, sheet: Sheet, across: float, up: float) -> None:
    """Numbers beside the points of the front, as many as do not touch."""
    sheet.figure.canvas.draw()
    taken: list[tuple[float, float]] = []
    unit = sheet.figure.dpi / 72
    for dot in panel.front:
        at = sheet.axes.transData.transform((dot.x * across, dot.y * up)) / unit
        if dot.number and all(abs(at[0] - x) + abs(at[1] - y) > CLOSE for x, y in taken):
            taken.append((at[0], at[1]))
            sheet.axes.annotate(
                dot.number,
                (dot.x * across, dot.y * up),
                (3, 2.5),
                textcoords="offset points",
                fontsize=SMALLEST,
                annotation_clip=False,
            )
    if len(taken) < len([dot for dot in panel.front if dot.number]):
        sheet.notes.append("points of the front that touch a numbered one have no number")


def _axis_scale(set_scale: Any, values: list[float], measure: Measure) -> bool:
    log = measure.unit not in ("%", "dB") and _spread(values)
    _scale(set_scale, log)
    return log


def _scale(set_scale: Any, log: bool) -> None:
    set_scale("log" if log else "linear")


def _spread(values: list[float]) -> bool:
    return bool(values) and min(values) > 0 and max(values) / min(values) > LOG_FROM


def _from_zero(axes: Any, values: list[float]) -> None:
    """Start at zero where the values come near it: a cut axis would exaggerate what they change by."""
    if values and min(values) >= 0 and min(values) < 0.6 * max(values):
        axes.set_ylim(bottom=0)
