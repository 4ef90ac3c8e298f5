"""The rules of `archsim.timing.machine` as a loop over ticks.

A tick applies its events, which mark the lanes they may have unblocked; then looks at every marked lane until nothing
more happens at this time; then grants. A resource that is let go causes no event unless a request waits for it.
"""

from __future__ import annotations

from archsim.timing.kernels.arbitration import contest, grant, request, request_hop, request_unit
from archsim.timing.kernels.compiling import inlined, loop
from archsim.timing.kernels.heap import pop
from archsim.timing.kernels.state import (
    CROSSBAR_ENDED,
    HEAD_ARRIVED,
    INDEX_BITS,
    INDEX_MASK,
    NONE,
    PACKET_ENDED,
    PACKET_LEFT,
    POST_ENDED,
    READ_ENDED,
    REQUESTS,
    RESOURCE_FREED,
    UNIT_ENDED,
    WORK_ENDED,
    WRITE_ENDED,
    mark,
    schedule,
)
from archsim.timing.machine import READ, WRITE


@loop
def advance(state):
    """Simulate until nothing can move, an image begins that the clock was told to stop at, or the packet slots run
    out."""
    clock = state.clock[0]
    while True:
        _settle(state, clock)
        if clock.overflow:
            return
        for index in range(clock.contested):
            grant(state, clock, state.contested[index])
        clock.contested = 0
        if clock.heap == 0 or clock.stopped:
            return
        clock.now = state.heap_times[0]


@inlined
def _settle(state, clock):
    """Phase one of a tick: all its events and all that follows from them at the same time."""
    while True:
        while clock.heap > 0 and state.heap_times[0] == clock.now:
            event, clock.heap = pop(state.heap_times, state.heap_events, clock.heap)
            clock.events += 1
            _apply(state, clock, event >> INDEX_BITS, event & INDEX_MASK)
        if clock.listed == 0:
            return
        while clock.listed > 0:
            lane = state.listed[clock.listed_first]
            clock.listed_first = clock.listed_first + 1 if clock.listed_first + 1 < state.listed.size else 0
            clock.listed -= 1
            state.lanes[lane].listed = 0
            _look(state, clock, lane)


@inlined
def _apply(state, clock, kind, index):
    if kind == RESOURCE_FREED:
        state.resources[index].woken = 0
        contest(state, clock, index)
    elif kind == HEAD_ARRIVED:
        request_hop(state, clock, index)
    elif kind == PACKET_ENDED:
        _packet_ended(state, clock, index)
    elif kind == PACKET_LEFT:
        _packet_left(state, clock, index)
    elif kind == UNIT_ENDED:
        request_unit(state, clock, index)
    else:
        if kind == READ_ENDED:
            _read_ended(state, clock, index)
        elif kind == CROSSBAR_ENDED:
            _crossbar_ended(state, clock, index)
        elif kind == POST_ENDED:
            _post_ended(state, clock, index)
        elif kind == WORK_ENDED:
            _work_ended(state, clock, index)
        elif kind == WRITE_ENDED:
            _write_ended(state, clock, index)
        mark(state, clock, index)


# ---------------------------------------------------------------------- guards


