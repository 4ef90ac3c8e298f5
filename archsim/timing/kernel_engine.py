"""The kernel engine: builds the event kernel's tables from a machine, runs it, and hands back stamps."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.timing.kernels import records
from archsim.timing.kernels.events import advance
from archsim.timing.kernels.state import NONE, REQUESTS, State
from archsim.timing.machine import Ints, Machine, Stamps

NEVER = 1 << 62
"""Next window of a lane that has none, because its stage has more lanes than windows."""
PACKET_SLOTS = 1 << 14
"""Enough for most machines: a run that needs more starts over, slots that are not used cost next to nothing."""


def run_kernel(machine: Machine) -> Stamps:
    """Simulate until nothing can move. Unfinished steps (a deadlock) keep the stamp -1."""
    return stamps_of(with_room(machine, start(machine)))


def stamps_of(state: State) -> Stamps:
    """The stamps of a run as far as it has come."""
    return Stamps(
        read=state.read,
        crossbar=state.crossbar,
        work=state.work,
        write=state.write,
        send=state.send,
        arrive=state.arrive,
        resource_busy=state.resources["busy"].copy(),
        events=int(state.clock["events"][0]),
    )


def with_room(machine: Machine, state: State) -> State:
    """Let a run go on until it is over or stops at an image. One that needed more packet slots than there were starts
    over with twice as many and comes to the same place."""
    stop = int(state.clock["stop_at_image"][0])
    advance(state)
    while state.clock["overflow"][0]:
        state = start(machine, 2 * len(state.packets))
        state.clock["stop_at_image"] = stop
        advance(state)
    return state


def start(machine: Machine, packet_slots: int = PACKET_SLOTS) -> State:
    """State of a machine at time zero, every lane marked to be looked at."""
    lanes = len(machine.read_resource)
    in_edges, in_bounds = grouped(machine.edge_target, machine.stages, ~machine.gathers)
    out_edges, out_bounds = grouped(machine.edge_source, machine.stages, ~machine.gathers)
    gather_edges, gather_bounds = grouped(machine.edge_source, machine.stages, machine.gathers)
    stages = _stages(machine, in_bounds, out_bounds, gather_bounds)
    _limit_room(machine, stages)
    # events under way: four steps a lane, the post of each window from crossbar to work, one end of hold a resource,
    # one hop and one departure a packet
    posts = int((machine.in_flight * machine.replicas).sum())
    heap = 4 * lanes + posts + machine.resources + 2 * packet_slots + 1
    return State(
        clock=_clock(lanes),
        stages=stages,
        lanes=_lanes(machine),
        edges=_edges(machine),
        resources=_resources(machine.resources),
        requests=np.zeros(REQUESTS * lanes + packet_slots, records.REQUEST),
        packets=_packets(packet_slots),
        hops=_table(
            records.HOP, len(machine.hop_hold), resource=machine.hop_resource, hold=machine.hop_hold,
            latency=machine.hop_latency,
        ),
        units=_table(
            records.HOP, len(machine.unit_hold), resource=machine.unit_resource, hold=machine.unit_hold,
            latency=machine.unit_time,
        ),
        heap_times=np.empty(heap, np.int64),
        heap_events=np.empty(heap, np.int64),
        listed=np.arange(lanes, dtype=np.int64),
        contested=np.empty(machine.resources, np.int64),
        in_edges=in_edges,
        out_edges=out_edges,
        gather_edges=gather_edges,
        crossbar_time=machine.crossbar_time,
        need=machine.need,
        last=machine.last,
        route=machine.route,
        route_offset=machine.route_offset,
        read_time=machine.read_time,
        read_hold=machine.read_hold,
        read=unknown(machine.stage_offset[-1]),
        crossbar=unknown(machine.stage_offset[-1]),
        work=unknown(machine.stage_offset[-1]),
        write=unknown(machine.stage_offset[-1]),
        send=unknown(machine.stage_offset[-1]),
        arrive=unknown(machine.edge_offset[-1]),
    )  # fmt: skip


def grouped(ends: Ints, stages: int, which: NDArray[np.bool_] | None = None) -> tuple[Ints, Ints]:
    """Edges (or some of them) ordered by the stage at one of their ends, and where each stage's begin [stages + 1]."""
    some = np.arange(len(ends)) if which is None else np.flatnonzero(which)
    order = some[np.argsort(ends[some], kind="stable")].astype(np.int64)
    return order, np.searchsorted(ends[order], np.arange(stages + 1)).astype(np.int64)


