"""What stands between digital inputs and digital sums: slicing, cells and converter of the crossbars that compute a
layer.

Engines that model circuits take a `Circuit`; plain integer arithmetic needs none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.function.crossbars.converter import Converter
from archsim.mapping.rows.plan import RowPlan
from archsim.mapping.slicing import Slicing

Levels = NDArray[np.uint8]
"""Cell levels of one crossbar as programmed: [rows, columns], 0 .. 2**cell_bits - 1."""

CellModel = Callable[[Levels, np.random.Generator], NDArray[Any]]
"""Turns the levels of one crossbar into what its cells really are, in units of one level: same shape, float32 (or the
levels' own type when they stay whole numbers). Draws come from the crossbar's own generator."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Circuit:
    """The analog side of a machine. `cells` None means ideal cells; `read_noise` is the standard deviation of a column
    sum per conversion, in levels, and `noise_law` how it goes with the rows that drive (`archsim.config.device`);
    `rows` says, by layer name, which rows stand elsewhere than in their order or share a place; `seed` keys all draws,
    per layer, copy and crossbar."""

    slicing: Slicing
    converter: Converter
    cells: CellModel | None = None
    read_noise: float = 0.0
    noise_law: str = "constant"
    rows: Mapping[str, RowPlan] = field(default_factory=dict)
    seed: int = 0
