"""Max-plus evaluation: each stamp is the latest of the stamps it waits for, plus a duration. There is no clock and no
order of events: a stamp is computed as soon as those it needs are known, in any order (Kahn, IFIP 1974: the result of
such a network is unique)."""

from __future__ import annotations

from typing import NamedTuple

from numpy import ndarray

from archsim.timing.kernels.compiling import inlined, loop


class Network(NamedTuple):
    """The machine's arrays, stage-grouped edges, the known prefixes, and the stamps. An empty `hop_free` means that
    hops never wait."""

    windows: ndarray
    total: ndarray
    replicas: ndarray
    lane_offset: ndarray
    stage_offset: ndarray
    edge_offset: ndarray
    read_time: ndarray
    read_offset: ndarray
    input_registers: ndarray
    in_flight: ndarray
    post_time: ndarray
    output_registers: ndarray
    work_times: ndarray  # [S] of all a stage's units
    write_time: ndarray
    output_slots: ndarray
    crossbar_time: ndarray
    crossbar_offset: ndarray
    edge_source: ndarray
    edge_target: ndarray
    capacity: ndarray
    need: ndarray
    need_offset: ndarray
    last: ndarray
    last_offset: ndarray
    route: ndarray
    route_offset: ndarray
    hop_hold: ndarray
    hop_latency: ndarray
    in_edges: ndarray
    in_bounds: ndarray
    out_edges: ndarray
    out_bounds: ndarray
    gather_edges: ndarray
    gather_bounds: ndarray
    hop_free: ndarray  # [H] when each hop's resource is free again; empty: hops never wait
    next_read: ndarray  # [L] next window of each step
    next_crossbar: ndarray
    next_work: ndarray
    next_write: ndarray
    next_send: ndarray
    reads_known: ndarray  # [S] leading windows whose read is known
    arrivals_known: ndarray  # [E]
    read: ndarray
    crossbar: ndarray
    work: ndarray
    write: ndarray
    send: ndarray
    arrive: ndarray
    leading_read: ndarray  # running maximum of `read` per stage, as far as known
    leading_arrival: ndarray
    queue: ndarray  # [S] ring of stages to evaluate
    queued: ndarray  # [S]


@loop
def evaluate(net):
    """Evaluate every stage until no stamp can be added. `queue` holds all stages at first, producers best before
    consumers."""
    head = 0
    count = net.queue.size
    while count > 0:
        stage = net.queue[head]
        head = head + 1 if head + 1 < net.queue.size else 0
        count -= 1
        net.queued[stage] = 0
        for lane in range(net.replicas[stage]):
            while _step(net, stage, net.lane_offset[stage] + lane):
                pass
        tail = head + count
        if _extend_reads(net, stage):
            for entry in range(net.in_bounds[stage], net.in_bounds[stage + 1]):
                tail = _enqueue(net, net.edge_source[net.in_edges[entry]], tail)
        for entry in range(net.out_bounds[stage], net.out_bounds[stage + 1]):
            if _extend_arrivals(net, net.out_edges[entry]):
                tail = _enqueue(net, net.edge_target[net.out_edges[entry]], tail)
        count = tail - head


@inlined
def _enqueue(net, stage, tail):
    if net.queued[stage]:
        return tail
    net.queued[stage] = 1
    net.queue[tail % net.queue.size] = stage
    return tail + 1


@inlined
def _step(net, stage, lane):
    """Add what stamps of a lane can be added now, at most one per step; whether any was."""
    moved = False
    if net.next_read[lane] < net.total[stage] and _read(net, stage, net.next_read[lane]):
        net.next_read[lane] = _follow(net, stage, net.next_read[lane])
        moved = True
    window = net.next_crossbar[lane]
    if window < net.next_read[lane] and _crossbar(net, stage, window):
        net.next_crossbar[lane] = _follow(net, stage, window)
        moved = True
    window = net.next_work[lane]
    if window < net.next_crossbar[lane] and _work(net, stage, window):
        net.next_work[lane] = _follow(net, stage, window)
        moved = True
    window = net.next_write[lane]
    if window < net.next_work[lane] and _write(net, stage, window):
        net.next_write[lane] = _follow(net, stage, window)
        moved = True
    window = net.next_send[lane]
    if window < net.next_write[lane] and _send(net, stage, window):
        net.next_send[lane] = _follow(net, stage, window)
        moved = True
    return moved


@inlined
def _follow(net, stage, window):
    """The window that the same lane handles next."""
    windows, replicas = net.windows[stage], net.replicas[stage]
    after = window + replicas
    image = window // windows
    return after if after // windows == image else (image + 1) * windows + window % windows % replicas


@inlined
def _back(net, stage, window, steps):
    """The window that the same lane handled `steps` windows before; negative when there is none."""
    windows, replicas = net.windows[stage], net.replicas[stage]
    if window < windows:
        return window - steps * replicas
    image, place = window // windows, window % windows
    lane = place % replicas
    turns = (windows - 1 - lane) // replicas + 1
    turn = image * turns + place // replicas - steps
    if turn < 0:
        return -1
    return turn // turns * windows + turn % turns * replicas + lane


