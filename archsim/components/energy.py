"""From printed power to energy per action, and back.

A paper prints the power of a group of circuits that work all the time. One rule turns it into energy: divide by the
number of actions the group performs per second at full load. `FULL_LOAD` says what full load means for each component;
ISAAC-CE's figures follow (Table I):

| component        | full load of one IMA (tile)                | ISAAC-CE                              |
|------------------|--------------------------------------------|---------------------------------------|
| adc              | count x rate                               | 16 mW / 10.24 GS/s = 1.5625 pJ        |
| shift_add        | one for each conversion                    | 0.2 mW / 10.24 G/s = 0.0195 pJ        |
| sample_hold      | one for each column and cycle              | 10 uW / 10.24 G/s = 0.98 fJ           |
| dac              | one for each driver and cycle              | 4 mW / 10.24 G/s = 0.39 pJ            |
| crossbar         | one for each array and cycle               | 2.4 mW / 80 M/s = 30 pJ               |
| input_register   | one window for each array in input_cycles  | 1.24 mW / 5 M/s = 248 pJ (8 bit: 124) |
| output_register  | likewise                                   | 0.23 mW / 5 M/s = 46 pJ (8 bit: 23)   |
| activation, pool | count x rate                               | 0.52 mW / 2.4 Gop/s = 0.217 pJ        |

Printed powers hold for arrays that open all rows at once. One that opens a share of them in a read (`row_activation`)
reads that share of its cells, drives that share of its rows and finishes as many fewer windows: the power of arrays,
drivers and registers falls with it, the energy of an action stays.

A printed power holds at the printed operating point (`cost.at`). `operating_power` carries it to the one in the file so
that the energy of an action stays what it is physically: a slower converter draws less power and takes the same energy
for a conversion, a larger array costs in proportion to its cells. What scales with the read cycle is stated there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil
from types import MappingProxyType

from archsim.components.adc import SCALING
from archsim.components.tree import ActionCost
from archsim.config.model import HardwareFile, Register


def energy_per_action(power_w: float, actions_per_second: float) -> float:
    """Energy (J) of one action of a group that draws `power_w` while it performs `actions_per_second`."""
    return power_w / actions_per_second


def on_cell_read(hardware: HardwareFile) -> ActionCost:
    """Energy of one cell in the on state for one read pulse, V^2 G t; what `crossbar.energy: v2gt` counts in."""
    cell = hardware.ima.cell
    assert cell.read_voltage is not None
    assert cell.on_resistance is not None
    pulse = hardware.ima.cycle if cell.read_pulse is None else cell.read_pulse
    return ActionCost(energy_j=cell.read_voltage**2 / cell.on_resistance * pulse, source=cell.source)


def dac_count(hardware: HardwareFile) -> int:
    """Row drivers of an IMA: as stated, else one for each row of each array."""
    ima = hardware.ima
    return ima.dac.count or ima.crossbar.count * ima.crossbar.rows


def sample_hold_count(hardware: HardwareFile) -> int:
    """Sample-and-hold circuits of an IMA: as stated, else one for each column of each array."""
    ima = hardware.ima
    return ima.sample_hold.count or ima.crossbar.count * ima.crossbar.columns


def rows_at_once(hardware: HardwareFile) -> int:
    """Rows of an array that are open in one read."""
    crossbar = hardware.ima.crossbar
    return crossbar.rows if crossbar.row_activation is None else crossbar.row_activation.rows_at_once


def _open_share(hardware: HardwareFile) -> float:
    """Share of an array's rows that one read opens, mean over the reads of a digit."""
    return 1 / ceil(hardware.ima.crossbar.rows / rows_at_once(hardware))


def _windows(hardware: HardwareFile) -> float:
    """Windows an IMA's arrays finish per second, summed over arrays, when every read cycle is used."""
    cycles = _digits(hardware, hardware.ima.dac.bits)
    return hardware.ima.crossbar.count / (cycles * hardware.ima.cycle) * _open_share(hardware)


def _digits(hardware: HardwareFile, bits: int) -> int:
    """Cycles in which an input of the file's width enters, so many bits at a time."""
    return ceil(hardware.precision.input_bits / bits)


def _tile_shift_adds(hardware: HardwareFile) -> float:
    unit = hardware.tile.shift_add
    assert unit is not None
    return unit.count * unit.rate


