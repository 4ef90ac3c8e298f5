"""Conductance drift after writing: G(t) = G(t0) (t / t0)^-nu.

The power law of phase-change and, with smaller exponents, of filamentary cells; exponents of 0.01 to 0.1 are reported
and no others accepted. Each cell has its own exponent, normal around nu and never negative.
"""

from __future__ import annotations

from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.config.device import Drift
from archsim.errors import InputError, Problem
from archsim.function.crossbars.devices.window import Window

Array = NDArray[Any]

REPORTED = (0.01, 0.1)
"""Exponents the law is reported for."""


def drifted(options: Drift, window: Window, stored: Array, rng: np.random.Generator) -> Array:
    """Conductances [S] at `options.time` of cells that had `stored` [S] at the reference time.

    Raises
    ------
    InputError
        An exponent outside REPORTED or a time before the reference.
    """
    del window  # the law is a factor, whatever the window
    problems = []
    if not REPORTED[0] <= options.nu <= REPORTED[1]:
        problems.append(Problem("device.drift.nu", f"is {options.nu}; expected {REPORTED[0]} to {REPORTED[1]}"))
    if options.time < options.reference:
        problems.append(Problem("device.drift.time", "is before the reference time; expected a later one"))
    if problems:
        raise InputError(problems)
    real = stored.dtype.type
    drawn = rng.standard_normal(stored.shape, dtype=np.float32)
    nu = np.maximum(real(options.nu) + real(options.spread) * drawn, real(0))
    return np.asarray(stored * np.exp(nu * real(-log(options.time / options.reference))))
