"""Figures of designs: from those that are finished, else by running them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from archsim.sweeps.crew import Crew
from archsim.sweeps.dealing import Task, run_tasks
from archsim.sweeps.inputs import Inputs
from archsim.sweeps.point import Outcome, Point
from archsim.sweeps.store import PointStore


class Evaluator:
    """Runs points on a crew and keeps what became of them: in a folder where there is one, and for this process.

    Points that failed for a reason that may have passed are run again by another process, not by this one.
    """

    def __init__(self, lanes: Crew, inputs: Inputs, store: PointStore | None = None, *, whole: bool = False) -> None:
        self._lanes, self._inputs, self._store, self._whole = lanes, inputs, store, whole
        self._known: dict[str, Outcome] = {}
        self.found = 0
        """Points whose figures an earlier run left in the folder."""

    def outcomes(self, points: Sequence[Point], told: Callable[[Outcome], None]) -> list[Outcome]:
        """What became of points, in their order; `told` hears of each as it is there.

        Raises
        ------
        InputError
            Files that cannot be read or written.
        SimulationError
            An executor that takes no more points.
        """
        keys = [self._inputs.key(point) for point in points]
        tasks: dict[str, Task] = {}
        for place, (point, key) in enumerate(zip(points, keys, strict=True)):
            if key not in self._known and key not in tasks:
                kept = self._kept(key)
                if kept is None:
                    tasks[key] = Task(place=place, point=point, key=key)
                    continue
                self._known[key] = kept
                self.found += 1
            if key not in tasks:
                told(self._known[key])
        for task, outcome in run_tasks(tasks.values(), self._lanes, keep_results=self._whole):
            if self._store is not None:
                self._store.write(outcome)
            self._known[task.key] = replace(outcome, result=None)
            told(outcome)
        return [self._known[key] for key in keys]

    def _kept(self, key: str) -> Outcome | None:
        outcome = None if self._store is None else self._store.read(key)
        if outcome is None or self._store is None or not outcome.final:
            return None
        complete = bool(outcome.error) or not self._whole or self._store.has_result(key)
        return outcome if complete else None
