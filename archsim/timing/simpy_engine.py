"""The reference engine: the machine's rules as SimPy events, one callback per step of a window.

SimPy supplies the clock and the event queue. Processes, Stores and Resources are not used: their own events would
double the work, and a `simpy.Resource` grants in order of arrival inside a tick, which depends on event insertion
order. Instead all requests of a tick are collected and granted by one event of low priority (phase two of the tick;
see `archsim.timing.machine`).
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any, cast

import simpy

from archsim.timing.machine import HOP, READ, WORK, WRITE, Machine, Stamps
from archsim.timing.simpy_tables import Tables

GRANT_PRIORITY = cast(Any, 5)
"""SimPy orders equal times by priority: urgent 0, normal 1. Anything above 1 runs after all events of the tick."""


def run_simpy(machine: Machine) -> Stamps:
    """Simulate until nothing can move. Unfinished steps (a deadlock) keep the stamp -1."""
    engine = _Engine(machine)
    engine.run()
    return engine.stamps()


class _Engine(Tables):
    """The steps of a run."""

    # ------------------------------------------------------------------ clock and resources

    def run(self) -> None:
        for s in range(self.machine.stages):
            if self.in_edges[s]:
                self.advance_ready(s)  # a window that lies in padding needs nothing
            for r in range(self.replicas[s]):
                self.try_read(s, r)
        self.environment.run()

    def after(self, delay: int, action: Callable[[Any], None], value: Any) -> None:
        event = simpy.Timeout(self.environment, delay, value)
        event.callbacks.append(action)

    def request(self, resource: int, key: tuple[Any, ...]) -> None:
        """Queue a request; `key` is (time, stage, kind, lane, window, edge, hop, route), least first."""
        queue = self.waiting[resource]
        heappush(queue, key)
        if not self.held[resource]:
            self.contest(resource)

    def contest(self, resource: int) -> None:
        self.contested.append(resource)
        if not self.grant_scheduled:
            self.grant_scheduled = True
            event = simpy.Event(self.environment)
            event._ok, event._value = True, None
            event.callbacks.append(self.grant_all)
            self.environment.schedule(event, GRANT_PRIORITY)

    def grant_all(self, _event: simpy.Event) -> None:
        """Phase two of a tick: every contested free resource goes to its least request."""
        self.grant_scheduled = False
        contested, self.contested = self.contested, []
        for resource in contested:
            queue = self.waiting[resource]
            if self.held[resource] or not queue:
                continue
            self.held[resource] = True
            _, s, kind, r, w, e, h, route = heappop(queue)
            if kind == READ:
                place = w % len(self.read_hold[s])
                hold = self.read_hold[s][place]
                self.after(self.read_time[s][place], self.read_done, (s, r, w))
                self.after(hold, self.freed, resource)
            elif kind == WRITE:
                hold = self.write_hold[s]
                self.after(self.write_time[s], self.write_done, (s, r, w))
                self.after(hold, self.freed, resource)
            elif kind == WORK:
                _, hold, time = self.units[self.lane_offset[s] + r][h]
                self.after(time, self.unit_done, (s, r, w, h + 1))
                self.after(hold, self.freed, resource)
            else:
                _, hold, latency = self.routes[route][h]
                if h + 1 < len(self.routes[route]):
                    self.after(latency, self.head_at_next_hop, (s, r, w, e, h + 1, route))
                self.after(hold, self.hop_done, (resource, s, r, w, e, h, route))
            self.busy_time[resource] += hold

    def freed(self, event: simpy.Event) -> None:
        self.release(event._value)

    def release(self, resource: int) -> None:
        self.held[resource] = False
        if self.waiting[resource]:
            self.contest(resource)

    def following(self, s: int, w: int) -> int:
        """The window that the lane of w handles next: one turn on, or its first of the next image."""
        windows, replicas = self.windows[s], self.replicas[s]
        after: int = w + replicas
        if after % windows < replicas:
            image, place = divmod(w, windows)
            return (image + 1) * windows + place % replicas  # type: ignore[no-any-return]
        return after

    # ------------------------------------------------------------------ guards: start a step when it may start

    def try_read(self, s: int, r: int) -> None:
        lane = self.lane_offset[s] + r
        w = self.next_read[lane]
        if self.reading[lane] or w >= self.ready[s]:
            return
        if self.loaded[lane] >= self.input_registers[s]:
            return
        self.reading[lane] = True
        self.loaded[lane] += 1
        self.request(self.read_resource[lane], (self.environment._now, s, READ, r, w, 0, 0, 0))

    def try_crossbar(self, s: int, r: int) -> None:
        lane = self.lane_offset[s] + r
        w = self.next_crossbar[lane]
        if self.computing[lane] or w >= self.next_read[lane]:
            return
        if self.computed[lane] >= self.in_flight[s]:
            return
        self.computing[lane] = True
        self.computed[lane] += 1
        times = self.crossbar_time[s]
        self.after(times[w % len(times)], self.crossbar_done, (s, r, w))

    def try_work(self, s: int, r: int) -> None:
        lane = self.lane_offset[s] + r
        w = self.next_work[lane]
        if self.working[lane] or w >= self.total[s] or not self.post_done[s][w]:
            return
        if self.worked[lane] >= self.output_registers[s]:
            return
        if any(self.arrive_end[e][w] < 0 for e in self.gather_edges[s]):
            return
        self.working[lane] = True
        self.worked[lane] += 1
        self.next_unit(s, r, w, 0)

    def next_unit(self, s: int, r: int, w: int, place: int) -> None:
        """Ask for the next unit of a window's work, or end it after the last."""
        units = self.units[self.lane_offset[s] + r]
        if place < len(units):
            self.request(units[place][0], (self.environment._now, s, WORK, r, w, 0, place, 0))
        else:
            self.work_done(s, r, w)

    def try_write(self, s: int, r: int) -> None:
        lane = self.lane_offset[s] + r
        w = self.next_write[lane]
        if self.writing[lane] or w >= self.next_work[lane]:
            return
        if self.unsent[lane] >= self.output_slots[s]:
            return
        self.writing[lane] = True
        self.request(self.write_resource[lane], (self.environment._now, s, WRITE, r, w, 0, 0, 0))

    def try_send(self, s: int, r: int) -> None:
        lane = self.lane_offset[s] + r
        w = self.next_send[lane]
        if self.sending[lane] or w >= self.next_write[lane] or w >= self.room[s]:
            return
        self.sending[lane] = True
        self.packets_left[lane] = sum(self.put(s, r, w, e) for e in self.out_edges[s])
        if not self.packets_left[lane]:
            self.sent(s, r, w)

    def put(self, s: int, r: int, w: int, e: int) -> int:
        """Put a window on an edge. Returns how many packets that makes: 0 where it is there at once."""
        route = self.route_of[e][w]
        hops = self.routes[route]
        if not hops:
            self.arrived(e, w)
            return 0
        self.request(hops[0][0], (self.environment._now, s, HOP, r, w, e, 0, route))
        return 1

    # ------------------------------------------------------------------ effects: what the end of a step changes

    def read_done(self, event: simpy.Event) -> None:
        s, r, w = event._value
        self.read_end[s][w] = self.environment._now
        lane = self.lane_offset[s] + r
        self.reading[lane] = False
        self.next_read[lane] = self.following(s, w)
        self.try_crossbar(s, r)
        self.try_read(s, r)
        if w == self.read_count[s]:
            self.advance_reads(s)

    def advance_reads(self, s: int) -> None:
        """More leading windows are read: producers get their room back."""
        ends, total, count = self.read_end[s], self.total[s], self.read_count[s]
        while count < total and ends[count] >= 0:
            count += 1
        self.read_count[s] = count
        for e in self.in_edges[s]:
            lasts, freed = self.lasts[e], self.released[e]
            limit = len(lasts)
            while freed < limit and lasts[freed] < count:
                freed += 1
            if freed != self.released[e]:
                self.released[e] = freed
                self.advance_room(self.source[e])

    def advance_room(self, s: int) -> None:
        before = self.room[s]
        room = min(self.capacity[e] + self.released[e] for e in self.out_edges[s])
        self.room[s] = room
        replicas = self.replicas[s]
        if room - before >= replicas:
            for r in range(replicas):
                self.try_send(s, r)
        else:
            for w in range(before, min(room, self.total[s])):
                self.try_send(s, w % self.windows[s] % replicas)

    def crossbar_done(self, event: simpy.Event) -> None:
        s, r, w = event._value
        self.crossbar_end[s][w] = self.environment._now
        lane = self.lane_offset[s] + r
        self.computing[lane] = False
        self.loaded[lane] -= 1
        self.next_crossbar[lane] = self.following(s, w)
        self.after(self.post_time[s], self.posted, (s, r, w))
        self.try_crossbar(s, r)
        self.try_read(s, r)

    def posted(self, event: simpy.Event) -> None:
        s, r, w = event._value
        self.post_done[s][w] = 1
        for e in self.gather_edges[s]:
            self.put(s, r, w, e)
        self.try_work(s, r)

    def unit_done(self, event: simpy.Event) -> None:
        self.next_unit(*event._value)

    def work_done(self, s: int, r: int, w: int) -> None:
        self.work_end[s][w] = int(self.environment._now)
        lane = self.lane_offset[s] + r
        self.working[lane] = False
        self.computed[lane] -= 1
        self.next_work[lane] = self.following(s, w)
        self.try_write(s, r)
        self.try_work(s, r)
        self.try_crossbar(s, r)

    def write_done(self, event: simpy.Event) -> None:
        s, r, w = event._value
        self.write_end[s][w] = self.environment._now
        lane = self.lane_offset[s] + r
        self.writing[lane] = False
        self.next_write[lane] = self.following(s, w)
        self.worked[lane] -= 1
        self.unsent[lane] += 1
        self.try_send(s, r)
        self.try_write(s, r)
        self.try_work(s, r)

    def head_at_next_hop(self, event: simpy.Event) -> None:
        s, r, w, e, h, route = event._value
        self.request(self.routes[route][h][0], (self.environment._now, s, HOP, r, w, e, h, route))

    def hop_done(self, event: simpy.Event) -> None:
        resource, s, r, w, e, h, route = event._value
        self.release(resource)
        if h == 0 and not self.gathers[e]:
            lane = self.lane_offset[s] + r
            self.packets_left[lane] -= 1
            if self.packets_left[lane] == 0:
                self.sent(s, r, w)
        if h + 1 == len(self.routes[route]):
            self.arrived(e, w)

    def sent(self, s: int, r: int, w: int) -> None:
        self.send_end[s][w] = int(self.environment._now)
        lane = self.lane_offset[s] + r
        self.sending[lane] = False
        self.next_send[lane] = self.following(s, w)
        self.unsent[lane] -= 1
        self.try_send(s, r)
        self.try_write(s, r)

    def arrived(self, e: int, w: int) -> None:
        """A packet is there: more leading windows may make consumers ready."""
        ends = self.arrive_end[e]
        ends[w] = int(self.environment._now)
        if self.gathers[e]:
            s = self.source[e]
            self.try_work(s, w % self.windows[s] % self.replicas[s])
            return
        count = self.received[e]
        if w != count:
            return
        limit = len(ends)
        while count < limit and ends[count] >= 0:
            count += 1
        self.received[e] = count
        self.advance_ready(self.target[e])

    def advance_ready(self, s: int) -> None:
        total, ready = self.total[s], self.ready[s]
        for e in self.in_edges[s]:
            needs, received, count = self.needs[e], self.received[e], ready
            while count < total and needs[count] <= received:
                count += 1
            total = count
        self.ready[s] = total
        replicas = self.replicas[s]
        if total - ready >= replicas:
            for r in range(replicas):
                self.try_read(s, r)
        else:
            for w in range(ready, total):
                self.try_read(s, w % self.windows[s] % replicas)
