"""What a sweep is asked to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import prod
from types import MappingProxyType
from typing import Any, Literal

from archsim.config import Hardware
from archsim.config.document import Plain
from archsim.sweeps.hypercube import Hypercube, Range
from archsim.workload import Graph

NOTHING: Mapping[str, Any] = MappingProxyType({})
COORDINATES = ("hardware", "workload", "seed", "images")
"""What may vary beside the dotted paths of the hardware file."""
Keep = Literal["row", "result"]
Place = tuple[str | int, ...]
"""Keys that lead to a value in the YAML form of a study."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A network, by name, path or as loaded, and the pictures to compute on it if any (see `Point`)."""

    workload: str | Graph
    input: str | None = None
    limit: int | None = None
    calibrate: str | None = None
    judge: str | None = None

    @property
    def name(self) -> str:
        """As it stands in tables."""
        return self.workload if isinstance(self.workload, str) else self.workload.name


Value = Plain | Hardware | Network
"""Of an axis: text as written, a hardware file, or a network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """A design space: the product of `hardware`, `workloads`, each of `axes`, each of `zips` (lists walked together),
    `points` (sets of values) and the samples of `hypercube`.

    Axes are dotted paths of the hardware file, or `hardware`, `workload`, `seed`, `images`. `settings` hold for every
    point. With `keep` "result" the whole run of each point is saved, else its row of figures.
    """

    name: str
    description: str = ""
    hardware: tuple[str | Hardware, ...] = ()
    workloads: tuple[Network, ...] = ()
    images: int | Literal["steady"] = 1
    seed: int = 0
    engine: str = "kernel"
    keep: Keep = "row"
    settings: Mapping[str, Plain] = field(default_factory=lambda: NOTHING)
    axes: Mapping[str, tuple[Value, ...]] = field(default_factory=lambda: NOTHING)
    zips: tuple[Mapping[str, tuple[Value, ...]], ...] = ()
    points: tuple[Mapping[str, Value], ...] = ()
    hypercube: Hypercube | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain data, in the form of the YAML file."""
        cube = self.hypercube
        ranges = {} if cube is None else {path: _range(bounds) for path, bounds in cube.ranges.items()}
        return {
            "name": self.name,
            "description": self.description,
            "hardware": [plain_value(value) for value in self.hardware],
            "workload": [plain_value(value) for value in self.workloads],
            "images": self.images,
            "seed": self.seed,
            "engine": self.engine,
            "keep": self.keep,
            "set": dict(self.settings),
            "axes": {path: [plain_value(value) for value in values] for path, values in self.axes.items()},
            "zip": [{path: [plain_value(v) for v in values] for path, values in group.items()} for group in self.zips],
            "points": [{path: plain_value(value) for path, value in point.items()} for point in self.points],
            "latin_hypercube": None if cube is None else {"samples": cube.samples, "seed": cube.seed, "ranges": ranges},
        }


def _range(bounds: Any) -> Any:
    if not isinstance(bounds, Range):
        return list(bounds.values)
    return {name: getattr(bounds, name) for name in ("low", "high", "unit", "log", "whole")}


def plain_value(value: Value) -> Any:
    if isinstance(value, Hardware):
        return value.name
    if isinstance(value, Network):
        parts = {"name": value.name, "input": value.input, "limit": value.limit, "calibrate": value.calibrate}
        parts |= {} if value.judge is None else {"judge": value.judge}
        return parts if value.input is not None else value.name
    return value


def varied(study: Study) -> dict[str, list[Place]]:
    """Where the study gives each coordinate or path, in study order."""
    found: dict[str, list[Place]] = {}
    given: list[tuple[Place, Iterable[str]]] = [
        ((), ["hardware"] if study.hardware else []),
        ((), ["workload"] if study.workloads else []),
        (("axes",), study.axes),
        *((("zip", i), group) for i, group in enumerate(study.zips)),
        (("points",), dict.fromkeys(path for point in study.points for path in point)),
        (("latin_hypercube", "ranges"), study.hypercube.ranges if study.hypercube else ()),
    ]
    for part, paths in given:
        for path in paths:
            found.setdefault(path, []).append((*part, path))
    return found


def size(study: Study) -> int:
    """Number of points."""
    lengths = [len(study.hardware) or 1, len(study.workloads) or 1, *map(len, study.axes.values())]
    lengths += [len(next(iter(group.values()), ())) for group in study.zips]
    lengths += [len(study.points) or 1, study.hypercube.samples if study.hypercube else 1]
    return prod(lengths)