FULL_LOAD: Mapping[tuple[str, str], Callable[[HardwareFile], float]] = MappingProxyType(
    {
        ("crossbar", "read"): lambda hw: hw.ima.crossbar.count * _open_share(hw) / hw.ima.cycle,
        ("dac", "drive"): lambda hw: dac_count(hw) * _open_share(hw) / hw.ima.cycle,
        ("sample_hold", "sample"): lambda hw: sample_hold_count(hw) / hw.ima.cycle,
        ("adc", "convert"): lambda hw: hw.ima.adc.count * hw.ima.adc.rate,
        ("shift_add", "add"): lambda hw: hw.ima.adc.count * hw.ima.adc.rate,
        ("input_register", "window"): _windows,
        ("output_register", "window"): _windows,
        ("activation", "activate"): lambda hw: hw.tile.activation.count * hw.tile.activation.rate,
        ("pool", "compare"): lambda hw: hw.tile.pool.count * hw.tile.pool.rate,
        ("tile_shift_add", "add"): _tile_shift_adds,
        ("tile_output_register", "window"): lambda hw: hw.ima.count * _windows(hw),
    }
)
"""Actions per second at full load, summed over all instances in one IMA (in one tile for the tile's components)."""


def _crossbar(hardware: HardwareFile) -> float:
    """Power goes with the cells; the energy of a read goes with the read cycle too, as cells conduct for all of it."""
    array = hardware.ima.crossbar
    return array.rows * array.columns / (array.cost.at.rows * array.cost.at.columns) if array.cost.at else 1.0


def _sample_hold(hardware: HardwareFile) -> float:
    at = hardware.ima.sample_hold.cost.at
    return at.cycle / hardware.ima.cycle if at else 1.0


def _adc(hardware: HardwareFile) -> float:
    adc = hardware.ima.adc
    return adc_energy_ratio(hardware) * (adc.rate / adc.cost.at.rate if adc.cost.at else 1.0)


def _shift_add(hardware: HardwareFile) -> float:
    adc, at = hardware.ima.adc, hardware.ima.shift_add.cost.at
    return adc.count * adc.rate / (at.adcs * at.rate) if at else 1.0


def _register(hardware: HardwareFile, register: Register, crossbars: int, lines: int) -> float:
    """A window costs what its bits cost, however many of them a cycle takes: faster windows draw more power."""
    at, ima = register.cost.at, hardware.ima
    if at is None:
        return 1.0
    pace = _digits(hardware, at.bits) * at.cycle / (_digits(hardware, ima.dac.bits) * ima.cycle)
    return crossbars * lines / (at.crossbars * at.lines) * pace


def adc_energy_ratio(hardware: HardwareFile) -> float:
    """Energy of a conversion over that at the printed resolution."""
    adc = hardware.ima.adc
    law = SCALING[adc.scaling].energy
    return law(adc.bits) / law(adc.cost.at.bits) if adc.cost.at else 1.0


def area_ratio(hardware: HardwareFile, component: str) -> float:
    """Area of one instance over the printed one: arrays go with their cells, converters by their scaling law."""
    if component == "crossbar":
        return _crossbar(hardware)
    adc = hardware.ima.adc
    if component == "adc" and adc.cost.at:
        law = SCALING[adc.scaling].area
        return law(adc.bits) / law(adc.cost.at.bits)
    return 1.0


def power_ratio(hardware: HardwareFile, component: str) -> float:
    """Full-load power of one instance at the file's operating point over the printed one (`cost.at`)."""
    ima, crossbar = hardware.ima, hardware.ima.crossbar
    tile_arrays = ima.count * crossbar.count
    share = _open_share(hardware)
    match component:
        case "crossbar":
            return _crossbar(hardware) * share
        case "dac":
            return share
        case "sample_hold":
            return _sample_hold(hardware)
        case "adc":
            return _adc(hardware)
        case "shift_add":
            return _shift_add(hardware)
        case "input_register":
            return _register(hardware, ima.input_register, crossbar.count, crossbar.rows) * share
        case "output_register":
            return _register(hardware, ima.output_register, crossbar.count, crossbar.columns) * share
        case "tile_output_register" if hardware.tile.output_register is not None:
            return _register(hardware, hardware.tile.output_register, tile_arrays, crossbar.columns) * share
        case _:
            return 1.0


def stated_ratio(hardware: HardwareFile, component: str) -> float:
    """Factor on energies that `actions` states, for the same reasons."""
    match component:
        case "crossbar":
            return _crossbar(hardware)
        case "adc":
            return adc_energy_ratio(hardware)
        case _:
            return 1.0
