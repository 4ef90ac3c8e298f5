"""Figures of a study: its charts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archsim.errors import InputError
from archsim.report.figures.panels import Cell, Curve, Curves, Figure
from archsim.report.figures.scales import Measure


def study_figures(report: Mapping[str, Any], where: str) -> list[Figure]:
    """All charts of a study's report (what `archsim reproduce -o DIR` writes).

    Raises `InputError` where the report is of another form.
    """
    try:
        return [chart_figure(report["study"], chart) for chart in report["charts"]]
    except (KeyError, TypeError, ValueError) as error:
        what = f"is no study's report of this version of archsim: {type(error).__name__} {error}"
        raise InputError(what, where=where) from None


def chart_figure(study: str, chart: Mapping[str, Any], title: str = "") -> Figure:
    """A study's chart as a figure; its title is the caption, and is drawn only where asked for."""
    curves = [
        Curve(
            name=series["name"],
            x=series["x"],
            y=series["y"],
            low=series["low"],
            high=series["high"],
            joined=series["joined"],
        )
        for series in chart["series"]
    ]
    return Figure(
        name=f"{study}-{chart['name']}",
        caption=f"{str(chart['title']).rstrip('.')}.",
        columns=("series", "x", "y", "low", "high"),
        rows=[row for curve in curves for row in _rows(curve)],
        panel=Curves(
            x=chart["x"],
            curves=curves,
            measure=Measure(key="", label=chart["y"], unit=""),
            log_x=chart["log_x"],
            log_y=chart["log_y"],
        ),
        title=title,
    )


def _rows(curve: Curve) -> list[tuple[Cell, ...]]:
    none = [None] * len(curve.x)
    ends = curve.low or none, curve.high or none
    return [(curve.name, *row) for row in zip(curve.x, curve.y, *ends, strict=True)]
