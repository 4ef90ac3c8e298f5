"""How far apart the levels of a layer's cells are, measured in the error with which cells are written."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from archsim.config.device import Programming
from archsim.function.crossbars.devices.programming import programming_sigma
from archsim.function.crossbars.devices.window import Window
from archsim.function.quantization.network import LevelSets

Real = NDArray[np.float64]


def stored_conductances(levels: LevelSets, encoding: str, window: Window) -> list[list[Real]]:
    """Different conductances [S] that cells of each level set are written to, ascending; of a differential pair those
    of the positive and of the negative cell, which is off where the other one is not."""
    found = []
    for values in levels.values.astype(np.float64):
        low, high = values[0], values[-1]
        if encoding == "differential":
            full = max(np.abs(values).max(), 1.0)
            kinds = [np.maximum(values, 0) / full, np.maximum(-values, 0) / full]
        else:
            kinds = [(values - low) / max(high - low, 1.0)]
        found.append([window.off + np.unique(places) * (window.on - window.off) for places in kinds])
    return found


def gaps_over_sigma(levels: LevelSets, encoding: str, window: Window, options: Programming) -> Real:
    """Smallest gap between neighbouring conductances that one cell of each level set may be written to, over the larger
    of their two standard deviations after writing: float64 [sets]; infinite where nothing errs or a set has one
    level."""
    kinds = stored_conductances(levels, encoding, window)
    return np.array([min(_smallest(conductances, options) for conductances in parts) for parts in kinds])


def _smallest(conductances: Real, options: Programming) -> float:
    sigma = programming_sigma(options, conductances)
    larger = np.maximum(sigma[1:], sigma[:-1])
    ratios = np.divide(np.diff(conductances), larger, out=np.full(len(larger), np.inf), where=larger > 0)
    return float(ratios.min(initial=np.inf))
