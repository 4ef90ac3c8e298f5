"""The critical path of a finished run: from its last write back to time zero, each step to the one that made it wait.

A step began when the last of its guards was satisfied and, if it needs a shared resource, when that was free. Of
several guards satisfied at once, the one by the same lane (the hardware was busy) is followed before data, and data
before room in a buffer. The path covers the time from zero to the last write without gap or overlap.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal, NamedTuple

import numpy as np

from archsim.timing.machine import HOP, READ, WORK, WRITE, Ints, Machine, Stamps
from archsim.timing.replay import Holds
from archsim.timing.replay.kernels import busy_run

Activity = Literal["read", "crossbar", "post", "work", "write", "transfer"]
Step = Literal["read", "crossbar", "work", "write", "send", "arrive", "leave"]
TRANSFERS: dict[int, Activity] = {READ: "read", WORK: "work", WRITE: "write", HOP: "transfer"}


class Joint(NamedTuple):
    """Why a step began when it did: the `run` began, its own previous `step` had ended, the `lane`'s previous window
    had, a `register` came free, input `data` arrived over `edge`, or buffer room on `edge` came free (`credit`)."""

    cause: Literal["run", "step", "lane", "register", "data", "credit"]
    edge: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A piece of the path [ps]: `stage` did `activity` from `start` to `end`, on shared resource `resource` (-1: none).

    `joints` tie it to the piece before it in time. `queued` pieces lie in an unbroken run of holds of the resource that
    a later piece of the path had to wait for.
    """

    stage: int
    activity: Activity
    start: int
    end: int
    resource: int = -1
    queued: bool = False
    joints: tuple[Joint, ...] = ()


class _Node(NamedTuple):
    """The end of a step: what the walk stands on. `arrive` is a packet's arrival, `send` the moment it sets out,
    `leave` the end of the lane's send."""

    step: Step
    stage: int
    window: int
    edge: int = -1


Back = tuple[list[Segment], Joint, _Node | None]
"""Segments from the end of a step back to the end of the one it waited for (last first), why, and that one."""


def critical_path(machine: Machine, stamps: Stamps, holds: Holds) -> list[Segment]:
    """Segments of the critical path of a finished run, last first. Together they are the time of the last write."""
    path: list[Segment] = []
    for found, joint in _Walk(machine, stamps, holds).back():
        path += found
        path[-1] = replace(path[-1], joints=(*path[-1].joints, joint))
    return path


