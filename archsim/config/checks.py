"""Checks across the fields of a hardware file: what no single field can get wrong.

Only what is contradictory or leaves a figure undefined is an error. A slow or narrow ADC is neither: it stretches the
read cycle or clips, and `archsim check` says so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from math import ceil

from archsim.config.blocks import Component, Overhead
from archsim.config.capacity import holdings
from archsim.config.device import device_findings
from archsim.config.document import Block, Scalar
from archsim.config.levels import level_findings
from archsim.config.model import HardwareFile, Register, Transport
from archsim.config.precision import precision_findings
from archsim.config.rows import row_findings
from archsim.config.sources import blocks, unknown_keys
from archsim.config.sparsity import sparsity_findings
from archsim.config.training import training_findings
from archsim.config.transfer import transfer_findings
from archsim.errors import Problem
from archsim.units import format_quantity

Finding = tuple[str, str]
"""Dotted path and what is wrong there."""

_MOST_CROSSBARS = 100_000_000

RESERVED = frozenset(
    {"adc", "dac", "sample_hold", "crossbar", "shift_add", "input_register", "output_register"}
    | {"edram", "bus", "router", "link", "activation", "pool", "alu", "tile_shift_add", "tile_output_register"}
    | {"level_table"}
)
"""Component names of the cost table that an overhead must not take."""

_DERIVED_ACTION = (
    ("ima.crossbar", "read"),
    ("ima.dac", "drive"),
    ("ima.sample_hold", "sample"),
    ("ima.adc", "convert"),
    ("ima.shift_add", "add"),
    ("tile.activation", "activate"),
    ("tile.pool", "compare"),
    ("tile.shift_add", "add"),
    ("tile.output_register", "bit"),
)
"""Actions whose energy follows from the printed power when `actions` does not state it."""

_STATED_ACTIONS = (
    ("tile.edram", ("access",)),
    ("tile.router", ("flit",)),
    ("tile.alu", ("add", "multiply", "divide")),
)
"""Actions that must be stated, but where a printed power says what they take (`energy: power`)."""


def findings(hardware: HardwareFile) -> Iterator[Finding]:
    """Everything that is wrong across fields."""
    yield from _geometry(hardware)
    yield from _registers(hardware)
    yield from _drivers(hardware)
    yield from _conductances(hardware)
    yield from _energies(hardware)
    yield from _transport(hardware)
    yield from _overheads(hardware)
    if hardware.ima.adc.transfer is not None:
        yield from transfer_findings(hardware.ima.adc.transfer, hardware.ima.adc.bits)
    if hardware.ima.adc.sparsity is not None:
        yield from sparsity_findings(hardware.ima.adc.sparsity, hardware.ima.adc.transfer, hardware.ima.adc.scaling)
    if hardware.activation_precision is not None:
        widths = hardware.precision.input_bits, hardware.ima.dac.bits
        yield from precision_findings(hardware.activation_precision, *widths)
    if hardware.weight_levels is not None:
        widths = hardware.precision.weight_bits, hardware.ima.cell.bits
        yield from level_findings(hardware.weight_levels, *widths, hardware.precision.encoding)
        if hardware.ima.adc.sparsity is not None and hardware.ima.adc.sparsity.policy != "none":
            yield "ima.adc.sparsity", "counts on whole column sums, weight_levels makes real ones; expected one of them"
    yield from row_findings(hardware)
    yield from training_findings(hardware)
    yield from _free_area(hardware)


def uncited(document: Block) -> Iterator[Problem]:
    """Sources whose work is not in the bibliography; needs no valid model, only the document."""
    bibliography = document.entries.get("bibliography")
    known = bibliography.entries if isinstance(bibliography, Block) else {}
    yield from _uncited(document, "", known)


def _uncited(block: Block, path: str, known: Collection[str]) -> Iterator[Problem]:
    for key, node in block.entries.items():
        here = f"{path}.{key}" if path else key
        if isinstance(node, Block) and here != "bibliography":
            yield from _uncited(node, here, known)
        elif key == "source" and isinstance(node, Scalar) and node.text.strip():
            yield from (Problem(node.where, f"{here}: {what}") for what in unknown_keys(node.text, known))


def _geometry(hardware: HardwareFile) -> Iterator[Finding]:
    tile, ima, precision = hardware.tile, hardware.ima, hardware.precision
    crossbar = ima.crossbar
    if not 0 <= tile.grid.columns * tile.grid.rows - tile.count < tile.grid.columns:
        size = f"{tile.grid.columns} x {tile.grid.rows}"
        yield "tile.grid", f"{size} places do not fit {tile.count} tiles; expected columns x rows = tile.count"
    slices = ceil(precision.stored_bits / ima.cell.bits)
    sides = 2 if precision.encoding == "differential" else 1
    needed = f"{precision.weight_bits}-bit weights in {ima.cell.bits}-bit cells take {slices} cells"
    if crossbar.slices == "columns" and slices * sides > crossbar.columns:
        pair = ", twice for a differential pair" if sides == 2 else ""
        yield "ima.crossbar.columns", f"{needed}{pair}, more than the {crossbar.columns} columns of an array"
    if crossbar.slices == "arrays" and slices > crossbar.count:
        yield "ima.crossbar.count", f"{needed} in as many arrays, more than the {crossbar.count} arrays of an IMA"
    if crossbar.slices == "arrays" and sides > crossbar.columns:
        yield "ima.crossbar.columns", "a differential pair needs 2 columns"
    if ima.adc.count > crossbar.count * crossbar.columns:
        columns = crossbar.count * crossbar.columns
        yield "ima.adc.count", f"{ima.adc.count} converters for {columns} columns; expected at most one a column"
    total = tile.count * ima.count * crossbar.count
    if total > _MOST_CROSSBARS:
        yield "tile.count", f"the chip would have {total:,} crossbars, above the sanity bound of {_MOST_CROSSBARS:,}"
    if tile.edram.access_bits > 8 * tile.edram.size:
        yield "tile.edram.access_bits", "an access is wider than the memory"


def _registers(hardware: HardwareFile) -> Iterator[Finding]:
    for held in holdings(hardware):
        if held.holds < held.array:
            holds, needs = format_quantity(held.holds, "B"), format_quantity(held.array, "B")
            yield f"{held.path}.size", f"holds {holds}, and a window of one array takes {needs}; expected at least that"


def _drivers(hardware: HardwareFile) -> Iterator[Finding]:
    """What is printed for row drivers of one resolution says nothing of another: neither the energy of a drive nor
    that of the read at graded voltages has a law with a source."""
    dac, register = hardware.ima.dac, hardware.ima.input_register
    printed = dac.cost.at.bits
    if dac.bits != printed:
        yield (
            "ima.dac.bits",
            f"is {dac.bits}, and what a drive and the read it drives cost is printed for {_bits(printed)}; no law with "
            f"a source carries it on; expected the figures of such drivers with ima.dac.cost.at.bits: {dac.bits}",
        )
    read = register.cost.at.bits if register.cost.at else 1
    if register.charge == "access" and dac.bits == printed != read:
        yield (
            "ima.input_register",
            f"actions.read is printed for digits of {_bits(read)}, and row drivers take {_bits(dac.bits)}; expected "
            f"the figures of such a register with cost.at.bits: {dac.bits}",
        )


def _bits(count: int) -> str:
    return f"{count} bit{'' if count == 1 else 's'}"


def _conductances(hardware: HardwareFile) -> Iterator[Finding]:
    cell = hardware.ima.cell
    if hardware.ima.crossbar.energy == "v2gt":
        for name in ("on_resistance", "off_resistance", "read_voltage"):
            if getattr(cell, name) is None:
                yield "ima.cell", f"{name} is missing; crossbar.energy: v2gt computes reads from it"
    if cell.on_resistance and cell.off_resistance and cell.on_resistance >= cell.off_resistance:
        yield "ima.cell.on_resistance", "is not below off_resistance; expected the conducting state to conduct better"
    if cell.read_pulse is not None and cell.read_pulse > hardware.ima.cycle:
        yield "ima.cell.read_pulse", "is longer than ima.cycle; expected a pulse that ends within the read cycle"
    if hardware.ima.crossbar.energy == "v2gt" and hardware.ima.dac.bits > 1:
        yield "ima.crossbar.energy", "v2gt needs 1-bit DACs; the energy of graded voltages is not modelled"
    if hardware.device is not None:
        yield from device_findings(hardware.device, cell.on_resistance, cell.off_resistance, cell.read_voltage)


def _component(hardware: HardwareFile, path: str) -> Component | None:
    level, name = path.split(".")
    found = getattr(getattr(hardware, level), name)
    assert found is None or isinstance(found, Component)
    return found


def _energies(hardware: HardwareFile) -> Iterator[Finding]:
    for path, action in _DERIVED_ACTION:
        component = _component(hardware, path)
        if component is not None and component.cost.power is None and action not in component.actions:
            yield path, f"has neither cost.power nor actions.{action}; expected one, else its energy is unknown"
    for path, actions in _STATED_ACTIONS:
        component = _component(hardware, path)
        for action in actions:
            if isinstance(component, Transport) and component.energy == "power":
                continue
            if component is not None and action not in component.actions:
                yield path, f"actions.{action} is missing; expected an energy such as 1.5 pJ"
    for path in ("tile.edram", "tile.bus", "tile.router"):
        transport = _component(hardware, path)
        if isinstance(transport, Transport):
            yield from _transport_power(path, transport)
    for path in ("ima.input_register", "ima.output_register"):
        register = _component(hardware, path)
        if isinstance(register, Register):
            yield from _register(path, register)


def _transport_power(path: str, block: Transport) -> Iterator[Finding]:
    if block.energy == "power" and block.cost.power is None:
        yield path, "cost.power is missing; energy: power spreads it over the actions"
    if block.energy == "power" and block.always_on and block.static is not None:
        yield path, "has always_on and static; expected one of them"


def _register(path: str, register: Register) -> Iterator[Finding]:
    if register.charge == "access":
        for action in ("read", "write"):
            if action not in register.actions:
                yield path, f"actions.{action} is missing; charge: access counts it"
    elif register.cost.power is None and "window" not in register.actions:
        yield path, "has neither cost.power nor actions.window; expected one, else its energy is unknown"


def _transport(hardware: HardwareFile) -> Iterator[Finding]:
    bus, links = hardware.tile.bus, hardware.chip.links
    if len(bus.actions) != 1:
        yield "tile.bus", "expected exactly one of actions.bit and actions.access"
    elif "access" in bus.actions and bus.access_bits is None:
        yield "tile.bus", "access_bits is missing; actions.access is charged once for that many bits"
    if links.always_on and links.cost.power is None:
        yield "chip.links", "cost.power is missing; always_on links draw it all the time"
    if not links.always_on and ("packet" not in links.actions or links.packet_size is None):
        yield (
            "chip.links",
            (
                "actions.packet and packet_size are needed where links are not always_on; a chip that stands alone "
                "needs no links: keep always_on and give cost.power: 0 W"
            ),
        )


def _overheads(hardware: HardwareFile) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for level in ("ima", "tile", "chip"):
        overheads: dict[str, Overhead] = getattr(hardware, level).overheads
        for name, overhead in overheads.items():
            path = f"{level}.overheads.{name}"
            if name in RESERVED:
                yield path, f"'{name}' is the name of a component; expected another name"
            elif name in seen:
                yield path, f"'{name}' is also at {seen[name]}; expected names that differ"
            seen.setdefault(name, path)
            if overhead.charge == "per_cycle_in_use" and "cycle" not in overhead.actions:
                yield path, "actions.cycle is missing; charge: per_cycle_in_use counts it"
            missing = [action for action in ("value", "decide") if action not in overhead.actions]
            if overhead.charge == "per_decision" and missing:
                yield path, f"actions.{missing[0]} is missing; charge: per_decision counts value and decide"
            missing = [action for action in ("row", "sense") if action not in overhead.actions]
            if overhead.charge == "per_input_cycle" and missing:
                yield path, f"actions.{missing[0]} is missing; charge: per_input_cycle counts row and sense"
            if overhead.charge == "per_input_cycle" and level != "ima":
                yield path, "charge: per_input_cycle belongs to the arrays' rows; expected it in ima.overheads"
            if overhead.charge == "per_decision" and level != "ima":
                yield path, "charge: per_decision belongs to the input registers; expected it in ima.overheads"


def _free_area(hardware: HardwareFile) -> Iterator[Finding]:
    for path, block in blocks(hardware):
        if isinstance(block, Component) and block.cost.area == 0 and not block.notes:
            yield f"{path}.cost.area", "is 0 without a reason; expected notes in this block that give one"
