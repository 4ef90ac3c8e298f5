"""Checks on a finished run: cheap, always on, and independent of the engine that made the stamps."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from archsim.errors import SimulationError
from archsim.timing.bounds import resource_busy
from archsim.timing.machine import STEPS, Ints, Machine, Stamps, gathered
from archsim.timing.maxplus import lower_bound
from archsim.timing.summary import data_ready


def check_run(machine: Machine, stamps: Stamps) -> None:
    """Raise `SimulationError` when the stamps of a finished run break a conservation law, a guard or a bound of the
    machine."""
    problems = _unfinished(machine, stamps)
    if not problems:
        bound = lower_bound(machine)
        checks = (_order, _capacity, _double_booking, _held_time, _littles_law, _work_bound)
        problems = [problem for check in checks for problem in check(machine, stamps)]
        problems += _critical_path(machine, stamps, bound)
    if problems:
        raise SimulationError("timing check failed: " + "; ".join(problems))


def _names(machine: Machine, edge: int) -> str:
    if machine.gathers[edge]:
        return f"of the tiles of {machine.stage_names[machine.edge_source[edge]]}"
    source, target = (machine.stage_names[end[edge]] for end in (machine.edge_source, machine.edge_target))
    return f"from {source} to {target}"


def _unfinished(machine: Machine, stamps: Stamps) -> list[str]:
    """Nothing is left in a lane or on the way when the run is over."""
    found = []
    for stage, name in enumerate(machine.stage_names):
        low, high = machine.stage_offset[stage : stage + 2]
        for step in STEPS:
            left = int((getattr(stamps, step)[low:high] < 0).sum())
            if left:
                found.append(f"{left} windows of {name} are left before the end of their {step}")
    for edge in range(machine.edges):
        low, high = machine.edge_offset[edge : edge + 2]
        left = int((stamps.arrive[low:high] < 0).sum())
        if left:
            found.append(f"{left} windows {_names(machine, edge)} never arrived")
    return found


def _order(machine: Machine, stamps: Stamps) -> list[str]:
    """Every window passes its steps in order and takes at least their time; no lane works on two windows at once."""
    found = []
    bounds = machine.stage_offset
    for stage, name in enumerate(machine.stage_names):
        low, high = bounds[stage : stage + 2]
        read, crossbar, work, write, send = (getattr(stamps, step)[low:high] for step in STEPS)
        times = _crossbar_times(machine, stage)
        early = read - machine.read_times(stage) < data_ready(machine, stamps, stage)
        early |= (crossbar - times < read) | (work - machine.work_time(stage) < gathered(machine, stamps, stage))
        early |= (write - machine.write_time[stage] < work) | (send < write)
        if early.any():
            found.append(f"window {int(np.argmax(early))} of {name} took a step before the one it depends on had ended")
        previous = machine.previous(stage, np.arange(high - low))
        double = crossbar - times < crossbar[np.maximum(previous, 0)]
        double |= work - machine.work_time(stage) < work[np.maximum(previous, 0)]
        double &= previous >= 0
        if double.any():
            found.append(f"{name} computed two windows on one lane at once (window {int(np.argmax(double))})")
    return found


def _crossbar_times(machine: Machine, stage: int) -> Ints:
    """Crossbar time of every window; a single number where all are the same."""
    low, high = machine.crossbar_offset[stage : stage + 2]
    return machine.crossbar_time[low:high] if high - low == 1 else machine.crossbar_times(stage)


def _capacity(machine: Machine, stamps: Stamps) -> list[str]:
    """No buffer ever held more than it may."""
    found = []
    for edge in np.flatnonzero(~machine.gathers).tolist():
        arrive, freed = _stay(machine, stamps, edge)
        capacity = int(machine.capacity[edge])
        if (arrive[capacity:] < freed[: max(0, len(arrive) - capacity)]).any():
            found.append(f"the buffer {_names(machine, edge)} held more than its {capacity} windows")
    return found


def _stay(machine: Machine, stamps: Stamps, edge: int) -> tuple[Ints, Ints]:
    """When each window of an edge arrived, and when its consumer was done with it."""
    low, high = machine.edge_offset[edge : edge + 2]
    first, last = machine.stage_offset[machine.edge_target[edge] :][:2]
    return stamps.arrive[low:high], np.maximum.accumulate(stamps.read[first:last])[machine.lasts(edge)]


def _littles_law(machine: Machine, stamps: Stamps) -> list[str]:
    """Windows in a buffer, added up over time, are the times they stayed, added up over windows (Little 1961, L =
    lambda W).

    The left side knows only how many windows had come and how many had gone at any time, and a buffer never holds
    fewer than none; the right side follows each window. Windows that no consumer's window waits for (the rows a stride
    skips) may go before they come and are left out.
    """
    found = []
    for edge in np.flatnonzero(~machine.gathers).tolist():
        arrive, freed = _stay(machine, stamps, edge)
        windows = len(arrive) // machine.images
        last = machine.last[machine.last_offset[edge] : machine.last_offset[edge + 1]]
        need = machine.need[machine.need_offset[edge] : machine.need_offset[edge + 1]]
        held = np.tile(need[last] > np.arange(windows), machine.images)
        arrive, freed = arrive[held], freed[held]
        inside = np.maximum(np.sort(freed) - np.sort(arrive), 0).sum()
        if inside != (freed - arrive).sum():
            found.append(
                f"windows left the buffer {_names(machine, edge)} before they had come: Little's law is broken"
            )
    return found


def _double_booking(machine: Machine, stamps: Stamps) -> list[str]:
    """No resource was held twice at one time, as far as stamps show holds (all but the hops inside routes)."""
    parts = list(_holds(machine, stamps))
    starts, grant, hold = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    span = int(stamps.end) + 1
    if machine.resources * span >= 1 << 62:  # keys would overflow: number the times instead
        times = np.unique(np.concatenate([grant, grant + hold]))
        hold = np.searchsorted(times, grant + hold) - np.searchsorted(times, grant)
        grant, span = np.searchsorted(times, grant), len(times) + 1
    starts *= span
    starts += grant
    ends = starts + hold
    # holds are disjoint just when, in time order, each starts no earlier than the one before it ends
    starts.sort()
    ends.sort()
    twice = np.flatnonzero(starts[1:] < ends[:-1])
    numbers = np.unique(starts[1:][twice] // span)[:3].tolist()
    return [f"{machine.resource_names[number]} was held twice at one time" for number in numbers]


def _holds(machine: Machine, stamps: Stamps) -> Iterator[tuple[Ints, Ints, Ints]]:
    """(resource, grant, duration) of reads, writes, the last unit of work, every packet's last hop, and its first where
    its send shows it."""
    for stage in range(machine.stages):
        low, high = machine.stage_offset[stage : stage + 2]
        lanes = machine.lane_offset[stage] + machine.lanes(stage)
        yield machine.read_resource[lanes], stamps.read[low:high] - machine.read_times(stage), machine.read_holds(stage)
        hold = np.broadcast_to(machine.write_hold[stage], high - low)
        yield machine.write_resource[lanes], stamps.write[low:high] - machine.write_time[stage], hold
        if machine.units(stage):
            unit = machine.unit_offset[lanes + 1] - 1
            grant = stamps.work[low:high] - machine.unit_time[unit]
            yield machine.unit_resource[unit], grant, machine.unit_hold[unit]
    consumers = np.bincount(machine.edge_source[~machine.gathers], minlength=machine.stages)
    for edge in range(machine.edges):
        low, high = machine.edge_offset[edge : edge + 2]
        source = machine.edge_source[edge]
        routes = machine.routes(edge)
        first, end = machine.route_offset[routes], machine.route_offset[routes + 1]
        away = np.flatnonzero(end > first)
        hop = end[away] - 1
        yield machine.hop_resource[hop], stamps.arrive[low:high][away] - machine.hop_hold[hop], machine.hop_hold[hop]
        if consumers[source] == 1 and not machine.gathers[edge]:
            away = np.flatnonzero(end > first + 1)
            hop = first[away]
            sent = stamps.send[machine.stage_offset[source] :][away]
            yield machine.hop_resource[hop], sent - machine.hop_hold[hop], machine.hop_hold[hop]


def _held_time(machine: Machine, stamps: Stamps) -> list[str]:
    """What the engine added up of each resource's holds is what its users' windows hold it for, and no more than the
    run's length."""
    wrong = np.flatnonzero(resource_busy(machine) * machine.images != stamps.resource_busy)[:3].tolist()
    over = np.flatnonzero(stamps.resource_busy > stamps.end)[:3].tolist()
    found = [f"{machine.resource_names[number]} was busy for another time than its users held it" for number in wrong]
    return found + [f"{machine.resource_names[number]} was busy longer than the run lasted" for number in over]


