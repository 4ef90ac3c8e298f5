"""Runs points: what a worker does, in whichever process it is."""

from __future__ import annotations

import os
import threading
import traceback
from collections.abc import Sequence
from dataclasses import replace
from math import isfinite

from archsim import __version__
from archsim.components import settings_notes
from archsim.errors import ArchsimError, InputError, SimulationError
from archsim.mapper import map_network
from archsim.result import Result
from archsim.simulation import Reuse, simulate
from archsim.sweeps.inputs import Inputs
from archsim.sweeps.point import Outcome, Point
from archsim.workload import Dataset, Graph

_SAME_FILES = "found by a worker; expected the same hardware, network and picture files wherever the sweep runs"
_COMPUTED_BYTES = 256 << 20
"""Kept of points with pictures: quantized networks, drawn weights and evaluations are larger than timings."""


class Bench:
    """What a worker keeps between points: files it has read, and results that several points have in common."""

    def __init__(self) -> None:
        self.inputs = Inputs()
        self.computed, self.timed = Reuse(_COMPUTED_BYTES), Reuse()

    def run(self, point: Point, key: str) -> Result:
        """Simulate a point. Raises as `archsim.simulate`, and `WrongFilesError`."""
        graph, data, calibration = self._opened(point, key)
        hardware = self.inputs.hardware(point.hardware).replace(point.settings)
        reuse = self.timed if point.input is None else self.computed
        return simulate(
            map_network(graph, hardware, reuse=reuse),
            images=point.images,
            seed=point.seed,
            inputs=data,
            calibrate=calibration,
            engine=point.engine,
            reuse=reuse,
            idle=False,
        )

    def _opened(self, point: Point, key: str) -> tuple[Graph, Dataset | None, Dataset | str | None]:
        """The point's network and pictures, once their content is what the key was made of; what was read earlier may
        have changed meanwhile. Raises `WrongFilesError` where they are others."""
        for _ in range(2):
            try:
                graph = self.inputs.judged(point)
                data, calibration = self.inputs.pictures(point), self.inputs.calibration(point)
                if self.inputs.key(point) == key:
                    return graph, data, calibration
            except InputError as error:
                raise WrongFilesError(f"{error} ({_SAME_FILES})") from error
            self.inputs.forget()
        raise WrongFilesError(f"other content than the sweep was started with ({_SAME_FILES})")


class WrongFilesError(SimulationError):
    """Files changed during a sweep, or differ between machines."""


_LOCAL = threading.local()


def run_chunk(points: Sequence[Point], keys: Sequence[str], keep_results: bool, version: str) -> list[Outcome]:
    """Run points one after the other in this process; whatever goes wrong with one is its outcome.

    `keys` are those that the asking process made, with `version` of archsim. Raises `InputError` where this process has
    another version.
    """
    if version != __version__:
        what = f"has archsim {__version__}, the sweep was started with {version}; expected the same everywhere"
        raise InputError(what, where="worker")
    if not hasattr(_LOCAL, "bench"):
        _LOCAL.bench = Bench()
    return [_outcome(_LOCAL.bench, point, key, keep_results) for point, key in zip(points, keys, strict=True)]


def _outcome(bench: Bench, point: Point, key: str, keep_results: bool) -> Outcome:
    try:
        result = bench.run(point, key)
    except ArchsimError as error:
        return Outcome(key=key, error=str(error), error_type=type(error).__name__)
    except Exception as error:
        return Outcome(key=key, error=_described(error), error_type=type(error).__name__)
    outcome = Outcome(key=key, metrics=result.flat(), notes=_notes(result, point))
    unusable = [name for name, value in outcome.metrics.items() if isinstance(value, float) and not isfinite(value)]
    if unusable:
        what = f"{', '.join(unusable)}: not finite; expected numbers"
        return Outcome(key=key, error=what, error_type=SimulationError.__name__)
    return replace(outcome, result=result) if keep_results else outcome


def _notes(result: Result, point: Point) -> tuple[str, ...]:
    """Notes of a run but for those on settings that are coordinates of its point."""
    settings = result.hardware.settings or {}
    said = set(settings_notes({path: value for path, value in settings.items() if path in point.settings}))
    return tuple(note for note in result.notes if note not in said)


def _described(error: Exception) -> str:
    """An error nobody expected: its type, its text, and where in archsim it arose."""
    package = f"{os.sep}archsim{os.sep}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if package in frame.filename]
    at = f" (archsim/{frames[-1].filename.rpartition(package)[2]}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{at}" if str(error) else f"{type(error).__name__}{at}"
