"""What cells and wires do besides conduct as told: one module a kind, composed in
`archsim.function.crossbars.devices.compose`.

The seam is `NONIDEALITIES`: name -> function of (options, window, conductances [rows, columns], generator) that returns
the conductances after the effect. Names are those of the `device` block of a hardware file and effects act in this
order: programming error, cycle-to-cycle variation, drift, stuck cells, wires. Cells that are stuck neither vary nor
drift, and wires see the cells as they are at last. Noise of the read acts on column sums, at each conversion.
"""

from archsim.function.crossbars.devices.compose import NONIDEALITIES, cell_model, read_noise_levels
from archsim.function.crossbars.devices.energy import cell_read_energy
from archsim.function.crossbars.devices.stored import StoredCells, stored_cells
from archsim.function.crossbars.devices.window import Window, window_of

__all__ = [
    "NONIDEALITIES",
    "StoredCells",
    "Window",
    "cell_model",
    "cell_read_energy",
    "read_noise_levels",
    "stored_cells",
    "window_of",
]
