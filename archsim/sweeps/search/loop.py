"""The search itself: ask for a batch of designs, run them, tell in order what became of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from archsim.sweeps.point import Outcome, Point
from archsim.sweeps.run import Progress
from archsim.sweeps.search.asking import Asker, Method
from archsim.sweeps.search.choices import Choice, assigned, choices_of, fixed_by
from archsim.sweeps.search.evaluation import Evaluator
from archsim.sweeps.search.goals import Verdict, judge
from archsim.sweeps.search.request import Goals, SearchStudy, goals_of
from archsim.sweeps.space import point_at

Told = Callable[[Progress], None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trial:
    """A design that was looked at: its place in the order of suggestions, its batch, what was run, what became of it,
    and what that means for the search."""

    number: int
    batch: int
    point: Point
    outcome: Outcome
    verdict: Verdict

    @property
    def metrics(self) -> Mapping[str, Any]:
        """All figures of the run; none where it failed."""
        return self.outcome.metrics


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Walk:
    """Trials of one sampler with one seed. `repeats` counts suggestions of designs asked for before, which cost no
    trial; `exhausted`: the space has no further design."""

    method: Method
    trials: tuple[Trial, ...]
    repeats: int
    exhausted: bool


def walk(search: SearchStudy, method: Method, evaluator: Evaluator, meter: Meter) -> Walk:
    """Look at designs until there have been `search.trials` different ones, or the space has no more.

    What is suggested follows from the study, the method and the figures of earlier batches alone: not from who runs
    the points, in what order they finish, or which of them had been run before.
    """
    choices, goals = choices_of(search.space), goals_of(search)
    asker = Asker(choices, goals.objectives, method)
    fixed = fixed_by(search.space)
    trials: list[Trial] = []
    batch = 0
    while len(trials) < search.trials:
        asked = asker.ask(search.trials - len(trials))
        if not asked:
            break
        points = [_point(search, choices, fixed, item.picks) for item in asked]
        outcomes = evaluator.outcomes(points, lambda outcome: meter.add(outcome, evaluator.found))
        for item, point, outcome in zip(asked, points, outcomes, strict=True):
            verdict = _verdict(outcome, goals)
            asker.tell(item, verdict)
            trials.append(Trial(number=len(trials), batch=batch, point=point, outcome=outcome, verdict=verdict))
        batch += 1
    exhausted = len(trials) < search.trials
    meter.skip(search.trials - len(trials))
    return Walk(method=method, trials=tuple(trials), repeats=asker.repeats, exhausted=exhausted)


def _point(
    search: SearchStudy, choices: Sequence[Choice], fixed: Mapping[str, Any], picks: Mapping[str, float]
) -> Point:
    return point_at(search.space, {**fixed, **assigned(choices, picks)})


def _verdict(outcome: Outcome, goals: Goals) -> Verdict:
    return judge(outcome.to_dict(), goals.objectives, goals.constraints)


class Meter:
    """Counts points over all walks of a search and tells how far it is."""

    def __init__(self, total: int, told: Told | None) -> None:
        self._total, self._told = total, told
        self._done = self._failed = self._found = 0
        self._began = time.monotonic()

    def add(self, outcome: Outcome, found: int) -> None:
        """A point is there; `found` of all came from the folder."""
        self._done += 1
        self._failed += 1 if outcome.error else 0
        self._found = found
        self._tell()

    def skip(self, points: int) -> None:
        """So many points are not to be had."""
        self._total -= points
        self._tell()

    def _tell(self) -> None:
        if self._told is None:
            return
        pace = (time.monotonic() - self._began) / max(1, self._done - self._found)
        left = pace * (self._total - self._done)
        state = Progress(done=self._done, total=self._total, found=self._found, failed=self._failed, seconds_left=left)
        self._told(state)
