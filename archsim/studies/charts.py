"""Charts of a study as plain data; `archsim.report.charts` draws them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Points of one kind. `low` and `high` are ends of their error bars; `joined` draws a line through them."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None
    joined: bool = True

    def __post_init__(self) -> None:
        lengths = [len(part) for part in (self.x, self.y, self.low, self.high) if part is not None]
        if any(first != second for first, second in pairwise(lengths)):
            raise ValueError(f"series {self.name}: {lengths} points; expected equally many of x, y, low and high")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One pair of axes. `name` becomes part of a file's name; `x` and `y` label the axes, units included."""

    name: str
    title: str
    x: str
    y: str
    series: tuple[Series, ...]
    log_x: bool = False
    log_y: bool = False
