"""The parts of a study as the choices that a search makes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import Any

from archsim.sweeps.hypercube import Choices, Range, split_quantity
from archsim.sweeps.space import listed_parts
from archsim.sweeps.study import Study
from archsim.units import UNITS, QuantityError, parse_quantity

Picks = Mapping[str, float]
"""What was chosen, by name of the choice: the number of an option, or a value of a range without its unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """One of several assignments of values to paths. They are `ordered` where a neighbour in the list is a neighbour in
    size: the values of every path are numbers or quantities that only rise or only fall."""

    name: str
    values: tuple[Mapping[str, Any], ...]
    ordered: bool

    def at(self, pick: float) -> Mapping[str, Any]:
        """The assignment of a number."""
        return self.values[int(pick)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Any value of a range, given to six significant digits."""

    name: str
    bounds: Range

    def at(self, pick: float) -> Mapping[str, Any]:
        """The assignment of a value as it is written in a hardware file."""
        inside = min(self.bounds.high, max(self.bounds.low, float(f"{pick:.6g}")))
        text = f"{pick:.0f}" if self.bounds.whole else f"{inside:.6g}"
        return {self.name: f"{text} {self.bounds.unit}" if self.bounds.unit else text}


Choice = Options | Interval


def choices_of(study: Study) -> tuple[Choice, ...]:
    """The choices of a study that has been checked: each axis, each group of `zip`, `points`, each range of the
    hypercube (of whose samples nothing is used). What has one option alone is none."""
    found: list[Choice] = [_options(part) for part in listed_parts(study) if len(part) > 1]
    for path, bounds in (study.hypercube.ranges if study.hypercube else {}).items():
        if isinstance(bounds, Range):
            found.append(Interval(name=path, bounds=bounds))
        elif isinstance(bounds, Choices) and len(bounds.values) > 1:
            found.append(_options([{path: value} for value in bounds.values]))
    return tuple(found)


def fixed_by(study: Study) -> dict[str, Any]:
    """Values of the parts that leave no choice."""
    found: dict[str, Any] = {}
    for part in listed_parts(study):
        if len(part) == 1:
            found |= part[0]
    for path, bounds in (study.hypercube.ranges if study.hypercube else {}).items():
        if isinstance(bounds, Choices) and len(bounds.values) == 1:
            found[path] = bounds.values[0]
    return found


def assigned(choices: Sequence[Choice], picks: Picks) -> dict[str, Any]:
    """Value by path of what was picked."""
    return {path: value for choice in choices for path, value in choice.at(picks[choice.name]).items()}


def identity(choices: Sequence[Choice], picks: Picks) -> tuple[float | str, ...]:
    """What tells a set of picks from others that give another design."""
    return tuple(
        picks[choice.name] if isinstance(choice, Options) else str(choice.at(picks[choice.name])[choice.name])
        for choice in choices
    )


def space_size(choices: Sequence[Choice]) -> int | None:
    """Number of designs; None where a range is not of whole numbers."""
    counts = [_count(choice) for choice in choices]
    return None if None in counts else prod(count for count in counts if count is not None)


def _count(choice: Choice) -> int | None:
    if isinstance(choice, Options):
        return len(choice.values)
    return int(choice.bounds.high - choice.bounds.low) + 1 if choice.bounds.whole else None


def neighbours(choice: Choice, pick: float) -> Iterator[float]:
    """Other picks of a finite choice, nearest first where it has an order."""
    if isinstance(choice, Options):
        others = [float(i) for i in range(len(choice.values)) if i != pick]
        yield from sorted(others, key=lambda other: abs(other - pick)) if choice.ordered else others
    elif choice.bounds.whole:
        low, high = int(choice.bounds.low), int(choice.bounds.high)
        others = [float(i) for i in range(low, high + 1) if i != pick]
        yield from sorted(others, key=lambda other: abs(other - pick))


def _options(part: Sequence[Mapping[str, Any]]) -> Options:
    paths = list(dict.fromkeys(path for assignment in part for path in assignment))
    ordered = len(part) > 2 and all(_monotonic([assignment.get(path) for assignment in part]) for path in paths)
    return Options(name="+".join(paths), values=tuple(part), ordered=ordered)


def _monotonic(values: Sequence[Any]) -> bool:
    sizes = [size for value in values if (size := _size(value)) is not None]
    if len(sizes) < len(values) or len({kind for _, kind in sizes}) != 1:
        return False
    steps = [after - before for (before, _), (after, _) in pairwise(sizes)]
    return all(step > 0 for step in steps) or all(step < 0 for step in steps)


def _size(value: Any) -> tuple[float, str] | None:
    """Number in SI units and what it measures."""
    if not isinstance(value, str):
        return None
    try:
        number, unit = split_quantity(value)
    except ValueError:
        return None
    if not unit:
        return number, ""
    for symbol, known in UNITS.items():
        try:
            return parse_quantity(value, symbol, signed=True), known.dimension
        except QuantityError:
            continue
    return None
