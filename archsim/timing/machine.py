"""The machine description: flat integer arrays, the only thing a timing engine sees.

Rules every engine follows (all times integer picoseconds)
-----------------------------------------------------------
A machine has *stages*; stage s works on `windows[s]` windows an image for `images` images, numbered through; the
windows of an image go row by row over its map. Its `replicas[s]` lanes take the windows of each image in turn: window p
of an image belongs to lane p mod replicas, whatever the image before ended with. Every lane handles its windows
strictly in order, with one window at a time in each step:

1. *read*: window w may be requested once every in-edge e has received its first `need[e][w]` windows, the lane's
   previous read has ended, and the crossbar step of the lane's window `input_registers[s]` before has ended. It ends
   `read_time` of the window after it was granted the lane's read resource, which it holds for its `read_hold`, no
   longer than that.
2. *crossbar*: starts when w is read, the lane's previous crossbar step has ended, and the work on the lane's window
   `in_flight[s]` before has ended. It takes `crossbar_time` of the window; no shared resource.
3. *post*: a fixed latency after the crossbar step, without occupancy: a pipeline that takes a window every crossbar
   step. When it is over, one packet leaves on every edge that leads from the stage to itself: such an edge *gathers*
   what other tiles of the lane hold of the window.
4. *work*: what the tile's digital units do. Requested once post is over, the packets of all edges that gather have
   arrived, the lane's previous work has ended, and the
   write of the lane's window `output_registers[s]` before has ended. It takes the stage's units in turn: each is held
   for `unit_hold` from its grant on, and the next one is requested (or the work has ended) `unit_time` after it, no
   sooner. A stage without units ends its work at once.
5. *write*: requested once the work has ended, the lane's previous write has ended, and of fewer than `output_slots[s]`
   written windows of the lane the send has not ended. It ends `write_time[s]` after its grant and holds the lane's
   write resource for `write_hold[s]`.
6. *send*: starts once w is written, the lane's previous send has ended, and every out-edge e (to another stage) has
   room: w <
   capacity[e] + the number of leading windows of s that e's consumer has done with. It puts one packet on every
   out-edge at that moment. The send ends when every packet has left its first hop; a packet with no hops arrives at
   once.

A packet takes its route's hops in order. Hop i is requested when the head of the packet is there; it holds the hop's
resource for `hop_hold` from the grant on, and the head is at the next hop `hop_latency` after the grant
(cut-through). It has arrived when the last hop's hold is over.

Edges that gather have no buffer: capacity, need and last mean nothing on them.

*Leading* counts: an edge has received k windows when windows 0..k-1 have all arrived; a consumer is done with a
producer window p when all of its windows up to `last[e][p]` have been read.

*Two-phase ticks*: at time t all events of t take effect first, and only then is every free resource given to the
least waiting request in the order (request time, stage, kind, lane, window, edge, hop), kind being read 0, work 1,
write 2, hop 3 (for work, edge is 0 and hop the unit's place in its row). So the result does not depend on the order in
which a simulator happens to process equal times. Holds and hop latencies are at least one picosecond.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
READ, WORK, WRITE, HOP = 0, 1, 2, 3
STEPS = ("read", "crossbar", "work", "write", "send")
"""Steps of a window that leave a stamp."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Machine:
    """S stages, E edges, L lanes (over all stages), U units (over all lanes), R routes, H hops (over all routes);
    offsets have one more entry than what they index."""

    stage_names: tuple[str, ...]
    resource_names: tuple[str, ...]
    images: int
    windows: Ints  # [S] per image
    replicas: Ints  # [S]
    read_time: Ints  # flat, from grant to end; stage s uses entry read_offset[s] + w mod its period
    read_hold: Ints  # likewise: occupancy of the resource, at most the time
    read_offset: Ints  # [S + 1]; the period is the difference: 1 or windows[s]
    input_registers: Ints  # [S] per lane
    in_flight: Ints  # [S] windows of a lane between the start of their crossbar step and the end of their work
    post_time: Ints  # [S]
    output_registers: Ints  # [S] per lane
    write_time: Ints  # [S]
    write_hold: Ints  # [S]
    output_slots: Ints  # [S] per lane
    crossbar_time: Ints  # flat; stage s uses entry crossbar_offset[s] + w mod its period
    crossbar_offset: Ints  # [S + 1]; the period is the difference: 1, windows[s] or windows[s] * images
    lane_offset: Ints  # [S + 1]
    read_resource: Ints  # [L]
    write_resource: Ints  # [L]
    unit_offset: Ints  # [L + 1] equally many units for all lanes of a stage
    unit_resource: Ints  # [U]
    unit_hold: Ints  # [U] the same for all lanes of a stage
    unit_time: Ints  # [U] likewise
    edge_source: Ints  # [E]
    edge_target: Ints  # [E]
    capacity: Ints  # [E] in producer windows
    need: Ints  # flat, per image
    need_offset: Ints  # [E + 1]
    last: Ints  # flat, per image
    last_offset: Ints  # [E + 1]
    route: Ints  # flat like `last`: the route each producer window takes
    route_offset: Ints  # [R + 1]
    hop_resource: Ints  # [H]
    hop_hold: Ints  # [H]
    hop_latency: Ints  # [H]

    @property
    def stages(self) -> int:
        """Number of stages."""
        return len(self.windows)

    @property
    def edges(self) -> int:
        """Number of edges."""
        return len(self.edge_source)

    @property
    def resources(self) -> int:
        """Number of shared resources."""
        return len(self.resource_names)

    @property
    def gathers(self) -> NDArray[np.bool_]:
        """Which edges [E] gather: they lead from a stage to itself."""
        return np.asarray(self.edge_source == self.edge_target)

    def in_edges(self, stage: int) -> list[int]:
        """Edges from other stages."""
        return np.flatnonzero((self.edge_target == stage) & ~self.gathers).tolist()

    def out_edges(self, stage: int) -> list[int]:
        """Edges to other stages."""
        return np.flatnonzero((self.edge_source == stage) & ~self.gathers).tolist()

    def gather_edges(self, stage: int) -> list[int]:
        """Edges by which a stage gathers."""
        return np.flatnonzero((self.edge_source == stage) & self.gathers).tolist()

    @property
    def total(self) -> Ints:
        """Windows of every stage over all images."""
        return self.windows * self.images

    @property
    def stage_offset(self) -> Ints:
        """Where each stage's windows start in an array over all stages' windows."""
        return np.concatenate([[0], np.cumsum(self.total)]).astype(np.int64)

    @property
    def edge_offset(self) -> Ints:
        """Where each edge's windows start in an array over all edges' windows."""
        return np.concatenate([[0], np.cumsum(self.total[self.edge_source])]).astype(np.int64)

    def work_time(self, stage: int) -> int:
        """Time of a window's work when it waits for no unit."""
        low, high = self.unit_offset[self.lane_offset[stage] :][:2]
        return int(self.unit_time[low:high].sum())

    def units(self, stage: int) -> int:
        """Units that a window of a stage takes."""
        low, high = self.unit_offset[self.lane_offset[stage] :][:2]
        return int(high - low)

    def is_digital(self, stage: int) -> bool:
        """Whether a stage has digital units and no crossbars."""
        low, high = self.crossbar_offset[stage : stage + 2]
        return self.units(stage) > 0 and not self.crossbar_time[low:high].any()

    def crossbar_times(self, stage: int) -> Ints:
        """Crossbar time of every window of a stage, all images."""
        pattern = self.crossbar_time[self.crossbar_offset[stage] : self.crossbar_offset[stage + 1]]
        return np.resize(pattern, int(self.total[stage]))

    def read_times(self, stage: int) -> Ints:
        """Time from grant to end of the read of every window of a stage, all images."""
        return np.resize(self.read_time[slice(*self.read_offset[stage : stage + 2])], int(self.total[stage]))

    def read_holds(self, stage: int) -> Ints:
        """How long the read of every window of a stage holds its resource, all images."""
        return np.resize(self.read_hold[slice(*self.read_offset[stage : stage + 2])], int(self.total[stage]))

    def needs(self, edge: int) -> Ints:
        """Leading producer windows each consumer window of all images needs."""
        one = self.need[self.need_offset[edge] : self.need_offset[edge + 1]]
        step = self.windows[self.edge_source[edge]]
        return np.asarray((one[None, :] + np.arange(self.images)[:, None] * step).ravel(), np.int64)

    def lasts(self, edge: int) -> Ints:
        """Consumer window whose read frees each producer window, all images."""
        one = self.last[self.last_offset[edge] : self.last_offset[edge + 1]]
        step = self.windows[self.edge_target[edge]]
        return np.asarray((one[None, :] + np.arange(self.images)[:, None] * step).ravel(), np.int64)

    def routes(self, edge: int) -> Ints:
        """Route of each producer window, all images."""
        return np.tile(self.route[self.last_offset[edge] : self.last_offset[edge + 1]], self.images)

    def previous(self, stage: int, windows: Ints, steps: int = 1) -> Ints:
        """The window that the lane of each of `windows` handled `steps` windows earlier; negative where there is
        none."""
        each, replicas = int(self.windows[stage]), int(self.replicas[stage])
        if self.images == 1:
            return windows - steps * replicas
        image, place = np.divmod(windows, each)
        turn, lane = np.divmod(place, replicas)
        turns = (each - 1 - lane) // replicas + 1
        images_back, turn = np.divmod(turn - steps, turns)
        return np.asarray((image + images_back) * each + turn * replicas + lane, np.int64)

    def lanes(self, stage: int) -> Ints:
        """Lane within its stage of each window of all images."""
        return np.tile(np.arange(self.windows[stage]) % self.replicas[stage], self.images)

    def check(self) -> None:
        """Raise `ValueError` where the arrays contradict each other: an engine may then rely on them."""
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, np.ndarray) and value.dtype != np.int64:
                raise ValueError(f"{item.name} must be int64, is {value.dtype}")
        period = np.diff(self.crossbar_offset)
        if (
            not np.isin(period, [1]).all()
            and not ((period == 1) | (period == self.windows) | (period == self.total)).all()
        ):
            raise ValueError("crossbar_time: a stage has one duration, one per window, or one per window and image")
        holds = (self.read_hold, self.write_hold, self.unit_hold, self.hop_hold)
        each = np.diff(self.read_offset)
        if not ((each == 1) | (each == self.windows)).all():
            raise ValueError("read_time: a stage has one duration or one per window")
        if min(hold.min(initial=1) for hold in holds) < 1:
            raise ValueError("holds must be at least 1 ps")
        times = (self.read_time, self.write_time, self.unit_time)
        if any((time < hold).any() for time, hold in zip(times, holds, strict=False)):
            raise ValueError("a transfer must not end before it lets go of its resource")
        inner = np.ones(len(self.hop_latency), bool)
        inner[self.route_offset[1:][np.diff(self.route_offset) > 0] - 1] = False
        if (self.hop_latency[inner] < 1).any():
            raise ValueError("a hop before another hop must take at least 1 ps")
        for name, reached in (("need", self.windows[self.edge_source]), ("last", self.windows[self.edge_target] - 1)):
            values, bounds = getattr(self, name), getattr(self, f"{name}_offset")
            falls = np.diff(values) < 0
            falls[bounds[1:-1] - 1] = False
            if falls.any() or (values < 0).any() or (values > np.repeat(reached, np.diff(bounds))).any():
                raise ValueError(f"{name} must not decrease along an edge, and name windows that exist")
        registers = (self.input_registers, self.in_flight, self.output_registers)
        if any((count < 1).any() for count in registers):
            raise ValueError("a lane has at least one register of each kind")
        if (self.output_slots < 1).any() or (self.replicas < 1).any() or (self.windows < 1).any() or self.images < 1:
            raise ValueError("a machine has at least one image, every stage a window, a lane and an output slot")
        if (self.post_time < 0).any() or (self.crossbar_time < 0).any() or (self.capacity < 1).any():
            raise ValueError("durations must not be negative, buffers must hold a window")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Stamps:
    """When each window's steps ended; -1 where a step never did. The first five are over all stages' windows
    (`Machine.stage_offset`), `arrive` over all edges' producer windows (`Machine.edge_offset`). `resource_busy` is
    the time each resource was held."""

    read: Ints
    crossbar: Ints
    work: Ints
    write: Ints
    send: Ints
    arrive: Ints
    resource_busy: Ints
    events: int

    def differences(self, other: Stamps) -> dict[str, int]:
        """How many stamps differ, by kind; empty when the two runs are identical."""
        kinds = (*STEPS, "arrive", "resource_busy")
        counts = {kind: int((getattr(self, kind) != getattr(other, kind)).sum()) for kind in kinds}
        return {kind: count for kind, count in counts.items() if count}

    @property
    def end(self) -> int:
        """Time of the last event."""
        return int(max(self.write.max(initial=0), self.send.max(initial=0), self.arrive.max(initial=0)))


def gathered(machine: Machine, stamps: Stamps, stage: int) -> Ints:
    """When the post of each window of a stage was over and all that its other tiles hold of it was there [ps]."""
    low, high = machine.stage_offset[stage : stage + 2]
    bounds = machine.edge_offset
    arrivals = [stamps.arrive[bounds[edge] : bounds[edge + 1]] for edge in machine.gather_edges(stage)]
    posted = stamps.crossbar[low:high] + machine.post_time[stage]
    return np.asarray(np.maximum.reduce([posted, *arrivals]), np.int64)
