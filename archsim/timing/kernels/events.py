"""The rules of `archsim.timing.machine` as a loop over ticks.

A tick applies its events, which mark the lanes they may have unblocked; then looks at every marked lane until nothing more happens at
this time; then grants. A resource that is let go causes no event unless a request waits for it.
"""

from __future__ import annotations

from typing import NamedTuple

from numpy import ndarray

from archsim.timing.kernels.compiling import inlined, loop
from archsim.timing.kernels.heap import pop, push
from archsim.timing.machine import HOP, INPUT_SLOTS, OUTPUT_REGISTERS, READ, WRITE

READ_ENDED, CROSSBAR_ENDED, POST_ENDED, WRITE_ENDED, RESOURCE_FREED, HEAD_ARRIVED, PACKET_LEFT, PACKET_ENDED = range(8)
INDEX_BITS = 48
INDEX_MASK = (1 << INDEX_BITS) - 1
NONE = -1


class State(NamedTuple):
    """Everything a run knows: tables of records (see `archsim.timing.kernels.records`), the machine's flat arrays, and the stamps."""

    clock: ndarray
    stages: ndarray
    lanes: ndarray
    edges: ndarray
    resources: ndarray
    requests: ndarray
    packets: ndarray
    hops: ndarray
    heap_times: ndarray
    heap_events: ndarray
    listed: ndarray
    contested: ndarray
    in_edges: ndarray
    out_edges: ndarray
    crossbar_time: ndarray
    need: ndarray
    last: ndarray
    route: ndarray
    route_offset: ndarray
    read: ndarray
    crossbar: ndarray
    write: ndarray
    send: ndarray
    arrive: ndarray


@loop
def advance(state):
    """Simulate until nothing can move, an image begins that the clock was told to stop at, or the packet slots run out."""
    clock = state.clock[0]
    while True:
        _settle(state, clock)
        if clock.overflow:
            return
        for index in range(clock.contested):
            _grant(state, clock, state.contested[index])
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
        _contest(state, clock, index)
    elif kind == HEAD_ARRIVED:
        _request_hop(state, clock, index)
    elif kind == PACKET_ENDED:
        _packet_ended(state, clock, index)
    elif kind == PACKET_LEFT:
        _packet_left(state, clock, index)
    else:
        if kind == READ_ENDED:
            _read_ended(state, clock, index)
        elif kind == CROSSBAR_ENDED:
            _crossbar_ended(state, clock, index)
        elif kind == WRITE_ENDED:
            _write_ended(state, clock, index)
        _list(state, clock, index)


# ---------------------------------------------------------------------- lists, clock, resources


@inlined
def _schedule(state, clock, delay, kind, index):
    clock.heap = push(
        state.heap_times, state.heap_events, clock.heap, clock.now + delay, (kind << INDEX_BITS) | index
    )


@inlined
def _list(state, clock, lane):
    """Mark a lane to be looked at before the tick is over."""
    record = state.lanes[lane]
    if not record.listed:
        record.listed = 1
        place = clock.listed_first + clock.listed
        state.listed[place if place < state.listed.size else place - state.listed.size] = lane
        clock.listed += 1


@inlined
def _contest(state, clock, resource):
    record = state.resources[resource]
    if not record.contested:
        record.contested = 1
        state.contested[clock.contested] = resource
        clock.contested += 1


@inlined
def _later(one, other):
    """Whether request `one` comes after `other` in the total order."""
    if one.time != other.time:
        return one.time > other.time
    if one.order != other.order:
        return one.order > other.order
    if one.window != other.window:
        return one.window > other.window
    return one.minor > other.minor


@inlined
def _request(state, clock, resource, number, order, window, minor):
    """Queue a request. The list is in total order; times never fall, so a new request passes at most others of the same tick."""
    request = state.requests[number]
    request.time = clock.now
    request.order = order
    request.window = window
    request.minor = minor
    record = state.resources[resource]
    before = record.tail
    behind = NONE
    while before != NONE and _later(state.requests[before], request):
        behind = before
        before = state.requests[before].before
    request.before = before
    request.behind = behind
    if before == NONE:
        record.head = number
    else:
        state.requests[before].behind = number
    if behind == NONE:
        record.tail = number
    else:
        state.requests[behind].before = number
    if record.free_at <= clock.now:
        _contest(state, clock, resource)
    elif not record.woken:
        record.woken = 1
        _schedule(state, clock, record.free_at - clock.now, RESOURCE_FREED, resource)


@inlined
def _grant(state, clock, resource):
    """Phase two for one free resource: its first request starts."""
    record = state.resources[resource]
    record.contested = 0
    number = record.head
    if number == NONE:
        return
    record.head = state.requests[number].behind
    if record.head == NONE:
        record.tail = NONE
    else:
        state.requests[record.head].before = NONE
    lane_requests = 2 * state.lanes.size
    if number >= lane_requests:
        hold = _start_hop(state, clock, number - lane_requests)
    else:
        lane = number >> 1
        stage = state.stages[state.lanes[lane].stage]
        if number & 1:
            hold = stage.write_hold
            _schedule(state, clock, stage.write_time, WRITE_ENDED, lane)
        else:
            hold = stage.read_hold
            _schedule(state, clock, stage.read_time, READ_ENDED, lane)
    record.free_at = clock.now + hold
    record.busy += hold
    if record.head != NONE:
        record.woken = 1
        _schedule(state, clock, hold, RESOURCE_FREED, resource)


