"""What the stamps say: times of each stage, where its crossbars waited, and when each image was done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from archsim.timing.bottleneck import Bottleneck, PathRow
from archsim.timing.machine import STEPS, Ints, Machine, Stamps, gathered

SECONDS = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTiming:
    """Times of one stage [s]. `busy_s` and the stalls are of the crossbar step (of the work, in a stage without
    crossbars), mean over lanes; with `fill_s` (until a lane's first window) and `drain_s` (after its last) they add up
    to end - start.

    Stalled for `input`: the window's data were not there or were still being read. `contention`: the read waited for
    the tile bus, the work for the tile's units. `output`: there was no room behind it.
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
class Rate:
    """Steady time between images [s]: the exact period of a stream that `repeats` itself, else the mean over the last
    half of `images`; `spread` is by how much the last quarter differs from the last half."""

    interval_s: float
    images: int
    repeats: bool
    spread: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Result of a timing run [s]. `image_end_s` is when the last output of each image was written; `interval_s` the
    steady time between images (in a stream that repeats itself its period per image, else the mean over the last half),
    None for a single one; `rate` is that of an endless stream where it was looked for. In one that repeats itself
    `fill_s` is the time until it does, and `drain_s` the time from when one more image would have begun to the end;
    else None.
    `simulated_images` were simulated, the others follow from the repetition. `resource_busy_s` is the time each shared
    resource was held;
    `events` were processed by the engine for the simulated images."""

    engine: str
    images: int
    latency_s: float
    interval_s: float | None
    image_end_s: tuple[float, ...]
    stages: tuple[StageTiming, ...]
    resource_busy_s: dict[str, float]
    events: int
    windows: int
    simulated_images: int
    fill_s: float | None = None
    drain_s: float | None = None
    rate: Rate | None = None
    bottleneck: Bottleneck | None = None
    critical_path: tuple[PathRow, ...] = ()


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Sums:
    """Exact sums over a run [ps], from which `Timing` follows. In a steady stream each grows by the same amount with
    every period."""

    image_ends: Ints  # [images]
    stages: Ints  # [S, 8]: first read began, last send ended; over all lanes work, the three stalls, fill, drain
    resource_busy: Ints  # [resources]
    events: int


def summarize(machine: Machine, stamps: Stamps, engine: str) -> Timing:
    """Turn the stamps of a finished run into times."""
    return timing_of(machine, sum_up(machine, stamps), engine)


def sum_up(machine: Machine, stamps: Stamps) -> Sums:
    """The sums of a finished run."""
    return Sums(
        image_ends=image_ends(machine, stamps),
        stages=np.array([_stage_sums(machine, stamps, stage) for stage in range(machine.stages)], np.int64),
        resource_busy=stamps.resource_busy,
        events=stamps.events,
    )


def timing_of(machine: Machine, sums: Sums, engine: str) -> Timing:
    """Exact sums as times in seconds."""
    ends = sums.image_ends
    busy = zip(machine.resource_names, sums.resource_busy.tolist(), strict=True)
    return Timing(
        engine=engine,
        images=machine.images,
        latency_s=float(ends[-1]) * SECONDS,
        interval_s=last_half(ends).interval_s if len(ends) > 1 else None,
        image_end_s=tuple(float(end) * SECONDS for end in ends),
        stages=tuple(_stage_timing(machine, row, stage) for stage, row in enumerate(sums.stages.tolist())),
        resource_busy_s={name: time * SECONDS for name, time in busy},
        events=sums.events,
        windows=int(machine.total.sum()),
        simulated_images=machine.images,
    )


def last_half_spread(ends_s: Sequence[float]) -> float:
    """By how much the two quarters of the last half of images differ, which ended at these times [s]."""
    return last_half(np.round(np.array(ends_s) / SECONDS).astype(np.int64)).spread


def last_half(ends: Ints) -> Rate:
    """The rate over the last half of images that ended at these times [ps], two or more."""
    count = len(ends)
    middle = max(1, count // 2)
    late = max(middle, (middle + count) // 2)
    whole = float(ends[-1] - ends[middle - 1]) / (count - middle)
    early = float(ends[late - 1] - ends[middle - 1]) / (late - middle) if late > middle else whole
    rest = float(ends[-1] - ends[late - 1]) / (count - late)
    spread = abs(rest - early) / whole if whole else 0.0
    return Rate(interval_s=whole * SECONDS, images=count, repeats=False, spread=spread)


def image_ends(machine: Machine, stamps: Stamps) -> Ints:
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
    for edge in machine.in_edges(stage):
        leading = np.maximum.accumulate(stamps.arrive[bounds[edge] : bounds[edge + 1]])
        need = machine.needs(edge)
        ready = np.maximum(ready, np.where(need > 0, leading[np.maximum(need, 1) - 1], 0))
    return ready


def _stage_sums(machine: Machine, stamps: Stamps, stage: int) -> tuple[int, ...]:
    low, high = machine.stage_offset[stage : stage + 2]
    read, crossbar, work, write, send = (getattr(stamps, step)[low:high] for step in STEPS)
    lanes = min(int(machine.replicas[stage]), int(machine.windows[stage]))
    granted = read - machine.read_times(stage)
    first, last = int(granted.min()), int(send.max())
    previous = machine.previous(stage, np.arange(high - low))
    window = np.flatnonzero(previous >= 0)
    before = previous[window]
    if machine.is_digital(stage):
        ends, duration = work, np.full(high - low, machine.work_time(stage))
        registers = machine.previous(stage, window, int(machine.output_registers[stage]))
        free = np.where(registers >= 0, write[np.maximum(registers, 0)], 0)
        there = np.maximum(gathered(machine, stamps, stage)[window], ends[before])
        output = np.maximum(there, free) - there
        contention = (ends - duration)[window] - np.maximum(there, free)
    else:
        ends, duration = crossbar, machine.crossbar_times(stage)
        output = (ends - duration)[window] - np.maximum(ends[before], read[window])
        requested = np.maximum(data_ready(machine, stamps, stage)[window], read[before])
        earlier = machine.previous(stage, window, int(machine.input_registers[stage]))
        requested = np.where(earlier >= 0, np.maximum(requested, crossbar[np.maximum(earlier, 0)]), requested)
        contention = granted[window] - requested
    began = ends - duration
    gap = began[window] - ends[before]
    contention = np.minimum(gap - output, contention)
    return (
        first,
        last,
        int(duration.sum()),
        int((gap - output - contention).sum()),
        int(output.sum()),
        int(contention.sum()),
        int((began[:lanes] - first).sum()),
        int((last - ends[-lanes:]).sum()),
    )


def _stage_timing(machine: Machine, sums: list[int], stage: int) -> StageTiming:
    first, last, work, waited_input, waited_output, contention, fill, drain = sums
    scale = SECONDS / min(int(machine.replicas[stage]), int(machine.windows[stage]))
    return StageTiming(
        name=machine.stage_names[stage],
        start_s=first * SECONDS,
        end_s=last * SECONDS,
        interval_s=work / int(machine.total[stage]) * SECONDS,
        busy_s=work * scale,
        stall_input_s=waited_input * scale,
        stall_output_s=waited_output * scale,
        stall_contention_s=contention * scale,
        fill_s=fill * scale,
        drain_s=drain * scale,
    )
