"""Builds the machine of a hardware file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict

from archsim.components import energy, load, tree
from archsim.components.adc import SCALING, short_conversion
from archsim.components.load import picoseconds
from archsim.components.training import training_parts, write_pulse
from archsim.components.tree import ActionCost
from archsim.config import Hardware
from archsim.config import model as files
from archsim.config.blocks import Component, Overhead
from archsim.config.model import HardwareFile
from archsim.config.sparsity import SHORTENING


def build_chip(hardware: Hardware) -> tree.Chip:
    """The chip a hardware file describes, in SI units and integer picoseconds."""
    file = hardware.model
    return tree.Chip(
        hardware=hardware,
        name=hardware.name,
        tiles=file.tile.count,
        tile=_tile(file),
        links=_links(file),
        precision=file.precision,
        activation_precision=file.activation_precision,
        pipeline=_pipeline(file),
        overflow=file.chip.overflow,
        input=file.chip.input,
        replication=file.mapping.replication,
        placement=file.mapping.placement,
        objective=file.mapping.objective,
        timings=_whole_or_none(file.mapping.timings),
        buffer_slack_rows=_whole_or_none(file.mapping.buffer_slack_rows),
        buffer_overflow=file.mapping.buffer_overflow,
        overheads=_overheads(file, file.chip.overheads),
        training=training_parts(file),
    )


class _Circuit(TypedDict):
    count: int
    area_m2: float
    power_w: float
    static_w: float
    gated: bool
    actions: Mapping[str, ActionCost]
    source: str


@dataclass(frozen=True, slots=True)
class _Place:
    """A component by its name in the cost table, with the number of its instances."""

    name: str
    count: int


def _circuit(file: HardwareFile, place: _Place, block: Component) -> _Circuit:
    """What `tree.Circuit` holds, for one instance at the file's operating point."""
    cost, static = block.cost, block.static
    printed_w = (cost.power or 0.0) / cost.per * energy.power_ratio(file, place.name)
    standing_w = printed_w * energy.always_on(block)
    dynamic_w = printed_w - standing_w
    static_w = (static.power / static.per if static else 0.0) + standing_w
    return _Circuit(
        count=place.count,
        area_m2=cost.area / cost.per * energy.area_ratio(file, place.name),
        power_w=dynamic_w + static_w,
        static_w=static_w,
        gated=static.gated if static else False,
        actions=energy.action_costs(file, place.name, block, dynamic_w * place.count),
        source=cost.source or block.source,
    )


def _overheads(file: HardwareFile, blocks: Mapping[str, Overhead]) -> tuple[tree.Overhead, ...]:
    return tuple(
        tree.Overhead(**_circuit(file, _Place(name, block.count), block), name=name, charge=block.charge)
        for name, block in blocks.items()
    )


def _register(file: HardwareFile, name: str, block: files.Register) -> tree.Register:
    circuit = _circuit(file, _Place(name, block.count), block)
    return tree.Register(**circuit, size_bytes=int(block.size), charge=block.charge)


def _unit(file: HardwareFile, name: str, block: files.DigitalUnit) -> tree.DigitalUnit:
    return tree.DigitalUnit(**_circuit(file, _Place(name, block.count), block), rate=block.rate)


def _crossbar(file: HardwareFile) -> tree.Crossbar:
    block, cell = file.ima.crossbar, file.ima.cell
    circuit = _circuit(file, _Place("crossbar", block.count), block)
    if block.energy == "v2gt":
        circuit["actions"] = {**circuit["actions"], "cell_read": energy.on_cell_read(file)}
    pulse = write_pulse(file) if file.training is not None else None
    if pulse is not None:
        circuit["actions"] = {**circuit["actions"], "pulse": pulse}
    return tree.Crossbar(
        **circuit,
        rows=block.rows,
        columns=block.columns,
        rows_at_once=load.rows_at_once(file),
        activation=block.row_activation.policy if block.row_activation else "dense",
        unit_column=block.unit_column,
        slices=block.slices,
        energy=block.energy,
        cell=tree.Cell(
            bits=cell.bits,
            on_resistance=cell.on_resistance,
            off_resistance=cell.off_resistance,
            read_voltage=cell.read_voltage,
            levels=file.weight_levels is not None,
        ),
    )


def _dac(file: HardwareFile) -> tree.Dac:
    block, crossbar = file.ima.dac, file.ima.crossbar
    count = load.dac_count(file)
    return tree.Dac(
        **_circuit(file, _Place("dac", count), block),
        bits=block.bits,
        charge=block.charge,
        arrays_per_driver=max(1, round(crossbar.count * crossbar.rows / count)),
    )


def _adc_circuit(file: HardwareFile) -> _Circuit:
    """Converters, with the energy of each shorter search where a policy makes some: E(bits) law(b) / law(bits)."""
    adc = file.ima.adc
    circuit = _circuit(file, _Place("adc", adc.count), adc)
    if adc.sparsity is None or adc.sparsity.policy not in SHORTENING:
        return circuit
    full, law = circuit["actions"]["convert"], SCALING[adc.scaling].energy
    shorter = {
        short_conversion(bits): ActionCost(energy_j=full.energy_j * law(bits) / law(adc.bits), source=full.source)
        for bits in range(adc.bits - 1, 0, -1)
    }
    circuit["actions"] = {**circuit["actions"], **shorter}
    return circuit


