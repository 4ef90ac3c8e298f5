"""What offline calibration found: activation ranges and thresholds, with what they were found on, as a file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from archsim.config.shipped import shipped
from archsim.errors import InputError, Problem
from archsim.function.quantization.calibrate import Ranges
from archsim.workload import Dataset, Graph, workload_hash

FORMAT = 1
DIGEST = 16
"""Hexadecimal digits that identify a picture."""

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Ranges and thresholds of one network.

    Attributes
    ----------
    workload, network : name and hash (`archsim.workload.workload_hash`) of the network.
    data, pictures : name of the calibration set and a digest of each of its pictures.
    settings : what was asked for: calibration rule, operand bits, crossbar rows, policy, granularity, budget.
    ranges : (low, high) of every stored tensor. means : channel means of what matrix layers read.
    thresholds : the policy's parameter by layer; empty where it is the hardware file's.
    measured : quality on the calibration pictures, against static precision at the same ranges.
    """

    workload: str
    network: str
    data: str
    pictures: tuple[str, ...]
    settings: Mapping[str, Any]
    ranges: Mapping[str, tuple[float, float]]
    means: Mapping[str, tuple[float, ...]] = field(default_factory=lambda: _NOTHING)
    thresholds: Mapping[str, float] = field(default_factory=lambda: _NOTHING)
    measured: Mapping[str, float] = field(default_factory=lambda: _NOTHING)

    @property
    def hash(self) -> str:
        """SHA-256 (hex) of everything above."""
        return hashlib.sha256(_canonical(self._plain()).encode()).hexdigest()

    @property
    def origin(self) -> str:
        """What a result says about where its ranges come from."""
        return f"{self.data}, {self.settings.get('method')}, calibration {self.hash[:12]}"

    def to_ranges(self) -> Ranges:
        """Ranges as `quantize` takes them."""
        means = {name: np.asarray(values, np.float64) for name, values in self.means.items()}
        return Ranges(values=dict(self.ranges), origin=self.origin, means=means)

    def to_json(self) -> str:
        """The file's text; `hash` is of all other fields."""
        return json.dumps({"format": FORMAT, "hash": self.hash, **self._plain()}, indent=1, allow_nan=False) + "\n"

    def _plain(self) -> dict[str, Any]:
        """Plain data; mapping proxies as dictionaries."""
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: dict(value) if isinstance(value, Mapping) else value for name, value in plain.items()}


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def calibrated_on(known: Calibration | Dataset, data: Dataset) -> int:
    """How many pictures of `data` are among those of a saved calibration or of a calibration set."""
    digests = set(known.pictures if isinstance(known, Calibration) else picture_digests(known))
    return sum(digest in digests for digest in picture_digests(data))


def picture_digests(data: Dataset, size: int = 64) -> tuple[str, ...]:
    """A digest of each picture's pixels, as the network's preprocessing leaves them."""
    return tuple(
        hashlib.sha256(np.ascontiguousarray(picture).tobytes()).hexdigest()[:DIGEST]
        for start in range(0, len(data), size)
        for picture in data.pixels(start, start + size)
    )


def read_calibration(path: str | Path) -> Calibration:
    """A saved calibration: a path, or the name of a shipped one (`squeezenet1.1.p99.99.json`).

    Raises `InputError` when the file is missing, is no calibration, or was changed after it was made.
    """
    where = str(path)
    shelf = shipped("workloads") / "calibrations" / Path(path).name
    source = shelf if Path(path).name == where and not Path(path).exists() and shelf.exists() else Path(path)
    try:
        found = json.loads(source.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}; expected a calibration file", where) from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"is not JSON: {error}", where) from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise InputError(f"is no calibration of format {FORMAT}; `archsim calibrate` writes one", where)
    try:
        made = Calibration(
            workload=str(found["workload"]),
            network=str(found["network"]),
            data=str(found["data"]),
            pictures=tuple(found["pictures"]),
            ranges={name: (float(low), float(high)) for name, (low, high) in found["ranges"].items()},
            means={name: tuple(map(float, values)) for name, values in found["means"].items()},
            settings=dict(found["settings"]),
            thresholds={name: float(value) for name, value in found["thresholds"].items()},
            measured={name: float(value) for name, value in found["measured"].items()},
        )
        intact = made.hash == found["hash"]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"is no calibration: {error}", where) from None
    if not intact:
        raise InputError("was changed after it was made: its hash does not fit its contents", where)
    return made


def check_calibration(made: Calibration, graph: Graph, settings: Mapping[str, Any]) -> None:
    """Raise `InputError` naming all that does not fit: another network, operand widths, or (with thresholds) another
    policy, granularity or row count than thresholds were found for."""
    where = f"calibration {made.hash[:12]}"
    problems = []
    if made.network != workload_hash(graph):
        problems.append(Problem(where, f"was made for {made.workload}, not for this {graph.name} (weights differ)"))
    names: Sequence[str] = ("input_bits", "weight_bits")
    if made.thresholds:
        names = (*names, "policy", "granularity", "rows", "weight_levels")
    for name in names:
        if made.settings.get(name) != settings.get(name):
            expected = made.settings.get(name)
            problems.append(Problem(where, f"was made for {name} {expected}; the hardware has {settings.get(name)}"))
    if problems:
        raise InputError(problems)
