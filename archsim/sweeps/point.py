"""One point of a design space, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from archsim.config import Hardware
from archsim.result import Result
from archsim.workload import Graph

NOTHING: Mapping[str, Any] = MappingProxyType({})
FINAL = ("", "InputError", "DeadlockError", "SimulationError")
"""Kinds of error that the same inputs give again. Others (memory, a killed process, a lost file) may pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One run to make: a hardware file with values set by dotted path, and a network.

    `hardware` and `workload` are shipped names, paths, or loaded objects. `settings` holds values by path as
    `archsim.load_hardware` takes them, in the order in which they are set. `input` names pictures to compute (a shipped
    set or a path), `limit` bounds their number, `calibrate` names those of the activation ranges, `judge` the output
    that quality is read from (the first where None); without `input` a point is time, energy and area alone.
    `images` stream through the chip ("steady": one, and the rate beside it); `engine` computes the timing.
    """

    hardware: str | Hardware
    workload: str | Graph
    settings: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    input: str | None = None
    limit: int | None = None
    calibrate: str | None = None
    judge: str | None = None
    seed: int = 0
    images: int | Literal["steady"] = 1
    engine: str = "kernel"

    @property
    def coordinates(self) -> dict[str, Any]:
        """What tells this point from others, as the first columns of its row."""
        return {
            "hardware": self.hardware if isinstance(self.hardware, str) else self.hardware.name,
            "workload": self.workload if isinstance(self.workload, str) else self.workload.name,
            **self.settings,
            "seed": self.seed,
            "images": self.images,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a point: `metrics` (`Result.flat`) or an `error` of a kind (`error_type`, an exception's name).

    `key` is the SHA-256 of everything the point was computed from (`archsim.sweeps.inputs`). `notes` are those of the
    run, but for what the coordinates say. `result` is the whole run where it was asked for.
    """

    key: str
    metrics: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    error: str = ""
    error_type: str = ""
    notes: tuple[str, ...] = ()
    result: Result | None = None

    @property
    def final(self) -> bool:
        """Whether computing the point again would give the same."""
        return self.error_type in FINAL

    def to_dict(self) -> dict[str, Any]:
        """As columns: `error`, `error_type`, the metrics, `notes` (a list), `key`."""
        found = {"error": self.error, "error_type": self.error_type, **self.metrics}
        return {**found, "notes": list(self.notes), "key": self.key}
