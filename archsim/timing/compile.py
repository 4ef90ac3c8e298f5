"""From plan to machine description: what each window costs in picoseconds on this chip, and which shared resources it
needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil

import numpy as np

from archsim.components import Chip
from archsim.mapping.digital import UNITS, unit_times_ps
from archsim.mapping.network import PICOSECONDS, Channels
from archsim.mapping.plan import MappedStage, Plan
from archsim.mapping.traffic import Packets, flits, hop_holds, packets, stage_traffic
from archsim.timing.machine import Ints, Machine

LANE_OUTPUT_SLOTS = 2


def compile_machine(plan: Plan, images: int = 1, input_cycles: Mapping[str, Ints] | None = None) -> Machine:
    """The machine that runs `images` images through a plan.

    `input_cycles` gives, for stages whose reads depend on their inputs, the read cycles of every window ([windows] or
    [windows * images]); all other stages take the plan's fixed number.
    """
    compiler = _Compiler(plan)
    times = [compiler.times(mapped) for mapped in plan.stages]
    reads = [compiler.reads(mapped) for mapped in plan.stages]
    crossbar, crossbar_offset = compiler.crossbar_times(input_cycles or {})
    replicas = np.array([mapped.replication for mapped in plan.stages], np.int64)
    units = [compiler.units(mapped) for mapped in plan.stages]
    sent = packets(plan)
    names, buses, unit_resources, hops = _resources(plan, units, sent)
    hold = hop_holds(plan, sent)
    latency = hop_latencies(plan.chip, plan.routes.channels, sent.channel, sent.offset, hold)
    gathering = _gather_ps(plan, sent, hold, latency)
    edges = _Edges.of(plan)
    machine = Machine(
        stage_names=tuple(mapped.name for mapped in plan.stages),
        resource_names=names,
        images=images,
        windows=np.array([mapped.windows for mapped in plan.stages], np.int64),
        replicas=replicas,
        read_time=_joined([time for time, _ in reads]),
        read_hold=_joined([hold for _, hold in reads]),
        read_offset=_offsets([len(time) for time, _ in reads]),
        **{name: np.array([time[name] for time in times], np.int64) for name in times[0]},
        output_slots=np.full(len(times), LANE_OUTPUT_SLOTS, np.int64),
        crossbar_time=crossbar,
        crossbar_offset=crossbar_offset,
        lane_offset=_offsets(replicas),
        read_resource=buses,
        write_resource=buses,
        input_registers=np.full(len(times), plan.chip.pipeline.input_registers, np.int64),
        output_registers=np.full(len(times), plan.chip.pipeline.output_registers, np.int64),
        in_flight=np.array(
            [
                compiler.in_flight(mapped, time["post_time"] + gathered, crossbar[low:high])
                for mapped, time, gathered, (low, high) in zip(
                    plan.stages, times, gathering, pairwise(crossbar_offset.tolist()), strict=True
                )
            ],
            np.int64,
        ),
        unit_offset=_offsets(np.repeat([len(row) for row in units], replicas)),
        unit_resource=unit_resources,
        unit_hold=_per_lane([[unit.hold for unit in row] for row in units], replicas),
        unit_time=_per_lane([[unit.time for unit in row] for row in units], replicas),
        edge_source=edges.source,
        edge_target=edges.target,
        capacity=edges.capacity,
        need=_joined(edges.need),
        need_offset=_offsets([len(need) for need in edges.need]),
        last=_joined(edges.last),
        last_offset=_offsets([len(last) for last in edges.last]),
        route=edges.route,
        route_offset=sent.offset,
        hop_resource=hops,
        hop_hold=hold,
        hop_latency=latency,
    )
    machine.check()
    return machine


@dataclass(frozen=True, slots=True, eq=False)
class _Edges:
    """Edges between stages, then those by which stages gather, which have no buffer."""

    source: Ints
    target: Ints
    capacity: Ints
    need: list[Ints]
    last: list[Ints]
    route: Ints

    @classmethod
    def of(cls, plan: Plan) -> _Edges:
        gathers = plan.gathers
        nothing = [np.zeros(plan.stages[stage].windows, np.int64) for stage in gathers.stage.tolist()]
        return cls(
            source=_joined([np.array([edge.source for edge in plan.edges], np.int64), gathers.stage]),
            target=_joined([np.array([edge.target for edge in plan.edges], np.int64), gathers.stage]),
            capacity=_joined([np.array([edge.capacity for edge in plan.edges], np.int64), np.ones_like(gathers.stage)]),
            need=[*(edge.need for edge in plan.edges), *nothing],
            last=[*(edge.last for edge in plan.edges), *nothing],
            route=_joined([plan.routes.route_of, gathers.routes.route_of + len(plan.routes.shares)]),
        )


@dataclass(frozen=True, slots=True)
class _Unit:
    """A digital unit that a window takes: its number in `UNITS`, how long it is held, when the next one follows."""

    kind: int
    hold: int
    time: int


def _per_lane(rows: list[list[int]], replicas: Ints) -> Ints:
    """One row a stage, repeated for each of its lanes."""
    return _joined([np.tile(np.array(row, np.int64), count) for row, count in zip(rows, replicas, strict=True)])


def _resources(plan: Plan, units: list[list[_Unit]], sent: Packets) -> tuple[tuple[str, ...], Ints, Ints, Ints]:
    """Names of the shared resources in use; the number of each lane's bus (over all stages), of each of its units, and
    of each hop's channel.

    Resources are numbered as they first occur, lane by lane, then unit by unit, then hop by hop.
    """
    channels = plan.routes.channels
    tiles, homes = channels.tiles + 1, [mapped.placement.home for mapped in plan.stages]
    taken = [
        (tiles * (1 + np.array([unit.kind for unit in row], np.int64)) + home[:, None]).ravel()
        for home, row in zip(homes, units, strict=True)
    ]
    first_channel = tiles * (1 + len(UNITS))
    parts = [np.concatenate(homes), _joined(taken), first_channel + sent.channel]
    found, first, number = np.unique(np.concatenate(parts), return_index=True, return_inverse=True)

    def name(place: int) -> str:
        if place >= first_channel:
            return str(channels.hop(place - first_channel))
        kind, tile = divmod(place, tiles)
        return f"{('bus', *UNITS)[kind]} {'host' if tile == channels.host else tile}"

    order = np.argsort(first)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    buses, unit, hops = np.split(rank[number], np.cumsum([len(part) for part in parts[:2]]))
    return tuple(name(place) for place in found[order].tolist()), buses, unit, hops


def hop_latencies(chip: Chip, channels: Channels, channel: Ints, offset: Ints, hold: Ints) -> Ints:
    """From each hop's grant to its packet's head being at the next hop [hops, ps]; a hop takes `channel` [hops], routes
    begin at `offset` [routes + 1], `hold` [hops] as `archsim.mapping.traffic.hop_holds`.

    Cut-through: the head goes on after a router's (or a link between chips') latency, the tail follows after the hold.
    Before a faster hop the head waits so long that the packet's end is there in time; a tile's port lets the head of a
    packet that goes on to others pass at once. Unloaded, a packet takes the latencies and the last hold.
    """
    between = np.where(channels.between_chips(channel), chip.links.latency_ps, chip.tile.router.latency_ps)
    latency = np.where(channels.ejects(channel), 1, np.maximum(1, between))
    slack = np.maximum(0, hold - np.append(hold[1:], 0))
    slack[offset[1:][np.diff(offset) > 0] - 1] = 0
    return np.asarray(latency + slack, np.int64)


def _gather_ps(plan: Plan, sent: Packets, hold: Ints, latency: Ints) -> list[int]:
    """How long a stage's sums are on their way to its home tiles when they meet no other packets [stages, ps]."""
    time = latency.copy()
    some = np.diff(sent.offset) > 0
    last = sent.offset[1:][some] - 1
    time[last] = hold[last]
    whole = np.zeros(len(some), np.int64)
    whole[some] = np.add.reduceat(time, sent.offset[:-1][some])
    longest, routes = np.zeros(len(plan.stages), np.int64), plan.gathers.routes
    stage_of = np.repeat(plan.gathers.stage, np.diff(routes.first))
    np.maximum.at(longest, stage_of, whole[len(plan.routes.shares) :])
    return longest.tolist()


