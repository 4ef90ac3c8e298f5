"""What a machine's steady interval cannot be below, whatever the order of events.

One image keeps each shared resource busy for a fixed time, and each lane in each of its steps, one window at a time. A
lane's registers tie windows together too: with two of them, a window's read and crossbar step take their turn with
every second window's, so half of their time is the least between two windows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from archsim.timing.machine import Ints, Machine

Times = NDArray[np.float64]


def interval_bound_ps(machine: Machine) -> float:
    """Least time between two images of an endless stream [ps]: of the busiest lane or resource."""
    lanes = [lane_bound_ps(machine, stage) for stage in range(machine.stages)]
    return max(*lanes, float(resource_busy(machine).max(initial=0)))


def resource_busy(machine: Machine) -> Ints:
    """How long one image keeps each shared resource busy [resources, ps]."""
    busy = np.zeros(machine.resources, np.int64)
    for stage in range(machine.stages):
        windows = int(machine.windows[stage])
        lanes = machine.lane_offset[stage] + np.arange(windows) % machine.replicas[stage]
        np.add.at(busy, machine.read_resource[lanes], machine.read_holds(stage)[:windows])
        np.add.at(busy, machine.write_resource[lanes], machine.write_hold[stage])
        for unit in range(machine.units(stage)):
            place = machine.unit_offset[lanes] + unit
            np.add.at(busy, machine.unit_resource[place], machine.unit_hold[place])
    packets = np.bincount(machine.route, minlength=len(machine.route_offset) - 1)
    np.add.at(busy, machine.hop_resource, machine.hop_hold * np.repeat(packets, np.diff(machine.route_offset)))
    return busy


def lane_bound_ps(machine: Machine, stage: int) -> float:
    """Least time that one image takes the busiest lane of a stage [ps]."""
    windows = int(machine.windows[stage])
    read, crossbar = machine.read_times(stage)[:windows], machine.crossbar_times(stage)[:windows]
    work, write, send = machine.work_time(stage), int(machine.write_time[stage]), _send_times(machine, stage)
    behind = crossbar + int(machine.post_time[stage]) + work
    steps: list[Times] = [
        read.astype(float),
        crossbar.astype(float),
        np.full(windows, max(work, write, (work + write) / int(machine.output_registers[stage]))),
        send.astype(float),
        (read + crossbar) / int(machine.input_registers[stage]),
        behind / int(machine.in_flight[stage]),
        (write + send) / int(machine.output_slots[stage]),
    ]
    lane = np.arange(windows) % machine.replicas[stage]
    return max(float(np.bincount(lane, weights=each).max()) for each in steps)


def _send_times(machine: Machine, stage: int) -> Ints:
    """How long each window's send takes at least: the longest first hop of its packets."""
    longest = np.zeros(int(machine.windows[stage]), np.int64)
    for edge in machine.out_edges(stage):
        route = machine.route[machine.last_offset[edge] : machine.last_offset[edge + 1]]
        first, end = machine.route_offset[route], machine.route_offset[route + 1]
        hold = np.append(machine.hop_hold, 0)[np.where(first < end, first, -1)]
        longest = np.maximum(longest, hold)
    return longest
