"""The cost table: energy of one action of one component."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from archsim.components.tree import ActionCost, Chip, Circuit

CostTable = Mapping[tuple[str, str], ActionCost]
"""(component, action) -> cost, in the order of the machine. `static` is watts of one instance, counted in seconds."""


def circuits(chip: Chip) -> Iterator[tuple[str, str, Circuit]]:
    """(component, level, circuit) of the whole machine; level is `ima`, `tile` or `chip`, the unit its count is in.

    The router is listed at level `chip`: several tiles share one.
    """
    tile, ima = chip.tile, chip.tile.ima
    for name in ("adc", "dac", "sample_hold", "crossbar", "shift_add", "input_register", "output_register"):
        yield name, "ima", getattr(ima, name)
    yield from ((overhead.name, "ima", overhead) for overhead in ima.overheads)
    for name in ("edram", "bus", "activation", "pool", "alu"):
        yield name, "tile", getattr(tile, name)
    if tile.shift_add is not None:
        yield "tile_shift_add", "tile", tile.shift_add
    if tile.output_register is not None:
        yield "tile_output_register", "tile", tile.output_register
    yield from ((overhead.name, "tile", overhead) for overhead in tile.overheads)
    yield "router", "chip", tile.router
    yield "link", "chip", chip.links
    yield from ((overhead.name, "chip", overhead) for overhead in chip.overheads)
    if chip.training is not None:
        yield from chip.training.circuits()


def cost_table(chip: Chip) -> CostTable:
    """Energies of every action the machine knows, each with its source."""
    table: dict[tuple[str, str], ActionCost] = {}
    for name, _, circuit in circuits(chip):
        for action, cost in circuit.actions.items():
            table[name, action] = cost
        if circuit.static_w > 0:
            table[name, "static"] = ActionCost(energy_j=circuit.static_w, source=circuit.source)
    return table
