"""The arbitration of a finished run as one pass over its requests (Numba)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy import ndarray

from archsim.compiling import kernel
from archsim.timing.machine import HOP, READ, WORK, WRITE


class Transfers(NamedTuple):
    """Reads, work, writes and packets, one entry each: what they are, when their first hop was requested, and their
    `hops` from `hop` on in the machine's table of hops, behind which stand the reads of an image's windows, every
    lane's write and every lane's units."""

    kind: ndarray
    stage: ndarray
    window: ndarray
    edge: ndarray
    time: ndarray
    hop: ndarray
    hops: ndarray


class Numbers(NamedTuple):
    """The transfer of every window's read, work and write [windows of all stages] and of every packet [producer windows
    of all edges], -1 for work without units and a packet without hops."""

    read: ndarray
    work: ndarray
    write: ndarray
    packet: ndarray


class Layout(NamedTuple):
    """What of a machine says which transfers there are (`archsim.timing.machine.Machine`); edges by producer,
    with those that gather."""

    images: int
    windows: ndarray
    replicas: ndarray
    lane_offset: ndarray
    stage_offset: ndarray
    edge_offset: ndarray
    last_offset: ndarray
    route: ndarray
    route_offset: ndarray
    out_edges: ndarray
    out_bounds: ndarray
    gathers: ndarray
    unit_offset: ndarray
    hop_count: int


@kernel
def fill_transfers(layout, read, post, work, write, send, transfers, numbers):
    """List the transfers of a run, requested at `read`, `work`, `write` and `send` (or, on edges that gather, `post`)
    [windows of all stages], in the machine's order of precedence: stage, kind, lane, window, edge. Returns how many
    there are."""
    count = 0
    lanes = layout.lane_offset[-1]
    writes = layout.hop_count + layout.windows.sum()
    for stage in range(layout.windows.size):
        first = layout.stage_offset[stage]
        replicas, windows = layout.replicas[stage], layout.windows[stage]
        for lane in range(min(replicas, windows)):
            for turn in range(_turns(lane, replicas, windows, layout.images)):
                window = _window(turn, lane, replicas, windows)
                hop = layout.hop_count + first // layout.images + window % windows
                _put(transfers, count, READ, stage, window, -1, read[first + window], hop, 1)
                numbers.read[first + window] = count
                count += 1
        for lane in range(min(replicas, windows)):
            place = layout.lane_offset[stage] + lane
            unit, end = layout.unit_offset[place], layout.unit_offset[place + 1]
            if unit == end:
                continue
            for turn in range(_turns(lane, replicas, windows, layout.images)):
                window = _window(turn, lane, replicas, windows)
                hop = writes + lanes + unit
                _put(transfers, count, WORK, stage, window, -1, work[first + window], hop, end - unit)
                numbers.work[first + window] = count
                count += 1
        for lane in range(min(replicas, windows)):
            for turn in range(_turns(lane, replicas, windows, layout.images)):
                window = _window(turn, lane, replicas, windows)
                hop = writes + layout.lane_offset[stage] + lane
                _put(transfers, count, WRITE, stage, window, -1, write[first + window], hop, 1)
                numbers.write[first + window] = count
                count += 1
        for lane in range(min(replicas, windows)):
            for turn in range(_turns(lane, replicas, windows, layout.images)):
                window = _window(turn, lane, replicas, windows)
                for entry in range(layout.out_bounds[stage], layout.out_bounds[stage + 1]):
                    edge = layout.out_edges[entry]
                    route = layout.route[layout.last_offset[edge] + window % windows]
                    hop, end = layout.route_offset[route], layout.route_offset[route + 1]
                    if hop < end:
                        time = post[first + window] if layout.gathers[edge] else send[first + window]
                        _put(transfers, count, HOP, stage, window, edge, time, hop, end - hop)
                        numbers.packet[layout.edge_offset[edge] + window] = count
                        count += 1
    return count


@kernel
def _turns(lane, replicas, windows, images):
    """Windows that a lane works on, all images."""
    return images * ((windows - lane + replicas - 1) // replicas)


@kernel
def _window(turn, lane, replicas, windows):
    """The window of a lane's turn: image after image, every `replicas`-th."""
    an_image = (windows - lane + replicas - 1) // replicas
    return turn // an_image * windows + lane + turn % an_image * replicas


