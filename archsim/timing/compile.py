"""From plan to machine description: what each window costs in picoseconds on this chip, and which shared resources it
needs."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from math import ceil

import numpy as np

from archsim.components import Chip
from archsim.mapping.digital import digital_time_ps
from archsim.mapping.network import PICOSECONDS, Hop, Route, packet_times
from archsim.mapping.plan import MappedStage, Plan
from archsim.mapping.traffic import StageTraffic, edge_bits, edge_routes, flits, stage_traffic
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
    homes = np.concatenate([mapped.placement.home for mapped in plan.stages])
    buses = [compiler.resource("bus", int(tile)) for tile in homes]
    routes = compiler.routes()
    machine = Machine(
        stage_names=tuple(mapped.name for mapped in plan.stages),
        resource_names=tuple(compiler.names),
        images=images,
        windows=np.array([mapped.windows for mapped in plan.stages], np.int64),
        replicas=replicas,
        **{name: np.array([time[name] for time in times], np.int64) for name in times[0]},
        output_slots=np.full(len(times), LANE_OUTPUT_SLOTS, np.int64),
        crossbar_time=crossbar,
        crossbar_offset=crossbar_offset,
        lane_offset=_offsets(replicas),
        read_resource=np.array(buses, np.int64),
        write_resource=np.array(buses, np.int64),
        edge_source=np.array([edge.source for edge in plan.edges], np.int64),
        edge_target=np.array([edge.target for edge in plan.edges], np.int64),
        capacity=np.array([edge.capacity for edge in plan.edges], np.int64),
        need=_joined([edge.need for edge in plan.edges]),
        need_offset=_offsets([len(edge.need) for edge in plan.edges]),
        last=_joined([edge.last for edge in plan.edges]),
        last_offset=_offsets([len(edge.last) for edge in plan.edges]),
        **routes,
    )
    machine.check()
    return machine


class _Compiler:
    """Collects resources by name while durations are worked out."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.chip: Chip = plan.chip
        self.names: dict[str, int] = {}
        self.flit_ps = PICOSECONDS / plan.chip.tile.router.flit_rate

    def resource(self, kind: str, *places: int) -> int:
        name = " ".join([kind, "->".join(str(place) for place in places)])
        return self.names.setdefault(name, len(self.names))

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

    def routes(self) -> dict[str, Ints]:
        """Route tables of all edges."""
        route_of: list[Ints] = []
        lengths: list[int] = []
        hops: list[tuple[int, int, int]] = []
        for routed in edge_routes(self.plan):
            route_of.append(routed.route_of + len(lengths))
            bits = edge_bits(self.plan, routed.edge)
            for route in routed.routes:
                lengths.append(len(route))
                hops += [
                    (self.resource(hop.kind, hop.start, hop.end), hold, latency)
                    for hop, hold, latency in route_hops(self.chip, route, bits)
                ]
        columns = np.array(hops, np.int64).reshape(-1, 3)
        return {
            "route": _joined(route_of),
            "route_offset": _offsets(lengths),
            "hop_resource": columns[:, 0].copy(),
            "hop_hold": columns[:, 1].copy(),
            "hop_latency": columns[:, 2].copy(),
        }


def route_hops(chip: Chip, route: Route, bits: int) -> list[tuple[Hop, int, int]]:
    """Every hop of a packet of so many bits with its hold and its latency to the next hop [ps].

    Cut-through: the head goes on after a router's (or a link between chips') latency, the tail follows after the hold.
    Before a faster hop the head waits so long that the packet's end is there in time; a tile's port lets the head of a
    packet that goes on to others pass at once. Unloaded, a packet takes the latencies and the last hold.
    """
    router, links = chip.tile.router, chip.links
    on_mesh, on_chip_link = packet_times(chip, bits)
    holds, latencies = [], []
    for hop in route:
        between = hop.kind == "chip"
        holds.append(on_chip_link if between else on_mesh)
        latencies.append(1 if hop.kind == "eject" else max(1, links.latency_ps if between else router.latency_ps))
    slack = [max(0, hold - following) for hold, following in pairwise([*holds, *holds[-1:]])]
    columns = zip(route, holds, latencies, slack, strict=True)
    return [(hop, hold, latency + wait) for hop, hold, latency, wait in columns]


def _joined(arrays: list[Ints]) -> Ints:
    return np.concatenate([*arrays, np.zeros(0, np.int64)]).astype(np.int64)


def _offsets(lengths: Ints | list[int]) -> Ints:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
