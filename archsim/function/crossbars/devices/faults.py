"""Stuck-at faults: cells that conduct fully, or not at all, whatever is written to them.

Every cell is stuck on with probability `on` and stuck off with probability `off`, independently. Reported rates run
from 0.1 % of each (MNSIM's default) to several per cent; of faulty cells 81.6 % are reported stuck on (Ma et al., ACM
JETC 2023). Stuck cells stay whole levels, so engines of integer cells can serve them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.config.device import Stuck
from archsim.errors import InputError
from archsim.function.crossbars.devices.window import Window

Array = NDArray[Any]


def stuck_cells(options: Stuck, window: Window, stored: Array, rng: np.random.Generator) -> Array:
    """Conductances [S] with stuck cells at the ends of the window."""
    return stick(options, stored, window.off, window.on, rng)


def stick(options: Stuck, values: Array, off: float, on: float, rng: np.random.Generator) -> Array:
    """`values` (of any kind: conductances or levels) with `off` and `on` where cells are stuck; same type.

    Raises
    ------
    InputError
        Probabilities that add up to more than 1.
    """
    if options.on + options.off > 1:
        raise InputError(f"on + off is {options.on + options.off}; expected at most 1", "device.stuck")
    drawn = rng.random(values.shape, dtype=np.float32)
    found = values.copy()
    found[drawn < np.float32(options.on)] = on
    found[drawn >= np.float32(1 - options.off)] = off
    return found