@kernel
def _put(transfers, number, kind, stage, window, edge, time, hop, hops):
    transfers.kind[number] = kind
    transfers.stage[number] = stage
    transfers.window[number] = window
    transfers.edge[number] = edge
    transfers.time[number] = time
    transfers.hop[number] = hop
    transfers.hops[number] = hops


class Served(NamedTuple):
    """Holds of a resource, transfer by transfer, hop by hop: whose, of what, asked for and granted when, for how long,
    and the hold before it on the same resource (-1: none)."""

    owner: ndarray
    resource: ndarray
    request: ndarray
    grant: ndarray
    duration: ndarray
    previous: ndarray


@kernel
def arbitrate(order, transfers, first, hop_resource, hop_hold, hop_latency, served, resources):
    """Serve all transfers, each over its hops in turn; fills `served`, where transfer n's holds begin at first[n].

    Transfers are numbered in the machine's order of precedence; `order` lists them by the time of their first request.
    Requests of a resource are served by request time, then number, so one pass in that order decides every grant.
    """
    free, last = np.zeros(resources, np.int64), np.full(resources, -1, np.int64)
    step = np.zeros(order.size, np.int64)
    # packets under way, by time of their next request, then number
    times, numbers = np.empty(order.size, np.int64), np.empty(order.size, np.int64)
    under_way, begun = 0, 0
    while begun < order.size or under_way > 0:
        fresh = begun < order.size
        if fresh and under_way > 0:
            fresh = _before(transfers.time[order[begun]], order[begun], times[0], numbers[0])
        if fresh:
            number = order[begun]
            at = transfers.time[number]
            begun += 1
        else:
            at, number = times[0], numbers[0]
        hop, hold = transfers.hop[number] + step[number], first[number] + step[number]
        resource = hop_resource[hop]
        start = max(at, free[resource])
        served.owner[hold], served.resource[hold], served.duration[hold] = number, resource, hop_hold[hop]
        served.request[hold], served.grant[hold], served.previous[hold] = at, start, last[resource]
        free[resource] = start + hop_hold[hop]
        last[resource] = hold
        step[number] += 1
        if step[number] < transfers.hops[number]:
            # it takes the place of the request just served, or a new one
            under_way += fresh
            _sift(times, numbers, under_way, start + hop_latency[hop], number, fresh)
        elif not fresh:
            under_way -= 1
            _sift(times, numbers, under_way, times[under_way], numbers[under_way], False)


@kernel
def _before(time, number, other_time, other_number):
    return time < other_time or (time == other_time and number < other_number)


@kernel
def _sift(times, numbers, size, time, number, at_end):
    """Put an entry into a binary heap of `size` entries: up from the last place (`at_end`), or down from the first."""
    hole = size - 1 if at_end else 0
    if at_end:
        while hole > 0 and _before(time, number, times[(hole - 1) >> 1], numbers[(hole - 1) >> 1]):
            times[hole], numbers[hole] = times[(hole - 1) >> 1], numbers[(hole - 1) >> 1]
            hole = (hole - 1) >> 1
    else:
        child = 1
        while child < size:
            if child + 1 < size and _before(times[child + 1], numbers[child + 1], times[child], numbers[child]):
                child += 1
            if not _before(times[child], numbers[child], time, number):
                break
            times[hole], numbers[hole] = times[child], numbers[child]
            hole, child = child, 2 * child + 1
    if size > 0:
        times[hole], numbers[hole] = time, number


@kernel
def busy_run(hold, request, grant, previous, owner, group, spent):
    """Walk back from a hold that had to wait through the holds it waited for, to the first that had not.

    Adds the time of each, by the `group` of its `owner`, to `spent`; returns the first.
    """
    while request[hold] < grant[hold]:
        before = previous[hold]
        spent[group[owner[before]]] += grant[hold] - grant[before]
        hold = before
    return hold
