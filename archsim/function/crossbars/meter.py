"""Counting what converters did, layer by layer, from any number of threads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Conversions:
    """What engines found of one layer's conversions. `unproven` are those that no bound on the active rows proves
    exact, so that an engine had to convert them one by one; `clipped` met a sum outside the converter's range. How many
    conversions there were is on record elsewhere (`archsim.mapping.reads`)."""

    unproven: int = 0
    clipped: int = 0


@dataclass(slots=True)
class Meter:
    """Running sums by layer; sums of integers, so they do not depend on the order of threads."""

    _found: dict[str, Conversions] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def add(self, layer: str, unproven: int, clipped: int) -> None:
        """Count conversions of a layer."""
        with self._lock:
            held = self._found.get(layer, Conversions())
            self._found[layer] = Conversions(held.unproven + unproven, held.clipped + clipped)

    def read(self) -> Mapping[str, Conversions]:
        """What was counted so far."""
        with self._lock:
            return MappingProxyType(dict(self._found))
