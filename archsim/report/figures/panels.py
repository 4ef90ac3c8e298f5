"""What a figure shows, as plain data: the drawing modules turn it into artists, and tests read it.

All values are SI; whoever draws chooses the prefix. A `Figure` also carries every number behind it as a table, those
that are lumped or thinned out in the drawing included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from archsim.report.figures.scales import Measure

Values = Sequence[float]
Cell = str | float | int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of each bar of a stack. `place` chooses its ink (None: that of what is lumped together)."""

    name: str
    values: Values
    place: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stacked:
    """Bars made of parts: lying, one for each run, or standing, one for each layer."""

    bars: Sequence[str]
    parts: Sequence[Part]
    measure: Measure
    lying: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouped:
    """Bars side by side: one group for each category, one bar in it for each part. Ends of the error bars in `low` and
    `high`, where there are any. `reference` draws a line at that value."""

    categories: Sequence[str]
    parts: Sequence[Part]
    measure: Measure
    label: str = ""
    low: Sequence[Values] = ()
    high: Sequence[Values] = ()
    reference: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Points over an axis, joined by a line or not, with the ends of their error bars."""

    name: str
    x: Values
    y: Values
    low: Values | None = None
    high: Values | None = None
    joined: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """Curves over a numeric axis labelled `x`; `ticks` are the places (value, text) that the axis names, all where
    empty."""

    x: str
    curves: Sequence[Curve]
    measure: Measure
    log_x: bool = False
    log_y: bool | None = None
    ticks: Sequence[tuple[float, str]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """A point of a scatter; `low` and `high` end its vertical error bar, `number` names it in the drawing."""

    name: str
    x: float
    y: float
    low: float | None = None
    high: float | None = None
    number: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scatter:
    """Points in the plane of two metrics: `front` is drawn over the others and joined by steps; `more_is_better` says
    of which metrics (x, y) larger is better. With `apart` each point of the front has an ink of its own and a name in
    the legend."""

    dots: Sequence[Dot]
    front: Sequence[Dot]
    x: Measure
    y: Measure
    more_is_better: tuple[bool, bool] = (False, False)
    apart: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatMap:
    """A metric over a grid of two axes: `values[row][column]`, None where there is none."""

    x: str
    y: str
    columns: Sequence[str]
    rows: Sequence[str]
    values: Sequence[Sequence[float | None]]
    measure: Measure


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """When each layer worked [s], and the share of that time in which its crossbars (or digital units) were busy."""

    names: Sequence[str]
    start: Values
    end: Values
    busy: Values


Panel = Stacked | Grouped | Curves | Scatter | HeatMap | Timeline


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A figure: its file's name, what it shows in words, all numbers behind it, and the panel."""

    name: str
    caption: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]
    panel: Panel
    title: str = ""
    """Drawn above the axes only where a figure has to stand alone (charts of a study)."""
