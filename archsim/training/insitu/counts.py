"""What writing costs, as whole numbers: pulses, half-selected cells and pulse times, counted cell by cell.

Arrays are written a row at a time, all columns at once, first the pulses up, then those down; a row takes as many pulse
times as its busiest cell. In each pulse time the row that is written and the columns of cells that take a pulse are
selected (scheme V/2): a cell in both sees V, a cell in one of them V / 2. A transistor at each cell leaves no cell half
selected; whoever prices the counts leaves those terms out (archsim's choice of schemes; DNN+NeuroSim writes by rows and
polarities likewise).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.training.insitu.kernels.writes import TOP_LEVEL

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteCounts:
    """Counts of one layer and update, or sums of such; every field adds.

    Parameters
    ----------
    cells : cells that an update could have written.
    written : cells that took a pulse.
    pulses_up, pulses_down : pulses of potentiation and depression.
    levels_up, levels_down : sum over these pulses of the cell's conductance before and after its update, each in
        1/65535 of the window above its lower end: twice what the pulses conducted.
    half_up, half_down : cell-pulses at half the voltage.
    half_levels_up, half_levels_down : sum over these of the conductance, taken as the array's mean before the update.
    serial_slots, parallel_slots : pulse times if arrays are written one after the other, or all at once.
    rows_read : rows of arrays read for the update itself (Tiki-Taka's transfer).
    """

    cells: int = 0
    written: int = 0
    pulses_up: int = 0
    pulses_down: int = 0
    levels_up: int = 0
    levels_down: int = 0
    half_up: int = 0
    half_down: int = 0
    half_levels_up: int = 0
    half_levels_down: int = 0
    serial_slots: int = 0
    parallel_slots: int = 0
    rows_read: int = 0

    @property
    def pulses(self) -> int:
        """Pulses of both kinds."""
        return self.pulses_up + self.pulses_down

    def __add__(self, other: WriteCounts) -> WriteCounts:
        """Counts of both, one after the other."""
        return WriteCounts(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)})


def write_counts(
    shape: tuple[int, int], array: tuple[int, int], slots: Array, totals: Array, levels: int
) -> WriteCounts:
    """Counts from a kernel's tally.

    Parameters
    ----------
    shape, array : rows and columns of the layer's matrix and of a physical array; lines beyond the matrix are not
        driven.
    slots, totals : as in `kernels.Tally`.
    levels : sum of the levels of all cells before the update.
    """
    rows = np.minimum(array[0], shape[0] - array[0] * np.arange(slots.shape[0]))[:, None]
    columns = np.minimum(array[1], shape[1] - array[1] * np.arange(slots.shape[1]))
    times, pulses = slots[..., :2], slots[..., 2:]
    up, down = (int(n) for n in pulses.sum(axis=(0, 1)))
    halves = (times * columns[:, None]).sum(axis=(0, 1)) + (pulses * (rows - 2)[..., None]).sum(axis=(0, 1))
    half_up, half_down = (int(n) for n in halves)
    cells = shape[0] * shape[1]
    return WriteCounts(
        cells=cells,
        written=int(totals[0]),
        pulses_up=up,
        pulses_down=down,
        levels_up=int(totals[1]),
        levels_down=int(totals[2]),
        half_up=half_up,
        half_down=half_down,
        half_levels_up=half_up * levels // cells,
        half_levels_down=half_down * levels // cells,
        serial_slots=int(times.sum()),
        parallel_slots=int(times.sum(axis=2).max()),
        rows_read=int(totals[4]),
    )


def write_energy(
    counts: WriteCounts, *, up: float, down: float, pulse: float, on: float, off: float, half_selected: bool
) -> float:
    """Energy [J] that the cells take: the sum of V^2 G t over pulses, with (V / 2)^2 for half-selected cells.

    Parameters
    ----------
    up, down : voltages [V] of pulses of potentiation and depression.
    pulse : length of a pulse [s].
    on, off : conductances [S] at the ends of the window.
    half_selected : whether half-selected cells conduct (no transistors).
    """
    unit = (on - off) / TOP_LEVEL
    energy = 0.0
    for volts, pulses, levels, halves, half_levels in (
        (up, counts.pulses_up, counts.levels_up, counts.half_up, counts.half_levels_up),
        (down, counts.pulses_down, counts.levels_down, counts.half_down, counts.half_levels_down),
    ):
        energy += volts**2 * pulse * (pulses * off + levels / 2 * unit)
        if half_selected:
            energy += (volts / 2) ** 2 * pulse * (halves * off + half_levels * unit)
    return energy
