"""What a search found: the front, and how much of the space its designs dominate, against random designs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np

from archsim.errors import InputError
from archsim.notebook import html_table
from archsim.sweeps.pareto import Frame, Scale, Values, frame_of, hypervolume, losses, nondominated
from archsim.sweeps.search.choices import choices_of, space_size
from archsim.sweeps.search.loop import Trial, Walk
from archsim.sweeps.search.request import Goals, SearchStudy, goals_of
from archsim.sweeps.space import Columns, axes_of
from archsim.units import format_keyed

if TYPE_CHECKING:
    import pandas as pd

Curve = tuple[tuple[int, float], ...]
"""(trials, hypervolume of the best designs among them) after each batch."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class SearchOutcome:
    """Trials of a search and of its `rivals`, random searches of the same length with other seeds; see `outcome_of`.

    `front` holds the feasible trials that no other feasible one of the search beats in all objectives, by the first
    objective. Hypervolume is the share of a box that feasible designs dominate, each objective on a linear or
    logarithmic scale: from the best values that any of the trials reached to the reference point. That is what the
    study gives, else a tenth of the front's width beyond its worst value, the front being that of all trials together.
    `bounds` has both by metric (SI units; nothing without a feasible trial), `curve` and `rival_curves` the hypervolume
    after each batch. `notes` name axes and settings from which no figure follows.
    """

    study: SearchStudy
    walk: Walk
    rivals: tuple[Walk, ...]
    front: tuple[Trial, ...]
    frame: Frame | None
    bounds: Mapping[str, tuple[float, float]]
    curve: Curve
    rival_curves: tuple[Curve, ...]
    notes: tuple[str, ...] = ()
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

    @property
    def space(self) -> int | None:
        """Number of designs to choose from; None where a range has no steps."""
        return space_size(choices_of(self.study.space))

    @property
    def hypervolume(self) -> float:
        """That of all trials of the search."""
        return self.curve[-1][1]

    @property
    def rival_hypervolumes(self) -> tuple[float, ...]:
        """Those of the random searches, in the order of their seeds."""
        return tuple(curve[-1][1] for curve in self.rival_curves)

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
            "notes": list(self.notes),
            "front": [trial.number for trial in self.front],
            "hypervolume": {
                "scale": self.study.scale,
                "bounds": {metric: {"best": a, "reference": b} for metric, (a, b) in self.bounds.items()},
                "final": self.hypervolume,
                "curve": [list(step) for step in self.curve],
            },
            "against": [
                {
                    "sampler": rival.method.sampler,
                    "seed": rival.method.seed,
                    "failed": sum(bool(trial.verdict.error) for trial in rival.trials),
                    "infeasible": sum(not trial.verdict.feasible and not trial.verdict.error for trial in rival.trials),
                    "final": curve[-1][1],
                    "curve": [list(step) for step in curve],
                }
                for rival, curve in zip(self.rivals, self.rival_curves, strict=True)
            ],
        }

    def __repr__(self) -> str:
        beaten = f", random {fmean(self.rival_hypervolumes):.3f}" if self.rivals else ""
        return (
            f"<SearchOutcome {self.study.space.name}: {len(self.trials)} trials, {len(self.front)} on the front, "
            f"{len(self.infeasible)} infeasible, {len(self.failed)} failed, hypervolume {self.hypervolume:.3f}{beaten}>"
        )

    def _repr_html_(self) -> str:
        """The front with its settings, for notebooks."""
        axes = axes_of(self.study.space)
        metrics = [objective.metric for objective in goals_of(self.study).objectives]
        rows = self.rows()
        front = [
            [trial.number, *[rows[trial.number].get(axis, "-") for axis in axes]]
            + [format_keyed(metric, rows[trial.number].get(metric)) for metric in metrics]
            for trial in self.front
        ]
        return html_table(repr(self)[1:-1], ("point", *axes, *metrics), front, text=1 + len(axes))


def outcome_of(
    study: SearchStudy, walk: Walk, rivals: Sequence[Walk] = (), directory: Path | None = None
) -> SearchOutcome:
    """The front of a search, and its hypervolume against that of random searches.

    Raises
    ------
    InputError
        Scale "log" with an objective that is not above 0; no moocore.
    """
    goals = goals_of(study)
    walks = (walk, *rivals)
    values = [_losses(item.trials, goals, study.scale) for item in walks]
    frame = _frame(np.concatenate(values), goals, study.scale)
    curves = [_curve(item.trials, found, frame) for item, found in zip(walks, values, strict=True)]
    own = values[0]
    kept = np.flatnonzero(nondominated(own))
    pairs = [] if frame is None else zip(goals.objectives, frame.ideal, frame.reference, strict=True)
    return SearchOutcome(
        study=study,
        walk=walk,
        rivals=tuple(rivals),
        front=tuple(walk.trials[place] for place in sorted(kept, key=lambda place: (*own[place], place))),
        frame=frame,
        bounds={o.metric: (o.value(float(a), study.scale), o.value(float(b), study.scale)) for o, a, b in pairs},
        curve=curves[0],
        rival_curves=tuple(curves[1:]),
        directory=directory,
    )


def _losses(trials: Sequence[Trial], goals: Goals, scale: Scale) -> Values:
    """[trials, objectives], less being better; NaN where a trial failed or misses a constraint."""
    values = losses([trial.metrics if trial.verdict.feasible else {} for trial in trials], goals.objectives, scale)
    for trial, row in zip(trials, values, strict=True):
        wrong = np.flatnonzero(np.isnan(row)) if trial.verdict.feasible else ()
        for place in wrong:
            metric = goals.objectives[place].metric
            what = f"log takes values above 0 and {metric} is {trial.metrics[metric]:g} in a trial; expected linear"
            raise InputError(what, where="search.scale")
    return values


def _frame(values: Values, goals: Goals, scale: Scale) -> Frame | None:
    if np.isnan(values).any(axis=1).all():
        return None
    given = [(objective, goals.reference.get(objective.metric)) for objective in goals.objectives]
    return frame_of(values, [None if value is None else objective.loss(value, scale) for objective, value in given])


def _curve(trials: Sequence[Trial], values: Values, frame: Frame | None) -> Curve:
    ends = [
        place + 1 for place, trial in enumerate(trials) if trial is trials[-1] or trials[place + 1].batch > trial.batch
    ]
    return tuple((end, 0.0 if frame is None else hypervolume(values[:end], frame)) for end in ends)
