"""A timeline of a run as a trace that Perfetto (ui.perfetto.dev) and chrome://tracing open.

Format: "Trace Event Format" (Google, 2016), JSON object form, times in microseconds. Process "layers" has a track per
lane with a slice for the crossbar step (without crossbars: the work) of each window; a layer with many lanes or
windows gets a slice per row of its map, on as many tracks as rows overlap. Processes "buses", "digital units" and
"network" have a track per shared resource with a slice for each hold; of a track that would be too long, holds with the
shortest gaps between them are drawn as one. Flow arrows lead from the window that a sampled window needed last to that
window.
"""

from __future__ import annotations

import gzip
import heapq
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from archsim.errors import InputError
from archsim.files import write_whole
from archsim.mapping import Plan
from archsim.mapping.digital import UNITS
from archsim.timing import Machine, Stamps
from archsim.timing.machine import Ints
from archsim.timing.replay import Holds, replay

MOST_SLICES = 200_000
MOST_LANES = 16
ARROWS_PER_EDGE = 3
FILE = "trace.json.gz"
LAYERS, BUSES, UNIT, NETWORK = 1, 2, 3, 4
PROCESSES = {LAYERS: "layers", BUSES: "buses", UNIT: "digital units", NETWORK: "network"}
Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Track:
    """Slices of one timeline in time order: [start], [end] in ps and a name each. Slices do not overlap."""

    process: int
    name: str
    start: Ints
    end: Ints
    names: list[str]


@dataclass(slots=True)
class _Timeline:
    """Tracks so far, what was drawn coarser than it happened, and the track of each window, by stage."""

    tracks: list[Track] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    place: dict[int, Ints] = field(default_factory=dict)


def write_trace(
    folder: str | os.PathLike[str],
    machine: Machine,
    stamps: Stamps,
    *,
    columns: Mapping[str, int] | None = None,
    most: int = MOST_SLICES,
) -> tuple[str, ...]:
    """Write `trace.json.gz` of a finished run into a folder. Returns what was drawn coarser than it happened.

    `columns` is the number of windows in a row of each stage's map (`row_lengths`); `most` bounds the slices of the
    whole trace. Raises `InputError` when the file cannot be written.
    """
    trace = build_trace(machine, stamps, columns=columns, most=most)
    text = json.dumps(trace, separators=(",", ":"), allow_nan=False)
    path = Path(folder) / FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, gzip.compress(text.encode(), compresslevel=6, mtime=0))
    except OSError as error:
        raise InputError(f"cannot write the trace here: {error.strerror}", where=str(path)) from None
    return tuple(trace["otherData"]["notes"])


def row_lengths(plan: Plan) -> dict[str, int]:
    """Windows in a row of each stage's map."""
    return {mapped.name: mapped.stage.row_windows for mapped in plan.stages}


