"""The max-plus engine: stamps without a clock, for machines in which nothing is arbitrated. The same evaluation with
resources and buffers that never run out is a lower bound on every stamp of any machine: its critical path."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from archsim.errors import InputError, Problem
from archsim.timing.kernel_engine import NEVER, first_windows, grouped, unknown
from archsim.timing.kernels.maxplus import Network, evaluate
from archsim.timing.machine import Ints, Machine, Stamps

Mask = NDArray[np.bool_]
MOST_PROBLEMS = 5


def run_maxplus(machine: Machine) -> Stamps:
    """Evaluate all stamps; unfinished steps (a deadlock) keep the stamp -1.

    Raises `InputError` when a resource has more than one user (a lane's reads, a lane's work, a lane's writes, one
    lane's packets at one hop of one route): who goes first then depends on time, which this engine does not have.
    """
    shared = shared_resources(machine)
    if shared:
        advice = "; the max-plus engine needs every resource to have one user (expected: --engine simpy or kernel)"
        problems = [
            Problem(f"resource {name}", f"is shared by {users}{advice}") for name, users in shared[:MOST_PROBLEMS]
        ]
        if len(shared) > MOST_PROBLEMS:
            problems.append(Problem("resources", f"{len(shared) - MOST_PROBLEMS} more are shared"))
        raise InputError(problems)
    net = _network(machine, machine.capacity, np.zeros(len(machine.hop_hold), np.int64))
    evaluate(net)
    return _stamps(net, held_times(machine, net.read >= 0, net.work >= 0, net.write >= 0, net.arrive >= 0))


def lower_bound(machine: Machine) -> Stamps:
    """Stamps of the machine with endless resources and buffers: none of them can be earlier in any run. No resource is
    held."""
    net = _network(machine, np.full(machine.edges, NEVER), np.zeros(0, np.int64))
    evaluate(net)
    return _stamps(net, np.zeros(machine.resources, np.int64))


def _stamps(net: Network, busy: Ints) -> Stamps:
    steps = [net.read, net.crossbar, net.work, net.write, net.send, net.arrive]
    return Stamps(
        read=net.read,
        crossbar=net.crossbar,
        work=net.work,
        write=net.write,
        send=net.send,
        arrive=net.arrive,
        resource_busy=busy,
        events=sum(int((step >= 0).sum()) for step in steps),
    )


def held_times(machine: Machine, read: Mask, worked: Mask, written: Mask, arrived: Mask) -> Ints:
    """How long each resource is held by the windows that were read, worked on, written (of all stages) and delivered
    (of all edges) [ps]."""
    busy = np.zeros(machine.resources, np.int64)
    for stage in range(machine.stages):
        low, high = machine.stage_offset[stage : stage + 2]
        lanes = machine.lane_offset[stage] + machine.lanes(stage)
        done = read[low:high]
        np.add.at(busy, machine.read_resource[lanes[done]], machine.read_holds(stage)[done])
        np.add.at(busy, machine.write_resource[lanes[written[low:high]]], machine.write_hold[stage])
        first = machine.unit_offset[lanes[worked[low:high]]]
        for unit in range(machine.units(stage)):
            np.add.at(busy, machine.unit_resource[first + unit], machine.unit_hold[first + unit])
    packets = np.zeros(len(machine.route_offset) - 1, np.int64)
    for edge in range(machine.edges):
        low, high = machine.edge_offset[edge : edge + 2]
        packets += np.bincount(machine.routes(edge)[arrived[low:high]], minlength=len(packets))
    np.add.at(busy, machine.hop_resource, machine.hop_hold * np.repeat(packets, np.diff(machine.route_offset)))
    return busy


def shared_resources(machine: Machine) -> list[tuple[str, str]]:
    """Resources with more than one user: (name, two of its users)."""
    stage_of = np.repeat(np.arange(machine.stages), machine.replicas)
    lane = np.arange(len(stage_of)) - machine.lane_offset[stage_of]
    names = machine.stage_names
    working = np.flatnonzero(lane < machine.windows[stage_of])
    users: dict[int, list[str]] = {}
    for resources, step in ((machine.read_resource, "reads"), (machine.write_resource, "writes")):
        for index in working.tolist():
            who = f"{step} of {names[stage_of[index]]} lane {lane[index]}"
            users.setdefault(int(resources[index]), []).append(who)
    for index in working.tolist():
        for place in range(machine.unit_offset[index], machine.unit_offset[index + 1]):
            who = f"work of {names[stage_of[index]]} lane {lane[index]}"
            users.setdefault(int(machine.unit_resource[place]), []).append(who)
    for edge in range(machine.edges):
        source = int(machine.edge_source[edge])
        route = machine.route[machine.last_offset[edge] : machine.last_offset[edge + 1]]
        lanes = np.arange(len(route)) % machine.replicas[source]
        for number, sender in np.unique(np.stack([route, lanes]), axis=1).T.tolist():
            for place, hop in enumerate(range(machine.route_offset[number], machine.route_offset[number + 1])):
                who = f"packets of {names[source]} lane {sender} to {names[machine.edge_target[edge]]} (hop {place})"
                users.setdefault(int(machine.hop_resource[hop]), []).append(who)
    return [(machine.resource_names[key], " and ".join(who[:2])) for key, who in sorted(users.items()) if len(who) > 1]


def _network(machine: Machine, capacity: Ints, hop_free: Ints) -> Network:
    in_edges, in_bounds = grouped(machine.edge_target, machine.stages, ~machine.gathers)
    out_edges, out_bounds = grouped(machine.edge_source, machine.stages, ~machine.gathers)
    gather_edges, gather_bounds = grouped(machine.edge_source, machine.stages, machine.gathers)
    first = first_windows(machine)
    windows, arrivals = machine.stage_offset[-1], machine.edge_offset[-1]
    same = {
        name: getattr(machine, name)
        for name in Network._fields
        if hasattr(machine, name) and name not in ("capacity", "in_edges", "out_edges", "gather_edges")
    }
    return Network(
        **same, capacity=capacity, in_edges=in_edges, in_bounds=in_bounds, out_edges=out_edges, out_bounds=out_bounds,
        gather_edges=gather_edges, gather_bounds=gather_bounds, hop_free=hop_free,
        work_times=np.array([machine.work_time(stage) for stage in range(machine.stages)], np.int64), next_read=first,
        next_crossbar=first.copy(), next_work=first.copy(), next_write=first.copy(), next_send=first.copy(),
        reads_known=np.zeros(machine.stages, np.int64), arrivals_known=np.zeros(machine.edges, np.int64),
        read=unknown(windows), crossbar=unknown(windows), work=unknown(windows), write=unknown(windows),
        send=unknown(windows),
        arrive=unknown(arrivals), leading_read=unknown(windows), leading_arrival=unknown(arrivals),
        queue=np.arange(machine.stages, dtype=np.int64), queued=np.ones(machine.stages, np.int64),
    )  # fmt: skip
