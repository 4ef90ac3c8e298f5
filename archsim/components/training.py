"""What a chip has for training beside the parts of inference, and the chip as the phases of training see it.

A phase reads arrays of its own: the error phase the weights' arrays in the other direction, the gradient phase SRAM
arrays. `error_chip` and `gradient_chip` are the chip with those arrays and converters in the place of the IMA's, so
that the same mapping and timing serve every phase.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import ceil

from archsim.components.adc import SCALING
from archsim.components.tree import ActionCost, Adc, Cell, Chip, Circuit, Ima, TrainingParts
from archsim.config.blocks import Component
from archsim.config.model import HardwareFile
from archsim.config.training import TrainingAdc

PICOSECONDS = 10**12


def training_parts(file: HardwareFile) -> TrainingParts | None:
    """Training circuits of a hardware file, None where it only infers."""
    block = file.training
    if block is None:
        return None
    arrays, crossbar = block.gradient, file.ima.crossbar
    rows = arrays.count * arrays.rows
    converters = arrays.count * ceil(arrays.columns / arrays.adc.lines_per_adc)
    transposed = crossbar.count * ceil(crossbar.rows / block.transposed_adc.lines_per_adc)
    return TrainingParts(
        block=block,
        transposed_adc=_converters(block.transposed_adc, transposed),
        gradient_array=_circuit(arrays.array, arrays.count),
        gradient_driver=_circuit(arrays.driver, rows, share=arrays.rows),
        gradient_adc=_converters(arrays.adc, converters),
        gradient_shift_add=_circuit(arrays.shift_add, ceil(converters / 2)),
        gradient_register=_circuit(arrays.registers, arrays.count),
        gradient_mac=None if block.gradient_mac is None else _circuit(block.gradient_mac, block.gradient_mac.count),
        accumulator=_circuit(block.accumulator, block.accumulator.count),
        dram=_circuit(block.dram, 1),
    )


def write_pulse(file: HardwareFile) -> ActionCost | None:
    """Energy of one update pulse on a cell at mid-window, V^2 G t; None without `device.write`."""
    write = file.device.write if file.device is not None else None
    cell = file.ima.cell
    if write is None or file.device is None:
        return None
    source = write.source or file.device.source or "set for this run"
    if write.energy is not None:
        return ActionCost(energy_j=write.energy, source=source)
    assert write.voltage is not None
    assert cell.on_resistance is not None
    assert cell.off_resistance is not None
    middle = (1 / cell.on_resistance + 1 / cell.off_resistance) / 2
    return ActionCost(energy_j=write.voltage**2 * middle * write.pulse, source=source)


def error_chip(chip: Chip) -> Chip:
    """The chip with its arrays turned: errors enter at columns, sums leave at rows, through the transposed read's
    converters. Slices of a weight lie in sibling arrays, so digits stay apart."""
    assert chip.training is not None
    block, ima = chip.training.block, chip.tile.ima
    adc = block.transposed_adc
    crossbar = replace(ima.crossbar, rows=ima.crossbar.columns, columns=ima.crossbar.rows, unit_column=False)
    crossbar = replace(crossbar, rows_at_once=crossbar.rows)
    bit_cycle = max(ima.cycle_ps, _serial_ps(adc))
    turned = replace(
        ima,
        bit_cycle_ps=bit_cycle,
        columns_per_adc=adc.lines_per_adc,
        crossbar=crossbar,
        adc=_as_adc(chip.training.transposed_adc, adc, ima.adc),
    )
    precision = chip.precision.model_copy(update={"input_bits": block.error_bits})
    # errors are made on the chip
    return _with_ima(replace(chip, input="on_chip", precision=precision), turned)


def gradient_chip(chip: Chip) -> Chip:
    """The chip with its SRAM arrays in the place of the IMAs' arrays, one unit in each tile. A weight of theirs is an
    error, one bit to a column."""
    parts = chip.training
    assert parts is not None
    arrays, ima = parts.block.gradient, chip.tile.ima
    cell = Cell(bits=1, on_resistance=None, off_resistance=None, read_voltage=None)
    sram = replace(
        ima.crossbar,
        count=arrays.count,
        rows=arrays.rows,
        rows_at_once=arrays.rows,
        columns=arrays.columns,
        unit_column=False,
        slices="columns",
        energy="table",
        cell=cell,
        power_w=0.0,
        static_w=0.0,
    )
    cycle = round(Fraction(arrays.cycle) * PICOSECONDS)
    unit = replace(
        ima,
        crossbars=arrays.count,
        cycle_ps=cycle,
        bit_cycle_ps=max(cycle, _serial_ps(arrays.adc)),
        columns_per_adc=arrays.adc.lines_per_adc,
        crossbar=sram,
        dac=replace(ima.dac, count=arrays.count * arrays.rows, bits=1, arrays_per_driver=1),
        adc=_as_adc(parts.gradient_adc, arrays.adc, ima.adc),
    )
    precision = chip.precision.model_copy(update={"weight_bits": parts.block.error_bits, "encoding": "offset"})
    tile = replace(chip.tile, imas=1)
    return _with_ima(replace(chip, input="on_chip", tile=tile, precision=precision), unit)


def _with_ima(chip: Chip, ima: Ima) -> Chip:
    """The chip with other units, and the stages of the pipeline that follow their read cycle."""
    stages, cycle = chip.pipeline, ima.bit_cycle_ps
    pipeline = replace(stages, adc_trail_ps=stages.adc_trail * cycle, shift_add_ps=stages.shift_add * cycle)
    return replace(chip, tile=replace(chip.tile, ima=ima), pipeline=pipeline)


def _as_adc(circuit: Circuit, block: TrainingAdc, like: Adc) -> Adc:
    return replace(
        like,
        count=circuit.count,
        actions=circuit.actions,
        area_m2=circuit.area_m2,
        power_w=circuit.power_w,
        static_w=circuit.static_w,
        source=circuit.source,
        bits=block.bits,
        rate=block.rate,
        scaling=block.scaling,
        transfer=None,
        sparsity=None,
    )


def _serial_ps(adc: TrainingAdc) -> int:
    """Time in which a converter serves its lines [ps]."""
    return ceil(adc.lines_per_adc * PICOSECONDS / Fraction(adc.rate))


def _circuit(block: Component, count: int, share: int = 1) -> Circuit:
    """`count` instances; the file's cost is that of `share` of them."""
    static = block.static
    static_w = static.power / static.per / share if static else 0.0
    return Circuit(
        count=count,
        area_m2=block.cost.area / block.cost.per / share,
        power_w=(block.cost.power or 0.0) / block.cost.per / share + static_w,
        static_w=static_w,
        gated=static.gated if static else False,
        actions={
            name: ActionCost(energy_j=action.energy / action.per, source=action.source or block.source)
            for name, action in block.actions.items()
        },
        source=block.cost.source or block.source,
    )


def _converters(block: TrainingAdc, count: int) -> Circuit:
    """Converters at the file's resolution and rate; a conversion keeps its energy when the rate changes."""
    circuit, at, law = _circuit(block, count), block.cost.at, SCALING[block.scaling]
    energy = law.energy(block.bits) / law.energy(at.bits) if at else 1.0
    area = law.area(block.bits) / law.area(at.bits) if at else 1.0
    printed = (circuit.power_w - circuit.static_w) / (at.rate if at else block.rate)
    stated = circuit.actions.get("convert")
    convert = (stated.energy_j if stated else printed) * energy
    source = stated.source if stated else circuit.source
    return replace(
        circuit,
        area_m2=circuit.area_m2 * area,
        power_w=printed * energy * block.rate + circuit.static_w,
        actions={"convert": ActionCost(energy_j=convert, source=source)},
    )