@inlined
def _start_hop(state, clock, slot):
    packet = state.packets[slot]
    hop = state.hops[packet.hop]
    if packet.hop + 1 == packet.end_hop:
        _schedule(state, clock, hop.hold, PACKET_ENDED, slot)
    else:
        if packet.hop == packet.first_hop:
            _schedule(state, clock, hop.hold, PACKET_LEFT, packet.lane)
        packet.hop += 1
        _schedule(state, clock, hop.latency, HEAD_ARRIVED, slot)
    return hop.hold


# ---------------------------------------------------------------------- guards


@inlined
def _look(state, clock, index):
    """Start each step of a lane that may start."""
    lane = state.lanes[index]
    stage = state.stages[lane.stage]
    order = lane.stage * 4
    if not lane.reading and lane.read_window < stage.ready and lane.read_count - lane.crossbar_count < INPUT_SLOTS:
        if lane.read_window >= stage.horizon:
            _begin_image(state, clock, lane.read_window // stage.windows)
        lane.reading = 1
        _request(state, clock, lane.read_resource, 2 * index, ((order + READ) << 32) | lane.lane, lane.read_window, 0)
    waiting = lane.crossbar_count - lane.write_count
    if not lane.computing and lane.crossbar_count < lane.read_count and waiting < OUTPUT_REGISTERS:
        lane.computing = 1
        place = stage.crossbar_time
        if stage.crossbar_period > 1:
            place += lane.crossbar_window % stage.crossbar_period
        _schedule(state, clock, state.crossbar_time[place], CROSSBAR_ENDED, index)
    if (
        not lane.writing
        and waiting > 0
        and lane.write_count - lane.send_count < stage.output_slots
        and state.crossbar[stage.first_window + lane.write_window] + stage.post_time <= clock.now
    ):
        lane.writing = 1
        number = 2 * index + 1
        _request(state, clock, lane.write_resource, number, ((order + WRITE) << 32) | lane.lane, lane.write_window, 0)
    if not lane.sending and lane.send_count < lane.write_count and lane.send_window < stage.room:
        _send(state, clock, index)


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
    window = lane.send_window
    place = window % stage.windows
    lane.sending = 1
    lane.packets = 0
    for entry in range(stage.out_low, stage.out_high):
        number = state.out_edges[entry]
        edge = state.edges[number]
        route = state.route[edge.last + place]
        hop, end = state.route_offset[route], state.route_offset[route + 1]
        if hop == end:
            _arrived(state, clock, number, window)
            continue
        slot = clock.unused_packet
        if slot == NONE:
            clock.overflow = 1
            return
        packet = state.packets[slot]
        clock.unused_packet = packet.hop
        packet.lane = index
        packet.edge = number
        packet.window = window
        packet.first_hop = hop
        packet.end_hop = end
        packet.hop = hop
        lane.packets += 1
        _request_hop(state, clock, slot)
    if lane.packets == 0:
        _sent(state, clock, index)


@inlined
def _request_hop(state, clock, slot):
    packet = state.packets[slot]
    lane = state.lanes[packet.lane]
    order = ((lane.stage * 4 + HOP) << 32) | lane.lane
    minor = (packet.edge << 32) | (packet.hop - packet.first_hop)
    number = 2 * state.lanes.size + slot
    _request(state, clock, state.hops[packet.hop].resource, number, order, packet.window, minor)


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
    if window == stage.read:
        count = window + 1
        while count < stage.total and state.read[stage.first_window + count] >= 0:
            count += 1
        stage.read = count
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
        _list(state, clock, stage.first_lane + window % stage.windows % stage.replicas)
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
        _schedule(state, clock, stage.post_time, POST_ENDED, index)


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
    _list(state, clock, index)


@inlined
def _packet_left(state, clock, lane):
    record = state.lanes[lane]
    record.packets -= 1
    if record.packets == 0:
        _sent(state, clock, lane)


@inlined
def _packet_ended(state, clock, slot):
    packet = state.packets[slot]
    if packet.hop == packet.first_hop:
        _packet_left(state, clock, packet.lane)
    packet.hop = clock.unused_packet
    clock.unused_packet = slot
    _arrived(state, clock, packet.edge, packet.window)


@inlined
def _arrived(state, clock, number, window):
    """A window is at its consumer: more leading windows may make some of the consumer's ready."""
    edge = state.edges[number]
    state.arrive[edge.arrive + window] = clock.now
    if window != edge.received:
        return
    count = window + 1
    while count < edge.total and state.arrive[edge.arrive + count] >= 0:
        count += 1
    edge.received = count
    stage = state.stages[edge.target]
    while stage.ready < stage.total and _inputs_there(state, stage):
        _list(state, clock, stage.first_lane + stage.ready_place % stage.replicas)
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
