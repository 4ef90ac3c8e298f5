"""Weights as the quantizers see them: sorted, with the mass each counts with and running sums."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Real = NDArray[np.float64]

MOST_SAMPLES = 1 << 20
"""Weights held one by one. More are counted in BINS equal bins, each with its true mass and moments: levels then err by
at most half a bin, 2**-17 of the range."""

BINS = 1 << 16


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Samples:
    """What a level set is found for.

    Attributes
    ----------
    values : float64 [n], ascending.
    sums : float64 [3, n + 1], running totals of mass, mass * value, mass * value**2.
    zero : whether one level must be 0.
    seed : of whatever a quantizer draws.
    loss : measured loss of a level set (float64 [levels], ascending), for quantizers that ask; None where nothing can
        be measured (they then take the squared error).
    """

    values: Real
    sums: Real
    zero: bool = False
    seed: int = 0
    loss: Callable[[Real], float] | None = None

    @property
    def mass(self) -> float:
        """Total mass."""
        return float(self.sums[0, -1])

    @property
    def spread(self) -> float:
        """Squared error around the mean."""
        return max(0.0, float(self.sums[2, -1] - self.sums[1, -1] ** 2 / self.mass))


def samples_of(
    weight: Array,
    importance: Array | None = None,
    *,
    scale: Real | None = None,
    zero: bool = False,
    seed: int = 0,
    loss: Callable[[Real], float] | None = None,
) -> Samples:
    """Samples of weights [outputs, ...], or of any shape without `scale`.

    Parameters
    ----------
    importance : what each weight's squared error counts, not negative, same shape; None: all the same. Mean squared
        gradients (Fisher information) make the error a second-order estimate of the loss.
    scale : [outputs], positive: weights are divided by it, and an error counts by its square.
    """
    rows = np.ones(1) if scale is None else scale
    flat = weight.reshape(len(rows), -1)
    counted = None if importance is None else importance.reshape(flat.shape)
    mean = _mean_mass(flat, counted, rows)
    if flat.size > MOST_SAMPLES:
        values, moments = _binned(flat, counted, rows, mean)
    else:
        values, mass = _counted(flat, counted, rows, mean)
        order = np.argsort(values, kind="stable")
        values, mass = values[order], mass[order]
        moments = np.stack([mass, mass * values, mass * values * values])
    sums = np.zeros((3, len(values) + 1))
    np.cumsum(moments, axis=1, out=sums[:, 1:])
    return Samples(values=np.ascontiguousarray(values), sums=sums, zero=zero, seed=seed, loss=loss)


LEAST_MASS = 1e-9
"""Mass of weights whose importance is zero, against a mean of 1: they still belong to some level."""


def _mean_mass(flat: Array, counted: Array | None, rows: Real) -> float:
    """Mean of importance times scale squared; 0 where nothing counts."""
    per_row = np.full(len(flat), 1.0) if counted is None else counted.mean(axis=1, dtype=np.float64)
    return float((per_row * rows**2).mean())


def _counted(flat: Array, counted: Array | None, rows: Real, mean: float) -> tuple[Real, Real]:
    """Values and masses of some rows, the masses about 1."""
    values = flat.astype(np.float64) / rows[:, None]
    mass = np.broadcast_to(rows[:, None] ** 2, flat.shape) * (1.0 if counted is None else counted)
    # where nothing counts at all, everything counts the same
    mass = mass / mean if mean > 0 else np.ones(flat.shape)
    return values.ravel(), np.maximum(mass, LEAST_MASS).ravel()


def _binned(flat: Array, counted: Array | None, rows: Real, mean: float) -> tuple[Real, Real]:
    """Means and moments of equal bins that are not empty, a slab of weights at a time."""
    low, high = float((flat.min(axis=1) / rows).min()), float((flat.max(axis=1) / rows).max())
    moments = np.zeros((3, BINS))
    for row, start in product(range(len(flat)), range(0, flat.shape[1], MOST_SAMPLES)):
        part = np.s_[row : row + 1, start : start + MOST_SAMPLES]
        values, mass = _counted(flat[part], None if counted is None else counted[part], rows[row : row + 1], mean)
        place = np.minimum(((values - low) * (BINS / max(high - low, 1e-300))).astype(np.int64), BINS - 1)
        for moment, terms in zip(moments, (mass, mass * values, mass * values * values), strict=True):
            moment += np.bincount(place, terms, BINS)
    moments = moments[:, moments[0] > 0]
    values = moments[1] / moments[0]
    # the ends of the range stay levels' ends
    values[0], values[-1] = low, high
    return values, moments
