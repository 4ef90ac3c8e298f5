"""IR drop as a cell model: the wired crossbar's effective conductances take the place of its cells' (see
`archsim.function.crossbars.wires`)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.config.device import Wires
from archsim.errors import InputError
from archsim.function.crossbars.devices.window import Window

Array = NDArray[Any]


def wired(options: Wires, window: Window, stored: Array, rng: np.random.Generator) -> Array:
    """Effective conductances [S], same shape and type; a whole array, unused cells included, must be given.

    Raises
    ------
    InputError
        An unknown solver.
    """
    # SciPy and compiled loops: only where wires are asked for
    from archsim.function.crossbars.wires import SOLVERS

    del window, rng  # wires are deterministic and see conductances only
    if options.solver not in SOLVERS:
        raise InputError(f"is '{options.solver}'; expected {' | '.join(SOLVERS)}", "device.wires.solver")
    return SOLVERS[options.solver](stored, options.word_segment, options.bit_segment).astype(stored.dtype)
