"""What a search is after: objectives and constraints over the figures of a point's row."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from archsim.components import build_chip, cost_table
from archsim.components.rollup import part_rows
from archsim.config import Hardware
from archsim.config.suggest import did_you_mean, excerpt
from archsim.result import Totals
from archsim.result.metrics import PICTURES, needing
from archsim.sweeps.pareto import Objective, is_number
from archsim.units import QuantityError, format_quantity, parse_number, parse_quantity, unit_of

_CONSTRAINT = re.compile(r"\s*(\w+)\s*(<=|>=)\s*(.*)", re.DOTALL)
_NOT_ALWAYS_THERE = ("row_table",)
"""Components that only some mappings have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """A bound (SI units) on a column of figures."""

    metric: str
    at_most: bool
    bound: float

    def __str__(self) -> str:
        unit = unit_of(self.metric)
        bound = format_quantity(self.bound, unit, 6) if unit else f"{self.bound:g}"
        return f"{self.metric} {'<=' if self.at_most else '>='} {bound}"

    def violation(self, value: float) -> float:
        """By how much a value misses the bound, as a share of the bound (of 1 where that is 0); 0 or less: it holds."""
        missing = value - self.bound if self.at_most else self.bound - value
        return missing / (abs(self.bound) or 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A row as the search sees it: `values` of the objectives as they are (not negated), by how much each constraint is
    missed, or why neither can be told."""

    values: tuple[float, ...] = ()
    violations: tuple[float, ...] = ()
    error: str = ""

    @property
    def feasible(self) -> bool:
        """Computed, and within every constraint."""
        return not self.error and all(violation <= 0 for violation in self.violations)


def judge(row: Mapping[str, Any], objectives: Sequence[Objective], constraints: Sequence[Constraint]) -> Verdict:
    """What a row of figures means for the search; a figure that the row does not define is an error of the point."""
    if row["error"]:
        return Verdict(error=row["error"])
    asked = dict.fromkeys([*(goal.metric for goal in objectives), *(goal.metric for goal in constraints)])
    missing = [metric for metric in asked if not is_number(row.get(metric))]
    if missing:
        return Verdict(error=f"this point has no {', '.join(missing)}")
    return Verdict(
        values=tuple(float(row[objective.metric]) for objective in objectives),
        violations=tuple(constraint.violation(float(row[constraint.metric])) for constraint in constraints),
    )


def parse_constraint(text: str) -> Constraint:
    """`area_m2 <= 100 mm2`, `accuracy >= 0.65`. Raises `ValueError` saying what was expected."""
    found = _CONSTRAINT.fullmatch(text)
    if found is None:
        raise ValueError(
            f"{excerpt(text)} is no constraint; expected such as 'area_m2 <= 100 mm2' or 'accuracy >= 0.65'"
        )
    metric, sign, bound = found.groups()
    return Constraint(metric=metric, at_most=sign == "<=", bound=parse_figure(metric, bound))


def parse_figure(metric: str, text: str) -> float:
    """A value of a metric in SI units, from text with the metric's unit. Raises `ValueError`."""
    unit = unit_of(metric)
    try:
        return parse_quantity(text, unit) if unit else parse_number(text, signed=True)
    except QuantityError as error:
        raise ValueError(f"{metric}: {error}") from None


def known_metrics(hardware: Iterable[Hardware]) -> tuple[str, ...]:
    """Numbers that a row may hold: totals, energy and area by component of this hardware, quality of pictures."""
    energies, areas = dict.fromkeys(_NOT_ALWAYS_THERE), dict.fromkeys(_NOT_ALWAYS_THERE)
    for chip in map(build_chip, hardware):
        parts = [row.component for row in part_rows(chip)]
        energies |= dict.fromkeys([*[component for component, _ in cost_table(chip)], *parts])
        areas |= dict.fromkeys(parts)
    totals = [item.name for item in fields(Totals)]
    by_part = [*(f"energy_{name}_j" for name in energies), *(f"area_{name}_m2" for name in areas)]
    return (*totals, *needing(PICTURES), *by_part)


def unknown_metric(metric: str, known: Sequence[str]) -> str | None:
    """What is wrong with the name of a metric, if anything."""
    if metric in known:
        return None
    near = did_you_mean(metric, known)
    expected = "" if near else "; expected such as energy_per_image_j, latency_s, area_m2 or accuracy"
    return f"{excerpt(metric)} is no figure of a point{expected}{near}"