def build_trace(
    machine: Machine, stamps: Stamps, *, columns: Mapping[str, int] | None = None, most: int = MOST_SLICES
) -> dict[str, Any]:
    """The trace as plain data; see `write_trace`."""
    share = max(50, most // (2 * max(machine.stages, machine.resources)))
    timeline = _Timeline()
    for stage in range(machine.stages):
        _draw_stage(timeline, machine, stamps, stage, (columns or {}).get(machine.stage_names[stage]), share)
    _draw_resources(timeline, machine, replay(machine, stamps), share)
    events = [*_metadata(timeline), *_slices(timeline), *_arrows(timeline, machine, stamps)]
    return {"traceEvents": events, "displayTimeUnit": "ns", "otherData": {"notes": timeline.notes}}


def _draw_stage(
    timeline: _Timeline, machine: Machine, stamps: Stamps, stage: int, columns: int | None, share: int
) -> None:
    """One track per lane with a slice per window, or a slice per row of the map."""
    start, end = _main_step(machine, stamps, stage)
    name, lanes, windows = machine.stage_names[stage], int(machine.replicas[stage]), int(machine.windows[stage])
    place = np.zeros(len(end), np.int64)
    timeline.place[stage] = place
    if lanes <= MOST_LANES and len(end) <= share:
        lane = machine.lanes(stage)
        for number in range(min(lanes, windows)):
            chosen = np.flatnonzero(lane == number)
            place[chosen] = len(timeline.tracks)
            names = [_window_name(machine, stage, int(window)) for window in chosen]
            timeline.tracks.append(Track(LAYERS, f"{name} lane {number}", start[chosen], end[chosen], names))
        return
    width = columns or 1
    length = width * max(1, -(-len(end) // (share * width)))
    rows = np.arange(0, windows, length)
    first = (np.arange(machine.images)[:, None] * windows + rows).ravel()
    starts, ends = np.minimum.reduceat(start, first), np.maximum.reduceat(end, first)
    timeline.notes.append(f"{name}: {len(end)} windows on {lanes} lanes drawn as {len(first)} rows of {length} windows")
    names = [f"{name} rows from {_window_name(machine, stage, int(window))}" for window in first]
    row_of = np.searchsorted(first, np.arange(len(end)), side="right") - 1
    for number, chosen in enumerate(_without_overlap(starts, ends)):
        place[np.isin(row_of, chosen)] = len(timeline.tracks)
        drawn = [names[index] for index in chosen]
        timeline.tracks.append(Track(LAYERS, f"{name} rows {number}", starts[chosen], ends[chosen], drawn))


def _main_step(machine: Machine, stamps: Stamps, stage: int) -> tuple[Ints, Ints]:
    """When the crossbar step of each window of a stage, or the work of one without crossbars, began and ended."""
    part = slice(*machine.stage_offset[stage : stage + 2].tolist())
    if machine.is_digital(stage):
        return stamps.work[part] - machine.work_time(stage), stamps.work[part]
    return stamps.crossbar[part] - machine.crossbar_times(stage), stamps.crossbar[part]


def _window_name(machine: Machine, stage: int, window: int) -> str:
    image, place = divmod(window, int(machine.windows[stage]))
    return f"window {place}" if machine.images == 1 else f"image {image} window {place}"


def _without_overlap(start: Ints, end: Ints) -> list[Ints]:
    """Intervals (by index, in the order of their starts) spread over as few tracks as they need."""
    tracks: list[list[int]] = []
    free: list[tuple[int, int]] = []
    for index in np.lexsort((np.arange(len(start)), start)).tolist():
        if free and free[0][0] <= start[index]:
            _, track = heapq.heappop(free)
        else:
            track = len(tracks)
            tracks.append([])
        tracks[track].append(index)
        heapq.heappush(free, (int(end[index]), track))
    return [np.array(track, np.int64) for track in tracks]


def _draw_resources(timeline: _Timeline, machine: Machine, holds: Holds, share: int) -> None:
    order = np.lexsort((holds.grant, holds.resource))
    bounds = np.searchsorted(holds.resource[order], np.arange(machine.resources + 1))
    merged = 0
    for resource, (low, high) in enumerate(pairwise(bounds.tolist())):
        mine = order[low:high]
        if len(mine) == 0:
            continue
        start, end = holds.grant[mine], holds.grant[mine] + holds.duration[mine]
        names = [machine.stage_names[stage] for stage in holds.stage[holds.owner[mine]]]
        if len(mine) > share:
            kept = np.sort(np.argsort(end[:-1] - start[1:], kind="stable")[: share - 1]) + 1
            first, last = np.append(0, kept), np.append(kept, len(mine)) - 1
            start, end = start[first], end[last]
            names = [
                names[a] if a == b else f"{b - a + 1} transfers"
                for a, b in zip(first.tolist(), last.tolist(), strict=True)
            ]
            merged += 1
        name = machine.resource_names[resource]
        process = {"bus": BUSES, **dict.fromkeys(UNITS, UNIT)}.get(name.split()[0], NETWORK)
        timeline.tracks.append(Track(process, name, start, end, names))
    if merged:
        timeline.notes.append(
            f"{merged} of {machine.resources} resources have more than {share} transfers: those with the shortest gaps "
            "between them are drawn as one"
        )


def _microseconds(picoseconds: int) -> float:
    return picoseconds / 1e6


def _metadata(timeline: _Timeline) -> Iterator[Event]:
    for process, name in PROCESSES.items():
        yield {"ph": "M", "name": "process_name", "pid": process, "tid": 0, "ts": 0, "args": {"name": name}}
        yield {
            "ph": "M",
            "name": "process_sort_index",
            "pid": process,
            "tid": 0,
            "ts": 0,
            "args": {"sort_index": process},
        }
    for number, track in enumerate(timeline.tracks, start=1):
        same = {"ph": "M", "pid": track.process, "tid": number, "ts": 0}
        yield {**same, "name": "thread_name", "args": {"name": track.name}}
        yield {**same, "name": "thread_sort_index", "args": {"sort_index": number}}


def _slices(timeline: _Timeline) -> Iterator[Event]:
    for number, track in enumerate(timeline.tracks, start=1):
        for start, end, name in zip(track.start.tolist(), track.end.tolist(), track.names, strict=True):
            yield {
                "ph": "X",
                "name": name,
                "cat": PROCESSES[track.process],
                "pid": track.process,
                "tid": number,
                "ts": _microseconds(start),
                "dur": _microseconds(end - start),
            }


def _arrows(timeline: _Timeline, machine: Machine, stamps: Stamps) -> Iterator[Event]:
    """From the producer window that a sampled consumer window needed last, to that window."""
    arrow = 0
    for edge in np.flatnonzero(~machine.gathers).tolist():
        source, target = int(machine.edge_source[edge]), int(machine.edge_target[edge])
        need = machine.needs(edge)
        for window in _sample(len(need)):
            if need[window] == 0:
                continue
            arrow += 1
            name = f"{machine.stage_names[source]} -> {machine.stage_names[target]}"
            same = {"name": name, "cat": "data", "id": arrow}
            yield {"ph": "s", **same, **_point(timeline, machine, stamps, source, int(need[window]) - 1)}
            yield {"ph": "f", "bp": "e", **same, **_point(timeline, machine, stamps, target, window)}


def _sample(windows: int) -> list[int]:
    return sorted({round(share * (windows - 1)) for share in np.linspace(0, 1, ARROWS_PER_EDGE).tolist()})


def _point(timeline: _Timeline, machine: Machine, stamps: Stamps, stage: int, window: int) -> Event:
    """Track of a window, and when its slice began."""
    number = int(timeline.place[stage][window])
    start = int(_main_step(machine, stamps, stage)[0][window])
    return {"pid": timeline.tracks[number].process, "tid": number + 1, "ts": _microseconds(start)}
