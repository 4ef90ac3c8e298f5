"""The critical path of a finished run: from its last write back to time zero, each step to the one that made it wait.

A step began when the last of its guards was satisfied and, if it needs a shared resource, when that was free. Of
several guards satisfied at once, the one by the same lane (the hardware was busy) is followed before data and data
before room in a buffer. The path covers the time from zero to the last write without gap or overlap.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from archsim.timing.machine import HOP, INPUT_SLOTS, OUTPUT_REGISTERS, READ, WRITE, Machine, Stamps
from archsim.timing.replay import Holds
from archsim.timing.replay.kernels import busy_run

Cause = Literal["begin", "step", "lane", "register", "data", "credit"]
Activity = Literal["read", "crossbar", "post", "write", "transfer"]
TRANSFERS: dict[int, Activity] = {READ: "read", WRITE: "write", HOP: "transfer"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A piece of the path [ps]: `stage` did `activity` from `start` to `end`, on shared resource `resource` (-1: none).

    `cause` is why it began when it did: its own previous `step` had ended, the `lane`'s previous window, a `register`
    came free, input `data` arrived, or buffer room (`credit`) on `edge`. `queued` pieces lie in an unbroken run of
    holds of the resource that the next piece of the path had to wait for.
    """

    stage: int
    activity: Activity
    resource: int
    start: int
    end: int
    cause: Cause
    edge: int = -1
    queued: bool = False


@dataclass(frozen=True, slots=True)
class _Node:
    """The end of a step: what the walk stands on."""

    kind: Literal["read", "crossbar", "write", "send", "arrive", "leave"]
    stage: int
    window: int
    edge: int = -1


def critical_path(machine: Machine, stamps: Stamps, holds: Holds) -> list[Segment]:
    """Segments of the critical path, last first."""
    return list(_Walk(machine, stamps, holds).back())


