"""Checks on a finished run: cheap, always on, and independent of the engine that made the stamps."""

from __future__ import annotations

import numpy as np

from archsim.errors import SimulationError
from archsim.timing.machine import Machine, Stamps
from archsim.timing.summary import data_ready


def check_run(machine: Machine, stamps: Stamps) -> None:
    """Raise `SimulationError` when the stamps break a conservation law or a guard of the machine."""
    problems = [
        *_order(machine, stamps),
        *_conservation(machine, stamps),
        *_utilization(machine, stamps),
        *_work_bound(machine, stamps),
    ]
    if problems:
        raise SimulationError("timing check failed: " + "; ".join(problems))


def _order(machine: Machine, stamps: Stamps) -> list[str]:
    """Every window passes its steps in order and takes at least their time; no lane works on two windows at once."""
    found = []
    bounds = machine.stage_offset
    for stage, name in enumerate(machine.stage_names):
        low, high = bounds[stage : stage + 2]
        read, crossbar = stamps.read[low:high], stamps.crossbar[low:high]
        write, send = stamps.write[low:high], stamps.send[low:high]
        times = machine.crossbar_times(stage)
        early = read - machine.read_time[stage] < data_ready(machine, stamps, stage)
        early |= (crossbar - times < read) | (write - machine.write_time[stage] - machine.post_time[stage] < crossbar)
        early |= send < write
        if early.any():
            found.append(f"window {int(np.argmax(early))} of {name} took a step before the one it depends on had ended")
        previous = machine.previous(stage, np.arange(high - low))
        double = (previous >= 0) & (crossbar - times < crossbar[np.maximum(previous, 0)])
        if double.any():
            found.append(f"{name} computed two windows on one lane at once (window {int(np.argmax(double))})")
    return found


def _conservation(machine: Machine, stamps: Stamps) -> list[str]:
    """All that was sent has arrived, and nothing overfilled a buffer."""
    found = []
    bounds, stages = machine.edge_offset, machine.stage_offset
    for edge in range(machine.edges):
        arrive = stamps.arrive[bounds[edge] : bounds[edge + 1]]
        names = [machine.stage_names[end[edge]] for end in (machine.edge_source, machine.edge_target)]
        if (arrive < 0).any():
            found.append(f"{int((arrive < 0).sum())} windows from {names[0]} to {names[1]} never arrived")
            continue
        target, capacity = int(machine.edge_target[edge]), int(machine.capacity[edge])
        reads = np.maximum.accumulate(stamps.read[stages[target] : stages[target + 1]])
        freed = reads[machine.lasts(edge)]
        over = arrive[capacity:] < freed[: len(arrive) - capacity] if capacity < len(arrive) else np.zeros(0, bool)
        if over.any():
            found.append(f"the buffer from {names[0]} to {names[1]} held more than its {capacity} windows")
    return found


def _utilization(machine: Machine, stamps: Stamps) -> list[str]:
    """No resource was held longer than the run lasted."""
    over = np.flatnonzero(stamps.resource_busy > stamps.end)
    return [f"{machine.resource_names[index]} was busy longer than the run lasted" for index in over[:3]]


def _work_bound(machine: Machine, stamps: Stamps) -> list[str]:
    """The run lasts at least as long as the crossbar work of its busiest lane."""
    bound = 0
    for stage in range(machine.stages):
        times = machine.crossbar_times(stage)
        lanes = np.bincount(machine.lanes(stage), weights=times)
        bound = max(bound, int(lanes.max()))
    if stamps.end < bound:
        return [f"the run took {stamps.end} ps, less than the {bound} ps of work of one lane"]
    return []
