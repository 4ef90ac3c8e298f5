"""Sparsity-aware input control with noise, as a slow oracle: every opening of rows is one noisy conversion a column.

Independent of `archsim.function.crossbars.openings`, which the study runs on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

Policy = Literal["dense", "windowed", "compacting"]
POLICIES: tuple[Policy, ...] = ("dense", "windowed", "compacting")


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseLaw:
    """Standard deviation of a conversion in levels: constant + growing * sqrt(active rows opened)."""

    constant: float = 0.0
    growing: float = 0.0

    def sigma(self, active: Array) -> Array:
        """For so many active rows."""
        return np.asarray(self.constant + self.growing * np.sqrt(active))


LAWS = {
    "constant": lambda sigma: NoiseLaw(constant=sigma),
    "mixed": lambda sigma: NoiseLaw(constant=sigma / 2, growing=sigma / 2),
    "sqrt_rows": lambda sigma: NoiseLaw(growing=sigma),
}
"""Noise laws by name, with their one strength."""


def windowed_outputs(
    planes: Array,
    weight: Array,
    order: Array,
    rows_at_once: int,
    adc_bits: int,
    law: NoiseLaw,
    rng: np.random.Generator,
    policy: Policy = "windowed",
) -> tuple[Array, int]:
    """Outputs of a layer of signs, and the openings it took.

    Parameters
    ----------
    planes : bit planes [bits, pictures, rows] of the inputs, lowest first.
    weight : signs [rows, columns]; cells hold (w + 1) / 2, the sum of inputs is exact.
    order : row at each place of the array, int64 [rows].
    rows_at_once : rows opened at a time; `dense` opens all windows, `windowed` those with an active row, `compacting`
        the next active rows wherever they stand.
    adc_bits : codes 0 .. 2**bits - 1, one a level.
    law, rng : noise; numbers are drawn for every window whether it is opened or not.

    Returns
    -------
    [pictures, columns] int64, and the number of openings over all pictures and planes.
    """
    cells = (weight[order] + 1) // 2
    pictures, columns = planes.shape[1], weight.shape[1]
    outputs, opened = np.zeros((pictures, columns), np.int64), 0
    for bit, plane in enumerate(planes[:, :, order]):
        total = np.zeros((pictures, columns), np.int64)
        for members in windows_of(plane, rows_at_once, policy):
            active = members.sum(axis=1)
            sums = members.astype(np.float64) @ cells
            noise = law.sigma(active)[:, None] * rng.standard_normal((pictures, columns))
            codes = np.clip(np.rint(sums + noise), 0, 2**adc_bits - 1).astype(np.int64)
            opens = np.ones(pictures, bool) if policy == "dense" else active > 0
            total += codes * opens[:, None]
            opened += int(opens.sum())
        inputs = plane.sum(axis=1, dtype=np.int64)
        outputs += (2 * total - inputs[:, None]) << bit
    return outputs, opened


def windows_of(plane: Array, rows_at_once: int, policy: str) -> list[Array]:
    """Rows opened together: uint8 [pictures, rows] for each opening, 1 where a row is active."""
    pictures, rows = plane.shape
    places = np.arange(rows)
    if policy == "compacting":
        rank = np.cumsum(plane, axis=1, dtype=np.int64) - 1
        turn = np.broadcast_to(rank // rows_at_once, plane.shape)
        last = int(plane.sum(axis=1).max(initial=0))
        return [plane * (turn == window) for window in range(-(-last // rows_at_once))]
    turn = np.broadcast_to(places // rows_at_once, (pictures, rows))
    return [plane * (turn == window) for window in range(-(-rows // rows_at_once))]