class _Walk:
    """Stands on the end of a step and goes back to the end of the one it waited for."""

    def __init__(self, machine: Machine, stamps: Stamps, holds: Holds) -> None:
        self.machine, self.stamps, self.holds = machine, stamps, holds
        self.bounds = machine.stage_offset.tolist()
        self.edge_bounds = machine.edge_offset.tolist()
        self.in_edges = [np.flatnonzero(machine.edge_target == s).tolist() for s in range(machine.stages)]
        self.out_edges = [np.flatnonzero(machine.edge_source == s).tolist() for s in range(machine.stages)]
        requests = holds.requests
        self.data = {edge: requests.data(machine, edge) for edge in range(machine.edges)}
        self.credit = {edge: requests.credit(machine, edge) for edge in range(machine.edges)}
        self.group = holds.stage * len(TRANSFERS) + holds.kind

    def back(self) -> Iterator[Segment]:
        last = int(np.argmax(self.stamps.write))
        stage = int(np.searchsorted(self.bounds, last, side="right")) - 1
        node: _Node | None = _Node("write", stage, last - self.bounds[stage])
        while node is not None:
            found, cause, edge, node = self.step(node)
            for number, segment in enumerate(found):
                first = number == len(found) - 1
                yield replace(segment, cause=cause, edge=edge) if first else segment

    def step(self, node: _Node) -> tuple[list[Segment], Cause, int, _Node | None]:
        """Segments between the end of a step and the end of the one before it on the path, last first, and why the
        first of them began."""
        if node.kind == "crossbar":
            return self.crossbar(node)
        if node.kind in ("read", "write"):
            transfer = (self.holds.read if node.kind == "read" else self.holds.write)[self.place(node)]
            end = int((self.stamps.read if node.kind == "read" else self.stamps.write)[self.place(node)])
            return self.transfer(int(self.holds.first[transfer]), end)
        if node.kind == "send":
            return self.begin_send(node)
        if node.kind == "leave":
            return self.leave(node)
        transfer = int(self.holds.packet[self.edge_bounds[node.edge] + node.window])
        if transfer < 0:
            return self.begin_send(node)
        return self.transfer(int(self.holds.first[transfer + 1]) - 1, int(self.stamps.arrive[self.edge_bounds[node.edge] + node.window]))

    def place(self, node: _Node) -> int:
        return int(self.bounds[node.stage] + node.window)

    def segment(self, stage: int, activity: Activity, start: int, end: int, resource: int = -1) -> Segment:
        return Segment(stage=stage, activity=activity, resource=resource, start=start, end=end, cause="step")

    # ------------------------------------------------------------------ steps on shared resources

    def transfer(self, hold: int, end: int) -> tuple[list[Segment], Cause, int, _Node | None]:
        """From the end of a read, a write or a packet back over its hops, and over all that it queued behind."""
        holds = self.holds
        found: list[Segment] = []
        while True:
            owner = int(holds.owner[hold])
            stage, activity = int(holds.stage[owner]), TRANSFERS[int(holds.kind[owner])]
            grant, resource = int(holds.grant[hold]), int(holds.resource[hold])
            waited = int(holds.request[hold]) < grant
            piece = self.segment(stage, activity, grant, end, resource)
            found.append(replace(piece, queued=waited))
            if waited:
                hold, run = self.queue(hold)
                found += run
                owner, grant = int(holds.owner[hold]), int(holds.grant[hold])
            if hold == holds.first[owner]:
                break
            hold, end = hold - 1, grant
        stage, window = int(holds.stage[owner]), int(holds.window[owner])
        return found, *self.guard(int(holds.kind[owner]), stage, window, int(holds.request[hold]))

    def queue(self, hold: int) -> tuple[int, list[Segment]]:
        """The run of holds that `hold` waited for, back to the one that had not waited, summed up by stage and kind."""
        holds = self.holds
        spent = np.zeros(len(TRANSFERS) * self.machine.stages, np.int64)
        first = int(busy_run(hold, holds.request, holds.grant, holds.previous, holds.owner, self.group, spent))
        end, run = int(holds.grant[hold]), []
        for group in np.flatnonzero(spent).tolist():
            stage, kind = divmod(group, len(TRANSFERS))
            start = end - int(spent[group])
            piece = self.segment(stage, TRANSFERS[kind], start, end, int(holds.resource[hold]))
            run.append(replace(piece, queued=True))
            end = start
        return first, run

    def guard(self, kind: int, stage: int, window: int, time: int) -> tuple[Cause, int, _Node | None]:
        """What satisfied the last guard of a read, a write or a send at `time`."""
        if time == 0:
            return "begin", -1, None
        if kind == READ:
            return self.before_read(stage, window, time)
        if kind == WRITE:
            return self.before_write(stage, window, time)
        _, cause, edge, node = self.begin_send(_Node("send", stage, window))
        return cause, edge, node

    def before_read(self, stage: int, window: int, time: int) -> tuple[Cause, int, _Node | None]:
        for kind, steps, cause in (("read", 1, "lane"), ("crossbar", INPUT_SLOTS, "register")):
            node = self.earlier(kind, stage, window, steps)
            if node is not None and self.ended(node) == time:
                return cause, -1, node
        for edge in self.in_edges[stage]:
            if self.data[edge][window] == time:
                producer = int(np.searchsorted(self.holds.requests.received[edge], time))
                return "data", edge, _Node("arrive", int(self.machine.edge_source[edge]), producer, edge)
        raise AssertionError(f"read of window {window} of stage {stage} began for no reason")

    def before_write(self, stage: int, window: int, time: int) -> tuple[Cause, int, _Node | None]:
        node = self.earlier("write", stage, window, 1)
        if node is not None and self.ended(node) == time:
            return "lane", -1, node
        node = self.earlier("leave", stage, window, int(self.machine.output_slots[stage]))
        if node is not None and self.ended(node) == time:
            return "register", -1, node
        return "step", -1, _Node("crossbar", stage, window)

    def begin_send(self, node: _Node) -> tuple[list[Segment], Cause, int, _Node | None]:
        """Why a window's packets set out when they did; takes no time itself."""
        stage, window = node.stage, node.window
        time = int(self.holds.requests.send[self.place(node)])
        earlier = self.earlier("leave", stage, window, 1)
        if earlier is not None and self.ended(earlier) == time:
            return [], "lane", -1, earlier
        if int(self.stamps.write[self.place(node)]) == time:
            return [], "step", -1, _Node("write", stage, window)
        for edge in self.out_edges[stage]:
            if self.credit[edge][window] == time:
                target = int(self.machine.edge_target[edge])
                reader = int(np.searchsorted(self.holds.requests.freed[target], time))
                return [], "credit", edge, _Node("read", target, reader)
        raise AssertionError(f"send of window {window} of stage {stage} began for no reason")

    def leave(self, node: _Node) -> tuple[list[Segment], Cause, int, _Node | None]:
        """From the moment all packets of a window had left their first hop."""
        end = self.ended(node)
        for edge in self.out_edges[node.stage]:
            packet = int(self.holds.packet[self.edge_bounds[edge] + node.window])
            if packet >= 0:
                hold = int(self.holds.first[packet])
                if int(self.holds.grant[hold] + self.holds.duration[hold]) == end:
                    return self.transfer(hold, end)
        return self.begin_send(node)

    # ------------------------------------------------------------------ crossbars

    def crossbar(self, node: _Node) -> tuple[list[Segment], Cause, int, _Node | None]:
        stage, window = node.stage, node.window
        end = int(self.stamps.crossbar[self.place(node)])
        start = int(self.holds.requests.crossbar[self.place(node)])
        found = [self.segment(stage, "crossbar", start, end)]
        for kind, steps, cause in (("crossbar", 1, "lane"), ("write", OUTPUT_REGISTERS, "register")):
            earlier = self.earlier(kind, stage, window, steps)
            if earlier is not None and self.ended(earlier) == start:
                return found, cause, -1, earlier
        return found, "step", -1, _Node("read", stage, window)

    def earlier(self, kind: str, stage: int, window: int, steps: int) -> _Node | None:
        before = int(self.machine.previous(stage, np.array([window]), steps)[0])
        return None if before < 0 else _Node(kind, stage, before)  # type: ignore[arg-type]

    def ended(self, node: _Node) -> int:
        ends = {"read": self.stamps.read, "crossbar": self.stamps.crossbar, "write": self.stamps.write}
        return int(ends.get(node.kind, self.stamps.send)[self.place(node)])
