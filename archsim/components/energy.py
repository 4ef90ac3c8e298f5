"""From printed power to energy per action, and back.

A paper prints the power of a group of circuits that work all the time. One rule turns it into energy: divide by the
number of actions the group performs per second at full load. `archsim.components.load` says what full load means for
each component; ISAAC-CE's figures follow (Table I):

| component            | full load of one IMA (tile, router)     | ISAAC-CE                              |
|----------------------|-----------------------------------------|---------------------------------------|
| adc                  | one for each column and read cycle      | 16 mW / 10.24 G/s = 1.5625 pJ         |
| shift_add            | one for each conversion                 | 0.2 mW / 10.24 G/s = 0.0195 pJ        |
| sample_hold          | one for each column and read cycle      | 10 uW / 10.24 G/s = 0.98 fJ           |
| dac                  | one for each driver and read cycle      | 4 mW / 10.24 G/s = 0.39 pJ            |
| crossbar             | one for each array and read cycle       | 2.4 mW / 80 M/s = 30 pJ               |
| input_register       | one window for each array and interval  | 1.24 mW / 5 M/s = 248 pJ (8 bit: 124) |
| output_register      | likewise                                | 0.23 mW / 5 M/s = 46 pJ (8 bit: 23)   |
| edram                | bytes_per_cycle                         | 20.7 mW / 0.32 G/s = 64.7 pJ a line   |
| bus                  | likewise                                | 7 mW / 81.9 Gb/s = 0.0854 pJ a bit    |
| router               | one flit for each port and cycle        | 42 mW / 8 G/s = 5.25 pJ a flit        |
| activation, pool     | count x rate                            | 0.52 mW / 2.4 Gop/s = 0.217 pJ        |
| tile_shift_add       | count x rate                            | 0.05 mW / 1.2 Gop/s = 0.0417 pJ       |
| tile_output_register | every array's outputs, once a window    | 1.68 mW / 15.4 Gb/s = 0.109 pJ a bit  |

Memory, bus and router also have energies per access from other libraries. Which of the two a run takes is a field of
the block (`energy`): the stated `actions`, or the printed `power`, of which a share may be drawn all the time
(`always_on`); the actions take the rest.

Printed powers hold for arrays that open all rows at once. One that opens a share of them in a read (`row_activation`)
reads that share of its cells, drives that share of its rows and finishes as many fewer windows: the power of arrays,
drivers and registers falls with it, the energy of an action stays.

A printed power holds at the printed operating point (`cost.at`). `power_ratio` carries it to the one in the file so
that the energy of an action stays what it is physically: a slower converter draws less power and takes the same energy
for a conversion, more units share the same work, a larger array costs in proportion to its cells. Rows are driven and
cells conduct for `ima.cycle`: a longer one takes more energy a read, converters that stretch the time between reads do
not.
"""

from __future__ import annotations

from archsim.components.adc import SCALING
from archsim.components.load import (
    FULL_LOAD,
    collected_bits,
    conversions,
    digits,
    duty,
    memory_bits,
    open_share,
    read_cycle,
)
from archsim.components.tree import ActionCost
from archsim.config.blocks import Component
from archsim.config.model import Bus, Edram, HardwareFile, Register, Router


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


def always_on(block: Component) -> float:
    """Share of a block's printed power that is drawn without any action."""
    return block.always_on if isinstance(block, Edram | Bus | Router) and block.energy == "power" else 0.0


def action_costs(hardware: HardwareFile, name: str, block: Component, power_w: float) -> dict[str, ActionCost]:
    """Energy of a component's actions: those stated, the others from `power_w`, the full-load power of all instances
    in one unit, less what is always on."""
    by_power = isinstance(block, Edram | Bus | Router) and block.energy == "power"
    costs = {
        action: ActionCost(
            energy_j=stated.energy / stated.per * stated_ratio(hardware, name), source=stated.source or block.source
        )
        for action, stated in block.actions.items()
        if not by_power
    }
    for component, action in FULL_LOAD:
        if component != name or action in costs or block.cost.power is None or not _derived(block, action):
            continue
        joules = energy_per_action(power_w, FULL_LOAD[component, action](hardware))
        costs[action] = ActionCost(energy_j=joules, source=block.cost.source or block.source)
    return costs


