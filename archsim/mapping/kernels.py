"""Compiled loops of the mapping. Plain arrays in, plain arrays out."""

from __future__ import annotations

import numpy as np

from archsim.compiling import kernel


@kernel
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


@kernel
def distinct_rows(rows, most):
    """Distinct rows of `rows` [n, k], integers from -1 to `most` - 1, in lexicographic order, and which of them each
    row is [n]: a radix sort, last column first."""
    count, width = rows.shape
    order = np.arange(count)
    other = np.empty(count, np.int64)
    for column in range(width - 1, -1, -1):
        place = np.zeros(most + 2, np.int64)
        for row in range(count):
            place[rows[row, column] + 2] += 1
        place = np.cumsum(place)
        for index in range(count):
            value = rows[order[index], column] + 1
            other[place[value]] = order[index]
            place[value] += 1
        order, other = other, order
    chosen = np.empty(count, np.int64)
    found = np.empty((count, width), np.int64)
    distinct = 0
    for index in range(count):
        row = order[index]
        new = index == 0
        for column in range(width):
            new = new or rows[row, column] != found[distinct - 1, column]
        if new:
            found[distinct] = rows[row]
            distinct += 1
        chosen[row] = distinct - 1
    return found[:distinct].copy(), chosen


@kernel
def pair_up(choice, choices, lanes):
    """Distinct pairs of lane and choice of windows that take `lanes` lanes in turn and have a `choice` [windows] each:
    (lane, choice, number of windows [pairs], pair of each window [windows])."""
    windows = choice.size
    pair_of = np.empty(windows, np.int64)
    lane_of, choice_of, shares = np.empty(windows, np.int64), np.empty(windows, np.int64), np.zeros(windows, np.int64)
    latest = np.full(choices, -1, np.int64)
    pairs = 0
    for lane in range(min(lanes, windows)):
        before = pairs
        for window in range(lane, windows, lanes):
            pair = latest[choice[window]]
            if pair < before:
                pair = pairs
                lane_of[pair], choice_of[pair] = lane, choice[window]
                latest[choice[window]] = pair
                pairs += 1
            shares[pair] += 1
            pair_of[window] = pair
    return lane_of[:pairs].copy(), choice_of[:pairs].copy(), shares[:pairs].copy(), pair_of


@kernel
def tile_sets(copies, offset, first, last, tiles):
    """Tiles under each set of copies, ascending: set k is copies[offset[k]:offset[k + 1]], copy c stands on the tiles
    first[c] to last[c] of `tiles`. Returns (tiles of all sets, where each set's begin)."""
    sets = offset.size - 1
    bounds = np.zeros(sets + 1, np.int64)
    found = np.empty(4 * copies.size + 1, np.int64)
    under = np.zeros(tiles, np.bool_)
    count = 0
    for number in range(sets):
        low, high = tiles, -1
        for index in range(offset[number], offset[number + 1]):
            copy = copies[index]
            low, high = min(low, first[copy]), max(high, last[copy])
            under[first[copy] : last[copy] + 1] = True
        if count + high - low + 1 > found.size:
            found = np.append(found, np.empty(found.size + tiles, np.int64))
        for tile in range(low, high + 1):
            if under[tile]:
                found[count] = tile
                count += 1
                under[tile] = False
        bounds[number + 1] = count
    return found[:count].copy(), bounds


@kernel
def write_routes(neighbour, port, router_of, chips, home, choice, tiles, offset):
    """Channels (`network.Channels`) of packets: packet k goes from tile home[k] to those of
    tiles[offset[choice[k]]:offset[choice[k] + 1]], ascending, that are not its home.

    `neighbour` and `port` are those of a chip's `topology.Topology`; `router_of` [tiles + 1] says where tiles hang and
    where the host is, which has no ports of its own. Returns (channels of all packets, where each packet's begin, tiles
    it delivers to).
    """
    bounds, delivered = np.zeros(home.size + 1, np.int64), np.zeros(home.size, np.int64)
    stops, tile_low = np.empty(tiles.size + 1, np.int64), np.empty(tiles.size + 2, np.int64)
    longest, host = (neighbour.shape[0] + 1) * (chips + 2), router_of.size - 1
    way = np.empty(1024, np.int64)
    at = 0
    for packet in range(home.size):
        source, count = home[packet], 0
        for index in range(offset[choice[packet]], offset[choice[packet] + 1]):
            if tiles[index] == source:
                continue
            delivered[packet] += 1
            if count == 0 or stops[count - 1] != router_of[tiles[index]]:
                stops[count], tile_low[count] = router_of[tiles[index]], index
                count += 1
        tile_low[count] = offset[choice[packet] + 1]
        while at + 1 + count * longest + delivered[packet] > way.size:
            way = np.append(way, np.empty(way.size, np.int64))
        if count and source != host:
            way[at] = 2 * source
            at += 1
        here = router_of[source]
        backwards = abs(stops[count - 1] - here) < abs(stops[0] - here)
        for turn in range(count):
            stop = count - 1 - turn if backwards else turn
            at = _write_path(neighbour, port, 2 * host, chips, here, stops[stop], way, at)
            here = stops[stop]
            for index in range(tile_low[stop], tile_low[stop + 1]):
                if tiles[index] != source and tiles[index] != host:
                    way[at] = 2 * tiles[index] + 1
                    at += 1
        bounds[packet + 1] = at
    return way[:at].copy(), bounds, delivered


@kernel
def _write_path(neighbour, port, links, chips, here, there, way, at):
    """Links from one router to another, through router 0 of each chip between them."""
    routers = neighbour.shape[0]
    chip, last = here // routers, there // routers
    while chip != last:
        at = _write_walk(neighbour, port, links, chip, here % routers, 0, way, at)
        # the host's links come before those of the first chip
        way[at] = links + chips * neighbour.size + 2 * (chip + 1) + (last < chip)
        at += 1
        chip += 1 if last > chip else -1
        here = chip * routers
    return _write_walk(neighbour, port, links, chip, here % routers, there % routers, way, at)


@kernel
def _write_walk(neighbour, port, links, chip, here, there, way, at):
    """Hop by hop between two routers of one chip."""
    while here != there:
        taken = port[here, there]
        way[at] = links + chip * neighbour.size + neighbour.shape[1] * here + taken
        here = neighbour[here, taken]
        at += 1
    return at


@kernel
def rows_loaded(tile, row_set, rows):
    """Rows that tiles load for copies with arrays on `tile` [copies, arrays], ascending; arrays of one `row_set`
    [arrays] take the same `rows` [arrays], which a tile loads once: (of the busiest tile, of all tiles and copies)."""
    busiest, total = 0, 0
    loaded_in = np.full(row_set.max() + 1, -1, np.int64)
    for copy in range(tile.shape[0]):
        here, loaded = -1, 0
        loaded_in[:] = -1
        for index in range(tile.shape[1]):
            if tile[copy, index] != here:
                here, loaded = tile[copy, index], 0
            if loaded_in[row_set[index]] != here:
                loaded_in[row_set[index]] = here
                loaded += rows[index]
                total += rows[index]
                busiest = max(busiest, loaded)
    return busiest, total
