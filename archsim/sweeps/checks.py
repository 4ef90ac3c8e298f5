"""All that can be wrong with a study whatever the point."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from archsim.config import HardwareFile
from archsim.config.complaints import refused_value, unknown_path
from archsim.config.suggest import did_you_mean, excerpt
from archsim.errors import InputError, Problem
from archsim.sweeps.inputs import Inputs
from archsim.sweeps.point import Point
from archsim.sweeps.study import COORDINATES, Network, Place, Study, Value, plain_value, size, varied
from archsim.sweeps.values import shown
from archsim.timing import ENGINE_NAMES

MOST_POINTS = 1_000_000
_LEAST = {"seed": 0, "images": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something wrong at a place of the study, or `where` in a file that it names."""

    place: Place
    what: str
    where: str = ""


def check_study(study: Study, inputs: Inputs) -> None:
    """Raise `InputError` with all `findings`, each at its path inside the study (`axes.ima.adc.bits`)."""
    found = [Problem(item.where or ".".join(map(str, item.place)), item.what) for item in findings(study, inputs)]
    if found:
        raise InputError(found)


def findings(study: Study, inputs: Inputs, *, most: int | None = MOST_POINTS) -> list[Finding]:
    """Everything about a study that is wrong whatever the point. Files that it names are read with `inputs`; more than
    `most` points are too many."""
    found = [*_parts(study), *_paths(study), *_values(study), *_files(study, inputs)]
    if not found and most is not None and size(study) > most:
        found.append(Finding(place=(), what=f"has {size(study)} points; expected at most {most}"))
    return found


def _parts(study: Study) -> Iterator[Finding]:
    places = varied(study)
    for name in ("hardware", "workload"):
        if name not in places:
            yield Finding(place=(name,), what="is missing; expected a name or a list of names")
    for path, given in places.items():
        other = ("set", path) if path in study.settings else given[0]
        if len(given) > 1 or path in study.settings:
            what = f"is set in '{other[0]}' as well; expected one place"
            yield Finding(place=given[-1], what=what)
    for i, group in enumerate(study.zips):
        lengths = {path: len(values) for path, values in group.items()}
        if len(set(lengths.values())) > 1:
            listed = ", ".join(f"{path} has {length}" for path, length in lengths.items())
            yield Finding(place=("zip", i), what=f"walks lists of unequal length: {listed}")
    if study.engine not in ENGINE_NAMES:
        yield Finding(place=("engine",), what=f"is '{study.engine}'; expected {' | '.join(ENGINE_NAMES)}")


def _paths(study: Study) -> Iterator[Finding]:
    for path in study.settings:
        if path in COORDINATES:
            yield Finding(place=("set", path), what=f"is no setting; expected '{path}:' at the top of the study")
    given: dict[str, list[Place]] = {path: [("set", path)] for path in study.settings}
    for path, places in (given | varied(study)).items():
        wrong = None if path in COORDINATES else unknown_path(HardwareFile, path)
        if wrong is not None:
            near = did_you_mean(path, COORDINATES)
            yield Finding(place=places[0], what=f"unknown key{near}" if near else wrong)


def _values(study: Study) -> Iterator[Finding]:
    for place, path, values in _lists(study):
        if not values:
            yield Finding(place=place, what="has no values; expected a list of some")
        texts = Counter(shown(plain_value(value)) for value in values)
        twice = [excerpt(text) for text, count in texts.items() if count > 1]
        if twice and place[0] != "zip":
            yield Finding(place=place, what=f"holds {', '.join(twice)} more than once")
        if path in _LEAST:
            yield from _whole(place, path, values)
        # single points are a list of values as well, one a line
        given = values if place[0] != "points" else tuple(item[path] for item in study.points if path in item)
        if path not in COORDINATES and given and all(wrong := [_refused(path, value) for value in given]):
            # where a file takes some values, the others are rows with their error
            yield Finding(place=place, what=str(wrong[0]))
    yield from _whole(("seed",), "seed", (study.seed,))
    yield from _whole(("images",), "images", (study.images,))


def _refused(path: str, value: Value) -> str | None:
    """Why no hardware file takes a value, if none does."""
    if unknown_path(HardwareFile, path) is not None or not isinstance(value, str | list):
        return None
    return refused_value(HardwareFile, path, value)


def _whole(place: Place, name: str, values: Iterable[Any]) -> Iterator[Finding]:
    for value in values:
        text = str(value)
        if name == "images" and text == "steady":
            continue
        if not text.isdecimal() or not _LEAST[name] <= int(text) < 2**63:
            what = f"{excerpt(text)} is no {name}; expected a whole number of {_LEAST[name]} or more"
            what += " (or steady)" if name == "images" else ""
            yield Finding(place=place, what=what)


def _lists(study: Study) -> Iterator[tuple[Place, str, tuple[Value, ...]]]:
    """Every list of values of a path: where it stands, the path, the values."""
    if study.hardware:
        yield ("hardware",), "hardware", study.hardware
    if study.workloads:
        yield ("workload",), "workload", study.workloads
    for path, values in study.axes.items():
        yield ("axes", path), path, values
    for i, group in enumerate(study.zips):
        for path, values in group.items():
            yield ("zip", i, path), path, values
    for i, point in enumerate(study.points):
        for path, value in point.items():
            yield ("points", i, path), path, (value,)


def _files(study: Study, inputs: Inputs) -> Iterator[Finding]:
    for place, path, values in _lists(study):
        for value in dict.fromkeys(values) if path in ("hardware", "workload") else ():
            try:
                _read(value, inputs)
            except InputError as error:
                for problem in error.problems:
                    # a file's own problems name file and line; a name that is none is a problem of the study
                    if ":" in problem.where:
                        yield Finding(place=place, what=problem.what, where=problem.where)
                    else:
                        yield Finding(place=place, what=str(problem))


def _read(value: Any, inputs: Inputs) -> None:
    if not isinstance(value, Network):
        inputs.hardware(value)
        return
    named = (value.limit, value.calibrate, value.judge)
    if value.input is None and any(item is not None for item in named):
        raise InputError("'limit', 'calibrate' and 'judge' need 'input'")
    point = Point(
        hardware="", workload=value.workload, input=value.input, limit=value.limit, calibrate=value.calibrate,
        judge=value.judge,
    )  # fmt: skip
    inputs.judged(point)
    inputs.pictures(point)
    if point.calibrate is not None:
        inputs.data_digest(point, point.calibrate, None)