def _derived(block: Component, action: str) -> bool:
    """Whether an energy follows from the printed power for this action: one that the block is charged by."""
    if isinstance(block, Register):
        return block.charge == "window"
    if isinstance(block, Bus):
        return block.energy == "power" and action == block.charge
    return not isinstance(block, Edram | Router) or block.energy == "power"


def _crossbar(hardware: HardwareFile) -> float:
    """Power goes with the cells; the energy of a read goes with the read cycle too, as cells conduct for all of it."""
    array = hardware.ima.crossbar
    return array.rows * array.columns / (array.cost.at.rows * array.cost.at.columns) if array.cost.at else 1.0


def _sample_hold(hardware: HardwareFile) -> float:
    at = hardware.ima.sample_hold.cost.at
    return at.cycle / read_cycle(hardware) if at else 1.0


def _adc(hardware: HardwareFile) -> float:
    """A converter that has fewer columns than it could take in a read cycle waits for the next."""
    adc = hardware.ima.adc
    printed = adc.cost.at.rate if adc.cost.at else adc.rate
    return adc_energy_ratio(hardware) * conversions(hardware) / (adc.count * printed)


def _shift_add(hardware: HardwareFile) -> float:
    adc, unit = hardware.ima.adc, hardware.ima.shift_add
    if unit.cost.at is None:
        return conversions(hardware) / (adc.count * adc.rate)
    return conversions(hardware) / (unit.cost.at.adcs * unit.cost.at.rate) * unit.cost.per / unit.count


def _register(hardware: HardwareFile, register: Register, lines: int) -> float:
    """A window costs what its bits cost, however many of them a cycle takes: faster windows draw more power."""
    at, ima = register.cost.at, hardware.ima
    if at is None:
        return 1.0
    pace = digits(hardware, at.bits) * at.cycle / (digits(hardware, ima.dac.bits) * read_cycle(hardware))
    share = register.cost.per / register.count
    return ima.crossbar.count * lines / (at.crossbars * at.lines) * pace * share


def _memory(hardware: HardwareFile, block: Edram | Bus) -> float:
    at = block.cost.at
    return memory_bits(hardware) / (8 * at.bytes_per_cycle / at.cycle) if at else 1.0


def _router(hardware: HardwareFile) -> float:
    router, at = hardware.tile.router, hardware.tile.router.cost.at
    return router.ports * router.flit_rate / (at.ports * at.flit_rate) if at else 1.0


def _tile_output_register(hardware: HardwareFile) -> float:
    register = hardware.tile.output_register
    assert register is not None
    at = register.cost.at
    share = register.cost.per / register.count
    return collected_bits(hardware) / (8 * at.size / at.interval) * share if at else 1.0


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
    ima = hardware.ima
    share = open_share(hardware)
    match component:
        case "crossbar":
            return _crossbar(hardware) * share * duty(hardware)
        case "dac":
            return share * duty(hardware)
        case "sample_hold":
            return _sample_hold(hardware)
        case "adc":
            return _adc(hardware)
        case "shift_add":
            return _shift_add(hardware)
        case "input_register":
            return _register(hardware, ima.input_register, ima.crossbar.rows) * share
        case "output_register":
            return _register(hardware, ima.output_register, ima.crossbar.columns) * share
        case "edram":
            return _memory(hardware, hardware.tile.edram)
        case "bus":
            return _memory(hardware, hardware.tile.bus)
        case "router":
            return _router(hardware)
        case "tile_output_register":
            return _tile_output_register(hardware)
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
