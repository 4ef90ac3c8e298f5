"""Charts of a study as vector figures, one file each, in the style of paper figures. Needs matplotlib (extra
`figures`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from archsim.errors import InputError
from archsim.files import write_whole
from archsim.report.figures.canvas import render
from archsim.report.figures.ofstudies import chart_figure
from archsim.report.figures.style import STYLES, can_draw, require_matplotlib

__all__ = ["can_draw", "draw_charts"]


def draw_charts(study: str, charts: Sequence[Mapping[str, Any]], folder: Path, form: str = "svg") -> list[Path]:
    """Draw charts (plain data of `archsim.studies.charts.Chart`) into a folder; returns their files.

    The same chart gives the same bytes. Charts have titles, because nothing else says there what they show.

    Raises
    ------
    InputError
        Without matplotlib, or where the files cannot be written.
    """
    require_matplotlib(str(folder))
    written = []
    for chart in charts:
        figure = chart_figure(study, chart, title=str(chart["title"]))
        path = folder / f"{figure.name}.{form}"
        try:
            write_whole(path, render(figure, STYLES["plain"], form)[0])
        except OSError as error:
            raise InputError(f"cannot be written: {error.strerror}", where=str(path)) from None
        written.append(path)
    return written
