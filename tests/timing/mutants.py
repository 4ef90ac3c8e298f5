"""The SimPy engine with one rule broken at a time. The comparison of engines must see every one of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from archsim.timing.machine import Machine, Stamps
from archsim.timing.simpy_engine import _Engine


class FirstComeFirstServed(_Engine):
    """No second phase: a request to a free resource is granted at once, whatever else this tick brings."""

    def contest(self, resource: int) -> None:
        self.contested.append(resource)
        self.grant_all(None)


class KindBeforeStage(_Engine):
    """Equal request times: hops first, then writes, work, reads, whatever the stage."""

    def request(self, resource: int, key: tuple[Any, ...]) -> None:
        super().request(resource, (8 * key[0] - key[2], *key[1:]))


class LaneAfterWindow(_Engine):
    """Equal request times in a stage: the earlier window first, not the earlier lane."""

    def request(self, resource: int, key: tuple[Any, ...]) -> None:
        super().request(resource, ((key[0], key[1], key[2], key[4]), *key[1:]))


class NewestRequestFirst(_Engine):
    """Last come, first served."""

    def request(self, resource: int, key: tuple[Any, ...]) -> None:
        super().request(resource, (-key[0], *key[1:]))


class OneCreditMore(_Engine):
    def __init__(self, machine: Machine) -> None:
        super().__init__(machine)
        self.capacity = [capacity + 1 for capacity in self.capacity]
        self.room = [
            min((self.capacity[e] for e in edges), default=room)
            for edges, room in zip(self.out_edges, self.room, strict=True)
        ]


class OneCreditLess(_Engine):
    def __init__(self, machine: Machine) -> None:
        super().__init__(machine)
        self.capacity = [capacity - 1 for capacity in self.capacity]
        self.room = [
            min((self.capacity[e] for e in edges), default=room)
            for edges, room in zip(self.out_edges, self.room, strict=True)
        ]


class NeedsOneMore(_Engine):
    def __init__(self, machine: Machine) -> None:
        super().__init__(machine)
        totals = [self.total[source] for source in self.source]
        self.needs = [[min(need + 1, total) for need in needs] for needs, total in zip(self.needs, totals, strict=True)]


class MergedReadGuard(_Engine):
    """Reading waits for an output register too."""

    def try_read(self, s: int, r: int) -> None:
        if self.computed[self.lane_offset[s] + r] < self.in_flight[s]:
            super().try_read(s, r)

    def work_done(self, s: int, r: int, w: int) -> None:
        super().work_done(s, r, w)
        self.try_read(s, r)


class MergedWriteGuard(_Engine):
    """Writing waits until the window could be sent."""

    def try_write(self, s: int, r: int) -> None:
        if self.next_write[self.lane_offset[s] + r] < self.room[s]:
            super().try_write(s, r)

    def advance_room(self, s: int) -> None:
        super().advance_room(s)
        for r in range(self.replicas[s]):
            self.try_write(s, r)


class TwoInputRegisters(_Engine):
    def __init__(self, machine: Machine) -> None:
        super().__init__(machine)
        self.input_registers = [2] * machine.stages


class OneMoreInFlight(_Engine):
    def __init__(self, machine: Machine) -> None:
        super().__init__(machine)
        self.in_flight = [count + 1 for count in self.in_flight]


class OneOutputRegisterMore(_Engine):
    def __init__(self, machine: Machine) -> None:
        super().__init__(machine)
        self.output_registers = [count + 1 for count in self.output_registers]


class InFlightUntilWritten(_Engine):
    """What is behind the crossbars counts until it is written, not until it is worked on."""

    def work_done(self, s: int, r: int, w: int) -> None:
        self.computed[self.lane_offset[s] + r] += 1
        super().work_done(s, r, w)

    def write_done(self, event: Any) -> None:
        super().write_done(event)
        s, r, _ = event._value
        self.computed[self.lane_offset[s] + r] -= 1
        self.try_crossbar(s, r)


class UnitsAtOnce(_Engine):
    """A window's units are asked for together, not in turn: the last one's end is the work's."""

    def next_unit(self, s: int, r: int, w: int, place: int) -> None:
        units = self.units[self.lane_offset[s] + r]
        super().next_unit(s, r, w, max(place, len(units) - 1))


class UnitsOfTheirOwn(_Engine):
    """Every lane has its units alone."""

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine)
        count = machine.resources
        self.units = [
            [(count + number, hold, time) for number, (_, hold, time) in enumerate(row, 100 * lane)]
            for lane, row in enumerate(self.units)
        ]
        more = 100 * (len(self.units) + 1)
        self.waiting += [[] for _ in range(more)]
        self.held += [False] * more
        self.busy_time += [0] * more

    def stamps(self) -> Stamps:
        found = super().stamps()
        return replace(found, resource_busy=found.resource_busy[: self.machine.resources])


class UnitHeldForItsTime(_Engine):
    def __init__(self, machine: Machine) -> None:
        super().__init__(machine)
        self.units = [[(resource, time, time) for resource, _, time in row] for row in self.units]


