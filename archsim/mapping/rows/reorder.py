"""Row order for machines that open a few neighbouring rows at a time and skip windows without an active row.

Every opening of a window is one conversion of each column, with its noise; so rows that are active together should
stand together. The order minimises, over samples (bit planes of training inputs, weighted by the square of their place
value), the expected squared error of all conversions, plus `opening` for each opened window.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import erf, sqrt
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Real = NDArray[np.float64]
Whole = NDArray[np.int64]

CHUNK = 500
"""Swap evaluations between two looks at the clock."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Openings:
    """How a machine opens rows, and what a conversion then errs by.

    Attributes
    ----------
    rows_at_once : rows of a window.
    errors : [rows_at_once + 1, largest sum + 1], expected squared error of a conversion, by active rows and true sum
        (`expected_errors`).
    opening : what opening a window costs besides, in the same unit.
    """

    rows_at_once: int
    errors: Real
    opening: float = 0.0


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Reordered:
    """Outcome of `reorder`: the order (place -> row), the cost of rows as they stood, of the greedy order and in the
    end, and the work done. `stopped` is `evaluations`, or `time` where the time budget ran out first."""

    order: Whole
    cost_before: float
    cost_greedy: float
    cost: float
    evaluations: int
    accepted: int
    stopped: str


def expected_errors(rows_at_once: int, largest: int, top: int, sigma: Real) -> Real:
    """Expected squared error of a converter with codes 0 .. top behind Gaussian noise: [rows_at_once + 1, largest + 1].

    E[(clip(round(m + N), 0, top) - m)**2], N of standard deviation sigma[n] (float64 [rows_at_once + 1]) with n rows
    active, for every true sum m up to `largest`.
    """
    codes = np.arange(top + 1)
    found = np.zeros((rows_at_once + 1, largest + 1))
    for n in range(rows_at_once + 1):
        for m in range(largest + 1):
            edges = codes[1:] - 0.5 - m
            if sigma[n] > 0:
                below = np.array([0.5 * (1 + erf(edge / (sigma[n] * sqrt(2)))) for edge in edges])
            else:
                below = (edges > 0).astype(np.float64)
            chance = np.diff(np.concatenate([[0.0], below, [1.0]]))
            found[n, m] = (chance * (codes - m) ** 2).sum()
    return found


def order_cost(planes: Array, cells: Array, order: Whole, openings: Openings) -> float:
    """Mean cost of a sample with rows in this order; arguments as `reorder` takes them."""
    bits, weight = _samples(planes)
    return float(_costs(bits, weight, cells, order, openings)[2].sum())


def reorder(
    planes: Array,
    cells: Array,
    openings: Openings,
    *,
    evaluations: int = 4000,
    seed: int = 0,
    seconds: float | None = None,
) -> Reordered:
    """An order of the rows of an array: greedy, then exchanges of pairs that lower the cost.

    Parameters
    ----------
    planes : bit planes [bits, windows, rows] of inputs that drive the rows, 0 or 1, lowest first.
    cells : [rows, lines], levels of all columns of the array that are converted.
    openings : the machine; its errors must cover the sums of `cells`.
    evaluations : exchanges tried. The outcome depends on these, `seed` and nothing else.
    seconds : stops the exchanges earlier where given, and says so; then the outcome depends on the processor.
    """
    from archsim.mapping.rows import kernels

    bits, weight = _samples(planes)
    cells = np.ascontiguousarray(cells, np.uint8)
    rows = len(bits)
    before = float(_costs(bits, weight, cells, np.arange(rows), openings)[2].sum())
    order = kernels.gather(bits, weight, openings.rows_at_once)
    active, sums, costs = _costs(bits, weight, cells, order, openings)
    greedy = float(costs.sum())
    if before < greedy:
        order = np.arange(rows)
        active, sums, costs = _costs(bits, weight, cells, order, openings)
    generator = np.random.default_rng(np.random.SeedSequence((seed, rows)))
    start, done, accepted, stopped = monotonic(), 0, 0, "evaluations"
    while done < evaluations:
        if seconds is not None and monotonic() - start > seconds:
            stopped = "time"
            break
        part = generator.integers(0, rows, (min(CHUNK, evaluations - done), 2))
        accepted += kernels.swap_rows(
            bits, cells, weight, openings.errors, openings.opening, openings.rows_at_once, part, order, active, sums,
            costs,
        )  # fmt: skip
        done += len(part)
    return Reordered(
        order=order,
        cost_before=before,
        cost_greedy=greedy,
        cost=float(_costs(bits, weight, cells, order, openings)[2].sum()),
        evaluations=done,
        accepted=accepted,
        stopped=stopped,
    )


def _samples(planes: Array) -> tuple[Array, Real]:
    """Bits uint8 [rows, samples] and weights [samples] that add up to the number of places, each sample's by its place
    value squared; samples without an active row are left out."""
    places = 4.0 ** np.arange(len(planes))
    weight = np.repeat(places / planes.shape[1], planes.shape[1])
    flat = planes.reshape(-1, planes.shape[2])
    some = flat.any(axis=1)
    return np.ascontiguousarray(flat[some].T, np.uint8), weight[some]


def _costs(bits: Array, weight: Real, cells: Array, order: Whole, openings: Openings) -> tuple[Array, Array, Real]:
    """Active rows, column sums and cost of every window."""
    from archsim.mapping.rows import kernels

    windows = -(-len(bits) // openings.rows_at_once)
    active = np.zeros((windows, bits.shape[1]), np.int16)
    sums = np.zeros((windows, bits.shape[1], cells.shape[1]), np.int16)
    kernels.fill(bits, cells, order, openings.rows_at_once, active, sums)
    costs = [
        kernels.window_cost(a, s, weight, openings.errors, openings.opening) for a, s in zip(active, sums, strict=True)
    ]
    return active, sums, np.array(costs)