class _Walk:
    """Goes from the end of a step back to the end of the one it waited for."""

    def __init__(self, machine: Machine, stamps: Stamps, holds: Holds) -> None:
        self.machine, self.stamps, self.holds = machine, stamps, holds
        self.bounds = machine.stage_offset.tolist()
        self.edge_bounds = machine.edge_offset.tolist()
        stages, edges = range(machine.stages), range(machine.edges)
        self.in_edges = [machine.in_edges(s) for s in stages]
        self.out_edges = [machine.out_edges(s) for s in stages]
        self.gather_edges = [machine.gather_edges(s) for s in stages]
        self.data = [holds.requests.data(machine, edge) for edge in edges]
        self.credit = [holds.requests.credit(machine, edge) for edge in edges]
        self.group = holds.stage * len(TRANSFERS) + holds.kind
        self.ends: dict[Step, Ints] = {
            "read": stamps.read,
            "crossbar": stamps.crossbar,
            "work": stamps.work,
            "write": stamps.write,
            "leave": stamps.send,
        }

        @cache
        def previous(stage: int, steps: int) -> Ints:
            return machine.previous(stage, np.arange(int(machine.total[stage])), steps)

        self.previous = previous

    def back(self) -> Iterator[tuple[list[Segment], Joint]]:
        last = int(np.argmax(self.stamps.write))
        stage = int(np.searchsorted(self.bounds, last, side="right")) - 1
        node: _Node | None = _Node("write", stage, last - self.bounds[stage])
        while node is not None:
            found, joint, node = self.before(node)
            yield found, joint

    def before(self, node: _Node) -> Back:
        holds, place = self.holds, self.bounds[node.stage] + node.window
        if node.step == "crossbar":
            return self.before_crossbar(node.stage, node.window)
        if node.step == "work" and holds.work[place] < 0:
            return self.before_work(node.stage, node.window, int(self.stamps.work[place]))
        if node.step in ("read", "work", "write"):
            transfer = int({"read": holds.read, "work": holds.work, "write": holds.write}[node.step][place])
            return self.transfer(int(holds.first[transfer + 1]) - 1, int(self.ends[node.step][place]))
        if node.step == "leave":
            return self.before_leave(node)
        if node.step == "arrive":
            place = self.edge_bounds[node.edge] + node.window
            packet = int(holds.packet[place])
            if packet >= 0:
                return self.transfer(int(holds.first[packet + 1]) - 1, int(self.stamps.arrive[place]))
        return self.before_send(node.stage, node.window)

    def earlier(self, step: Step, stage: int, window: int, steps: int, time: int) -> _Node | None:
        """The step of the lane's window so many before this one, if it ended at `time`."""
        before = int(self.previous(stage, steps)[window])
        found = before >= 0 and self.ends[step][self.bounds[stage] + before] == time
        return _Node(step, stage, before) if found else None

    # ------------------------------------------------------------------ steps on shared resources

    def transfer(self, hold: int, end: int) -> Back:
        """From the end of a read, work, a write or a packet back over its hops, and over all that it queued behind."""
        holds = self.holds
        found: list[Segment] = []
        while True:
            owner, grant = int(holds.owner[hold]), int(holds.grant[hold])
            stage, resource, waited = (
                int(holds.stage[owner]),
                int(holds.resource[hold]),
                bool(holds.request[hold] < grant),
            )
            activity = TRANSFERS[int(holds.kind[owner])]
            found.append(
                Segment(stage=stage, activity=activity, start=grant, end=end, resource=resource, queued=waited)
            )
            if waited:
                hold, run = self.queue(hold)
                found += run
                owner, grant = int(holds.owner[hold]), int(holds.grant[hold])
            if hold == holds.first[owner]:
                break
            hold, end = hold - 1, grant
        kind, stage, window = int(holds.kind[owner]), int(holds.stage[owner]), int(holds.window[owner])
        if kind == READ:
            joint, node = self.before_read(stage, window, grant)
            return found, joint, node
        if kind == WORK:
            more, joint, node = self.before_work(stage, window, grant)
        elif kind == WRITE:
            more, joint, node = self.before_write(stage, window, grant)
        elif int(holds.edge[owner]) in self.gather_edges[stage]:
            more, joint, node = self.before_post(stage, window)
        else:
            more, joint, node = self.before_send(stage, window)
        return found + more, joint, node

    def queue(self, hold: int) -> tuple[int, list[Segment]]:
        """The run of holds that `hold` waited for, back to the one that had not waited, summed up by stage and kind."""
        holds = self.holds
        spent = np.zeros(len(TRANSFERS) * self.machine.stages, np.int64)
        first = int(busy_run(hold, holds.request, holds.grant, holds.previous, holds.owner, self.group, spent))
        end, run = int(holds.grant[hold]), []
        for group in np.flatnonzero(spent).tolist():
            stage, kind = divmod(group, len(TRANSFERS))
            start, resource = end - int(spent[group]), int(holds.resource[hold])
            piece = Segment(stage=stage, activity=TRANSFERS[kind], start=start, end=end, resource=resource, queued=True)
            run.append(piece)
            end = start
        return first, run

    def before_read(self, stage: int, window: int, time: int) -> tuple[Joint, _Node | None]:
        if time == 0:
            return Joint("run"), None
        node = self.earlier("read", stage, window, 1, time)
        if node:
            return Joint("lane"), node
        node = self.earlier("crossbar", stage, window, int(self.machine.input_registers[stage]), time)
        if node:
            return Joint("register"), node
        edge = next(edge for edge in self.in_edges[stage] if self.data[edge][window] == time)
        producer = int(np.searchsorted(self.holds.requests.received[edge], time))
        return Joint("data", edge), _Node("arrive", int(self.machine.edge_source[edge]), producer, edge)

    def before_write(self, stage: int, window: int, time: int) -> Back:
        node = self.earlier("write", stage, window, 1, time)
        if node:
            return [], Joint("lane"), node
        node = self.earlier("leave", stage, window, int(self.machine.output_slots[stage]), time)
        if node:
            return [], Joint("register"), node
        return [], Joint("step"), _Node("work", stage, window)

    def before_work(self, stage: int, window: int, time: int) -> Back:
        node = self.earlier("work", stage, window, 1, time)
        if node:
            return [], Joint("lane"), node
        node = self.earlier("write", stage, window, int(self.machine.output_registers[stage]), time)
        if node:
            return [], Joint("register"), node
        if int(self.holds.requests.post[self.bounds[stage] + window]) == time:
            return self.before_post(stage, window)
        edge = next(
            edge for edge in self.gather_edges[stage] if self.stamps.arrive[self.edge_bounds[edge] + window] == time
        )
        return [], Joint("step"), _Node("arrive", stage, window, edge)

    def before_post(self, stage: int, window: int) -> Back:
        place = self.bounds[stage] + window
        start, end = int(self.stamps.crossbar[place]), int(self.holds.requests.post[place])
        post = [Segment(stage=stage, activity="post", start=start, end=end)] if start < end else []
        return post, Joint("step"), _Node("crossbar", stage, window)

    def before_send(self, stage: int, window: int) -> Back:
        """Why a window's packets set out when they did; takes no time itself."""
        time = int(self.holds.requests.send[self.bounds[stage] + window])
        node = self.earlier("leave", stage, window, 1, time)
        if node:
            return [], Joint("lane"), node
        if int(self.stamps.write[self.bounds[stage] + window]) == time:
            return [], Joint("step"), _Node("write", stage, window)
        edge = next(edge for edge in self.out_edges[stage] if self.credit[edge][window] == time)
        target = int(self.machine.edge_target[edge])
        reader = int(np.searchsorted(self.holds.requests.freed[target], time))
        return [], Joint("credit", edge), _Node("read", target, reader)

    def before_leave(self, node: _Node) -> Back:
        """From the moment the last packet of a window had left its first hop."""
        end = int(self.stamps.send[self.bounds[node.stage] + node.window])
        for edge in self.out_edges[node.stage]:
            packet = int(self.holds.packet[self.edge_bounds[edge] + node.window])
            hold = int(self.holds.first[packet])
            if packet >= 0 and int(self.holds.grant[hold] + self.holds.duration[hold]) == end:
                return self.transfer(hold, end)
        return self.before_send(node.stage, node.window)

    def before_crossbar(self, stage: int, window: int) -> Back:
        place = self.bounds[stage] + window
        start = int(self.holds.requests.crossbar[place])
        found = [Segment(stage=stage, activity="crossbar", start=start, end=int(self.stamps.crossbar[place]))]
        found = [piece for piece in found if piece.start < piece.end]
        node = self.earlier("crossbar", stage, window, 1, start)
        if node:
            return found, Joint("lane"), node
        node = self.earlier("work", stage, window, int(self.machine.in_flight[stage]), start)
        if node:
            return found, Joint("register"), node
        return found, Joint("step"), _Node("read", stage, window)
