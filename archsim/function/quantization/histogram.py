"""Histograms of activations on a fixed floating-point grid: percentile and least-squares ranges from any batching.

A float32's upper 17 bits (sign, 8 exponent, 8 mantissa bits) name its bin, so bins are 1/256 to 1/512 wide relative to
their value, the same for every tensor, and counts do not depend on how values are split into batches. Quantiles
interpolate inside their bin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

BITS = 17
"""Leading bits of a float32 that name its bin."""

HALF = 1 << (BITS - 1)
SCALES = 256
"""Candidate ranges of the least-squares rule, as parts of the largest magnitude."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Histogram:
    """Counts of the values of a tensor, int64 [2**BITS] from the most negative bin up, and the extremes seen."""

    counts: NDArray[np.int64]
    low: float
    high: float


def observe_histogram(state: Histogram | None, values: Array) -> Histogram:
    """The histogram with one more batch."""
    flat = np.ascontiguousarray(values, np.float32).ravel()
    pattern = flat.view(np.uint32) >> np.uint32(32 - BITS)
    counts = _ascending(np.bincount(pattern, minlength=1 << BITS).astype(np.int64))
    low, high = float(flat.min()), float(flat.max())
    if state is None:
        return Histogram(counts=counts, low=low, high=high)
    return Histogram(counts=state.counts + counts, low=min(state.low, low), high=max(state.high, high))


def _ascending(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Counts by bit pattern (negative numbers last, ascending in magnitude) as counts by value."""
    return np.concatenate([counts[HALF:][::-1], counts[:HALF]])


def _edges() -> NDArray[np.float64]:
    """Bin edges [2**BITS + 1] by value; the bins of infinities and NaN are empty (`calibrate` refuses such values)."""
    patterns = np.minimum(np.arange(HALF + 1, dtype=np.uint64) << np.uint64(32 - BITS), 0x7F7FFFFF).astype(np.uint32)
    positive = patterns.view(np.float32).astype(np.float64)
    return np.concatenate([-positive[:0:-1], positive])


EDGES = _edges()


def percentile_range(state: Histogram, percent: float) -> tuple[float, float]:
    """Low and high quantile (100 - percent, percent), with zero inside where the tensor has values on one side only.

    Inside the extremes seen. A side whose quantile is 0 although values lie there (nearly all are 0) keeps its extreme.
    """
    if not (np.isfinite(state.low) and np.isfinite(state.high)):
        return state.low, state.high
    low = min(_quantile(state, 1 - percent / 100), 0.0) if state.low < 0 else state.low
    high = max(_quantile(state, percent / 100), 0.0) if state.high > 0 else state.high
    return (low if low else state.low), (high if high else state.high)


def _quantile(state: Histogram, share: float) -> float:
    """Value below which a share of the counts lies, linear inside its bin."""
    below = np.cumsum(state.counts)
    rank = share * float(below[-1])
    index = min(int(np.searchsorted(below, rank, side="left")), len(below) - 1)
    if index in (HALF - 1, HALF):
        return 0.0
    inside = int(state.counts[index])
    part = (rank - float(below[index] - inside)) / inside if inside else 0.0
    value = float(EDGES[index] + part * (EDGES[index + 1] - EDGES[index]))
    return min(max(value, state.low), state.high)


def least_squares_range(state: Histogram, bits: int) -> tuple[float, float]:
    """The range whose uniform quantization to `bits` bits has the least mean squared error over the counts: rounding
    (step^2 / 12) inside, clipping outside. (As in Choi et al., SAWB, but by search.)"""
    if not (np.isfinite(state.low) and np.isfinite(state.high)):
        return state.low, state.high
    used = np.flatnonzero(state.counts)
    middle = np.clip((EDGES[used] + EDGES[used + 1]) / 2, state.low, state.high)
    counts = state.counts[used].astype(np.float64)
    largest = max(abs(state.low), abs(state.high))
    if largest == 0:
        return state.low, state.high
    levels = 2 ** (bits - (state.low < 0)) - 1
    best, chosen = np.inf, largest
    for limit in largest * np.arange(SCALES, 0, -1) / SCALES:
        step = limit / levels
        excess = np.maximum(np.abs(middle) - limit, 0.0)
        rounded = np.where(middle == 0, 0.0, step * step / 12)
        error = float(counts @ np.where(excess > 0, excess * excess, rounded))
        if error < best:
            best, chosen = error, float(limit)
    return max(state.low, -chosen), min(state.high, chosen)
