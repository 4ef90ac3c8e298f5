"""`run_points`: any collection of points, run by any crew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from archsim.sweeps.crew import Crew
from archsim.sweeps.dealing import Task, run_tasks
from archsim.sweeps.inputs import Inputs
from archsim.sweeps.point import Point

Row = dict[str, Any]


def run_points(points: Iterable[Point], lanes: Crew, inputs: Inputs | None = None) -> Iterator[tuple[Point, Row]]:
    """Run points; yields each with its flat row as it finishes, in no particular order.

    A row holds the point's coordinates, `error` and `error_type` (empty where fine), the metrics of `Result.flat`, the
    run's `notes`, and the content `key`. Points of one key run once. `lanes` come from `crew`; give `inputs` to read
    files once over several calls.

    Raises
    ------
    InputError
        Hardware, network or picture files that cannot be read.
    SimulationError
        An executor that takes no more points.
    """
    inputs = inputs or Inputs()
    wanted: dict[str, list[Point]] = {}
    for point in points:
        wanted.setdefault(inputs.key(point), []).append(point)
    tasks = [Task(place=place, point=same[0], key=key) for place, (key, same) in enumerate(wanted.items())]
    for task, outcome in run_tasks(tasks, lanes):
        for point in wanted[task.key]:
            yield point, {**point.coordinates, **outcome.to_dict()}
