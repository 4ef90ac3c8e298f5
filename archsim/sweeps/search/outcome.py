"""What a search found: the front, and how much of the space its designs dominate, against random designs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np

from archsim.errors import InputError
from archsim.sweeps.pareto import Frame, Values, frame_of, hypervolume, nondominated
from archsim.sweeps.search.choices import choices_of, space_size
from archsim.sweeps.search.loop import Trial, Walk
from archsim.sweeps.search.request import SearchStudy, goals_of
from archsim.sweeps.space import Columns, axes_of

if TYPE_CHECKING:
    import pandas as pd

Curve = tuple[tuple[int, float], ...]
"""(trials, hypervolume of the best designs among them)."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SearchOutcome:
    """Trials of a search and of its rivals, random searches of the same length with other seeds.

    Hypervolume is the share of a box that feasible designs dominate, each objective on a linear or logarithmic scale:
    from the best values that any of the trials reached to the reference point. That is what the study gives, else a
    tenth of the front's width beyond its worst value, the front being that of all trials together.
    """

    study: SearchStudy
    walk: Walk
    rivals: tuple[Walk, ...] = ()
    directory: Path | None = None

    @property
    def trials(self) -> tuple[Trial, ...]:
        """Designs in the order in which they were suggested."""
        return self.walk.trials

    @property
    def failed(self) -> tuple[Trial, ...]:
        """Trials that have no figures, each with its error."""
        return tuple(trial for trial in self.trials if trial.verdict.error)

    @property
    def infeasible(self) -> tuple[Trial, ...]:
        """Trials that miss a constraint."""
        return tuple(trial for trial in self.trials if not trial.verdict.error and not trial.verdict.feasible)

    @cached_property
    def front(self) -> tuple[Trial, ...]:
        """Feasible trials that no other feasible one beats in all objectives, by the first objective."""
        feasible = [trial for trial in self.trials if trial.verdict.feasible]
        values = self._losses(feasible)
        kept = [place for place, keep in enumerate(nondominated(values)) if keep]
        return tuple(feasible[place] for place in sorted(kept, key=lambda place: (*values[place], place)))

    @cached_property
    def frame(self) -> Frame | None:
        """The box of the hypervolume (logarithms with scale "log"), None without a feasible trial."""
        goals = goals_of(self.study)
        every = [trial for walk in (self.walk, *self.rivals) for trial in walk.trials if trial.verdict.feasible]
        if not every:
            return None
        corner = [goals.reference.get(objective.metric) for objective in goals.objectives]
        return frame_of(self._losses(every), [c if c is None else self._loss(i, c) for i, c in enumerate(corner)])

    @property
    def space(self) -> int | None:
        """Number of designs to choose from; None where a range has no steps."""
        return space_size(choices_of(self.study.space))

    def curve(self, walk: Walk | None = None) -> Curve:
        """Hypervolume after each batch, of the search itself or a rival."""
        trials = (walk or self.walk).trials
        ends = [
            trial.number + 1 for trial in trials if trial is trials[-1] or trials[trial.number + 1].batch > trial.batch
        ]
        return tuple((end, self._hypervolume(trials[:end])) for end in ends)

    @cached_property
    def hypervolume(self) -> float:
        """That of all trials of the search."""
        return self._hypervolume(self.trials)

    @cached_property
    def rival_hypervolumes(self) -> tuple[float, ...]:
        """Those of the random searches, in the order of their seeds."""
        return tuple(self._hypervolume(rival.trials) for rival in self.rivals)

    def bounds(self) -> dict[str, tuple[float, float]]:
        """Best value and reference point of each objective, SI units."""
        objectives, frame = goals_of(self.study).objectives, self.frame
        if frame is None:
            return {}
        pairs = zip(objectives, frame.ideal, frame.reference, strict=True)
        return {o.metric: (self._value(i, best), self._value(i, far)) for i, (o, best, far) in enumerate(pairs)}

    def rows(self) -> list[dict[str, Any]]:
        """Trials as rows of a table: coordinates, batch, feasible, error, figures."""
        columns = Columns(self.study.space, [trial.point for trial in self.trials])
        return [
            {
                "point": trial.number,
                **columns.row(trial.point),
                "batch": trial.batch,
                "feasible": trial.verdict.feasible,
                **trial.outcome.to_dict(),
            }
            for trial in self.trials
        ]

    def to_pandas(self) -> pd.DataFrame:
        """Trials as a DataFrame."""
        import pandas as pd

        return pd.DataFrame(self.rows())

    def to_dict(self) -> dict[str, Any]:
        """What `search.json` holds beside the study."""
        return {
            "trials": len(self.trials),
            "space": self.space,
            "exhausted": self.walk.exhausted,
            "failed": len(self.failed),
            "infeasible": len(self.infeasible),
            "repeated_suggestions": self.walk.repeats,
            "axes": list(axes_of(self.study.space)),
            "front": [trial.number for trial in self.front],
            "hypervolume": {
                "scale": self.study.scale,
                "bounds": {metric: {"best": a, "reference": b} for metric, (a, b) in self.bounds().items()},
                "final": self.hypervolume,
                "curve": [list(step) for step in self.curve()],
            },
            "against": [
                {
                    "sampler": rival.method.sampler,
                    "seed": rival.method.seed,
                    "failed": sum(bool(trial.verdict.error) for trial in rival.trials),
                    "infeasible": sum(not trial.verdict.feasible and not trial.verdict.error for trial in rival.trials),
                    "final": final,
                    "curve": [list(step) for step in self.curve(rival)],
                }
                for rival, final in zip(self.rivals, self.rival_hypervolumes, strict=True)
            ],
        }

    def _losses(self, trials: Sequence[Trial]) -> Values:
        values = [[self._loss(i, value) for i, value in enumerate(trial.verdict.values)] for trial in trials]
        return np.array(values, dtype=np.float64).reshape(len(trials), len(self.study.objectives))

    def _loss(self, place: int, value: float) -> float:
        objective = goals_of(self.study).objectives[place]
        loss = objective.loss(value, self.study.scale)
        if math.isnan(loss):
            what = f"log takes values above 0 and {objective.metric} is {value:g} in a trial; expected linear"
            raise InputError(what, where="search.scale")
        return loss

    def _value(self, place: int, loss: float) -> float:
        return float(goals_of(self.study).objectives[place].value(loss, self.study.scale))

    def _hypervolume(self, trials: Sequence[Trial]) -> float:
        feasible = [trial for trial in trials if trial.verdict.feasible]
        return hypervolume(self._losses(feasible), self.frame) if feasible and self.frame is not None else 0.0

    def __repr__(self) -> str:
        beaten = f", random {fmean(self.rival_hypervolumes):.3f}" if self.rivals else ""
        return (
            f"<SearchOutcome {self.study.space.name}: {len(self.trials)} trials, {len(self.front)} on the front, "
            f"{len(self.infeasible)} infeasible, {len(self.failed)} failed, hypervolume {self.hypervolume:.3f}{beaten}>"
        )
