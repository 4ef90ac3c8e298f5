"""What loading a network's weights costs: cells written, pulses, energy and time. Kept apart from inference.

One load writes every copy of every layer once, from arrays that are off. A cell takes `pulses` pulses, or `pulses`
for each level above off; a pulse takes the energy stated, or voltage^2 * (G_off + G) / 2 * pulse for a cell that ends
at G (NeuroSim MLP V3.0, Cell.cpp). The two are multiplied cell by cell: cells of high levels take more pulses, and each
of these takes more. A row that is written at once takes as long as its slowest cell, the largest
level. Where weights are levels, the conductance of every cell is looked up first (`weight_levels.table`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import fsum
from typing import TYPE_CHECKING

import numpy as np

from archsim.accounting.levels import looked_up
from archsim.config.device import Device, Write
from archsim.config.model import Cell
from archsim.mapping.plan import MappedStage, Plan

if TYPE_CHECKING:
    from archsim.function.crossbars.devices.stored import StoredCells


@dataclass(frozen=True, slots=True, kw_only=True)
class Programming:
    """Cost of one load. `levels` is "measured" when the cells' levels follow from weights, else "assumed (...)"."""

    cells: int
    pulses: float
    energy_j: float
    time_s: float
    levels: str
    source: str


def charged_by_level(plan: Plan) -> bool:
    """Whether anything of a run is charged by what cells hold: writes, or reads by conductance."""
    device = plan.hardware.model.device
    writes = device is not None and device.write is not None
    return writes or plan.chip.tile.ima.crossbar.energy == "v2gt"


def programming_cost(plan: Plan, stored: Mapping[str, StoredCells] | None) -> Programming | None:
    """Cost of loading the network of a plan, None where the hardware file has no `device.write`.

    Parameters
    ----------
    stored : cells of each layer, None for a network without weights: mid-scale levels are then assumed.
    """
    file = plan.hardware.model
    device, cell = file.device, file.ima.cell
    if device is None or device.write is None:
        return None
    write, middle = device.write, (2**cell.bits - 1) / 2
    cells, pulses, energy = 0, [], []
    for mapped in plan.stages:
        if mapped.grid is None:
            continue
        held = None if stored is None else stored[mapped.name]
        count = mapped.replication * (int(_cells_per_array(mapped).sum()) if held is None else held.written)
        level = middle if held is None else held.level
        cells += count
        square = middle**2 if held is None else held.square
        pulses.append(count * _pulses(write, level))
        energy.append(count * _cell_energy(write, cell, level, square) + looked_up(plan, count))
    return Programming(
        cells=cells,
        pulses=fsum(pulses),
        energy_j=fsum(energy),
        time_s=_load_time(plan, write, stored),
        levels="assumed (cells at mid-scale)" if stored is None else "measured",
        source=_source(device, write),
    )


def _source(device: Device, write: Write) -> str:
    return write.source or device.source or "set for this run"


def _cells_per_array(mapped: MappedStage) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Cells written in each array of one copy, the unit column included."""
    assert mapped.grid is not None
    return np.asarray(mapped.grid.rows * (mapped.grid.columns + mapped.grid.unit_columns))


def _pulses(write: Write, level: float) -> float:
    """Pulses of a cell that ends at `level`."""
    return write.pulses * (level if write.per == "level" else 1.0)


def _cell_energy(write: Write, cell: Cell, level: float, square: float) -> float:
    """Energy [J] of writing a cell, mean over cells whose levels have this mean and this mean of squares: a pulse's
    energy rises linearly with the level, so the sum of products needs no more."""
    least = _pulse_energy(write, cell, 0.0)
    rise = _pulse_energy(write, cell, 1.0) - least
    return _pulses(write, 1.0) * (level * least + square * rise if write.per == "level" else least + level * rise)


def _pulse_energy(write: Write, cell: Cell, level: float) -> float:
    """Energy [J] of one pulse on a cell that ends at `level`."""
    if write.energy is not None:
        return write.energy
    assert write.voltage is not None
    assert cell.on_resistance is not None
    assert cell.off_resistance is not None
    off, on = 1 / cell.off_resistance, 1 / cell.on_resistance
    final = off + (on - off) * level / float(2**cell.bits - 1)
    return write.voltage**2 * (off + final) / 2 * write.pulse


def _load_time(plan: Plan, write: Write, stored: Mapping[str, StoredCells] | None) -> float:
    """Seconds until the last unit has written its last array; units work side by side."""
    ima = plan.chip.tile.ima
    per_tile = ima.crossbars * plan.chip.tile.imas
    arrays = {"array": 1, "ima": ima.crossbars, "tile": per_tile, "chip": per_tile * plan.chip.tiles}
    busy = np.zeros(1 + max(_slots(mapped).max(initial=0) for mapped in plan.stages) // arrays[write.one_array_per])
    top = 2**ima.crossbar.cell.bits - 1
    for mapped in plan.stages:
        if mapped.grid is None:
            continue
        if write.at_once == "row":
            pulses = mapped.grid.rows * _pulses(write, top)
        else:
            level = top / 2 if stored is None else stored[mapped.name].level
            pulses = _cells_per_array(mapped) * _pulses(write, level)
        units = _slots(mapped) // arrays[write.one_array_per]
        np.add.at(busy, units, np.tile(pulses * write.pulse, mapped.replication))
    return float(busy.max())


def _slots(mapped: MappedStage) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Number of each array of a stage on the machine, copy by copy."""
    return mapped.placement.slots.ravel()
