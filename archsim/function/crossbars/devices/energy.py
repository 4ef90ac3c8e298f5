"""Energy of reading cells: V^2 G t."""

from __future__ import annotations


def cell_read_energy(voltage: float, conductance: float, time: float) -> float:
    """Energy [J] a cell of `conductance` [S] takes while its row is at `voltage` [V] for `time` [s]: V^2 G t.

    NeuroSim's default cell: 0.5 V, 6 kohm, 10 ns give 417 fJ; CiMLoop's ISAAC cell: 0.2 V, 1333 ohm, 1 ns give 30 fJ.
    """
    return voltage * voltage * conductance * time
