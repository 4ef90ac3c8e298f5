"""Counting what converters did, layer by layer, from any number of threads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Conversions:
    """Conversions of one layer. `unproven` are those that no bound on the active rows proves exact, so that an engine
    had to convert them one by one; `clipped` met a sum outside the converter's range."""

    conversions: int = 0
    unproven: int = 0
    clipped: int = 0

    @property
    def clipped_fraction(self) -> float:
        """Share of all conversions that were clipped."""
        return self.clipped / self.conversions if self.conversions else 0.0

    @property
    def unproven_fraction(self) -> float:
        """Share of all conversions that could not be proven exact."""
        return self.unproven / self.conversions if self.conversions else 0.0


@dataclass(slots=True)
class Meter:
    """Running sums by layer; sums of integers, so they do not depend on the order of threads."""

    _found: dict[str, Conversions] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def add(self, layer: str, conversions: int, unproven: int, clipped: int) -> None:
        """Count conversions of a layer."""
        with self._lock:
            held = self._found.get(layer, Conversions())
            self._found[layer] = Conversions(
                held.conversions + conversions, held.unproven + unproven, held.clipped + clipped
            )

    def read(self) -> Mapping[str, Conversions]:
        """What was counted so far."""
        with self._lock:
            return MappingProxyType(dict(self._found))
