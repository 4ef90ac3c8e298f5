"""Cycle-to-cycle variation: every write pulse moves a cell by a slightly different step.

NeuroSim's law (MLP+NeuroSim V3.0, Cell.cpp: conductance += N(0, sigma) * sqrt(pulses), sigma a share of the conductance
window): independent pulses add in quadrature. Cells start in the off state, so a cell at level l has taken l *
pulses_per_level of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.config.device import CycleToCycle
from archsim.function.crossbars.devices.window import Window

Array = NDArray[Any]


def cycle_to_cycle(options: CycleToCycle, window: Window, stored: Array, rng: np.random.Generator) -> Array:
    """Conductances [S] after writes of `stored` [S] that took sqrt(levels above off) random steps; never negative."""
    real = stored.dtype.type
    above = np.maximum((stored - real(window.off)) / real(window.step), real(0))
    sigma = real(options.per_pulse * (window.on - window.off)) * np.sqrt(above * real(options.pulses_per_level))
    drawn = rng.standard_normal(stored.shape, dtype=np.float32)
    return np.asarray(np.maximum(stored + drawn * sigma, real(0)))
