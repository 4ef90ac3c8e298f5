"""Non-idealities by name, and their composition into the cell model of a machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.config.device import (
    CycleToCycle,
    Device,
    Drift,
    Programming,
    ReadNoise,
    Stuck,
    Wires,
    outside_fit,
)
from archsim.config.model import Cell
from archsim.errors import InputError
from archsim.function.crossbars.circuit import CellModel, Levels
from archsim.function.crossbars.devices.cycles import cycle_to_cycle
from archsim.function.crossbars.devices.drift import drifted
from archsim.function.crossbars.devices.faults import stick, stuck_cells
from archsim.function.crossbars.devices.programming import programming_error
from archsim.function.crossbars.devices.window import Window, window_of
from archsim.function.crossbars.devices.wired import wired

Array = NDArray[Any]
NonIdeality = Callable[[Any, Window, Array, np.random.Generator], Array]
"""(options, window, conductances [rows, columns] float32 S, generator) -> conductances after the effect, same shape and
type, not negative; the input is not changed. `options` is the block of the same name in `archsim.config.device`."""

NONIDEALITIES: Mapping[str, NonIdeality] = MappingProxyType(
    {
        "programming": programming_error,
        "cycle_to_cycle": cycle_to_cycle,
        "drift": drifted,
        "stuck": stuck_cells,
        "wires": wired,
    }
)
"""Effects on cells in the order in which they act. One conformance test runs over all of them."""


def cell_model(device: Device | None, cell: Cell, rows: int, columns: int) -> CellModel | None:
    """The cell model of a hardware file, None where its cells are ideal.

    Every effect draws from a stream of its own, spawned from the crossbar's generator in the order of NONIDEALITIES
    whether or not the effects before it are there: switching one effect on leaves the draws of the others as they
    were. Where stuck cells are the only effect, levels stay whole numbers (uint8), else they become float32.

    Parameters
    ----------
    rows, columns : of the physical array; wires reach across cells that hold no weight, which are off.
    """
    active = {} if device is None else {name: getattr(device, name) for name in NONIDEALITIES}
    active = {name: options for name, options in active.items() if options is not None and acts(options)}
    if device is None or not (active or device.off_current == "kept"):
        return None
    if active.keys() == {"stuck"} and device.off_current == "subtracted":
        return partial(_stuck_levels, active["stuck"], 2**cell.bits - 1)
    window = window_of(cell)
    wrong = "programming" in active and outside_fit(active["programming"].model, window.off, window.on)
    if wrong:
        raise InputError(wrong, "device.programming.model")

    return partial(_affected, active, window, (rows, columns), device.off_current == "subtracted")


def _stuck_levels(options: Stuck, top: int, levels: Levels, rng: np.random.Generator) -> Levels:
    """Levels of a crossbar some cells of which are stuck at 0 or at `top`."""
    return stick(options, levels, 0, top, _streams(rng)["stuck"])


def _affected(
    active: Mapping[str, Any],
    window: Window,
    shape: tuple[int, int],
    subtract_off: bool,
    levels: Levels,
    rng: np.random.Generator,
) -> Array:
    """Levels of a crossbar after all `active` effects, float32; `shape` of the physical array."""
    streams = _streams(rng)
    used = np.s_[: levels.shape[0], : levels.shape[1]]
    if "wires" in active:
        levels = _whole_array(levels, *shape)
    conductance = window.conductance(levels)
    for name, options in active.items():
        conductance = NONIDEALITIES[name](options, window, conductance, streams[name])
    return window.levels(conductance[used], subtract_off=subtract_off)


def acts(options: object) -> bool:
    """Whether a part of the `device` block changes anything with these options (a sweep begins at 0)."""
    match options:
        case Programming():
            spread = options.model != "gaussian" or options.relative > 0 or options.absolute > 0
            return spread and options.scale > 0
        case CycleToCycle():
            return options.per_pulse > 0 and options.pulses_per_level > 0
        case Drift():
            return options.time > options.reference
        case Stuck():
            return options.on > 0 or options.off > 0
        case Wires():
            return options.word_segment > 0 or options.bit_segment > 0
        case _:
            return True


def _streams(rng: np.random.Generator) -> dict[str, np.random.Generator]:
    return dict(zip(NONIDEALITIES, rng.spawn(len(NONIDEALITIES)), strict=True))


def _whole_array(levels: Levels, rows: int, columns: int) -> Levels:
    """Levels [rows, columns]: weights sit at the first word lines and the first bit lines."""
    whole = np.zeros((max(rows, levels.shape[0]), max(columns, levels.shape[1])), levels.dtype)
    whole[: levels.shape[0], : levels.shape[1]] = levels
    return whole


def read_noise_levels(noise: ReadNoise | None, cell: Cell) -> float:
    """Standard deviation of a column's sum at each conversion, in levels.

    A current becomes levels by the current of one level, read_voltage * step. Drawn anew for every conversion; a
    column's noise current as measured at the converter, whatever its cells (Gaussian, generic).
    """
    if noise is None:
        return 0.0
    if not noise.current:
        return noise.levels
    if cell.read_voltage is None:
        raise InputError("is missing; device.read_noise.current follows from it", "ima.cell.read_voltage")
    return noise.current / (cell.read_voltage * window_of(cell).step)
