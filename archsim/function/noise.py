"""Noise of the read: one normal number for every conversion, and the seam that tells a product which windows it computes.

Numbers are counted, not drawn one after the other: conversion number n of a layer always gets number n of the layer's
stream, whichever thread, batch or block of windows computes it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Windows = NDArray[np.int64]

_PURPOSE = 0x4EAD
"""Sets the streams of read noise apart from those of the cells (`archsim.function.arrays.generator_for`)."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class NoisyProduct:
    """A product whose result depends on which windows it is computed for: their numbers, counted through all
    pictures."""

    product: Callable[[Array, Windows], Array]

    def at(self, x: Array, windows: Windows) -> Array:
        """Accumulators [groups, windows, columns] of x [groups, windows, rows] for windows of these numbers."""
        return self.product(x, windows)

    def __call__(self, x: Array) -> Array:
        """The first windows."""
        return self.product(x, np.arange(x.shape[1]))


def noise_key(seed: int, layer: str, replica: int = 0) -> np.uint64:
    """Key of a layer's stream of read noise."""
    name = int.from_bytes(sha256(layer.encode()).digest()[:8], "little")
    return np.uint64(np.random.SeedSequence([seed, name, replica, _PURPOSE]).generate_state(1, np.uint64)[0])
