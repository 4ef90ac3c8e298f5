"""What a search is asked to do, and all that can be wrong with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, TypeVar

from archsim.config import Hardware
from archsim.config.suggest import did_you_mean
from archsim.errors import InputError, Problem
from archsim.notebook import html_table
from archsim.result.metrics import PICTURES, STREAM, needing
from archsim.sweeps.checks import Finding, findings
from archsim.sweeps.inputs import Inputs
from archsim.sweeps.pareto import Objective, Scale, parse_objective
from archsim.sweeps.search.asking import Method, SamplerName
from archsim.sweeps.search.choices import choices_of
from archsim.sweeps.search.goals import (
    Constraint,
    known_metrics,
    parse_constraint,
    parse_figure,
    unknown_metric,
)
from archsim.sweeps.space import listed_parts
from archsim.sweeps.study import NOTHING, Study, varied

Parsed = TypeVar("Parsed")
Against = Literal["none", "random"]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SearchStudy:
    """A space and what to look for in it, as in the block `search:` of its file.

    `objectives` are columns of a point's row to be small, or `max COLUMN`; `constraints` such as `area_m2 <= 100 mm2`.
    `trials` designs are looked at, suggested in batches by `sampler`; a search of more trials begins with those of a
    shorter one. `population` is that of NSGA-II, and the number of random designs that TPE begins with.

    Hypervolume is that of the objectives (`scale` "linear") or their logarithms ("log") against a `reference` point, of
    which what is not given follows from the points seen. `against` "random" repeats the search with random designs,
    `repetitions` times.
    """

    space: Study
    objectives: tuple[str, ...]
    constraints: tuple[str, ...] = ()
    trials: int = 200
    batch: int = 10
    sampler: SamplerName = "tpe"
    population: int = 20
    seed: int = 0
    scale: Scale = "linear"
    reference: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    against: Against = "none"
    repetitions: int = 5

    @property
    def method(self) -> Method:
        """How designs are suggested."""
        return Method(sampler=self.sampler, seed=self.seed, batch=self.batch, population=self.population)

    def __repr__(self) -> str:
        goals = ", ".join((*self.objectives, *self.constraints))
        return f"<SearchStudy {self.space.name}: {self.trials} trials of {self.sampler} for {goals}>"

    def _repr_html_(self) -> str:
        """The block as a table, for notebooks."""
        return html_table(repr(self)[1:-1], ("", ""), [(key, str(value)) for key, value in self.to_dict().items()])

    def to_dict(self) -> dict[str, Any]:
        """The block as plain data, without the space."""
        return {
            "objectives": list(self.objectives),
            "constraints": list(self.constraints),
            "trials": self.trials,
            "batch": self.batch,
            "sampler": self.sampler,
            "population": self.population,
            "seed": self.seed,
            "scale": self.scale,
            "reference": dict(self.reference),
            "against": self.against,
            "repetitions": self.repetitions,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Goals:
    """Objectives, constraints, and the given part of the reference point (SI units, by metric)."""

    objectives: tuple[Objective, ...]
    constraints: tuple[Constraint, ...]
    reference: Mapping[str, float]


def goals_of(search: SearchStudy) -> Goals:
    """The goals of a search that has been checked."""
    return Goals(
        objectives=tuple(parse_objective(text) for text in search.objectives),
        constraints=tuple(parse_constraint(text) for text in search.constraints),
        reference={metric: parse_figure(metric, text) for metric, text in search.reference.items()},
    )


def check_search(search: SearchStudy, inputs: Inputs) -> None:
    """Raise `InputError` with everything that is wrong with a search and its space."""
    found = findings(search.space, inputs, most=None)
    found += search_findings(search, None if found else inputs)
    if found:
        raise InputError([Problem(item.where or ".".join(map(str, item.place)), item.what) for item in found])


def search_findings(search: SearchStudy, inputs: Inputs | None) -> list[Finding]:
    """Everything about a search that is wrong, its space left out; `place` begins with "search".

    Without `inputs` what depends on the space is not looked at.
    """
    found: list[Finding] = []
    if not search.objectives:
        found.append(_finding("objectives", what="has none; expected such as [energy_per_image_j, latency_s]"))
    objectives = {i: parse_objective(text) for i, text in enumerate(search.objectives)}
    asked: list[tuple[tuple[str | int, ...], str]] = [(("objectives", i), o.metric) for i, o in objectives.items()]
    for i, text in enumerate(search.constraints):
        constraint = _tried(found, ("constraints", i), partial(parse_constraint, text))
        asked += [] if constraint is None else [(("constraints", i), constraint.metric)]
    if inputs is not None:
        known = known_metrics(_hardware(search.space, inputs))
        for place, metric in asked:
            wrong = unknown_metric(metric, known) or _undefined(metric, search.space)
            found += [] if wrong is None else [_finding(*place, what=wrong)]
    found += _repeated(objectives)
    for metric, text in search.reference.items():
        if metric not in [objective.metric for objective in objectives.values()]:
            near = did_you_mean(metric, [objective.metric for objective in objectives.values()])
            found.append(_finding("reference", metric, what=f"is no objective of this search{near}"))
        else:
            _tried(found, ("reference", metric), partial(parse_figure, metric, text))
    if inputs is not None and not found and not choices_of(search.space):
        found.append(Finding(place=(), what="leaves no choice; expected an axis with two values or more"))
    return found


def _finding(*place: str | int, what: str) -> Finding:
    return Finding(place=("search", *place), what=what)


def _tried(found: list[Finding], place: tuple[str | int, ...], parse: Callable[[], Parsed]) -> Parsed | None:
    try:
        return parse()
    except ValueError as error:
        found.append(_finding(*place, what=str(error)))
        return None


def _repeated(objectives: Mapping[int, Objective]) -> Iterator[Finding]:
    counts = Counter(objective.metric for objective in objectives.values())
    for metric, count in counts.items():
        if count > 1:
            yield _finding("objectives", what=f"names {metric} {count} times; expected once")


def _values(space: Study, path: str) -> list[Any]:
    """Values that a coordinate takes anywhere in the space."""
    given = [part[path] for factor in listed_parts(space) for part in factor if path in part]
    return list(dict.fromkeys(given))


def _hardware(space: Study, inputs: Inputs) -> list[Hardware]:
    """Hardware files of the space that can be read."""
    found = []
    for name in _values(space, "hardware"):
        try:
            found.append(inputs.hardware(name))
        except InputError:
            continue
    return found


def _undefined(metric: str, space: Study) -> str | None:
    """Why no point of the space has a metric."""
    if metric in needing(PICTURES) and not any(network.input is not None for network in _values(space, "workload")):
        return f"'{metric}' needs pictures to compute; expected 'input:' in the study"
    if metric in needing(STREAM) and space.images == 1 and "images" not in varied(space):
        return f"'{metric}' is of a steady stream; expected 'images: steady' (or 2 or more) in the study"
    return None
