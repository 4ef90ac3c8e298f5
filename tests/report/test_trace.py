"""Traces against the documented Trace Event Format: what each phase must have, and what a viewer relies on."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from archsim.config import load_hardware
from archsim.errors import InputError
from archsim.mapper import map_network
from archsim.mapping import Plan
from archsim.report.trace import build_trace, row_lengths, write_trace
from archsim.timing.compile import compile_machine
from archsim.timing.machine import Machine, Stamps
from archsim.timing.simpy_engine import run_simpy
from archsim.workload import load_workload

REQUIRED = {
    "M": {"ph", "name", "pid", "tid", "args"},
    "X": {"ph", "name", "cat", "pid", "tid", "ts", "dur"},
    "s": {"ph", "name", "cat", "id", "pid", "tid", "ts"},
    "f": {"ph", "name", "cat", "id", "pid", "tid", "ts", "bp"},
}
Events = list[dict[str, Any]]
Run = tuple[Plan, Machine, Stamps]


def simulated(net: str, images: int) -> Run:
    plan = map_network(load_workload(net), load_hardware("isaac-8bit"))
    machine = compile_machine(plan, images)
    return plan, machine, run_simpy(machine)


@pytest.fixture(scope="module")
def lenet() -> Run:
    return simulated("lenet5", 2)


@pytest.fixture(scope="module", params=[200_000, 600], ids=["fine", "coarse"])
def events(request: pytest.FixtureRequest, lenet: Run) -> Events:
    plan, machine, stamps = lenet
    trace = build_trace(machine, stamps, columns=row_lengths(plan), most=request.param)
    found: Events = trace["traceEvents"]
    return found


def picoseconds(microseconds: float) -> int:
    return round(microseconds * 1e6)


def slices_by_track(events: Events) -> dict[tuple[int, int], list[tuple[int, int]]]:
    tracks = defaultdict(list)
    for event in events:
        if event["ph"] == "X":
            start = picoseconds(event["ts"])
            tracks[event["pid"], event["tid"]].append((start, start + picoseconds(event["dur"])))
    return tracks


def test_every_phase_has_what_the_format_asks_for(events: Events) -> None:
    assert {event["ph"] for event in events} == set(REQUIRED)
    for event in events:
        assert REQUIRED[event["ph"]] <= set(event)
        assert isinstance(event["pid"], int)
        assert isinstance(event["tid"], int)
        if event["ph"] != "M":
            assert isinstance(event["ts"], float | int)
            assert event["ts"] >= 0
        if event["ph"] == "X":
            assert event["dur"] >= 0


def test_slices_of_a_track_are_in_order_and_apart(events: Events) -> None:
    for track in slices_by_track(events).values():
        for sooner, later in pairwise(track):
            assert sooner[1] <= later[0]


def test_every_track_has_one_name(events: Events) -> None:
    named = [(event["pid"], event["tid"]) for event in events if event["name"] == "thread_name"]
    assert len(named) == len(set(named))
    assert set(slices_by_track(events)) <= set(named)
    processes = {event["pid"]: event["args"]["name"] for event in events if event["name"] == "process_name"}
    assert processes == {1: "layers", 2: "buses", 3: "digital units", 4: "network"}


def test_flow_arrows_come_in_pairs_forward_and_inside_slices(events: Events) -> None:
    tracks = slices_by_track(events)
    begun = {event["id"]: event for event in events if event["ph"] == "s"}
    ended = {event["id"]: event for event in events if event["ph"] == "f"}
    assert begun
    assert set(begun) == set(ended)
    assert len(begun) == sum(event["ph"] == "s" for event in events)
    for number, start in begun.items():
        end = ended[number]
        assert start["ts"] < end["ts"]
        assert start["name"] == end["name"]
        for event in (start, end):
            time = picoseconds(event["ts"])
            assert any(low <= time <= high for low, high in tracks[event["pid"], event["tid"]])


def test_slices_are_what_happened(lenet: Run) -> None:
    """Fine enough, every window of a layer and every hold of a resource is there, at its time."""
    _, machine, stamps = lenet
    trace = build_trace(machine, stamps)
    tracks = slices_by_track(trace["traceEvents"])
    names = {
        (event["pid"], event["tid"]): event["args"]["name"]
        for event in trace["traceEvents"]
        if event["name"] == "thread_name"
    }
    busy = {names[track]: sum(end - start for start, end in slices) for track, slices in tracks.items()}
    for name, time in zip(machine.resource_names, stamps.resource_busy.tolist(), strict=True):
        assert busy.get(name, 0) == time
    stage = machine.stage_names.index("f6")
    low, high = machine.stage_offset[stage : stage + 2]
    (track,) = [track for track, name in names.items() if name == "f6 lane 0"]
    assert [end for _, end in tracks[track]] == stamps.crossbar[low:high].tolist()


def test_coarse_traces_stay_within_their_bound_and_say_so(lenet: Run) -> None:
    plan, machine, stamps = lenet
    fine = build_trace(machine, stamps, columns=row_lengths(plan))
    rows = [note for note in fine["otherData"]["notes"] if note.startswith("c1")]
    assert rows == ["c1: 1568 windows on 784 lanes drawn as 56 rows of 28 windows"]
    coarse = build_trace(machine, stamps, columns=row_lengths(plan), most=600)
    assert any(
        "those with the shortest gaps between them are drawn as one" in note for note in coarse["otherData"]["notes"]
    )
    assert all(len(track) <= 50 for track in slices_by_track(coarse["traceEvents"]).values())
    assert sum(event["ph"] == "X" for event in coarse["traceEvents"]) < sum(
        event["ph"] == "X" for event in fine["traceEvents"]
    )


def test_files_are_whole_and_reproducible(lenet: Run, tmp_path: Path) -> None:
    plan, machine, stamps = lenet
    notes = write_trace(tmp_path / "new" / "run", machine, stamps, columns=row_lengths(plan))
    path = tmp_path / "new" / "run" / "trace.json.gz"
    assert [found.name for found in path.parent.iterdir()] == ["trace.json.gz"]
    first = path.read_bytes()
    assert json.loads(gzip.decompress(first))["otherData"]["notes"] == list(notes)
    write_trace(path.parent, machine, stamps, columns=row_lengths(plan))
    assert path.read_bytes() == first
    with pytest.raises(InputError, match="cannot write the trace here"):
        write_trace(path, machine, stamps)