class _Compiler:
    """Works out the durations of a plan's stages."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.chip: Chip = plan.chip
        self.flit_ps = PICOSECONDS / plan.chip.tile.router.flit_rate

    def times(self, mapped: MappedStage) -> dict[str, int]:
        """Post-processing and write of one window [ps], by the machine's field names."""
        if mapped.stage.port:
            # the host's own memory is not modelled: a picosecond is the least that a step takes
            return {"post_time": 0, "write_time": 1, "write_hold": 1}
        traffic = stage_traffic(self.plan, mapped)
        pipeline = self.chip.pipeline
        write = self._occupancy_ps(traffic.output_bits + traffic.partial_bits / mapped.placement.span)
        post = 0
        if mapped.grid is not None:
            post = pipeline.adc_trail_ps + pipeline.shift_add_ps
            if not self.units(mapped):
                post += pipeline.activation_ps  # passes the units by, in the same cycles
        return {
            "post_time": post,
            "write_time": self._whole_cycles(max(write, pipeline.edram_write_ps)),
            "write_hold": write,
        }

    def reads(self, mapped: MappedStage) -> tuple[Ints, Ints]:
        """Time and occupancy of the reads [ps; 1, or windows of an image].

        A transfer occupies bus and eDRAM port in proportion to its bytes, and takes at least its pipeline stage's
        cycles from end to end. What stands in other tiles comes over the network first; its links are not arbitrated.
        """
        if mapped.stage.port:
            # the last link's hold is in the packet's time, its latency is not (`hop_latencies`)
            entry = self.chip.links.latency_ps if mapped.stage.port == "output" else 1
            return np.array([max(1, entry)]), np.ones(1, np.int64)
        pipeline, router = self.chip.pipeline, self.chip.tile.router
        before = 0 if mapped.grid is None else pipeline.decision_ps
        before += ceil(mapped.remote_hops) * router.latency_ps
        bits, place = np.unique(stage_traffic(self.plan, mapped).read_bits, return_inverse=True)
        hold = [self._occupancy_ps(one) for one in bits.tolist()]
        fetch = [ceil(flits(self.plan, one * mapped.remote_share) * self.flit_ps) for one in bits.tolist()]
        time = [
            self._whole_cycles(max(one, pipeline.edram_read_ps)) + before + more
            for one, more in zip(hold, fetch, strict=True)
        ]
        return np.array(time, np.int64)[place], np.array(hold, np.int64)[place]

    def units(self, mapped: MappedStage) -> list[_Unit]:
        """The tile's units that a window takes in turn. What rides along in a crossbar stage takes at least the
        pipeline's cycles."""
        crossbars = mapped.grid is not None
        held = unit_times_ps(mapped, self.chip, fused=crossbars)
        found = [_Unit(UNITS.index(name), hold, hold) for name, hold in held.items()]
        if found and crossbars:
            spare = max(0, self.chip.pipeline.activation_ps - sum(held.values()))
            found[-1] = replace(found[-1], time=found[-1].time + spare)
        return found

    def in_flight(self, mapped: MappedStage, post: int, crossbar: Ints) -> int:
        """Windows of a lane between the start of their crossbar step and the end of their work.

        Converters and shift-and-add are a pipeline that takes a window every crossbar step (ISAAC, Fig. 4b), so they
        hold as many as their latency has steps, and the output registers hold the rest. A digital unit holds the one
        it works on.
        """
        if mapped.grid is None:
            return 1
        step = int(crossbar[crossbar > 0].min(initial=np.iinfo(np.int64).max))
        return self.chip.pipeline.output_registers + -(-post // step)

    def _occupancy_ps(self, bits: float) -> int:
        """How long so many bits keep a tile's bus and eDRAM port busy."""
        return max(1, ceil(bits / 8 / self.chip.tile.edram.bytes_per_cycle * self.chip.tile.cycle_ps))

    def _whole_cycles(self, time_ps: int) -> int:
        return ceil(time_ps / self.chip.tile.cycle_ps) * self.chip.tile.cycle_ps

    def crossbar_times(self, input_cycles: Mapping[str, Ints]) -> tuple[Ints, Ints]:
        """Crossbar step of every stage: reads times the bit cycle; none without crossbars."""
        bit = self.chip.tile.ima.bit_cycle_ps
        parts = []
        for mapped in self.plan.stages:
            if mapped.grid is None:
                parts.append(np.zeros(1, np.int64))
            elif mapped.name in input_cycles:
                parts.append(np.asarray(input_cycles[mapped.name], np.int64) * bit)
            else:
                parts.append(np.array([mapped.grid.window_reads * bit], np.int64))
        return _joined(parts), _offsets([len(part) for part in parts])


def _joined(arrays: list[Ints]) -> Ints:
    return np.concatenate([*arrays, np.zeros(0, np.int64)]).astype(np.int64)


def _offsets(lengths: Ints | list[int]) -> Ints:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
