"""Latin hypercube samples of ranges with units."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from archsim.config.document import Plain

_QUANTITY = re.compile(r"([+-]?[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?)\s*(.*)", re.DOTALL)
_DIGITS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Values from `low` to `high`, both in `unit` ("" for none) as they are written; evenly spaced in their logarithms
    with `log`, whole numbers with `whole`."""

    low: float
    high: float
    unit: str = ""
    log: bool = False
    whole: bool = False

    def at(self, share: float) -> str:
        """The value a share in [0, 1) of the way, rounded to six significant digits."""
        low, high = self.low, self.high + (1 if self.whole else 0)
        if self.log:
            value = math.exp(math.log(low) + share * (math.log(high) - math.log(low)))
        else:
            value = low + share * (high - low)
        if self.whole:
            text = str(min(int(self.high), max(int(self.low), math.floor(value))))
        else:
            text = f"{min(self.high, max(self.low, float(f'{value:.{_DIGITS}g}'))):.{_DIGITS}g}"
        return f"{text} {self.unit}" if self.unit else text


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """Values to choose from, all equally often up to rounding."""

    values: tuple[Plain, ...]

    def at(self, share: float) -> Plain:
        """The value a share in [0, 1) of the way."""
        return self.values[min(int(share * len(self.values)), len(self.values) - 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypercube:
    """`samples` points in ranges by path: each range is cut into as many parts, and each part is met once."""

    samples: int
    seed: int = 0
    ranges: Mapping[str, Range | Choices] = field(default_factory=lambda: MappingProxyType({}))


def sampled(cube: Hypercube) -> Iterator[dict[str, Plain]]:
    """The points of a hypercube, value by path; the same for the same seed (McKay, Beckman and Conover 1979)."""
    import numpy as np
    from scipy.stats import qmc

    sampler: Any = qmc.LatinHypercube(d=len(cube.ranges), seed=np.random.default_rng(cube.seed))
    for shares in sampler.random(cube.samples):
        yield {path: bounds.at(float(share)) for (path, bounds), share in zip(cube.ranges.items(), shares, strict=True)}


def split_quantity(text: str) -> tuple[float, str]:
    """Number and unit of a text; the unit is "" where there is none. Raises `ValueError` where there is no number."""
    found = _QUANTITY.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"'{text[:60]}' is no number; expected one such as 8, 0.5 or 100 ns")
    return float(found[1]), found[2]


def range_of(low: str, high: str, *, log: bool = False, whole: bool = False) -> Range:
    """A range from its bounds as text. Raises `ValueError` with everything that is wrong."""
    (first, unit), (last, other) = split_quantity(low), split_quantity(high)
    wrong = []
    if unit != other:
        wrong.append(f"low is in '{unit}' and high in '{other}'; expected the same unit")
    elif not first < last:
        wrong.append(f"low ({low}) is not below high ({high})")
    if log and first <= 0:
        wrong.append(f"low ({low}) has no logarithm; expected more than 0 with log: true")
    if whole and not (first.is_integer() and last.is_integer()):
        wrong.append(f"low ({low}) and high ({high}) are not both whole; expected so with whole: true")
    if wrong:
        raise ValueError("; ".join(wrong))
    return Range(low=first, high=last, unit=unit, log=log, whole=whole)
