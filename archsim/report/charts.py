"""Charts of a study as vector figures, one file each. Needs matplotlib (extra `figures`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from archsim.errors import InputError

MARKERS = "osD^vxP*<>"
SIZE = (4.6, 3.4)
"""Inches."""


def can_draw() -> bool:
    """Whether matplotlib is installed."""
    return find_spec("matplotlib") is not None


def draw_charts(study: str, charts: Sequence[Mapping[str, Any]], folder: Path, suffix: str = ".svg") -> list[Path]:
    """Draw charts (plain data of `archsim.studies.charts.Chart`) into a folder; returns their files.

    The same chart gives the same bytes.

    Raises
    ------
    InputError
        Without matplotlib, or where the files cannot be written.
    """
    if not can_draw():
        raise InputError("needs matplotlib; expected the extra: pip install 'archsim[figures]'", str(folder))
    return [_draw(chart, folder / f"{study}-{chart['name']}{suffix}") for chart in charts]


def _draw(chart: Mapping[str, Any], path: Path) -> Path:
    matplotlib, figures = import_module("matplotlib"), import_module("matplotlib.figure")
    # element names of an SVG are drawn at random without a salt
    with matplotlib.rc_context({"svg.hashsalt": path.name}):
        figure = figures.Figure(figsize=SIZE, layout="constrained")
        axes = figure.subplots()
        for place, series in enumerate(chart["series"]):
            _plot(axes, series, MARKERS[place % len(MARKERS)])
        axes.set_title(chart["title"], fontsize=9)
        axes.set_xlabel(chart["x"])
        axes.set_ylabel(chart["y"])
        axes.set_xscale("log" if chart["log_x"] else "linear")
        axes.set_yscale("log" if chart["log_y"] else "linear")
        axes.grid(alpha=0.3, lw=0.5)
        if len(chart["series"]) > 1:
            axes.legend(fontsize=7)
        try:
            figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
        except OSError as error:
            raise InputError(f"cannot be written: {error.strerror}", where=str(path)) from None
    return path


def _plot(axes: Any, series: Mapping[str, Any], marker: str) -> None:
    errors = None
    if series["low"] is not None and series["high"] is not None:
        errors = [list(_lengths(series["low"], series["y"])), list(_lengths(series["y"], series["high"]))]
    axes.errorbar(
        series["x"],
        series["y"],
        yerr=errors,
        fmt=f"{marker}-" if series["joined"] else marker,
        ms=4,
        lw=1,
        capsize=2,
        label=series["name"],
    )


def _lengths(low: Sequence[float], high: Sequence[float]) -> Iterator[float]:
    return (upper - lower for lower, upper in zip(low, high, strict=True))
