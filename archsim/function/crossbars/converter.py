"""Analog-to-digital converters as functions: a column sum goes in, the value that shift-and-add receives comes out.

Every converter is two lists: ascending decision thresholds and one value per code, both in *levels* (1 = one cell of
level 1 driven by a digit of 1). A sum's code is the number of thresholds at or below it, so a sum on a threshold takes
the upper code: thresholds at equal distances are quotients, rounded once, which decides every whole sum as exact
arithmetic would. Values are what the digital side takes a code for, so a converter's errors (offset, gain, INL, DNL)
move thresholds and leave values alone.

Digital words behind a converter have FRACTION_BITS binary places, so sums of them are exact in any order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil, inf
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from archsim.errors import InputError, Problem

Array = NDArray[Any]
Real = NDArray[np.float64]

FRACTION_BITS = 12
"""Binary places of a converted value, and of the step between the values of a uniform converter: its slope is then
right to 2**-13 / step. With 16-bit operands and 2**18 rows, sums of such words stay below 2**63."""


class Curve(NamedTuple):
    """An errorless transfer curve: decision thresholds [codes - 1], ascending, values [codes], and the range of sums
    that count as not clipped."""

    thresholds: Real
    values: Real
    lowest: float
    highest: float


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Converter:
    """A transfer curve. `thresholds` None is the ideal converter: every sum is its own value.

    `lowest` and `highest` bound the sums that are not clipped: outer codes reach half a step beyond their values.
    """

    name: str
    thresholds: Real | None = None
    values: Real | None = None
    lowest: float = -inf
    highest: float = inf

    @property
    def codes(self) -> int:
        """Number of codes; 0 for the ideal converter."""
        return 0 if self.values is None else len(self.values)

    def convert(self, sums: Array) -> Real:
        """Values of column sums (float or integer, any shape), float64."""
        if self.thresholds is None or self.values is None:
            return np.asarray(sums, np.float64)
        return np.asarray(self.values[np.searchsorted(self.thresholds, sums, side="right")])

    def clips(self, sums: Array) -> NDArray[np.bool_]:
        """Which column sums lie outside the range."""
        return np.asarray((sums > self.highest) | (sums < self.lowest))

    def table(self, largest: int) -> NDArray[np.int64]:
        """Values of the sums 0 .. largest in units of 2**-FRACTION_BITS: int64 [largest + 1]."""
        words = np.ldexp(self.convert(np.arange(largest + 1)), FRACTION_BITS)
        return np.asarray(np.rint(words), np.int64)

    def exact_up_to(self, largest: int) -> int:
        """The largest E <= `largest` such that the sums 0 .. E are their own values; -1 when 0 is not."""
        if self.thresholds is None:
            return largest
        # beyond its highest value no converter is exact
        top = ceil(self.values[-1]) + 1 if self.values is not None else 0
        domain = np.arange(max(0, min(largest, top)) + 1)
        wrong = self.convert(domain) != domain
        return int(wrong.argmax()) - 1 if wrong.any() else largest

    def saturates_only(self, largest: int) -> bool:
        """Whether every sum 0 .. largest beyond E = `exact_up_to` takes the value E and counts as clipped."""
        exact = self.exact_up_to(largest)
        if exact in (-1, largest):
            return exact == largest
        # a converter is monotone: what holds for the largest sum holds for those in between
        return bool(self.convert(np.array(largest)) == exact and self.highest < exact + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """What is asked of a converter.

    Attributes
    ----------
    kind : a name in TRANSFERS.
    bits : resolution; 2**bits codes.
    low, high : ends of the range in levels, for `fixed`.
    percentile : share of the observed sums inside a `calibrated` range, in percent (100: all of them).
    references : decision thresholds in levels, for `references`; 2**bits - 1 of them.
    offset : shift of all thresholds, in codes (LSB).
    gain : relative error of the slope; a gain of 0.01 makes all sums look 1 % larger.
    inl : integral nonlinearity, largest deviation of a threshold in codes: a parabola, largest at mid-scale.
    dnl : differential nonlinearity, standard deviation of a code's width in codes, drawn per code with `seed`. The ends
        of the range stay where they are.
    """

    kind: str = "unit"
    bits: int = 8
    low: float = 0.0
    high: float = 0.0
    percentile: float = 100.0
    references: tuple[float, ...] = ()
    offset: float = 0.0
    gain: float = 0.0
    inl: float = 0.0
    dnl: float = 0.0
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Sums:
    """What a converter may meet: the largest sum possible, and how often each sum 0 .. largest was observed (int64
    [largest + 1]; None before any observation)."""

    largest: int
    observed: NDArray[np.int64] | None = None


def converter_for(transfer: Transfer, sums: Sums) -> Converter:
    """The converter a description stands for.

    Raises
    ------
    InputError
        Unknown kind; references that do not fit the bits; an empty range; an observed range or quantiles without
        observations.
    """
    if transfer.kind not in TRANSFERS:
        known = " | ".join(TRANSFERS)
        raise InputError([Problem("ima.adc.transfer", f"unknown transfer {transfer.kind!r}; expected {known}")])
    curve = TRANSFERS[transfer.kind](transfer, sums)
    if curve is None:
        return Converter(name=transfer.kind)
    return Converter(
        name=transfer.kind,
        thresholds=_with_errors(curve.thresholds, transfer),
        values=np.ldexp(np.rint(np.ldexp(curve.values, FRACTION_BITS)), -FRACTION_BITS),
        lowest=curve.lowest,
        highest=curve.highest,
    )


def _with_errors(thresholds: Real, transfer: Transfer) -> Real:
    """Thresholds of the real converter. It decides where gain * sum + offset crosses the nominal ones, each of them
    moved by its nonlinearity; widths that fall below zero are missing codes."""
    count = len(thresholds)
    step = (thresholds[-1] - thresholds[0]) / (count - 1) if count > 1 else 1.0
    place = (np.arange(count) + 1) / (count + 1)
    moved = thresholds + step * transfer.inl * 4 * place * (1 - place)
    if transfer.dnl:
        widths = np.random.Generator(np.random.PCG64(np.random.SeedSequence([transfer.seed, 0xADC])))
        walk = np.cumsum(widths.normal(0.0, transfer.dnl, count))
        moved = moved + step * (walk - place * walk[-1])
    moved = (moved - step * transfer.offset) / (1 + transfer.gain)
    return np.asarray(np.maximum.accumulate(moved))


def _uniform(low: float, high: float, bits: int) -> Curve:
    """Codes at equal distances from low to high; each reaches half a step to both sides."""
    codes = 2**bits
    if not high > low:
        raise InputError([Problem("ima.adc.transfer", f"has the range {low:g} to {high:g}; expected low < high")])
    # decided half a step below and above each code; one rounding, of a quotient: what is a whole number stays one
    places, halves = 2.0 * np.arange(codes + 1) - 1, 2.0 * (codes - 1)
    lowest, *thresholds, highest = (low * (halves - places) + high * places) / halves
    values = _word(low) + _word((high - low) / (codes - 1)) * np.arange(codes)
    # no sum is below zero
    return Curve(np.array(thresholds), values, lowest if low > 0 else -inf, highest)


def _word(value: float) -> float:
    """The nearest digital word."""
    return float(np.ldexp(np.rint(np.ldexp(value, FRACTION_BITS)), -FRACTION_BITS))


def _unit(transfer: Transfer, _: Sums) -> Curve:
    return _uniform(0.0, 2.0**transfer.bits - 1, transfer.bits)


def _full_scale(transfer: Transfer, sums: Sums) -> Curve:
    return _uniform(0.0, float(sums.largest), transfer.bits)


def _fixed(transfer: Transfer, _: Sums) -> Curve:
    return _uniform(transfer.low, transfer.high, transfer.bits)


def _calibrated(transfer: Transfer, sums: Sums) -> Curve:
    """Range around the middle `percentile` of the observed sums (both tails cut alike)."""
    tail = (100 - transfer.percentile) / 200
    low, high = observed_quantiles(sums, np.array([tail, 1 - tail]))
    return _uniform(low, max(high, low + 1), transfer.bits)


def _references(transfer: Transfer, _: Sums) -> Curve:
    """Given thresholds; a code stands for the middle between its neighbours, an outer code lies as far from its
    threshold as its neighbour and reaches as far again."""
    found = np.asarray(transfer.references, np.float64)
    wanted = 2**transfer.bits - 1
    if len(found) != wanted or (np.diff(found) <= 0).any():
        what = f"has {len(found)} references; expected {wanted} ascending ones for {transfer.bits} bits"
        raise InputError([Problem("ima.adc.transfer.references", what)])
    if wanted == 1:
        return Curve(found, np.array([0.0, 2 * found[0]]), -inf, float(3 * found[0]))
    middle = (found[1:] + found[:-1]) / 2
    ends = 2 * found[0] - middle[0], 2 * found[-1] - middle[-1]
    lowest = 2 * ends[0] - found[0]
    values = np.concatenate([ends[:1], middle, ends[1:]])
    return Curve(found, values, float(lowest) if lowest > 0 else -inf, float(2 * ends[1] - found[-1]))


def _quantiles(transfer: Transfer, sums: Sums) -> Curve:
    """Codes that are met equally often; each stands for the mean of the sums it covers. Sums beyond those observed are
    clipped."""
    codes = 2**transfer.bits
    cuts = np.unique(np.ceil(observed_quantiles(sums, np.arange(1, codes) / codes)) - 0.5)
    counts = _observed(sums)
    sizes = np.arange(len(counts), dtype=np.float64)
    cuts = cuts[(cuts > 0) & (cuts < sizes[counts > 0].max(initial=0))]
    code = np.searchsorted(cuts, sizes, side="right")
    met = np.bincount(code, counts, len(cuts) + 1)
    total = np.bincount(code, counts * sizes, len(cuts) + 1)
    plain = np.bincount(code, sizes, len(cuts) + 1) / np.maximum(np.bincount(code, minlength=len(cuts) + 1), 1)
    seen = np.flatnonzero(counts)
    values = np.where(met > 0, total / np.maximum(met, 1), plain)
    return Curve(cuts, values, seen[0] - 0.5 if seen[0] > 0 else -inf, seen[-1] + 0.5)


def observed_quantiles(sums: Sums, shares: Real) -> Real:
    """Sums below which the given shares of all observations lie."""
    counts = _observed(sums)
    reached = np.cumsum(counts)
    places = np.searchsorted(reached, shares * reached[-1], side="left")
    # where a share is 0, the lowest sum met at all
    return np.asarray(np.maximum(places, np.flatnonzero(counts)[0]), np.float64)


def _observed(sums: Sums) -> NDArray[np.int64]:
    if sums.observed is None or not sums.observed.any():
        raise InputError([Problem("ima.adc.transfer", "is calibrated on observed sums, but none were observed")])
    return sums.observed


TRANSFERS: Mapping[str, Callable[[Transfer, Sums], Curve | None]] = {
    "ideal": lambda _, __: None,
    "unit": _unit,
    "full_scale": _full_scale,
    "fixed": _fixed,
    "calibrated": _calibrated,
    "references": _references,
    "quantiles": _quantiles,
}
"""Transfer curves by name: thresholds and values before errors, None for no conversion at all.

`unit`: one code per level, saturating at 2**bits - 1. `full_scale`: the largest sum possible is the last code. `fixed`:
low to high. `calibrated`: the range of the observed sums. `references`: thresholds as given. `quantiles`: thresholds
that make all codes equally likely on the observed sums. One conformance test runs over all of them.
"""

OBSERVED = ("calibrated", "quantiles")
"""Transfers that need observed sums."""