def first_windows(machine: Machine) -> Ints:
    """First window of every lane [L]."""
    stage = np.repeat(np.arange(machine.stages), machine.replicas)
    lane = np.arange(len(stage)) - machine.lane_offset[stage]
    return np.where(lane < machine.windows[stage], lane, NEVER)


def unknown(length: int) -> Ints:
    """Stamps of steps that have not ended."""
    return np.full(length, -1, np.int64)


def _table(kind: np.dtype[Any], length: int, **columns: Any) -> np.ndarray[Any, Any]:
    table = np.zeros(length, kind)
    for name, values in columns.items():
        table[name] = values
    return table


def _clock(lanes: int) -> np.ndarray[Any, Any]:
    return _table(records.CLOCK, 1, listed=lanes, stop_at_image=NEVER)


def _stages(machine: Machine, in_bounds: Ints, out_bounds: Ints, gather_bounds: Ints) -> np.ndarray[Any, Any]:
    total = machine.total
    source = in_bounds[1:] == in_bounds[:-1]
    ready = np.where(source, total, _ready_at_once(machine))
    return _table(
        records.STAGE, machine.stages, windows=machine.windows, total=total, replicas=machine.replicas,
        first_lane=machine.lane_offset[:-1], first_window=machine.stage_offset[:-1], read=machine.read_offset[:-1],
        read_period=np.diff(machine.read_offset), input_registers=machine.input_registers, in_flight=machine.in_flight,
        post_time=machine.post_time, units=[machine.units(stage) for stage in range(machine.stages)],
        output_registers=machine.output_registers, write_time=machine.write_time, write_hold=machine.write_hold,
        output_slots=machine.output_slots, crossbar_time=machine.crossbar_offset[:-1],
        crossbar_period=np.diff(machine.crossbar_offset), in_low=in_bounds[:-1], in_high=in_bounds[1:],
        out_low=out_bounds[:-1], out_high=out_bounds[1:], gather_low=gather_bounds[:-1],
        gather_high=gather_bounds[1:], ready=ready,
        ready_place=ready % machine.windows, ready_image=ready // machine.windows,
    )  # fmt: skip


def _ready_at_once(machine: Machine) -> Ints:
    """Leading windows of each stage that need no input: they lie in padding."""
    ready = machine.windows.copy()
    for edge in np.flatnonzero(~machine.gathers).tolist():
        need = machine.need[machine.need_offset[edge] : machine.need_offset[edge + 1]]
        target = machine.edge_target[edge]
        ready[target] = min(ready[target], np.searchsorted(need, 0, side="right"))
    return ready


def _limit_room(machine: Machine, stages: np.ndarray[Any, Any]) -> None:
    """A stage without consumers has room for all its windows; another for its smallest buffer."""
    room = machine.total.copy()
    buffered = ~machine.gathers
    room[machine.edge_source[buffered]] = NEVER
    np.minimum.at(room, machine.edge_source[buffered], machine.capacity[buffered])
    stages["room"] = room


def _lanes(machine: Machine) -> np.ndarray[Any, Any]:
    stage = np.repeat(np.arange(machine.stages), machine.replicas)
    lane = np.arange(len(stage)) - machine.lane_offset[stage]
    first = first_windows(machine)
    return _table(
        records.LANE, len(stage), stage=stage, lane=lane, read_resource=machine.read_resource,
        write_resource=machine.write_resource, unit=machine.unit_offset[:-1], read_window=first, crossbar_window=first,
        post_window=first, work_window=first, write_window=first, send_window=first, listed=1,
    )  # fmt: skip


def _edges(machine: Machine) -> np.ndarray[Any, Any]:
    source, target = machine.edge_source, machine.edge_target
    return _table(
        records.EDGE, machine.edges, source=source, target=target, capacity=machine.capacity,
        need=machine.need_offset[:-1], last=machine.last_offset[:-1], arrive=machine.edge_offset[:-1],
        source_windows=machine.windows[source], target_windows=machine.windows[target], total=machine.total[source],
        gathers=machine.gathers,
    )  # fmt: skip


def _resources(count: int) -> np.ndarray[Any, Any]:
    return _table(records.RESOURCE, count, head=NONE, tail=NONE)


def _packets(slots: int) -> np.ndarray[Any, Any]:
    """Unused slots, each naming the next."""
    return _table(records.PACKET, slots, hop=np.append(np.arange(1, slots), NONE))