def _ima(file: HardwareFile) -> tree.Ima:
    ima, adc = file.ima, file.ima.adc
    return tree.Ima(
        crossbars=ima.crossbar.count,
        cycle_ps=picoseconds(ima.cycle),
        bit_cycle_ps=load.read_cycle_ps(file),
        columns_per_adc=load.columns_per_adc(file),
        crossbar=_crossbar(file),
        dac=_dac(file),
        sample_hold=tree.SampleHold(
            **_circuit(file, _Place("sample_hold", load.sample_hold_count(file)), ima.sample_hold)
        ),
        adc=tree.Adc(
            **_adc_circuit(file),
            bits=adc.bits,
            rate=adc.rate,
            converts=adc.converts,
            scaling=adc.scaling,
            transfer=adc.transfer,
            sparsity=adc.sparsity,
        ),
        shift_add=tree.ShiftAdd(**_circuit(file, _Place("shift_add", ima.shift_add.count), ima.shift_add)),
        input_register=_register(file, "input_register", ima.input_register),
        output_register=_register(file, "output_register", ima.output_register),
        overheads=(*_overheads(file, ima.overheads), *_level_tables(file)),
    )


def _level_tables(file: HardwareFile) -> tuple[tree.Overhead, ...]:
    """Entries of the tables of level sets in an IMA: one table for the layer it holds, or one for each weight column of
    its arrays."""
    block, crossbar = file.weight_levels, file.ima.crossbar
    if block is None or block.table is None:
        return ()
    sides = 2 if file.precision.encoding == "differential" else 1
    tables = crossbar.count * (crossbar.columns // sides) if block.granularity == "channel" else 1
    circuit = _circuit(file, _Place("level_table", tables * 2**file.precision.weight_bits), block.table)
    return (tree.Overhead(**circuit, name="level_table", charge="per_cell_written"),)


def _edram(file: HardwareFile) -> tree.Edram:
    block = file.tile.edram
    return tree.Edram(
        **_circuit(file, _Place("edram", 1), block),
        size_bytes=int(block.size),
        access_bits=block.access_bits,
        bytes_per_cycle=int(block.bytes_per_cycle),
    )


def _bus(file: HardwareFile) -> tree.Bus:
    block = file.tile.bus
    bits = 1 if block.charge == "bit" else block.access_bits
    assert bits is not None
    circuit = _circuit(file, _Place("bus", 1), block)
    return tree.Bus(**circuit, wires=block.wires, charge=block.charge, bits_per_action=bits)


def _router(file: HardwareFile) -> tree.Router:
    block = file.tile.router
    return tree.Router(
        **_circuit(file, _Place("router", 1), block),
        ports=block.ports,
        flit_bits=block.flit_bits,
        flit_rate=block.flit_rate,
        latency_ps=picoseconds(block.latency),
        shared_by=block.shared_by,
        topology=block.topology,
    )


def _tile_register(file: HardwareFile) -> tree.TileRegister:
    block = file.tile.output_register
    assert block is not None
    circuit = _circuit(file, _Place("tile_output_register", block.count), block)
    return tree.TileRegister(**circuit, size_bytes=int(block.size))


def _tile(file: HardwareFile) -> tree.Tile:
    tile = file.tile
    return tree.Tile(
        imas=file.ima.count,
        ima=_ima(file),
        grid=tree.Grid(columns=tile.grid.columns, rows=tile.grid.rows),
        cycle_ps=picoseconds(tile.cycle),
        edram=_edram(file),
        bus=_bus(file),
        router=_router(file),
        activation=_unit(file, "activation", tile.activation),
        pool=_unit(file, "pool", tile.pool),
        alu=_unit(file, "alu", tile.alu),
        shift_add=_unit(file, "tile_shift_add", tile.shift_add) if tile.shift_add else None,
        output_register=_tile_register(file) if tile.output_register else None,
        overheads=_overheads(file, tile.overheads),
    )


def _links(file: HardwareFile) -> tree.Links:
    block = file.chip.links
    circuit = _circuit(file, _Place("link", block.count), block)
    if block.always_on:
        circuit["static_w"], circuit["gated"] = circuit["power_w"], False
    return tree.Links(
        **circuit,
        bandwidth=block.bandwidth,
        latency_ps=picoseconds(block.latency),
        always_on=block.always_on,
        packet_bytes=int(block.packet_size) if block.packet_size is not None else 0,
    )


def _whole_or_none(value: int | str) -> int | None:
    """A number, or None for the word that leaves it to the mapper."""
    return None if isinstance(value, str) else value


def _pipeline(file: HardwareFile) -> tree.Pipeline:
    stages = file.pipeline
    ima_ps, tile_ps = load.read_cycle_ps(file), picoseconds(file.tile.cycle)
    return tree.Pipeline(
        edram_read=stages.edram_read,
        decision=stages.decision,
        adc_trail=stages.adc_trail,
        shift_add=stages.shift_add,
        activation=stages.activation,
        edram_write=stages.edram_write,
        edram_read_ps=stages.edram_read * tile_ps,
        decision_ps=stages.decision * ima_ps,
        adc_trail_ps=stages.adc_trail * ima_ps,
        shift_add_ps=stages.shift_add * ima_ps,
        activation_ps=stages.activation * tile_ps,
        edram_write_ps=stages.edram_write * tile_ps,
        input_registers=stages.input_registers,
        output_registers=stages.output_registers,
    )
