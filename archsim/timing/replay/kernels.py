"""The arbitration of a finished run as one pass over its requests (Numba)."""

from __future__ import annotations

from heapq import heappop, heappush

import numba
import numpy as np


@numba.njit(cache=True)
def arbitrate(order, time, first_hop, hops, first_hold, hop_resource, hop_hold, hop_latency, resources):
    """Serve all transfers, each over its hops in turn.

    Transfers are numbered in the machine's order of precedence; `order` lists them by `time` of their first request.
    Requests of a resource are served by request time, then number, so one pass in that order decides every grant.
    Returns per hold (transfer by transfer, hop by hop): request time, grant time, the hold before it on the same
    resource (-1: none).
    """
    holds = first_hold[-1]
    request = np.empty(holds, np.int64)
    grant = np.empty(holds, np.int64)
    previous = np.full(holds, -1, np.int32)
    free = np.zeros(resources, np.int64)
    last = np.full(resources, -1, np.int32)
    under_way = [(np.int64(0), np.int64(0), np.int64(0)) for _ in range(0)]
    begun = 0
    while begun < len(order) or len(under_way) > 0:
        fresh = begun < len(order)
        if fresh and len(under_way) > 0:
            at, number, _ = under_way[0]
            here = order[begun]
            fresh = time[here] < at or (time[here] == at and here < number)
        if fresh:
            number = order[begun]
            at, step = time[number], np.int64(0)
            begun += 1
        else:
            at, number, step = heappop(under_way)
        hop = first_hop[number] + step
        hold = first_hold[number] + step
        resource = hop_resource[hop]
        start = max(at, free[resource])
        request[hold], grant[hold], previous[hold] = at, start, last[resource]
        free[resource] = start + hop_hold[hop]
        last[resource] = hold
        if step + 1 < hops[number]:
            heappush(under_way, (start + hop_latency[hop], number, step + 1))
    return request, grant, previous


@numba.njit(cache=True)
def busy_run(hold, request, grant, previous, owner, group, spent):
    """Walk back from a hold that had to wait through the holds it waited for, to the first that had not.

    Adds the time of each, by the `group` of its `owner`, to `spent`; returns the first.
    """
    while request[hold] < grant[hold]:
        before = previous[hold]
        spent[group[owner[before]]] += grant[hold] - grant[before]
        hold = before
    return hold
