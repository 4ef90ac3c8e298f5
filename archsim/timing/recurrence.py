"""When a stream of images repeats itself: the state of the machine, seen from the image that has just begun, is the
same twice.

The engines' rules are deterministic and look at nothing but the state, so equal states have equal futures. A state is
compared in full: each lane's steps and registers, each buffer, each packet under way, each waiting request and each
coming event, with windows counted from the image that has just begun and times from now. As lanes start over with
every image, the rules are the same for all images.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from archsim.timing.kernel_engine import NEVER, stamps_of, start, with_room
from archsim.timing.kernels.state import HEAD_ARRIVED, INDEX_BITS, INDEX_MASK, NONE, PACKET_ENDED, REQUESTS, State
from archsim.timing.machine import Ints, Machine, Stamps

Table = np.ndarray[Any, Any]
SCOUTED = (12, 48)
"""Images simulated in search of a recurrence; the search starts over with more when it finds none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurrence:
    """After `begin` [ps] the stream repeats itself every `period` ps and `images` images: the state at `begin`, when
    image `first` was the newest, came back at `begin + period`, when it was `first + images`. `image_begin[i]` is when
    image i was first asked for, up to that one."""

    first: int
    images: int
    begin: int
    period: int
    image_begin: tuple[int, ...]

    @property
    def end(self) -> int:
        """When the state had come back [ps]."""
        return self.begin + self.period

    def image_begins(self, image: int) -> int:
        """When an image is first asked for, if the stream goes on for long enough [ps]."""
        last = self.first + self.images
        periods = max(0, -(-(image - last) // self.images))
        return self.image_begin[image - periods * self.images] + periods * self.period


def find_recurrence(machine: Machine) -> tuple[Recurrence | None, Stamps | None]:
    """The first recurrence of a stream through a machine, None when there is none within the machine's images or the
    images searched.

    Crossbar times that differ from image to image never repeat. A search that came to the end of the machine's images
    has run the kernel engine on it: its stamps are the second result.
    """
    period = np.diff(machine.crossbar_offset)
    if machine.images < 2 or ((period != 1) & (period != machine.windows)).any():
        return None, None
    found, stamps = None, None
    for images in SCOUTED:
        found, stamps = _scout(replace(machine, images=min(images, machine.images)))
        if found is not None or images >= machine.images:
            return found, stamps
    return None, None


def _scout(machine: Machine) -> tuple[Recurrence | None, Stamps | None]:
    """Run the kernel engine image by image until its state comes back, or to the end."""
    seen: dict[bytes, tuple[int, int]] = {}
    begun = [0]
    state = start(machine)
    state.clock["stop_at_image"] = 2
    while True:
        state = with_room(machine, state)
        clock = state.clock[0]
        if not clock["stopped"]:
            return None, stamps_of(state)
        now, newest = int(clock["now"]), int(clock["images_begun"]) - 1
        begun += [now] * (newest + 1 - len(begun))
        clock["stopped"], clock["stop_at_image"] = 0, newest + 2
        if all_inputs_there(machine, state):
            clock["stop_at_image"] = NEVER
            continue
        picture = fingerprint(machine, state)
        if picture in seen:
            begin, first = seen[picture]
            images, times = newest - first, tuple(begun)
            return Recurrence(first=first, images=images, begin=begin, period=now - begin, image_begin=times), None
        seen[picture] = now, newest


def all_inputs_there(machine: Machine, state: State) -> bool:
    """Whether a stage that has producers lacks no input of the last image any more: there the end of the stream begins
    to show."""
    consumers = np.unique(machine.edge_target[~machine.gathers])
    return bool((state.stages["ready"][consumers] == machine.total[consumers]).any())


# ---------------------------------------------------------------------- the state, seen from its newest image


def fingerprint(machine: Machine, state: State) -> bytes:
    """Everything the future depends on, free of absolute times, image numbers and slot numbers."""
    newest = int(state.clock["images_begun"][0]) - 1
    parts = [
        *_lanes(machine, state, newest),
        *_counts(machine, state, newest),
        *_gaps(machine, state),
        *_coming(machine, state, newest),
        *_waiting(machine, state, newest),
    ]
    return b"".join(part.size.to_bytes(8, "little") + part.tobytes() for part in parts)


def _lanes(machine: Machine, state: State, newest: int) -> Iterator[Table]:
    lanes = state.lanes
    shift = newest * machine.windows[lanes["stage"]]
    for step in ("read_window", "crossbar_window", "post_window", "work_window", "write_window", "send_window"):
        yield np.where(lanes[step] == NEVER, NEVER, lanes[step] - shift)
    yield lanes["read_count"] - lanes["crossbar_count"]
    yield lanes["crossbar_count"] - lanes["work_count"]
    yield lanes["work_count"] - lanes["write_count"]
    yield lanes["write_count"] - lanes["send_count"]
    for name in ("reading", "computing", "working", "units_taken", "writing", "sending", "packets"):
        yield lanes[name]


def _counts(machine: Machine, state: State, newest: int) -> Iterator[Table]:
    """Leading counts of stages and edges. What sources have ready and the room of last stages never limit an endless
    stream."""
    shift = newest * machine.windows
    buffered = ~machine.gathers
    consumers, producers = np.unique(machine.edge_target[buffered]), np.unique(machine.edge_source[buffered])
    yield (state.stages["ready"] - shift)[consumers]
    yield state.stages["read_leading"] - shift
    yield (state.stages["room"] - shift)[producers]
    yield state.edges["received"] - shift[machine.edge_source]
    yield (state.edges["released"] - shift[machine.edge_source])[buffered]


def _gaps(machine: Machine, state: State) -> Iterator[Table]:
    """Which windows beyond the leading ones have been read and have arrived."""
    furthest = np.full(machine.stages, 0, np.int64)
    sent = np.full(machine.stages, 0, np.int64)
    posted = np.full(machine.stages, 0, np.int64)
    for name, most in (("read_window", furthest), ("post_window", posted), ("send_window", sent)):
        windows = state.lanes[name]
        np.maximum.at(most, state.lanes["stage"], np.where(windows == NEVER, 0, windows + 1))
    for stage, record in enumerate(state.stages):
        base = int(record["first_window"])
        yield (
            state.read[base + int(record["read_leading"]) : base + min(int(furthest[stage]), int(record["total"]))] >= 0
        )
    for record in state.edges:
        most = posted if record["gathers"] else sent
        base, limit = int(record["arrive"]), min(int(most[record["source"]]), int(record["total"]))
        yield state.arrive[base + int(record["received"]) : base + limit] >= 0


def _coming(machine: Machine, state: State, newest: int) -> Iterator[Table]:
    """Coming events by time from now, kind and subject; how long resources are still held."""
    now, size = int(state.clock["now"][0]), int(state.clock["heap"][0])
    events = state.heap_events[:size]
    kind, index = events >> INDEX_BITS, events & INDEX_MASK
    packet = (kind == HEAD_ARRIVED) | (kind == PACKET_ENDED)
    rows = np.zeros((size, 6), np.int64)
    rows[:, 0] = state.heap_times[:size] - now
    rows[:, 1] = kind
    rows[~packet, 2] = index[~packet]
    rows[packet, 2:] = _packets(machine, state, index[packet], newest)
    yield rows[np.lexsort(rows.T[::-1])]
    yield np.maximum(state.resources["free_at"] - now, 0)
    yield state.resources["woken"]


def _packets(machine: Machine, state: State, slots: Ints, newest: int) -> Ints:
    """Packets as (edge, window, lane, hop) rows."""
    packets = state.packets[slots]
    window = packets["window"] - newest * machine.windows[machine.edge_source[packets["edge"]]]
    return np.stack([packets["edge"], window, packets["lane"], packets["hop"]], axis=1).astype(np.int64)


def _waiting(machine: Machine, state: State, newest: int) -> Iterator[Table]:
    """Waiting requests of each resource in their order, with how long they have waited."""
    now, lane_requests = int(state.clock["now"][0]), REQUESTS * len(state.lanes)
    for resource in np.flatnonzero(state.resources["head"] != NONE).tolist():
        numbers = [int(state.resources["head"][resource])]
        while (behind := int(state.requests["behind"][numbers[-1]])) != NONE:
            numbers.append(behind)
        order = np.array(numbers, np.int64)
        rows = np.full((len(order), 6), resource, np.int64)
        rows[:, 1] = now - state.requests["time"][order]
        packet = order >= lane_requests
        rows[~packet, 2:] = np.stack([order[~packet]] * 4, axis=1)
        rows[packet, 2:] = _packets(machine, state, order[packet] - lane_requests, newest)
        yield rows
