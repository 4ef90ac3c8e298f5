"""The sheet a figure is drawn on: matplotlib's objects, the style, the height it grows to and the legend it gets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from math import ceil
from typing import Any

from archsim.report.figures.style import Style, literal

POINT = 1 / 72
"""Inches."""
LINE = 1.25
"""Height of a line over that of its letters."""
SMALLEST = 6.0
"""Letters [pt] that stay readable in print."""
TIGHT = 1.05
"""Distance of neighbouring names at an axis over the height of their letters."""
LONGEST = 28
"""Characters of a name in a figure; the table beside it has all of them."""


@dataclass(slots=True)
class Sheet:
    """What a panel is drawn on. `entries` (artist, name) become the legend above the axes; `notes` say what is drawn
    otherwise than it is in the table."""

    figure: Any
    axes: Any
    style: Style
    entries: list[tuple[Any, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def width(self) -> float:
        """Width of the figure [in]."""
        return float(self.figure.get_figwidth())

    def text(self, name: str, most: int = LONGEST) -> str:
        """A name as it is drawn."""
        return literal(name, self.style, most)

    def extent(self, artist: Any) -> tuple[float, float]:
        """(width, height) of something drawn [in]."""
        box = artist.get_window_extent(self.figure.canvas.get_renderer())
        return box.width / self.figure.dpi, box.height / self.figure.dpi

    def fit(self, height: float) -> None:
        """Give the axes (and what stands below them) this height [in], and the legend and the title theirs."""
        extra = self.extent(self.axes.title)[1] + 0.08 if self.axes.get_title() else 0.0
        self.figure.set_figheight(min(self.style.tallest, height + extra + self._legend()))

    def _legend(self) -> float:
        """The legend with as many columns as fit; its height [in]."""
        if not self.entries:
            return 0.0
        handles = [handle for handle, _ in self.entries]
        for columns in range(len(handles), 0, -1):
            rows = ceil(len(handles) / columns)
            # matplotlib leaves out entries whose label starts with an underscore, so the text is set afterwards
            made = self.figure.legend(
                handles, [f"{place}" for place in range(len(handles))], loc="outside upper center", ncols=columns
            )
            for text, (_, name) in zip(made.get_texts(), self.entries, strict=True):
                text.set_text(self.text(name))
            width, height = self.extent(made)
            if width <= self.width - 0.05 or columns == 1:
                return height + 0.03
            if rows:
                made.remove()
        raise AssertionError("a legend of one column is always taken")


def new_sheet(style: Style, double: bool) -> Sheet:
    """An empty sheet of a column's width, or of a page's."""
    figure_module, agg = import_module("matplotlib.figure"), import_module("matplotlib.backends.backend_agg")
    figure = figure_module.Figure(figsize=(style.width(double), 2.0), layout="constrained")
    agg.FigureCanvasAgg(figure)
    return Sheet(figure, figure.subplots(), style)


def thinned(names: Sequence[str], room: float, style: Style) -> tuple[list[int], float]:
    """Which names stand at an axis of length `room` [in], and the size of their letters [pt]: all of them in small or
    smallest letters, else every so-manieth."""
    pitch = room / max(1, len(names))
    for size in (style.small, SMALLEST):
        if size * TIGHT * POINT <= pitch:
            return list(range(len(names))), size
    step = ceil(SMALLEST * TIGHT * POINT / pitch)
    return list(range(0, len(names), step)), SMALLEST


def spare(axes: Any, *, grid: str) -> None:
    """No frame but the two axes, and a light grid across the values."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis=grid)


def plain_numbers(axis: Any, *, log: bool) -> None:
    """Numbers at an axis written in full, without mathematical markup."""
    ticker = import_module("matplotlib.ticker")
    axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}".replace("-", "\u2212")))
    if log:
        low, high = axis.get_view_interval()
        decades = high / low if low > 0 else 10.0
        subs = (1.0,) if decades > 300 else (1.0, 3.0) if decades > 30 else (1.0, 2.0, 5.0)
        axis.set_major_locator(ticker.LogLocator(base=10, subs=subs, numticks=12))
        axis.set_minor_formatter(ticker.NullFormatter())
    else:
        axis.set_major_locator(ticker.MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]))


def bands(values: Sequence[float], ends: Sequence[float], factor: float) -> Iterator[float]:
    """Lengths of error bars between values and their ends."""
    return (abs(end - value) * factor for value, end in zip(values, ends, strict=True))
