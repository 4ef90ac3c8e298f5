"""`archsim.sweep`."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from archsim.config import Hardware
from archsim.errors import InputError, Problem
from archsim.sweeps.checks import check_study
from archsim.sweeps.crew import crew
from archsim.sweeps.hypercube import Choices, Range
from archsim.sweeps.inputs import Inputs
from archsim.sweeps.loading import Sweep, load_sweep
from archsim.sweeps.run import Told, run_study
from archsim.sweeps.study import NOTHING, Network, Study, Value
from archsim.sweeps.values import as_text
from archsim.workload import Graph

Chip = str | Hardware
Net = str | Graph | Network


def sweep(
    hardware: Study | Chip | Sequence[Chip],
    workload: Net | Sequence[Net] = (),
    axes: Mapping[str, Sequence[Any]] = NOTHING,
    *,
    settings: Mapping[str, Any] = NOTHING,
    images: int | Literal["steady"] = 1,
    seed: int = 0,
    output: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    dask: str | None = None,
    executor: Executor | None = None,
    told: Told | None = None,
    update: bool = False,
) -> Sweep:
    """Run networks on hardware over a design space: one run for each combination of values.

    >>> archsim.sweep("isaac-8bit", "lenet5", {"ima.adc.bits": [6, 7, 8]}, workers=2)   # doctest: +SKIP

    Parameters
    ----------
    hardware : name, path or loaded; one or several. Or a whole `archsim.sweeps.Study` (lists walked together, single
        points, Latin hypercube samples, saved runs), then nothing more of the study is taken.
    workload : name, path, loaded, or an `archsim.sweeps.Network` with pictures to compute; one or several.
    axes : values by dotted path of the hardware file, or by `hardware`, `workload`, `seed`, `images`.
    settings : values by path that hold for every point.
    images, seed : of each run, as for `archsim.simulate`.
    output : folder of the sweep; one that is there goes on. Without one, rows are only returned.
    workers, dask, executor : who runs the points, see `archsim.sweeps.crew`.
    told : hears of progress after each point.
    update : go on in a folder even where it holds points that this study does not have.

    Raises
    ------
    InputError
        All that is wrong with the study, or a folder of another one. A point that fails is a row with its error.
    SimulationError
        An executor that takes no more points.
    """
    if isinstance(hardware, Study):
        if workload or axes or settings:
            raise InputError("a whole study takes no further workload, axes or settings", where="sweep")
        study = hardware
    else:
        single = [path for path, values in axes.items() if isinstance(values, str) or not isinstance(values, Iterable)]
        if single:
            raise InputError(Problem(f"axes.{path}", "is no list; expected such as [6, 7, 8]") for path in single)
        study = Study(
            name="sweep",
            hardware=tuple(hardware)
            if isinstance(hardware, Sequence) and not isinstance(hardware, str)
            else (hardware,),
            workloads=tuple(_network(item) for item in _listed(workload)),
            images=images,
            seed=seed,
            settings=settings,
            axes={path: tuple(values) for path, values in axes.items()},
        )
    inputs, study = Inputs(), as_written(study)
    check_study(study, inputs)
    with tempfile.TemporaryDirectory() as spare:
        folder = Path(spare if output is None else output)
        with crew(workers=workers, dask=dask, executor=executor) as lanes:
            run_study(study, folder, lanes, inputs, told=told, update=update)
        found = load_sweep(folder)
    return found if output is not None else replace(found, directory=None)


def _listed(given: Any) -> tuple[Any, ...]:
    return tuple(given) if isinstance(given, Sequence) and not isinstance(given, str) else (given,)


def _network(given: Net) -> Network:
    return given if isinstance(given, Network) else Network(workload=given)


def as_written(study: Study) -> Study:
    """A study with its values as a file would hold them: numbers as text, networks with what to compute.

    Raises `InputError` with every value that no file holds.
    """
    problems: list[Problem] = []

    def value(path: str, item: Any, where: str) -> Value:
        if path == "workload":
            return _network(item)
        if path == "hardware" and isinstance(item, Hardware):
            return item
        try:
            return as_text(item)
        except ValueError as error:
            problems.append(Problem(where, str(error)))
            return ""

    def lists(group: Mapping[str, Sequence[Any]], where: str) -> dict[str, tuple[Value, ...]]:
        return {path: tuple(value(path, item, f"{where}.{path}") for item in items) for path, items in group.items()}

    def assigned(point: Mapping[str, Any], where: str) -> dict[str, Any]:
        return {path: value(path, item, f"{where}.{path}") for path, item in point.items()}

    def bounds(path: str, given: Range | Choices) -> Range | Choices:
        if isinstance(given, Range):
            return given
        return Choices(values=tuple(value(path, item, f"hypercube.{path}") for item in given.values))  # type: ignore[misc]

    cube = study.hypercube
    if cube is not None:
        cube = replace(cube, ranges={path: bounds(path, given) for path, given in cube.ranges.items()})
    written = replace(
        study,
        settings=assigned(study.settings, "settings"),
        axes=lists(study.axes, "axes"),
        zips=tuple(lists(group, f"zips.{i}") for i, group in enumerate(study.zips)),
        points=tuple(assigned(point, f"points.{i}") for i, point in enumerate(study.points)),
        hypercube=cube,
    )
    if problems:
        raise InputError(problems)
    return written
