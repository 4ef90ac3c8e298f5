"""State of the event kernel, the calendar of coming events, and the list of lanes to look at."""

from __future__ import annotations

from typing import NamedTuple

from numpy import ndarray

from archsim.timing.kernels.compiling import inlined
from archsim.timing.kernels.heap import push

(
    READ_ENDED, CROSSBAR_ENDED, POST_ENDED, UNIT_ENDED, WORK_ENDED, WRITE_ENDED, RESOURCE_FREED, HEAD_ARRIVED,
    PACKET_LEFT, PACKET_ENDED,
) = range(10)  # fmt: skip
REQUESTS = 3
"""Of a lane: its read, its work, its write, by these numbers; those of packets follow."""
INDEX_BITS = 48
INDEX_MASK = (1 << INDEX_BITS) - 1
NONE = -1


class State(NamedTuple):
    """Everything a run knows: tables of records (see `archsim.timing.kernels.records`), the machine's flat arrays, and
    the stamps."""

    clock: ndarray
    stages: ndarray
    lanes: ndarray
    edges: ndarray
    resources: ndarray
    requests: ndarray
    packets: ndarray
    hops: ndarray
    units: ndarray
    read_time: ndarray
    read_hold: ndarray
    heap_times: ndarray
    heap_events: ndarray
    listed: ndarray
    contested: ndarray
    in_edges: ndarray
    out_edges: ndarray
    gather_edges: ndarray
    crossbar_time: ndarray
    need: ndarray
    last: ndarray
    route: ndarray
    route_offset: ndarray
    read: ndarray
    crossbar: ndarray
    work: ndarray
    write: ndarray
    send: ndarray
    arrive: ndarray


@inlined
def schedule(state, clock, delay, kind, index):
    clock.heap = push(state.heap_times, state.heap_events, clock.heap, clock.now + delay, (kind << INDEX_BITS) | index)


@inlined
def mark(state, clock, lane):
    """Mark a lane to be looked at before the tick is over."""
    record = state.lanes[lane]
    if not record.listed:
        record.listed = 1
        place = clock.listed_first + clock.listed
        state.listed[place if place < state.listed.size else place - state.listed.size] = lane
        clock.listed += 1
