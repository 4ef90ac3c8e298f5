"""From plan to machine description: what each window costs in picoseconds on this chip, and which shared resources it
needs."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

import numpy as np

from archsim.components import Chip
from archsim.mapping.digital import digital_time_ps
from archsim.mapping.network import PICOSECONDS
from archsim.mapping.plan import MappedStage, Plan
from archsim.mapping.routes import Routes
from archsim.mapping.traffic import StageTraffic, flits, hop_holds, stage_traffic
from archsim.timing.machine import Ints, Machine

LANE_OUTPUT_SLOTS = 2


def compile_machine(plan: Plan, images: int = 1, input_cycles: Mapping[str, Ints] | None = None) -> Machine:
    """The machine that runs `images` images through a plan.

    `input_cycles` gives, for stages whose reads depend on their inputs, the read cycles of every window ([windows] or
    [windows * images]); all other stages take the plan's fixed number.
    """
    compiler = _Compiler(plan)
    times = [compiler.times(mapped) for mapped in plan.stages]
    crossbar, crossbar_offset = compiler.crossbar_times(input_cycles or {})
    replicas = np.array([mapped.replication for mapped in plan.stages], np.int64)
    names, buses, hops = _resources(plan)
    hold = hop_holds(plan)
    machine = Machine(
        stage_names=tuple(mapped.name for mapped in plan.stages),
        resource_names=names,
        images=images,
        windows=np.array([mapped.windows for mapped in plan.stages], np.int64),
        replicas=replicas,
        **{name: np.array([time[name] for time in times], np.int64) for name in times[0]},
        output_slots=np.full(len(times), LANE_OUTPUT_SLOTS, np.int64),
        crossbar_time=crossbar,
        crossbar_offset=crossbar_offset,
        lane_offset=_offsets(replicas),
        read_resource=buses,
        write_resource=buses,
        edge_source=np.array([edge.source for edge in plan.edges], np.int64),
        edge_target=np.array([edge.target for edge in plan.edges], np.int64),
        capacity=np.array([edge.capacity for edge in plan.edges], np.int64),
        need=_joined([edge.need for edge in plan.edges]),
        need_offset=_offsets([len(edge.need) for edge in plan.edges]),
        last=_joined([edge.last for edge in plan.edges]),
        last_offset=_offsets([len(edge.last) for edge in plan.edges]),
        route=plan.routes.route_of,
        route_offset=plan.routes.offset,
        hop_resource=hops,
        hop_hold=hold,
        hop_latency=hop_latencies(plan.chip, plan.routes, hold),
    )
    machine.check()
    return machine


def _resources(plan: Plan) -> tuple[tuple[str, ...], Ints, Ints]:
    """Names of the shared resources in use; the number of each lane's bus (over all stages) and of each hop's channel.

    Resources are numbered as they first occur, lane by lane, then hop by hop.
    """
    channels, homes = plan.routes.channels, np.concatenate([mapped.placement.home for mapped in plan.stages])
    places = np.concatenate([homes, channels.tiles + plan.routes.channel])
    found, first, number = np.unique(places, return_index=True, return_inverse=True)
    order = np.argsort(first)
    names = tuple(
        f"bus {place}" if place < channels.tiles else str(channels.hop(place - channels.tiles))
        for place in found[order].tolist()
    )
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return names, rank[number[: len(homes)]], rank[number[len(homes) :]]


def hop_latencies(chip: Chip, routes: Routes, hold: Ints) -> Ints:
    """From each hop's grant to its packet's head being at the next hop [hops, ps]; `hold` [hops] as
    `archsim.mapping.traffic.hop_holds`.

    Cut-through: the head goes on after a router's (or a link between chips') latency, the tail follows after the hold.
    Before a faster hop the head waits so long that the packet's end is there in time; a tile's port lets the head of a
    packet that goes on to others pass at once. Unloaded, a packet takes the latencies and the last hold.
    """
    channel, channels = routes.channel, routes.channels
    between = np.where(channels.between_chips(channel), chip.links.latency_ps, chip.tile.router.latency_ps)
    latency = np.where(channels.ejects(channel), 1, np.maximum(1, between))
    slack = np.maximum(0, hold - np.append(hold[1:], 0))
    slack[routes.offset[1:][np.diff(routes.offset) > 0] - 1] = 0
    return np.asarray(latency + slack, np.int64)


class _Compiler:
    """Works out the durations of a plan's stages."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.chip: Chip = plan.chip
        self.flit_ps = PICOSECONDS / plan.chip.tile.router.flit_rate

    def times(self, mapped: MappedStage) -> dict[str, int]:
        """Transfers and post-processing of one window [ps], by the machine's field names.

        A transfer occupies bus and eDRAM port in proportion to its bytes, and takes at least its pipeline stage's
        cycles from end to end.
        """
        traffic = stage_traffic(self.plan, mapped)
        pipeline = self.chip.pipeline
        read = self._occupancy_ps(traffic.read_bits)
        write = self._occupancy_ps(traffic.output_bits + traffic.partial_bits / mapped.placement.span)
        post, decision = 0, 0
        if mapped.grid is not None:
            decision = pipeline.decision_ps
            activation = max(pipeline.activation_ps, digital_time_ps(mapped, self.chip, fused=True))
            post = pipeline.adc_trail_ps + pipeline.shift_add_ps + activation + self._gather_ps(mapped, traffic)
        return {
            "read_time": self._whole_cycles(max(read, pipeline.edram_read_ps)) + decision,
            "read_hold": read,
            "post_time": post,
            "write_time": self._whole_cycles(max(write, pipeline.edram_write_ps)),
            "write_hold": write,
        }

    def _occupancy_ps(self, bits: float) -> int:
        """How long so many bits keep a tile's bus and eDRAM port busy."""
        return max(1, ceil(bits / 8 / self.chip.tile.edram.bytes_per_cycle * self.chip.tile.cycle_ps))

    def _whole_cycles(self, time_ps: int) -> int:
        return ceil(time_ps / self.chip.tile.cycle_ps) * self.chip.tile.cycle_ps

    def _gather_ps(self, mapped: MappedStage, traffic: StageTraffic) -> int:
        """Latency of bringing partial sums of other tiles to the copy's home tile. Their link occupancy is not
        arbitrated."""
        if traffic.gathered_bits == 0:
            return 0
        router = self.chip.tile.router
        distance = max(1, (mapped.placement.span - 1) // router.shared_by)
        return ceil(flits(self.plan, traffic.gathered_bits) * self.flit_ps) + distance * router.latency_ps

    def crossbar_times(self, input_cycles: Mapping[str, Ints]) -> tuple[Ints, Ints]:
        """Crossbar step of every stage: reads times the bit cycle, or the digital units' time."""
        bit = self.chip.tile.ima.bit_cycle_ps
        parts = []
        for mapped in self.plan.stages:
            if mapped.grid is None:
                parts.append(np.array([digital_time_ps(mapped, self.chip)], np.int64))
            elif mapped.name in input_cycles:
                parts.append(np.asarray(input_cycles[mapped.name], np.int64) * bit)
            else:
                parts.append(np.array([mapped.grid.window_reads * bit], np.int64))
        return _joined(parts), _offsets([len(part) for part in parts])


def _joined(arrays: list[Ints]) -> Ints:
    return np.concatenate([*arrays, np.zeros(0, np.int64)]).astype(np.int64)


def _offsets(lengths: Ints | list[int]) -> Ints:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
