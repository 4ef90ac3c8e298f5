"""What the SimPy engine knows: the machine and the state of its run."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import simpy

from archsim.timing.machine import Machine, Stamps

NEVER = 1 << 62
"""Next window of a lane that has none, because its stage has more lanes than windows."""


class Tables:
    """A machine and the state of its run, as Python lists (scalar access to NumPy arrays is several times slower)."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.environment = simpy.Environment()
        stages = range(machine.stages)
        self.total = machine.total.tolist()
        self.windows = machine.windows.tolist()
        self.replicas = machine.replicas.tolist()
        self.lane_offset = machine.lane_offset.tolist()
        reads = machine.read_offset.tolist()
        self.read_time = [machine.read_time[reads[s] : reads[s + 1]].tolist() for s in stages]
        self.read_hold = [machine.read_hold[reads[s] : reads[s + 1]].tolist() for s in stages]
        self.post_time = machine.post_time.tolist()
        self.write_time = machine.write_time.tolist()
        self.write_hold = machine.write_hold.tolist()
        self.output_slots = machine.output_slots.tolist()
        self.input_registers = machine.input_registers.tolist()
        self.in_flight = machine.in_flight.tolist()
        self.output_registers = machine.output_registers.tolist()
        units = list(
            zip(machine.unit_resource.tolist(), machine.unit_hold.tolist(), machine.unit_time.tolist(), strict=True)
        )
        # (resource, hold, time) of each unit that a lane's windows take in turn
        self.units = [units[low:high] for low, high in pairwise(machine.unit_offset.tolist())]
        self.read_resource = machine.read_resource.tolist()
        self.write_resource = machine.write_resource.tolist()
        offsets = machine.crossbar_offset.tolist()
        self.crossbar_time = [machine.crossbar_time[offsets[s] : offsets[s + 1]].tolist() for s in stages]
        self._prepare_edges()
        self._prepare_lanes()
        self.read_end = [[-1] * n for n in self.total]
        self.crossbar_end = [[-1] * n for n in self.total]
        self.post_done = [bytearray(n) for n in self.total]
        self.work_end = [[-1] * n for n in self.total]
        self.write_end = [[-1] * n for n in self.total]
        self.send_end = [[-1] * n for n in self.total]
        self.waiting: list[list[tuple[Any, ...]]] = [[] for _ in range(machine.resources)]
        self.held = [False] * machine.resources
        self.busy_time = [0] * machine.resources
        self.contested: list[int] = []
        self.grant_scheduled = False

    def _prepare_edges(self) -> None:
        machine = self.machine
        edges = range(machine.edges)
        self.source = machine.edge_source.tolist()
        self.target = machine.edge_target.tolist()
        self.needs = [machine.needs(e).tolist() for e in edges]
        self.lasts = [machine.lasts(e).tolist() for e in edges]
        self.in_edges = [machine.in_edges(s) for s in range(machine.stages)]
        self.out_edges = [machine.out_edges(s) for s in range(machine.stages)]
        self.gather_edges = [machine.gather_edges(s) for s in range(machine.stages)]
        self.gathers = machine.gathers.tolist()
        self.capacity = machine.capacity.tolist()
        self.route_of = [machine.routes(e).tolist() for e in edges]
        hops = list(
            zip(machine.hop_resource.tolist(), machine.hop_hold.tolist(), machine.hop_latency.tolist(), strict=True)
        )
        bounds = machine.route_offset.tolist()
        self.routes = [hops[start:end] for start, end in pairwise(bounds)]
        self.arrive_end = [[-1] * self.total[self.source[e]] for e in edges]
        self.received = [0] * machine.edges
        self.released = [0] * machine.edges

    def _prepare_lanes(self) -> None:
        machine = self.machine
        first = [
            lane if lane < self.windows[s] else NEVER for s in range(machine.stages) for lane in range(self.replicas[s])
        ]
        # the next window of every lane in each step
        self.next_read, self.next_crossbar, self.next_work = first.copy(), first.copy(), first.copy()
        self.next_write, self.next_send = first.copy(), first.copy()
        lanes = len(first)
        self.reading, self.computing = [False] * lanes, [False] * lanes
        self.working, self.writing, self.sending = [False] * lanes, [False] * lanes, [False] * lanes
        # windows in the lane's input registers, from crossbar to work, in its output registers and in its output slots
        self.loaded, self.computed = [0] * lanes, [0] * lanes
        self.worked, self.unsent = [0] * lanes, [0] * lanes
        self.packets_left = [0] * lanes
        # leading counts of every stage: windows whose inputs are there, that are read, that all consumers have room for
        self.ready = [0 if self.in_edges[s] else self.total[s] for s in range(machine.stages)]
        self.read_count = [0] * machine.stages
        self.room = [
            min((self.capacity[e] for e in self.out_edges[s]), default=self.total[s]) for s in range(machine.stages)
        ]

    def stamps(self) -> Stamps:
        """The stamps of the run as far as it has come."""

        def flat(lists: list[list[int]]) -> np.ndarray[Any, np.dtype[np.int64]]:
            return np.concatenate([np.array(part, np.int64) for part in lists] or [np.zeros(0, np.int64)])

        return Stamps(
            read=flat(self.read_end),
            crossbar=flat(self.crossbar_end),
            work=flat(self.work_end),
            write=flat(self.write_end),
            send=flat(self.send_end),
            arrive=flat(self.arrive_end),
            resource_busy=np.array(self.busy_time, np.int64),
            events=next(self.environment._eid),
        )
