"""When each step of each window became possible, from the stamps alone: the guards of `archsim.timing.machine`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from archsim.timing.machine import STEPS, Ints, Machine, Stamps, gathered


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Requests:
    """Times [ps] at which a step's last guard was satisfied, over all stages' windows (`Machine.stage_offset`): of the
    read, the crossbar step, the work, the write and the send; `post` is when the post was over.
    `received` and `freed` are the leading arrivals of each
    edge and the leading reads of each stage: entry k is when windows 0..k had all arrived (been read)."""

    read: Ints
    crossbar: Ints
    post: Ints
    work: Ints
    write: Ints
    send: Ints
    received: tuple[Ints, ...]
    freed: tuple[Ints, ...]

    def data(self, machine: Machine, edge: int) -> Ints:
        """When each window of an edge's consumer had what it needs from that edge [ps]; 0 where it needs nothing."""
        need = machine.needs(edge)
        return np.asarray(np.where(need > 0, self.received[edge][np.maximum(need, 1) - 1], 0), np.int64)

    def credit(self, machine: Machine, edge: int) -> Ints:
        """When an edge had room for each window of its producer [ps]; 0 where it always had."""
        last, capacity = machine.lasts(edge), int(machine.capacity[edge])
        room = np.zeros(len(last), np.int64)
        if capacity < len(last):
            room[capacity:] = self.freed[int(machine.edge_target[edge])][last[:-capacity]]
        return room


def requests_of(machine: Machine, stamps: Stamps) -> Requests:
    """Request times of a finished run."""
    bounds, edges = machine.stage_offset, machine.edge_offset
    found = Requests(
        read=np.zeros(len(stamps.read), np.int64),
        crossbar=np.zeros(len(stamps.read), np.int64),
        post=np.zeros(len(stamps.read), np.int64),
        work=np.zeros(len(stamps.read), np.int64),
        write=np.zeros(len(stamps.read), np.int64),
        send=np.zeros(len(stamps.read), np.int64),
        received=tuple(np.maximum.accumulate(stamps.arrive[edges[e] : edges[e + 1]]) for e in range(machine.edges)),
        freed=tuple(np.maximum.accumulate(stamps.read[bounds[s] : bounds[s + 1]]) for s in range(machine.stages)),
    )
    for stage in range(machine.stages):
        _fill(machine, stamps, found, stage)
    return found


def _fill(machine: Machine, stamps: Stamps, found: Requests, stage: int) -> None:
    part = slice(*machine.stage_offset[stage : stage + 2].tolist())
    read, crossbar, work, write, send = (getattr(stamps, step)[part] for step in STEPS)
    windows = np.arange(len(read))

    def earlier(ends: Ints, steps: int) -> Ints:
        before = machine.previous(stage, windows, steps)
        return np.where(before >= 0, ends[np.maximum(before, 0)], 0)

    inputs, outputs, slots = (
        int(count[stage]) for count in (machine.input_registers, machine.output_registers, machine.output_slots)
    )
    needed = [found.data(machine, edge) for edge in machine.in_edges(stage)]
    room = [found.credit(machine, edge) for edge in machine.out_edges(stage)]
    found.read[part] = np.maximum.reduce([earlier(read, 1), earlier(crossbar, inputs), *needed])
    found.crossbar[part] = crossbar - machine.crossbar_times(stage)
    found.post[part] = crossbar + machine.post_time[stage]
    found.work[part] = np.maximum.reduce([gathered(machine, stamps, stage), earlier(work, 1), earlier(write, outputs)])
    found.write[part] = np.maximum.reduce([work, earlier(write, 1), earlier(send, slots)])
    found.send[part] = np.maximum.reduce([write, earlier(send, 1), *room])
