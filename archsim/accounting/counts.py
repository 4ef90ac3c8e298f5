"""Counting actions: how often each component acted, layer by layer. Nothing here knows a joule.

Counts follow the plan exactly, and what arrays did the reads on record (`archsim.mapping.reads`). Unit of each count:
`crossbar.read` full-array reads (a partly used array counts its used share of cells), `dac.drive` rows, `adc.convert`,
`sample_hold.sample` and `shift_add.add` columns, registers' `window` full registers of one array and window,
`edram.access` lines of `access_bits`, `bus.bit` and `tile_output_register.bit` bits, `router.flit` flits times routers,
`tile_shift_add.add` values of partial sums, digital units one per element operation.
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
from archsim.mapping.reads import ArrayReads
from archsim.mapping.traffic import edge_bits, flits, packets, stage_traffic

if TYPE_CHECKING:
    from archsim.function.crossbars.devices.stored import StoredCells
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
    reads: Mapping[str, ArrayReads],
    stored: Mapping[str, StoredCells] | None = None,
) -> list[Count]:
    """All dynamic actions of a run of `timing.images` images. `reads` has the record of every crossbar stage, `stored`
    the cells' levels, which count where reads are charged by conductance.

    Measured counts are the mean per picture times the number of images.
    """
    sent = _sent(plan)
    outgoing: list[list[int]] = [[] for _ in plan.stages]
    for number, edge in enumerate(plan.edges):
        outgoing[edge.source].append(number)
    counts: list[Count] = []
    for index, (mapped, stage) in enumerate(zip(plan.stages, timing.stages, strict=True)):
        found = [
            *crossbar_actions(
                plan,
                mapped,
                None if mapped.grid is None else reads[mapped.name],
                None if stored is None else stored.get(mapped.name),
            ),
            *_memory_actions(plan, mapped),
            *_collecting_actions(plan, mapped, int(plan.gathers.passed_on[plan.gathers.stage == index].sum())),
            *lookup_actions(plan, mapped),
            *[(work.component, work.action, work.count * mapped.windows) for work in digital_work(mapped.stage)],
            *_network_actions(plan, mapped, sent, outgoing[index]),
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
    loaded, bus = _sizes(traffic.loaded_bits, mapped), plan.chip.tile.bus

    def accesses(width: int) -> int:
        """Lines of so many bits, inputs and outputs."""
        lines = sum(ceil(bits / width) * windows for bits, windows in loaded)
        return int(lines + ceil(traffic.output_bits / width) * mapped.windows)

    memory: Entry = ("edram", "access", accesses(plan.chip.tile.edram.access_bits))
    if bus.charge == "access":
        return [memory, ("bus", "access", accesses(bus.bits_per_action))]
    moved = fsum(bits * windows for bits, windows in loaded)
    moved += (traffic.partial_bits + traffic.output_bits) * mapped.windows
    return [memory, ("bus", "bit", moved)]


def _sizes(bits: NDArray[np.float64], mapped: MappedStage) -> list[tuple[float, int]]:
    """The distinct ones of a window's bits [1 or windows], and how many windows have each."""
    found, windows = np.unique(bits, return_counts=True)
    return list(zip(found.tolist(), (windows * (mapped.windows // len(bits))).tolist(), strict=True))


def _collecting_actions(plan: Plan, mapped: MappedStage, passed_on: int) -> list[Entry]:
    """Where vectors of IMAs come together, per image: the tile's output register takes every bit that an IMA sends, the
    outputs, the parts of sums and the values `passed_on` by other tiles; each value of a part is one addition in the
    tile's shift-and-add (in the arithmetic units where the machine has none)."""
    if mapped.grid is None:
        return []
    tile, place, traffic = plan.chip.tile, mapped.placement, stage_traffic(plan, mapped)
    added = place.ima_transfers * place.partial_values * mapped.windows + passed_on
    found: list[Entry] = [("alu" if tile.shift_add is None else "tile_shift_add", "add", added)]
    if tile.output_register is not None:
        bits = (traffic.output_bits + traffic.partial_bits) * mapped.windows
        found.append(("tile_output_register", "bit", bits + passed_on * plan.chip.precision.partial_sum_bits))
    return found


def _edram_accesses(plan: Plan, bits: float) -> int:
    return ceil(bits / plan.chip.tile.edram.access_bits)


def _network_actions(plan: Plan, mapped: MappedStage, sent: Sent, edges: Sequence[int]) -> list[Entry]:
    """Packets that a stage sends to its consumers over its out-`edges`, its sums on their way to its home tiles, and
    inputs that it fetches from other tiles, per image: flits through routers, packets over chip links, and the eDRAM
    writes that receive them."""
    remote = stage_traffic(plan, mapped).remote_bits
    fetched = sum(flits(plan, bits) * windows for bits, windows in _sizes(remote, mapped))
    found: list[Entry] = [
        ("router", "flit", int(sent.flits[sent.stage[mapped.name]]) + fetched * (mapped.remote_hops + 1))
    ]
    if not plan.chip.links.always_on:
        found.append(("link", "packet", int(sent.link_packets[sent.stage[mapped.name]])))
    for number in edges:
        if plan.stages[plan.edges[number].target].stage.port:
            continue  # into the host's memory
        accesses = _edram_accesses(plan, edge_bits(plan, plan.edges[number]))
        found.append(("edram", "access", accesses * int(sent.deliveries[number])))
    return found


@dataclass(frozen=True, slots=True, eq=False)
class Sent:
    """What one image's packets do: flits through routers and packets over links between chips of each stage [stages],
    and tiles that the packets of each edge are delivered to [edges]."""

    stage: dict[str, int]
    flits: Ints
    link_packets: Ints
    deliveries: Ints


def _sent(plan: Plan) -> Sent:
    """A packet passes one router for each hop but those into tiles: the one it enters at, then one a link."""
    sent, channels, routes = packets(plan), plan.routes.channels, plan.routes

    def by_stage(sizes: Ints, which: NDArray[np.bool_]) -> Ints:
        total = np.zeros(len(plan.stages), np.int64)
        np.add.at(total, sent.source[which], (sizes[sent.size] * sent.shares)[which])
        return total

    return Sent(
        stage={mapped.name: number for number, mapped in enumerate(plan.stages)},
        flits=by_stage(-(-sent.sizes // plan.chip.tile.router.flit_bits), ~channels.ejects(sent.channel)),
        link_packets=by_stage(
            -(-sent.sizes // (8 * max(1, plan.chip.links.packet_bytes))), channels.between_chips(sent.channel)
        ),
        deliveries=routes.per_edge(routes.shares * routes.stops),
    )


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
