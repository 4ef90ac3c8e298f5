"""Shared resources of the event kernel: lists of requests in their total order, and grants (phase two of a tick)."""

from __future__ import annotations

from archsim.timing.kernels.compiling import inlined
from archsim.timing.kernels.state import (
    HEAD_ARRIVED,
    NONE,
    PACKET_ENDED,
    PACKET_LEFT,
    READ_ENDED,
    REQUESTS,
    RESOURCE_FREED,
    UNIT_ENDED,
    WORK_ENDED,
    WRITE_ENDED,
    schedule,
)
from archsim.timing.machine import HOP, READ, WORK


@inlined
def contest(state, clock, resource):
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
def request(state, clock, resource, number, order, window, minor):
    """Queue a request. The list is in total order; times never fall, so a new request passes at most others of the
    same tick."""
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
        contest(state, clock, resource)
    elif not record.woken:
        record.woken = 1
        schedule(state, clock, record.free_at - clock.now, RESOURCE_FREED, resource)


@inlined
def grant(state, clock, resource):
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
    lane_requests = REQUESTS * state.lanes.size
    if number >= lane_requests:
        hold = _start_hop(state, clock, number - lane_requests)
    else:
        hold = _start_step(state, clock, number // REQUESTS, number % REQUESTS)
    record.free_at = clock.now + hold
    record.busy += hold
    if record.head != NONE:
        record.woken = 1
        schedule(state, clock, hold, RESOURCE_FREED, resource)


@inlined
def _start_step(state, clock, index, kind):
    lane = state.lanes[index]
    stage = state.stages[lane.stage]
    if kind == READ:
        place = stage.read
        if stage.read_period > 1:
            place += lane.read_window % stage.read_period
        schedule(state, clock, state.read_time[place], READ_ENDED, index)
        return state.read_hold[place]
    if kind == WORK:
        unit = state.units[lane.unit + lane.units_taken]
        lane.units_taken += 1
        schedule(state, clock, unit.latency, WORK_ENDED if lane.units_taken == stage.units else UNIT_ENDED, index)
        return unit.hold
    schedule(state, clock, stage.write_time, WRITE_ENDED, index)
    return stage.write_hold


@inlined
def _start_hop(state, clock, slot):
    packet = state.packets[slot]
    hop = state.hops[packet.hop]
    if packet.hop + 1 == packet.end_hop:
        schedule(state, clock, hop.hold, PACKET_ENDED, slot)
    else:
        if packet.hop == packet.first_hop and not state.edges[packet.edge].gathers:
            schedule(state, clock, hop.hold, PACKET_LEFT, packet.lane)
        packet.hop += 1
        schedule(state, clock, hop.latency, HEAD_ARRIVED, slot)
    return hop.hold


@inlined
def request_unit(state, clock, index):
    """Ask for the next unit of a lane's work."""
    lane = state.lanes[index]
    resource = state.units[lane.unit + lane.units_taken].resource
    order = ((lane.stage * 4 + WORK) << 32) | lane.lane
    request(state, clock, resource, REQUESTS * index + WORK, order, lane.work_window, lane.units_taken)


@inlined
def request_hop(state, clock, slot):
    packet = state.packets[slot]
    lane = state.lanes[packet.lane]
    order = ((lane.stage * 4 + HOP) << 32) | lane.lane
    minor = (packet.edge << 32) | (packet.hop - packet.first_hop)
    number = REQUESTS * state.lanes.size + slot
    request(state, clock, state.hops[packet.hop].resource, number, order, packet.window, minor)
