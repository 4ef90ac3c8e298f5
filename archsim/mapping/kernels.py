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


@njit(cache=True)
def add_loads(
    row, column, number, routers, chip_tiles, shared, home, choice, hold, chip_hold, tiles, offset, ports, links, chips
):
    """Add what packets of one edge keep busy: `ports` [tiles, in and out of the network], `links` [routers, east, west,
    south, north] and `chips` [chips, up and down]. The same ways as `network.Mesh.route`, summed up.

    `row`, `column` [routers of a chip] and `number` [rows, columns] (-1: no router) are the mesh; packet kind k goes
    from tile home[k] to tiles[offset[choice[k]]:offset[choice[k] + 1]], ascending, and holds a link or port for hold[k]
    in all, a link between chips for chip_hold[k].
    """
    stops = np.empty(tiles.size + 1, np.int64)
    for kind in range(home.size):
        source = home[kind]
        here = source // chip_tiles * routers + source % chip_tiles // shared
        count = 0
        for index in range(offset[choice[kind]], offset[choice[kind] + 1]):
            tile = tiles[index]
            if tile == source:
                continue
            stop = tile // chip_tiles * routers + tile % chip_tiles // shared
            ports[tile, 1] += hold[kind]
            if count == 0 or stops[count - 1] != stop:
                stops[count] = stop
                count += 1
        if count == 0:
            continue
        ports[source, 0] += hold[kind]
        backwards = abs(stops[count - 1] - here) < abs(stops[0] - here)
        for index in range(count):
            stop = stops[count - 1 - index] if backwards else stops[index]
            chip, last_chip = here // routers, stop // routers
            while chip != last_chip:
                _add_walk(row, column, number, here, chip * routers, routers, hold[kind], links)
                step = 1 if last_chip > chip else -1
                chips[chip, 0 if step > 0 else 1] += chip_hold[kind]
                chip += step
                here = chip * routers
            _add_walk(row, column, number, here, stop, routers, hold[kind], links)
            here = stop


@njit(cache=True)
def _add_walk(row, column, number, start, end, routers, hold, links):
    """One XY walk inside a chip, X first unless the corner is missing."""
    base = start // routers * routers
    y, x = row[start - base], column[start - base]
    last_y, last_x = row[end - base], column[end - base]
    x_first = number[y, last_x] >= 0
    for leg in range(2):
        if (leg == 0) == x_first:
            while x != last_x:
                links[base + number[y, x], 0 if last_x > x else 1] += hold
                x += 1 if last_x > x else -1
        else:
            while y != last_y:
                links[base + number[y, x], 2 if last_y > y else 3] += hold
                y += 1 if last_y > y else -1
