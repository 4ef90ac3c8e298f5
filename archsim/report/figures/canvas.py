"""From a `Figure` to a matplotlib figure of exactly a column's width, and from there to bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from io import BytesIO
from types import MappingProxyType
from typing import Any

from archsim import __version__
from archsim.report.figures import bars, curves, grids
from archsim.report.figures.panels import Curves, Figure, Grouped, HeatMap, Panel, Scatter, Stacked, Timeline
from archsim.report.figures.sheet import Sheet, new_sheet
from archsim.report.figures.style import Style, styled

DRAWERS: Mapping[type[Any], Callable[[Any, Sheet], None]] = MappingProxyType(
    {
        Stacked: bars.stacked,
        Grouped: bars.grouped,
        Curves: curves.curves,
        Scatter: curves.scatter,
        HeatMap: grids.heat_map,
        Timeline: grids.timeline,
    }
)
FORMATS = ("pdf", "svg")
MANY = 24
"""Layers from which a figure takes both columns."""


def wants_page(panel: Panel) -> bool:
    """Whether a panel needs the width of a page rather than of a column."""
    if isinstance(panel, Stacked):
        return not panel.lying and len(panel.bars) > MANY
    return isinstance(panel, Grouped) and len(panel.categories) * len(panel.parts) > MANY


def sheet_of(figure: Figure, style: Style, double: bool | None = None) -> Sheet:
    """A figure drawn, for those who want its artists; call it inside `styled`. `double` None leaves the width to the
    panel."""
    sheet = new_sheet(style, wants_page(figure.panel) if double is None else double)
    if figure.title:
        sheet.axes.set_title(sheet.text(figure.title, 0), wrap=True)
    DRAWERS[type(figure.panel)](figure.panel, sheet)
    return sheet


def render(figure: Figure, style: Style, form: str, double: bool | None = None) -> tuple[bytes, tuple[str, ...]]:
    """(bytes of the file, what is drawn otherwise than the table has it). Same figure, same bytes."""
    with styled(style, figure.name):
        sheet = sheet_of(figure, style, double)
        content = BytesIO()
        sheet.figure.savefig(content, format=form, metadata=_metadata(figure, form))
    return content.getvalue(), tuple(sheet.notes)


def _metadata(figure: Figure, form: str) -> dict[str, str | None]:
    own = {"Title": figure.name, "Creator": f"archsim {__version__}"}
    return {**own, "CreationDate": None} if form == "pdf" else {**own, "Date": None}
