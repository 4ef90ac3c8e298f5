"""Levels to conductances and back: the conductance window of a cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.config.model import Cell
from archsim.errors import InputError

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """`off` and `on` [S] are the conductances of level 0 and level 2**bits - 1; the levels between are equally
    spaced."""

    off: float
    on: float
    bits: int

    @property
    def step(self) -> float:
        """Conductance [S] between neighbouring levels."""
        return (self.on - self.off) / float(2**self.bits - 1)

    @property
    def on_off_ratio(self) -> float:
        """Largest over smallest conductance."""
        return self.on / self.off

    def conductance(self, levels: Array) -> NDArray[np.float32]:
        """Conductance [S] that cells of these levels should have."""
        return (np.float32(self.off) + levels.astype(np.float32) * np.float32(self.step)).astype(np.float32)

    def levels(self, conductance: Array, *, subtract_off: bool = True) -> NDArray[np.float32]:
        """What cells of this conductance contribute to a column's sum, in units of one level.

        A column of off cells subtracts the off current from every sum, so that level 0 counts as 0 (the dummy column of
        Chen et al., DATE 2018, NeuroSim). Without it, each driven row adds off / step = (2**bits - 1) / (on_off_ratio
        - 1) levels: the error of a finite on/off ratio.
        """
        base = self.off if subtract_off else 0.0
        return np.asarray((conductance - conductance.dtype.type(base)) / conductance.dtype.type(self.step), np.float32)


def window_of(cell: Cell) -> Window:
    """The window of a hardware file's cell.

    Raises
    ------
    InputError
        The file gives no resistances.
    """
    if cell.on_resistance is None or cell.off_resistance is None:
        raise InputError("on_resistance and off_resistance are missing; device effects act on conductances", "ima.cell")
    return Window(off=1 / cell.off_resistance, on=1 / cell.on_resistance, bits=cell.bits)
