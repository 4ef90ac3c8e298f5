"""What the stamps say: times of each stage, where its crossbars waited, and when each image was done."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from archsim.timing.machine import INPUT_SLOTS, Ints, Machine, Stamps

SECONDS = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTiming:
    """Times of one stage [s]. `busy_s` and the stalls are of the crossbar step, mean over lanes; with `fill_s` (until
    a lane's first window) and `drain_s` (after its last) they add up to end - start.

    Stalled for `input`: the window's data were not there or were still being read. `contention`: the read waited for
    the tile bus. `output`: both output registers were full.
    """

    name: str
    start_s: float
    end_s: float
    interval_s: float
    busy_s: float
    stall_input_s: float
    stall_output_s: float
    stall_contention_s: float
    fill_s: float
    drain_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Result of a timing run [s]. `image_end_s` is when the last output of each image was written; `interval_s` the
    steady time between images (median over all but the first), None for a single one. `resource_busy_s` is the time
    each shared resource was held."""

    engine: str
    images: int
    latency_s: float
    interval_s: float | None
    image_end_s: tuple[float, ...]
    stages: tuple[StageTiming, ...]
    resource_busy_s: dict[str, float]
    events: int
    windows: int


def summarize(machine: Machine, stamps: Stamps, engine: str) -> Timing:
    """Turn the stamps of a finished run into times."""
    ends = _image_ends(machine, stamps)
    steps = np.diff(ends)
    busy = zip(machine.resource_names, stamps.resource_busy.tolist(), strict=True)
    return Timing(
        engine=engine,
        images=machine.images,
        latency_s=float(ends[-1]) * SECONDS,
        interval_s=float(np.median(steps)) * SECONDS if len(steps) else None,
        image_end_s=tuple(float(end) * SECONDS for end in ends),
        stages=tuple(_stage_timing(machine, stamps, stage) for stage in range(machine.stages)),
        resource_busy_s={name: time * SECONDS for name, time in busy},
        events=stamps.events,
        windows=int(machine.total.sum()),
    )


def _image_ends(machine: Machine, stamps: Stamps) -> Ints:
    """When every stage had written its last window of each image [ps]."""
    bounds = machine.stage_offset
    per_stage = [
        stamps.write[bounds[s] : bounds[s + 1]].reshape(machine.images, -1).max(axis=1) for s in range(machine.stages)
    ]
    return np.maximum.accumulate(np.max(per_stage, axis=0))


def data_ready(machine: Machine, stamps: Stamps, stage: int) -> Ints:
    """When each window of a stage had all the inputs it needs [ps]; zero for stages that read the network input."""
    ready = np.zeros(int(machine.total[stage]), np.int64)
    bounds = machine.edge_offset
    for edge in np.flatnonzero(machine.edge_target == stage):
        leading = np.maximum.accumulate(stamps.arrive[bounds[edge] : bounds[edge + 1]])
        need = machine.needs(int(edge))
        ready = np.maximum(ready, np.where(need > 0, leading[np.maximum(need, 1) - 1], 0))
    return ready


def _stage_timing(machine: Machine, stamps: Stamps, stage: int) -> StageTiming:
    low, high = machine.stage_offset[stage : stage + 2]
    read, crossbar = stamps.read[low:high], stamps.crossbar[low:high]
    send = stamps.send[low:high]
    replicas = int(machine.replicas[stage])
    lanes = min(replicas, len(read))
    duration = machine.crossbar_times(stage)
    began = crossbar - duration
    read_time = int(machine.read_time[stage])
    first, last = int((read - read_time).min()), int(send.max())
    ahead, two = slice(replicas, None), INPUT_SLOTS * replicas
    free = np.maximum(crossbar[:-replicas], read[ahead])
    gap = began[ahead] - crossbar[:-replicas]
    output = began[ahead] - free
    requested = np.maximum(data_ready(machine, stamps, stage)[ahead], read[:-replicas])
    if len(read) > two:
        requested[replicas:] = np.maximum(requested[replicas:], crossbar[:-two])
    contention = np.minimum(gap - output, read[ahead] - read_time - requested)
    scale = SECONDS / lanes
    return StageTiming(
        name=machine.stage_names[stage],
        start_s=first * SECONDS,
        end_s=last * SECONDS,
        interval_s=float(duration.mean()) * SECONDS,
        busy_s=float(duration.sum()) * scale,
        stall_input_s=float((gap - output - contention).sum()) * scale,
        stall_output_s=float(output.sum()) * scale,
        stall_contention_s=float(contention.sum()) * scale,
        fill_s=float((began[:lanes] - first).sum()) * scale,
        drain_s=float((last - crossbar[-lanes:]).sum()) * scale,
    )
