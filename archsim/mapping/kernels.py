"""Compiled loops of the mapping. Plain arrays in, plain arrays out."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True)
def eager_occupancy(
    windows, source, target, need, need_offset, last, last_offset, in_edges, in_offset, out_edges, out_offset
):
    """Most producer windows each edge holds at once when every stage fires as soon as it can and takes no time.

    Sources fire one window at a time, and only when nothing downstream can: an order in which no stage waits for
    room. Returns (peak [edges], fired [stages]).
    """
    stages = windows.size
    edges = source.size
    fired = np.zeros(stages, np.int64)
    freed = np.zeros(edges, np.int64)
    peak = np.zeros(edges, np.int64)
    stack = np.empty(stages * (edges + 2), np.int64)
    roots = np.empty(stages, np.int64)
    root_count = 0
    for stage in range(stages):
        if in_offset[stage] == in_offset[stage + 1]:
            roots[root_count] = stage
            root_count += 1
    while True:
        # the root that is furthest behind, by share of its map
        best = -1
        for index in range(root_count):
            stage = roots[index]
            if fired[stage] < windows[stage] and (
                best < 0 or fired[stage] * windows[best] < fired[best] * windows[stage]
            ):
                best = stage
        if best < 0:
            return peak, fired
        depth = -1
        stage = best
        firing = True
        while True:
            if firing:
                fired[stage] += 1
                for index in range(in_offset[stage], in_offset[stage + 1]):
                    edge = in_edges[index]
                    total = windows[source[edge]]
                    while freed[edge] < total and last[last_offset[edge] + freed[edge]] < fired[stage]:
                        freed[edge] += 1
                for index in range(out_offset[stage], out_offset[stage + 1]):
                    edge = out_edges[index]
                    peak[edge] = max(peak[edge], fired[stage] - freed[edge])
                    depth += 1
                    stack[depth] = target[edge]
            else:
                depth -= 1
            if depth < 0:
                break
            stage = stack[depth]
            firing = fired[stage] < windows[stage]
            for index in range(in_offset[stage], in_offset[stage + 1]):
                edge = in_edges[index]
                if firing and fired[source[edge]] < need[need_offset[edge] + fired[stage]]:
                    firing = False
