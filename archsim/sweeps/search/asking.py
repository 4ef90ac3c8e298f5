"""Samplers of optuna, asked for designs in batches and told what became of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from archsim.errors import InputError
from archsim.sweeps.pareto import Objective
from archsim.sweeps.search.choices import Choice, Interval, Picks, identity, neighbours, space_size
from archsim.sweeps.search.goals import Verdict

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.trial import Trial

SamplerName = Literal["nsga2", "tpe", "random"]
SAMPLERS: tuple[SamplerName, ...] = ("nsga2", "tpe", "random")
PATIENCE = 4
"""Of suggestions that repeat a design, every so many-th in a batch is turned into a new one."""
_REPAIRS = 1 << 32
"""Stream of the generator that changes repeated suggestions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """How designs are suggested. `population` is that of NSGA-II; each batch of `batch` designs is drawn with a
    generator seeded by (`seed`, number of the batch)."""

    sampler: SamplerName
    seed: int
    batch: int
    population: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Asked:
    """A design that was not asked for before."""

    picks: Picks
    trial: Trial


class Asker:
    """Suggests designs, never one twice. Not for several threads.

    Raises `InputError` without optuna (extra: search).
    """

    def __init__(
        self,
        choices: Sequence[Choice],
        objectives: Sequence[Objective],
        method: Method,
    ) -> None:
        self._optuna = load_optuna()
        self._choices = choices
        self._method = method
        self._size = space_size(choices)
        self._distributions = _distributions(choices)
        self._seen: set[tuple[float | str, ...]] = set()
        self._batches = 0
        self.repeats = 0
        """Suggestions of designs that had been asked for before."""
        directions = ["maximize" if objective.maximize else "minimize" for objective in objectives]
        with self._quiet():
            self._study = self._optuna.create_study(directions=directions, sampler=self._sampler(0))

    def ask(self, most: int) -> list[Asked]:
        """The next batch, at most so many designs; fewer where the space has no more of them.

        A sampler that repeats itself is helped: such a suggestion is changed in one choice, or drawn anew.
        """
        draws = np.random.default_rng([self._method.seed, self._batches, _REPAIRS])
        with self._quiet():
            self._study.sampler = self._sampler(self._batches)
            self._batches += 1
            found: list[Asked] = []
            repeats: list[Trial] = []
            while len(found) < min(most, self._method.batch) and not self._exhausted():
                trial = self._study.ask(self._distributions)
                if self._is_new(trial.params):
                    found.append(Asked(picks=dict(trial.params), trial=trial))
                    continue
                repeats.append(trial)
                if len(repeats) % PATIENCE == 0:
                    self._study.enqueue_trial(self._changed(trial.params, draws))
            # until here the sampler takes them for designs under way and keeps away from them
            for trial in repeats:
                self._study.tell(trial, state=self._optuna.trial.TrialState.FAIL)
            self.repeats += len(repeats)
            return found

    def tell(self, asked: Asked, verdict: Verdict) -> None:
        """What became of a design. Call in the order in which designs were suggested."""
        with self._quiet():
            if verdict.error:
                self._study.tell(asked.trial, state=self._optuna.trial.TrialState.FAIL)
                return
            for place, violation in enumerate(verdict.violations):
                asked.trial.set_constraint(str(place), violation)
            self._study.tell(asked.trial, list(verdict.values))

    def _is_new(self, picks: Mapping[str, Any]) -> bool:
        found = identity(self._choices, picks)
        new = found not in self._seen
        self._seen.add(found)
        return new

    def _exhausted(self) -> bool:
        return self._size is not None and len(self._seen) >= self._size

    def _changed(self, picks: Mapping[str, Any], draws: np.random.Generator) -> dict[str, Any]:
        """A new design that differs from `picks` in one choice, else any new one. There must be one."""
        for place in draws.permutation(len(self._choices)):
            choice = self._choices[place]
            for other in neighbours(choice, picks[choice.name]):
                changed = {**picks, choice.name: int(other)}
                if identity(self._choices, changed) not in self._seen:
                    return changed
        while True:
            drawn = {choice.name: _drawn(choice, draws) for choice in self._choices}
            if identity(self._choices, drawn) not in self._seen:
                return drawn

    def _sampler(self, batch: int) -> BaseSampler:
        samplers, method = self._optuna.samplers, self._method
        seed = int(np.random.SeedSequence([method.seed, batch]).generate_state(1)[0])
        if method.sampler == "nsga2":
            found: BaseSampler = samplers.NSGAIISampler(population_size=method.population, seed=seed)
        elif method.sampler == "tpe":
            found = samplers.TPESampler(
                multivariate=True, constant_liar=True, n_startup_trials=method.population, seed=seed
            )
        else:
            found = samplers.RandomSampler(seed=seed)
        return found

    @contextmanager
    def _quiet(self) -> Iterator[None]:
        """Without optuna's talk on standard error."""
        before = self._optuna.logging.get_verbosity()
        self._optuna.logging.set_verbosity(self._optuna.logging.ERROR)
        try:
            yield
        finally:
            self._optuna.logging.set_verbosity(before)


def load_optuna() -> Any:
    """The module. Raises `InputError` without it, or where it is too old to take constraints as they are set here."""
    try:
        import optuna
    except ImportError:
        raise InputError("needs optuna; expected the extra: pip install 'archsim[search]'", where="search") from None
    if not hasattr(optuna.trial.Trial, "set_constraint"):
        what = f"finds optuna {optuna.__version__}; expected 5 or later: pip install --upgrade 'archsim[search]'"
        raise InputError(what, where="search")
    return optuna


def _distributions(choices: Sequence[Choice]) -> dict[str, BaseDistribution]:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    found: dict[str, BaseDistribution] = {}
    for choice in choices:
        if isinstance(choice, Interval):
            bounds = choice.bounds
            if bounds.whole:
                found[choice.name] = IntDistribution(int(bounds.low), int(bounds.high), log=bounds.log)
            else:
                found[choice.name] = FloatDistribution(bounds.low, bounds.high, log=bounds.log)
        elif choice.ordered:
            found[choice.name] = IntDistribution(0, len(choice.values) - 1)
        else:
            found[choice.name] = CategoricalDistribution(range(len(choice.values)))
    return found


def _drawn(choice: Choice, draws: np.random.Generator) -> float:
    if isinstance(choice, Interval):
        bounds = choice.bounds
        return (
            int(draws.integers(int(bounds.low), int(bounds.high) + 1))
            if bounds.whole
            else draws.uniform(bounds.low, bounds.high)
        )
    return int(draws.integers(len(choice.values)))
