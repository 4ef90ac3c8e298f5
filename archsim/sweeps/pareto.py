"""Several figures of merit at once: what is not dominated, and how much of the space a set of designs dominates."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from archsim.errors import InputError
from archsim.result.metrics import is_larger_better

MARGIN = 0.1
"""How far beyond the worst value on the front the reference point lies, as a share of the front's width. It gives the
ends of the front a volume of their own (Ishibuchi et al., Evolutionary Computation 26(3), 2018: 1 + 1/(N - 1) for N
points along a front of two objectives)."""
_LARGER = ("max:", "max ", "-")
_SMALLER = ("min:", "min ")

Values = NDArray[np.float64]
Scale = Literal["linear", "log"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """A column of figures and whether more of it is better."""

    metric: str
    maximize: bool = False

    def __str__(self) -> str:
        return f"max {self.metric}" if self.maximize else self.metric

    def loss(self, value: float, scale: Scale = "linear") -> float:
        """A value, or its decimal logarithm, so that less is better. Logarithms of what is not above 0 are NaN."""
        if scale == "log":
            value = math.log10(value) if value > 0 else math.nan
        return -value if self.maximize else value

    def value(self, loss: float, scale: Scale = "linear") -> float:
        """The value of a loss."""
        value = -loss if self.maximize else loss
        return value if scale == "linear" else 10.0**value


def parse_objective(text: str) -> Objective:
    """What is wanted of a figure: `latency_s` is to be small and `accuracy` large, as `archsim.result.metrics` says;
    `max power`, `max:power` and `-power` say large, `min power` and `min:power` small."""
    for mark in (*_LARGER, *_SMALLER):
        if text.startswith(mark):
            return Objective(metric=text.removeprefix(mark).strip(), maximize=mark in _LARGER)
    metric = text.strip()
    return Objective(metric=metric, maximize=is_larger_better(metric))


def losses(rows: Iterable[Mapping[str, Any]], objectives: Sequence[Objective], scale: Scale = "linear") -> Values:
    """Objectives of rows as [rows, objectives], less being better; NaN where a row has no finite number."""
    found = [[_loss(row.get(objective.metric), objective, scale) for objective in objectives] for row in rows]
    return np.array(found, dtype=np.float64).reshape(len(found), len(objectives))


def is_number(value: Any) -> bool:
    """Whether a figure of a row is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _loss(value: Any, objective: Objective, scale: Scale) -> float:
    return objective.loss(float(value), scale) if is_number(value) else math.nan


def nondominated(values: Values) -> NDArray[np.bool_]:
    """Which rows of [points, objectives] no other row dominates, less being better; equal rows stay together.

    One row dominates another when it is nowhere more and somewhere less. Rows with NaN are never in the set.
    """
    usable: NDArray[np.bool_] = np.asarray(~np.isnan(values).any(axis=1))
    kept = np.zeros(len(values), dtype=bool)
    front: Values = np.empty((0, values.shape[1]))
    # a row can only be dominated by one that comes before it in lexicographic order
    for place in np.lexsort(values.T[::-1]):
        row = values[place]
        if usable[place] and not ((front <= row).all(axis=1) & (front < row).any(axis=1)).any():
            kept[place] = True
            front = np.vstack([front, row])
    return kept


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frame:
    """The box in which hypervolume is measured, [objectives] each, less being better: from the best value of each
    objective to the reference point."""

    ideal: Values
    reference: Values

    def scaled(self, values: Values) -> Values:
        """Values with the best at 0 and the reference point at 1 in each objective."""
        scaled: Values = (values - self.ideal) / (self.reference - self.ideal)
        return scaled


def frame_of(values: Values, reference: Sequence[float | None] = ()) -> Frame:
    """The box of [points, objectives]: the best value of each objective on the front, and `MARGIN` beyond the worst.

    An objective in which the front has one value alone is given the width of all points, then of the value itself.
    `reference` sets the far corner where it is not None, less being better.
    """
    finite = values[~np.isnan(values).any(axis=1)]
    if not len(finite):
        raise ValueError("no points; expected at least one with all objectives")
    front = finite[nondominated(finite)]
    ideal = front.min(axis=0)
    width = front.max(axis=0) - ideal
    width = np.where(width > 0, width, finite.max(axis=0) - ideal)
    width = np.where(width > 0, width, np.where(ideal != 0, np.abs(ideal), 1.0))
    corner = ideal + (1 + MARGIN) * width
    for place, given in enumerate(reference):
        if given is not None:
            corner[place] = given
    return Frame(ideal=ideal, reference=corner)


def hypervolume(values: Values, frame: Frame) -> float:
    """The share of the frame's box that [points, objectives] dominate: 0 to 1, exact.

    Points that are worse than the reference point in any objective add nothing.

    Raises
    ------
    InputError
        Without moocore (extra: search).
    """
    moocore = load_moocore()
    if (frame.reference <= frame.ideal).any():
        return 0.0
    scaled = np.clip(frame.scaled(values), 0.0, None)
    inside = scaled[(scaled < 1).all(axis=1)]  # NaN is not below 1
    return float(moocore.hypervolume(inside, ref=np.ones(len(frame.ideal)))) if len(inside) else 0.0


def load_moocore() -> Any:
    """The module, for exact hypervolumes. Raises `InputError` without it."""
    try:
        import moocore
    except ImportError:
        raise InputError("needs moocore; expected the extra: pip install 'archsim[search]'", "hypervolume") from None
    return moocore
