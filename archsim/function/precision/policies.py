"""The seam for activation precision: policies by name.

A *group* is the set of inputs that drives the rows of one crossbar in one window. A policy decides, from what small
digital hardware can know of a group, how many bits `p` of its inputs are streamed and how many low bits `t` are dropped
before: the inputs become round-half-to-even(q / 2^t), limited to p bits, and the group's partial sums are shifted left
by t. Without loss p + t is the span e, the bits that the largest input of the group needs.

The paper (Sabri, Riera and Gonzalez, ReDy, arXiv 2306.16298) is known here by its abstract: groups of activations are
quantized on the fly by a heuristic on their distribution. `redy_var` and `redy_mean` are reconstructions of that
heuristic: low bits go as long as their rounding noise, 4^t / 12 for uniformly distributed remainders (Bennett, Bell
System Technical Journal 27, 1948), stays below a part tau of the group's variance or squared mean.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Bits = NDArray[np.uint8]
Parameter = Literal["bits", "tau"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Groups:
    """What is known of some groups; arrays broadcast to one shape.

    Attributes
    ----------
    size : inputs of a group.
    span : bits that hold every input of the group: of the largest value, plus the sign bit where inputs are signed;
        0 for a group of zeros.
    total, squares : sum of the inputs and of their squares (zeros where the policy does not ask for moments).
    """

    size: Array
    span: Bits
    total: Array
    squares: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a policy is told of a layer: `width` of stored inputs, its parameter (`bits` or `tau`), the least bits that
    dropping may leave, and whether a zero means zero (False for raw pixels, whose mean is their preprocessing's)."""

    width: int
    value: float
    minimum: int
    zero_is_zero: bool = True


Decide = Callable[[Groups, Limits], tuple[Bits, Bits]]
"""From groups and limits to (streamed bits, dropped bits), uint8 each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """`decide`, the parameter it takes (None for none), and whether it needs the groups' moments."""

    decide: Decide
    parameter: Parameter | None = None
    moments: bool = False


def thresholds(tau: float, size: float, most: int) -> NDArray[np.float64]:
    """The least n * squares - total^2 (n^2 times the variance) at which t = 1 .. most bits may go, for groups of n
    inputs: 4^t n^2 / (12 tau). These are the constants that the hardware's comparators hold."""
    steps = np.power(4.0, np.arange(1, most + 1))
    return np.asarray(steps * (float(size) * float(size)) / (12.0 * tau), np.float64)


def _dropped(groups: Groups, limits: Limits, spread: Array) -> tuple[Bits, Bits]:
    """Bits by comparing n^2 * spread with `thresholds`, `minimum` bits left."""
    shape = np.broadcast_shapes(spread.shape, groups.span.shape)
    size = np.broadcast_to(groups.size, shape)
    spread = np.broadcast_to(spread, shape)
    wanted = np.zeros(shape, np.int64)
    if limits.value > 0:
        for n in np.unique(groups.size):
            found = np.searchsorted(thresholds(limits.value, n, limits.width), spread, side="right")
            wanted = np.where(size == n, found, wanted)
    span = np.broadcast_to(groups.span, shape).astype(np.int64)
    shift = np.clip(wanted, 0, np.maximum(span - limits.minimum, 0))
    return (span - shift).astype(np.uint8), shift.astype(np.uint8)


def _static(groups: Groups, limits: Limits) -> tuple[Bits, Bits]:
    bits = min(limits.width, int(limits.value))
    return np.full(groups.span.shape, bits, np.uint8), np.full(groups.span.shape, limits.width - bits, np.uint8)


def _range(groups: Groups, limits: Limits) -> tuple[Bits, Bits]:
    del limits
    return groups.span, np.zeros_like(groups.span)


def _redy_var(groups: Groups, limits: Limits) -> tuple[Bits, Bits]:
    n = np.asarray(groups.size, np.float64)
    total = np.asarray(groups.total, np.float64)
    return _dropped(groups, limits, n * groups.squares - total * total)


def _redy_mean(groups: Groups, limits: Limits) -> tuple[Bits, Bits]:
    if not limits.zero_is_zero:
        return _range(groups, limits)
    total = np.asarray(groups.total, np.float64)
    return _dropped(groups, limits, total * total)


def _significant_bits(groups: Groups, limits: Limits) -> tuple[Bits, Bits]:
    bits = np.minimum(groups.span, np.uint8(limits.value))
    return bits, groups.span - bits


POLICIES: dict[str, Policy] = {
    "static": Policy(decide=_static, parameter="bits"),
    "static_mixed": Policy(decide=_static, parameter="bits"),
    "range": Policy(decide=_range),
    "redy_var": Policy(decide=_redy_var, parameter="tau", moments=True),
    "redy_mean": Policy(decide=_redy_mean, parameter="tau", moments=True),
    "significant_bits": Policy(decide=_significant_bits, parameter="bits"),
}
"""Policies by name; one conformance test runs over all of them. `static_mixed` differs from `static` only in that its
bits are given layer by layer."""