@inlined
def _read(net, stage, window):
    base = net.stage_offset[stage]
    image, place = window // net.windows[stage], window % net.windows[stage]
    start = 0
    for entry in range(net.in_bounds[stage], net.in_bounds[stage + 1]):
        edge = net.in_edges[entry]
        needed = net.need[net.need_offset[edge] + place] + image * net.windows[net.edge_source[edge]]
        if needed > net.arrivals_known[edge]:
            return False
        if needed > 0:
            start = max(start, net.leading_arrival[net.edge_offset[edge] + needed - 1])
    before = _back(net, stage, window, net.input_registers[stage])
    if before >= 0:
        if net.crossbar[base + before] < 0:
            return False
        start = max(start, net.crossbar[base + before])
    before = _back(net, stage, window, 1)
    if before >= 0:
        start = max(start, net.read[base + before])
    first = net.read_offset[stage]
    period = net.read_offset[stage + 1] - first
    net.read[base + window] = start + net.read_time[first + (window % period if period > 1 else 0)]
    return True


@inlined
def _crossbar(net, stage, window):
    base = net.stage_offset[stage]
    start = net.read[base + window]
    before = _back(net, stage, window, net.in_flight[stage])
    if before >= 0:
        if net.work[base + before] < 0:
            return False
        start = max(start, net.work[base + before])
    before = _back(net, stage, window, 1)
    if before >= 0:
        start = max(start, net.crossbar[base + before])
    first = net.crossbar_offset[stage]
    period = net.crossbar_offset[stage + 1] - first
    net.crossbar[base + window] = start + net.crossbar_time[first + (window % period if period > 1 else 0)]
    for entry in range(net.gather_bounds[stage], net.gather_bounds[stage + 1]):
        _travel(net, stage, net.gather_edges[entry], window, net.crossbar[base + window] + net.post_time[stage])
    return True


@inlined
def _work(net, stage, window):
    base = net.stage_offset[stage]
    start = net.crossbar[base + window] + net.post_time[stage]
    before = _back(net, stage, window, net.output_registers[stage])
    if before >= 0:
        if net.write[base + before] < 0:
            return False
        start = max(start, net.write[base + before])
    before = _back(net, stage, window, 1)
    if before >= 0:
        start = max(start, net.work[base + before])
    for entry in range(net.gather_bounds[stage], net.gather_bounds[stage + 1]):
        start = max(start, net.arrive[net.edge_offset[net.gather_edges[entry]] + window])
    net.work[base + window] = start + net.work_times[stage]
    return True


@inlined
def _write(net, stage, window):
    base = net.stage_offset[stage]
    start = net.work[base + window]
    before = _back(net, stage, window, net.output_slots[stage])
    if before >= 0:
        if net.send[base + before] < 0:
            return False
        start = max(start, net.send[base + before])
    before = _back(net, stage, window, 1)
    if before >= 0:
        start = max(start, net.write[base + before])
    net.write[base + window] = start + net.write_time[stage]
    return True


@inlined
def _send(net, stage, window):
    base = net.stage_offset[stage]
    start = net.write[base + window]
    before = _back(net, stage, window, 1)
    if before >= 0:
        start = max(start, net.send[base + before])
    for entry in range(net.out_bounds[stage], net.out_bounds[stage + 1]):
        edge = net.out_edges[entry]
        over = window - net.capacity[edge]
        if over < 0:
            continue
        target = net.edge_target[edge]
        place = net.last_offset[edge] + over % net.windows[stage]
        reader = net.last[place] + over // net.windows[stage] * net.windows[target]
        if reader >= net.reads_known[target]:
            return False
        start = max(start, net.leading_read[net.stage_offset[target] + reader])
    end = start
    for entry in range(net.out_bounds[stage], net.out_bounds[stage + 1]):
        end = max(end, _travel(net, stage, net.out_edges[entry], window, start))
    net.send[base + window] = end
    return True


@inlined
def _travel(net, stage, edge, window, start):
    """Send a packet at `start`; returns when it has left its first hop."""
    route = net.route[net.last_offset[edge] + window % net.windows[stage]]
    first, end = net.route_offset[route], net.route_offset[route + 1]
    left = start
    arrival = start
    head = start
    for hop in range(first, end):
        if net.hop_free.size:
            head = max(head, net.hop_free[hop])
            net.hop_free[hop] = head + net.hop_hold[hop]
        arrival = head + net.hop_hold[hop]
        if hop == first:
            left = arrival
        head += net.hop_latency[hop]
    net.arrive[net.edge_offset[edge] + window] = arrival
    return left


@inlined
def _extend_reads(net, stage):
    """Extend the known leading reads of a stage; whether there are more."""
    base, before = net.stage_offset[stage], net.reads_known[stage]
    count = before
    while count < net.total[stage] and net.read[base + count] >= 0:
        latest = net.leading_read[base + count - 1] if count else 0
        net.leading_read[base + count] = max(latest, net.read[base + count])
        count += 1
    net.reads_known[stage] = count
    return count > before


@inlined
def _extend_arrivals(net, edge):
    """Extend the known leading arrivals of an edge; whether there are more."""
    base, before = net.edge_offset[edge], net.arrivals_known[edge]
    total = net.total[net.edge_source[edge]]
    count = before
    while count < total and net.arrive[base + count] >= 0:
        latest = net.leading_arrival[base + count - 1] if count else 0
        net.leading_arrival[base + count] = max(latest, net.arrive[base + count])
        count += 1
    net.arrivals_known[edge] = count
    return count > before
