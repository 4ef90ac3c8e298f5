"""The points of a study, in study order: the last part varies fastest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import Any, Literal

from archsim.config.document import Plain
from archsim.sweeps.hypercube import sampled
from archsim.sweeps.point import Point
from archsim.sweeps.study import COORDINATES, Network, Study, varied
from archsim.sweeps.values import column, shown


def points_of(study: Study) -> Iterator[Point]:
    """The points of a study that has been checked."""
    for chosen in product(*_factors(study)):
        yield point_at(study, {path: value for part in chosen for path, value in part.items()})


def _factors(study: Study) -> list[list[Mapping[str, Any]]]:
    factors = listed_parts(study)
    if study.hypercube is not None:
        factors.append(list(sampled(study.hypercube)))
    return factors


def listed_parts(study: Study) -> list[list[Mapping[str, Any]]]:
    """Each part of the product, the hypercube left out, as the assignments it chooses from."""
    factors: list[list[Mapping[str, Any]]] = []
    if study.hardware:
        factors.append([{"hardware": value} for value in study.hardware])
    if study.workloads:
        factors.append([{"workload": value} for value in study.workloads])
    factors += [[{path: value} for value in values] for path, values in study.axes.items()]
    for group in study.zips:
        factors.append([dict(zip(group, values, strict=True)) for values in zip(*group.values(), strict=True)])
    if study.points:
        factors.append(list(study.points))
    return factors


def point_at(study: Study, chosen: Mapping[str, Any]) -> Point:
    """The point with these values by path; `workload` is a `Network`."""
    network: Network = chosen["workload"]
    return Point(
        hardware=chosen["hardware"],
        workload=network.workload,
        settings={**study.settings, **{path: value for path, value in chosen.items() if path not in COORDINATES}},
        input=network.input,
        limit=network.limit,
        calibrate=network.calibrate,
        judge=network.judge,
        seed=int(chosen.get("seed", study.seed)),
        images=_images(chosen.get("images", study.images)),
        engine=study.engine,
    )


def _images(value: Any) -> int | Literal["steady"]:
    return "steady" if value == "steady" else int(value)


def axes_of(study: Study) -> tuple[str, ...]:
    """Columns that tell the points apart, in study order."""
    single = {"hardware": len(study.hardware) == 1, "workload": len(study.workloads) == 1}
    return tuple(path for path in varied(study) if not single.get(path, False))


class Columns:
    """Coordinates of points as typed columns: see `values.column`. `points` may have values that a search chose in the
    ranges of the study."""

    def __init__(self, study: Study, points: Iterable[Point] = ()) -> None:
        self._paths = [path for path in varied(study) if path not in COORDINATES]
        self._pictures = any(network.input is not None for network in _networks(study))
        values: dict[str, list[Plain | None]] = {path: [] for path in self._paths}
        for part in (*(part for factor in _factors(study) for part in factor), *(point.settings for point in points)):
            for path, value in part.items():
                if path in values:
                    values[path].append(value)
        self._typed = {path: column(found) for path, found in values.items()}

    def row(self, point: Point) -> dict[str, Any]:
        """The coordinates of a point: hardware, workload, each path (None where the point leaves it alone), seed,
        images."""
        found = point.coordinates
        row = {"hardware": found["hardware"], "workload": found["workload"]}
        if self._pictures:
            row |= {"input": point.input, "limit": point.limit}
        for path in self._paths:
            value = point.settings.get(path)
            row[path] = None if value is None else self._typed[path][shown(value)]
        return {**row, "seed": point.seed, "images": point.images}


def _networks(study: Study) -> Iterator[Network]:
    for factor in _factors(study):
        for part in factor:
            if isinstance(part.get("workload"), Network):
                yield part["workload"]