class PostOccupiesTheCrossbar(_Engine):
    def try_crossbar(self, s: int, r: int) -> None:
        w = self.next_crossbar[self.lane_offset[s] + r]
        before = [v for v in (w - self.replicas[s],) if v >= 0 and v // self.windows[s] == w // self.windows[s]]
        if w < self.total[s] and all(self.post_done[s][v] for v in before):
            super().try_crossbar(s, r)

    def posted(self, event: Any) -> None:
        super().posted(event)
        s, r, _ = event._value
        self.try_crossbar(s, r)


class LastHopLatencyAdded(_Engine):
    def arrived(self, e: int, w: int) -> None:
        hops = self.routes[self.route_of[e][w]]
        if not hops:
            super().arrived(e, w)
        else:
            self.after(hops[-1][2], lambda _: super(LastHopLatencyAdded, self).arrived(e, w), None)


class StoreAndForward(_Engine):
    """The head moves on only when the tail has come."""

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine)
        self.routes = [
            [(resource, hold, max(hold, latency)) for resource, hold, latency in route] for route in self.routes
        ]


class SendEndsOnArrival(_Engine):
    def hop_done(self, event: Any) -> None:
        resource, s, r, w, e, h, route = event._value
        self.release(resource)
        if h + 1 == len(self.routes[route]):
            lane = self.lane_offset[s] + r
            self.packets_left[lane] -= 1
            if self.packets_left[lane] == 0:
                self.sent(s, r, w)
            self.arrived(e, w)


class HeldUntilTheTransferEnds(_Engine):
    def __init__(self, machine: Machine) -> None:
        super().__init__(machine)
        self.read_hold, self.write_hold = self.read_time, self.write_time


class RoomAtTheCrossbar(_Engine):
    """Producers get their room back when the crossbar step is over, not when the read is."""

    def read_done(self, event: Any) -> None:
        s = event._value[0]
        count, self.read_count[s] = self.read_count[s], -1
        super().read_done(event)
        self.read_count[s] = count

    def crossbar_done(self, event: Any) -> None:
        super().crossbar_done(event)
        s, _, w = event._value
        ends = self.crossbar_end[s]
        if w == self.read_count[s]:
            reads, self.read_end[s] = self.read_end[s], ends
            self.advance_reads(s)
            self.read_end[s] = reads


class LanesRunThroughImages(_Engine):
    """A lane goes on where it was instead of starting over with every image."""

    def following(self, s: int, w: int) -> int:
        return w + self.replicas[s]


class CountsInsteadOfLeadingCounts(_Engine):
    """Any k windows will do, not the first k."""

    def arrived(self, e: int, w: int) -> None:
        self.arrive_end[e][w] = self.environment._now
        self.received[e] += 1
        self.advance_ready(self.target[e])


class PaddingWaits(_Engine):
    """A window that needs no input waits for the first one all the same."""

    def run(self) -> None:
        for s in range(self.machine.stages):
            for r in range(self.replicas[s]):
                self.try_read(s, r)
        self.environment.run()


class GatherAfterWork(_Engine):
    """Work does not wait for what other tiles hold."""

    def try_work(self, s: int, r: int) -> None:
        edges, self.gather_edges[s] = self.gather_edges[s], []
        super().try_work(s, r)
        self.gather_edges[s] = edges


class GatherFromTheCrossbar(_Engine):
    """What other tiles hold sets out before the post is over."""

    def crossbar_done(self, event: Any) -> None:
        s, r, w = event._value
        for e in self.gather_edges[s]:
            self.put(s, r, w, e)
        super().crossbar_done(event)

    def posted(self, event: Any) -> None:
        s, r, w = event._value
        self.post_done[s][w] = 1
        self.try_work(s, r)


class GatherHoldsTheSend(_Engine):
    """The first hop of what is gathered counts as the send's."""

    def hop_done(self, event: Any) -> None:
        _, s, r, _, e, h, _ = event._value
        if h == 0 and self.gathers[e]:
            self.packets_left[self.lane_offset[s] + r] += 1
        super().hop_done(event)


class OneOutputSlotMore(_Engine):
    def __init__(self, machine: Machine) -> None:
        super().__init__(machine)
        self.output_slots = [slots + 1 for slots in self.output_slots]


MUTANTS = [
    FirstComeFirstServed,
    KindBeforeStage,
    LaneAfterWindow,
    NewestRequestFirst,
    OneCreditMore,
    OneCreditLess,
    NeedsOneMore,
    MergedReadGuard,
    MergedWriteGuard,
    TwoInputRegisters,
    OneMoreInFlight,
    OneOutputRegisterMore,
    InFlightUntilWritten,
    UnitsAtOnce,
    UnitsOfTheirOwn,
    UnitHeldForItsTime,
    PostOccupiesTheCrossbar,
    LastHopLatencyAdded,
    StoreAndForward,
    SendEndsOnArrival,
    HeldUntilTheTransferEnds,
    RoomAtTheCrossbar,
    LanesRunThroughImages,
    CountsInsteadOfLeadingCounts,
    PaddingWaits,
    GatherAfterWork,
    GatherFromTheCrossbar,
    GatherHoldsTheSend,
    OneOutputSlotMore,
]