@inlined
def _look(state, clock, index):
    """Start each step of a lane that may start."""
    lane = state.lanes[index]
    stage = state.stages[lane.stage]
    order = lane.stage * 4
    while (
        not lane.working
        and lane.work_count < lane.crossbar_count
        and lane.work_count - lane.write_count < stage.output_registers
        and state.crossbar[stage.first_window + lane.work_window] + stage.post_time <= clock.now
        and _gathered(state, stage, lane.work_window)
    ):
        lane.working = 1
        lane.units_taken = 0
        if stage.units > 0:
            request_unit(state, clock, index)
        else:
            _work_ended(state, clock, index)
    if (
        not lane.reading
        and lane.read_window < stage.ready
        and lane.read_count - lane.crossbar_count < stage.input_registers
    ):
        if lane.read_window >= stage.horizon:
            _begin_image(state, clock, lane.read_window // stage.windows)
        lane.reading = 1
        number = REQUESTS * index + READ
        request(state, clock, lane.read_resource, number, ((order + READ) << 32) | lane.lane, lane.read_window, 0)
    if (
        not lane.computing
        and lane.crossbar_count < lane.read_count
        and lane.crossbar_count - lane.work_count < stage.in_flight
    ):
        lane.computing = 1
        place = stage.crossbar_time
        if stage.crossbar_period > 1:
            place += lane.crossbar_window % stage.crossbar_period
        schedule(state, clock, state.crossbar_time[place], CROSSBAR_ENDED, index)
    if (
        not lane.writing
        and lane.write_count < lane.work_count
        and lane.write_count - lane.send_count < stage.output_slots
    ):
        lane.writing = 1
        number = REQUESTS * index + WRITE
        request(state, clock, lane.write_resource, number, ((order + WRITE) << 32) | lane.lane, lane.write_window, 0)
    if not lane.sending and lane.send_count < lane.write_count and lane.send_window < stage.room:
        _send(state, clock, index)


@inlined
def _gathered(state, stage, window):
    """Whether all that other tiles hold of a window is there."""
    for entry in range(stage.gather_low, stage.gather_high):
        if state.arrive[state.edges[state.gather_edges[entry]].arrive + window] < 0:
            return False
    return True


@inlined
def _begin_image(state, clock, image):
    """A window of this image is asked for, the first of all stages."""
    clock.images_begun = image + 1
    clock.stopped = clock.images_begun >= clock.stop_at_image
    for index in range(state.stages.size):
        state.stages[index].horizon = clock.images_begun * state.stages[index].windows


@inlined
def _send(state, clock, index):
    """Put a packet on every out-edge; what has no way to go is there at once."""
    lane = state.lanes[index]
    stage = state.stages[lane.stage]
    lane.sending = 1
    lane.packets = 0
    for entry in range(stage.out_low, stage.out_high):
        lane.packets += _put(state, clock, index, state.out_edges[entry], lane.send_window)
    if lane.packets == 0:
        _sent(state, clock, index)


@inlined
def _put(state, clock, index, number, window):
    """Put a lane's window on an edge. Returns how many packets that makes: 0 where it is there at once."""
    edge = state.edges[number]
    route = state.route[edge.last + window % edge.source_windows]
    hop, end = state.route_offset[route], state.route_offset[route + 1]
    if hop == end:
        _arrived(state, clock, number, window)
        return 0
    slot = clock.unused_packet
    if slot == NONE:
        clock.overflow = 1
        return 1
    packet = state.packets[slot]
    clock.unused_packet = packet.hop
    packet.lane = index
    packet.edge = number
    packet.window = window
    packet.first_hop = hop
    packet.end_hop = end
    packet.hop = hop
    request_hop(state, clock, slot)
    return 1


# ---------------------------------------------------------------------- effects


@inlined
def _following(window, windows, replicas):
    """The window that a window's lane handles next."""
    after = window + replicas
    if after % windows >= replicas:
        return after
    return (window // windows + 1) * windows + window % windows % replicas


@inlined
def _read_ended(state, clock, index):
    lane = state.lanes[index]
    stage = state.stages[lane.stage]
    window = lane.read_window
    state.read[stage.first_window + window] = clock.now
    lane.reading = 0
    lane.read_count += 1
    lane.read_window = _following(window, stage.windows, stage.replicas)
    if window == stage.read_leading:
        count = window + 1
        while count < stage.total and state.read[stage.first_window + count] >= 0:
            count += 1
        stage.read_leading = count
        for entry in range(stage.in_low, stage.in_high):
            _release(state, clock, state.in_edges[entry], count)


@inlined
def _release(state, clock, number, read):
    """The consumer of an edge has read `read` leading windows: forget what it is done with, and tell the producer."""
    edge = state.edges[number]
    before = edge.released
    limit = read - edge.released_image * edge.target_windows
    while edge.released < edge.total and state.last[edge.last + edge.released_place] < limit:
        edge.released += 1
        edge.released_place += 1
        if edge.released_place == edge.source_windows:
            edge.released_place = 0
            edge.released_image += 1
            limit -= edge.target_windows
    if edge.released == before:
        return
    stage = state.stages[edge.source]
    room = edge.capacity + edge.released
    for entry in range(stage.out_low, stage.out_high):
        other = state.edges[state.out_edges[entry]]
        room = min(room, other.capacity + other.released)
    for window in range(stage.room, min(room, stage.total)):
        mark(state, clock, stage.first_lane + window % stage.windows % stage.replicas)
    stage.room = room


@inlined
def _crossbar_ended(state, clock, index):
    lane = state.lanes[index]
    stage = state.stages[lane.stage]
    state.crossbar[stage.first_window + lane.crossbar_window] = clock.now
    lane.computing = 0
    lane.crossbar_count += 1
    lane.crossbar_window = _following(lane.crossbar_window, stage.windows, stage.replicas)
    if stage.post_time > 0:
        schedule(state, clock, stage.post_time, POST_ENDED, index)
    else:
        _post_ended(state, clock, index)


@inlined
def _post_ended(state, clock, index):
    """Ask the lane's other tiles for what they hold of the window."""
    lane = state.lanes[index]
    stage = state.stages[lane.stage]
    window = lane.post_window
    lane.post_window = _following(window, stage.windows, stage.replicas)
    for entry in range(stage.gather_low, stage.gather_high):
        _put(state, clock, index, state.gather_edges[entry], window)


@inlined
def _work_ended(state, clock, index):
    lane = state.lanes[index]
    stage = state.stages[lane.stage]
    state.work[stage.first_window + lane.work_window] = clock.now
    lane.working = 0
    lane.work_count += 1
    lane.work_window = _following(lane.work_window, stage.windows, stage.replicas)


@inlined
def _write_ended(state, clock, index):
    lane = state.lanes[index]
    stage = state.stages[lane.stage]
    state.write[stage.first_window + lane.write_window] = clock.now
    lane.writing = 0
    lane.write_count += 1
    lane.write_window = _following(lane.write_window, stage.windows, stage.replicas)


@inlined
def _sent(state, clock, index):
    lane = state.lanes[index]
    stage = state.stages[lane.stage]
    state.send[stage.first_window + lane.send_window] = clock.now
    lane.sending = 0
    lane.send_count += 1
    lane.send_window = _following(lane.send_window, stage.windows, stage.replicas)
    mark(state, clock, index)


@inlined
def _packet_left(state, clock, lane):
    record = state.lanes[lane]
    record.packets -= 1
    if record.packets == 0:
        _sent(state, clock, lane)


@inlined
def _packet_ended(state, clock, slot):
    packet = state.packets[slot]
    if packet.hop == packet.first_hop and not state.edges[packet.edge].gathers:
        _packet_left(state, clock, packet.lane)
    packet.hop = clock.unused_packet
    clock.unused_packet = slot
    _arrived(state, clock, packet.edge, packet.window)


@inlined
def _arrived(state, clock, number, window):
    """A window is at its consumer: more leading windows may make some of the consumer's ready."""
    edge = state.edges[number]
    state.arrive[edge.arrive + window] = clock.now
    if edge.gathers:
        own = state.stages[edge.target]
        mark(state, clock, own.first_lane + window % own.windows % own.replicas)
    if window != edge.received:
        return
    count = window + 1
    while count < edge.total and state.arrive[edge.arrive + count] >= 0:
        count += 1
    edge.received = count
    if edge.gathers:
        return
    stage = state.stages[edge.target]
    while stage.ready < stage.total and _inputs_there(state, stage):
        mark(state, clock, stage.first_lane + stage.ready_place % stage.replicas)
        stage.ready += 1
        stage.ready_place += 1
        if stage.ready_place == stage.windows:
            stage.ready_place = 0
            stage.ready_image += 1


@inlined
def _inputs_there(state, stage):
    for entry in range(stage.in_low, stage.in_high):
        edge = state.edges[state.in_edges[entry]]
        needed = state.need[edge.need + stage.ready_place] + stage.ready_image * edge.source_windows
        if needed > edge.received:
            return False
    return True