def _work_bound(machine: Machine, stamps: Stamps) -> list[str]:
    """The run lasts at least as long as the crossbar steps, or the work, of its busiest lane."""
    bound = 0
    for stage in range(machine.stages):
        times = _crossbar_times(machine, stage)
        turns = -(-int(machine.windows[stage]) // int(machine.replicas[stage])) * machine.images
        bound = max(bound, turns * machine.work_time(stage))
        if len(times) == 1:
            bound = max(bound, turns * int(times[0]))
        else:
            bound = max(bound, int(np.bincount(machine.lanes(stage), weights=times).max()))
    if stamps.end < bound:
        return [f"the run took {stamps.end} ps, less than the {bound} ps of work of one lane"]
    return []


def _critical_path(machine: Machine, stamps: Stamps, bound: Stamps) -> list[str]:
    """No step ends before its critical path: what it would take with endless resources and buffers."""
    found = []
    for step in (*STEPS, "arrive"):
        early = np.flatnonzero(getattr(stamps, step) < getattr(bound, step))
        if len(early):
            offset = machine.edge_offset if step == "arrive" else machine.stage_offset
            place = int(np.searchsorted(offset, early[0], side="right")) - 1
            where = _names(machine, place) if step == "arrive" else f"of {machine.stage_names[place]}"
            found.append(f"{len(early)} {step} stamps are earlier than their critical path allows, first {where}")
    return found
