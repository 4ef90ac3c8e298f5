"""Counting actions: how often each component acted, layer by layer. Nothing here knows a joule.

Counts follow the plan exactly; where a machine gates its row drivers (`dac.charge: active`) they follow the inputs'
bits. Unit of each count: `crossbar.read` full-array reads (a partly used array counts its used share of cells),
`dac.drive` rows, `adc.convert`, `sample_hold.sample` and `shift_add.add` columns, registers' `window` full registers
of one array and window, `edram.access` lines of `access_bits`, `bus.bit` bits, `router.flit` flits times routers,
digital units one per element operation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, fsum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from archsim.accounting.crossbars import Entry, crossbar_actions
from archsim.accounting.rows import lookup_actions
from archsim.mapping.digital import digital_work
from archsim.mapping.plan import MappedStage, Plan
from archsim.mapping.traffic import edge_bits, flits, stage_traffic

if TYPE_CHECKING:
    from archsim.function.crossbars.devices.stored import StoredCells
    from archsim.function.inference.activity import LayerActivity
    from archsim.timing.summary import StageTiming, Timing

Ints = NDArray[np.int64]
CHIP = "chip"
"""Layer name of what belongs to no layer."""


@dataclass(frozen=True, slots=True)
class Count:
    """`count` times `action` of `component` for `layer`, over all images of the run."""

    layer: str
    component: str
    action: str
    count: float


def count_actions(
    plan: Plan,
    timing: Timing,
    activity: Mapping[str, LayerActivity],
    stored: Mapping[str, StoredCells] | None = None,
) -> list[Count]:
    """All dynamic actions of a run of `timing.images` images. `activity` has measured inputs by layer, or nothing;
    `stored` the cells' levels, which count where reads are charged by conductance.

    Measured counts are the mean per picture times the number of images.
    """
    visits = _visits(plan)
    outgoing: list[list[int]] = [[] for _ in plan.stages]
    for number, edge in enumerate(plan.edges):
        outgoing[edge.source].append(number)
    counts: list[Count] = []
    for index, (mapped, stage) in enumerate(zip(plan.stages, timing.stages, strict=True)):
        found = [
            *crossbar_actions(
                plan, mapped, activity.get(mapped.name), None if stored is None else stored.get(mapped.name)
            ),
            *_memory_actions(plan, mapped),
            *lookup_actions(plan, mapped),
            *[(work.component, work.action, work.count * mapped.windows) for work in digital_work(mapped.stage)],
            *_network_actions(plan, mapped, outgoing[index], visits),
        ]
        images = timing.images
        counts += [Count(mapped.name, component, action, n * images) for component, action, n in _merged(found)]
        counts += [Count(mapped.name, *entry) for entry in _control_actions(plan, mapped, stage)]
    return counts


def _merged(entries: list[Entry]) -> list[Entry]:
    total: dict[tuple[str, str], float] = {}
    for component, action, count in entries:
        total[component, action] = total.get((component, action), 0) + count
    return [(component, action, count) for (component, action), count in total.items() if count]


def _memory_actions(plan: Plan, mapped: MappedStage) -> list[Entry]:
    """Tile eDRAM and bus per image: inputs read, partial sums between IMAs, outputs written."""
    traffic = stage_traffic(plan, mapped)
    loaded = traffic.loaded_bits.tolist()
    turns, bus = mapped.windows // len(loaded), plan.chip.tile.bus

    def accesses(width: int) -> int:
        """Lines of so many bits, inputs and outputs."""
        lines = sum(ceil(bits / width) for bits in loaded) * turns
        return int(lines + ceil(traffic.output_bits / width) * mapped.windows)

    memory: Entry = ("edram", "access", accesses(plan.chip.tile.edram.access_bits))
    if bus.charge == "access":
        return [memory, ("bus", "access", accesses(bus.bits_per_action))]
    moved = fsum(loaded) * turns + (traffic.partial_bits + traffic.output_bits) * mapped.windows
    return [memory, ("bus", "bit", moved)]


def _edram_accesses(plan: Plan, bits: float) -> int:
    return ceil(bits / plan.chip.tile.edram.access_bits)


def _network_actions(plan: Plan, mapped: MappedStage, edges: Sequence[int], visits: Visits) -> list[Entry]:
    """Packets over a stage's out-`edges` to its consumers (and partial sums between tiles, and inputs that stand in
    other tiles) per image: flits through routers, bytes over chip links, and the eDRAM writes that receive them."""
    traffic = stage_traffic(plan, mapped)
    gathered = float(flits(plan, traffic.gathered_bits) * 2 * mapped.windows)
    turns = mapped.windows // len(traffic.remote_bits)
    fetched = sum(flits(plan, bits) for bits in traffic.remote_bits.tolist()) * turns
    found: list[Entry] = [("router", "flit", gathered + fetched * (mapped.remote_hops + 1))]
    links = plan.chip.links
    for number in edges:
        bits = edge_bits(plan, plan.edges[number])
        found.append(("router", "flit", flits(plan, bits) * int(visits.routers[number])))
        found.append(("edram", "access", _edram_accesses(plan, bits) * int(visits.tiles[number])))
        if not links.always_on:
            found.append(("link", "packet", ceil(bits / 8 / links.packet_bytes) * int(visits.chip_links[number])))
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Visits:
    """How often an image's packets of each edge [edges] pass a router, are delivered to a tile, and cross from chip to
    chip."""

    routers: Ints
    tiles: Ints
    chip_links: Ints


def _visits(plan: Plan) -> Visits:
    """A packet passes one router for each hop but those into tiles: the one it enters at, then one a link."""
    routes = plan.routes
    per_route = (
        routes.per_route(~routes.channels.ejects(routes.channel)),
        routes.stops,
        routes.per_route(routes.channels.between_chips(routes.channel)),
    )
    return Visits(*(routes.per_edge(routes.shares * each) for each in per_route))


def _control_actions(plan: Plan, mapped: MappedStage, timing: StageTiming) -> list[Entry]:
    """Control charged per clock cycle in which its unit works: the crossbar step's busy time of every lane, over the
    whole run."""
    chip, found = plan.chip, []
    place = mapped.placement
    cycles = timing.busy_s * mapped.replication / (chip.tile.cycle_ps * 1e-12)
    per_ima = chip.tile.ima.crossbars
    imas = ceil(place.crossbars / mapped.replication / per_ima) if place.crossbars else 0
    for overhead in chip.tile.ima.overheads:
        if overhead.charge == "per_cycle_in_use" and imas:
            found.append((overhead.name, "cycle", cycles * imas * overhead.count))
    for overhead in chip.tile.overheads:
        if overhead.charge == "per_cycle_in_use":
            found.append((overhead.name, "cycle", cycles * place.span * overhead.count))
    return found
