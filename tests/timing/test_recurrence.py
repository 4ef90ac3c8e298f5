"""A recurrence is found where the stream repeats itself, and never claimed where it may not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from archsim.timing.kernel_engine import run_kernel, start, with_room
from archsim.timing.kernels.state import State
from archsim.timing.machine import Machine
from archsim.timing.recurrence import Recurrence, find_recurrence, fingerprint

from .machines import chain


def contended(images: int) -> Machine:
    return chain(
        [9, 9, 5], replicas=[2, 2, 1], images=images, read=3, write=4, capacity=6, shared=True, hops=((5, 2), (3, 3))
    )


def stopped_at(machine: Machine, image: int) -> State:
    state = start(machine)
    state.clock["stop_at_image"] = image + 1
    state = with_room(machine, state)
    assert state.clock["stopped"][0]
    return state


def test_recurrence_of_a_contended_chain() -> None:
    found, stamps = find_recurrence(contended(30))
    assert stamps is None
    assert found is not None
    reads = run_kernel(contended(30)).read[: 9 * 30].reshape(30, 9)
    # image begins are when the first stage's first read was asked for: it never waits for data, only for its lane
    assert [
        found.image_begins(image + found.images) - found.image_begins(image) for image in range(found.first + 1, 25)
    ] == [found.period] * (24 - found.first)
    late = (reads > found.begin)[: -found.images] & (np.arange(30 - found.images) < 25 - found.images)[:, None]
    assert (reads[found.images :][late] == reads[: -found.images][late] + found.period).all()


def test_search_without_success_hands_back_a_full_run() -> None:
    machine = contended(2)
    found, stamps = find_recurrence(machine)
    assert found is None
    assert stamps is not None
    assert stamps.differences(run_kernel(machine)) == {}


def test_single_image_and_times_that_differ_from_image_to_image_have_none() -> None:
    assert find_recurrence(contended(1)) == (None, None)
    machine = chain([4], images=20)
    times = np.tile(np.arange(4), 20) + 5
    assert find_recurrence(replace(machine, crossbar_time=times, crossbar_offset=np.array([0, 80]))) == (None, None)
    within, _ = find_recurrence(replace(machine, crossbar_time=times[:4], crossbar_offset=np.array([0, 4])))
    assert within is not None


def test_chains_that_drift_apart_have_none() -> None:
    """Two networks side by side that share nothing, one twice as fast: its lead grows with every image."""
    both = chain([4, 4], crossbar=16, images=40)
    cut = replace(
        both, edge_source=both.edge_source[:0], edge_target=both.edge_target[:0], capacity=both.capacity[:0],
        need=both.need[:0], need_offset=both.need_offset[:1], last=both.last[:0], last_offset=both.last_offset[:1],
        route=both.route[:0], route_offset=both.route_offset[:1], crossbar_time=np.array([16, 32]),
    )  # fmt: skip
    found, stamps = find_recurrence(cut)
    assert found is None
    assert stamps is not None
    same, _ = find_recurrence(replace(cut, crossbar_time=np.array([16, 16])))
    assert same is not None


def test_image_begins_follow_the_period() -> None:
    found = Recurrence(first=2, images=2, begin=50, period=40, image_begin=(0, 20, 50, 65, 90))
    assert [found.image_begins(image) for image in range(8)] == [0, 20, 50, 65, 90, 105, 130, 145]
    assert found.end == 90


def test_fingerprint_is_that_of_another_image_a_period_later() -> None:
    machine = contended(30)
    found, _ = find_recurrence(machine)
    assert found is not None
    pictures = [fingerprint(machine, stopped_at(machine, found.first + step)) for step in range(2 * found.images + 1)]
    assert pictures[0] == pictures[found.images] == pictures[2 * found.images]


CHANGES = {
    "window under way": lambda s: s.lanes["read_window"].__setitem__(0, s.lanes["read_window"][0] + 1),
    "register": lambda s: s.lanes["crossbar_count"].__setitem__(1, s.lanes["crossbar_count"][1] - 1),
    "step": lambda s: s.lanes["computing"].__setitem__(2, 1 - s.lanes["computing"][2]),
    "packets of a send": lambda s: s.lanes["packets"].__setitem__(0, 7),
    "ready": lambda s: s.stages["ready"].__setitem__(1, s.stages["ready"][1] + 1),
    "room": lambda s: s.stages["room"].__setitem__(0, s.stages["room"][0] + 1),
    "received": lambda s: s.edges["received"].__setitem__(0, s.edges["received"][0] - 1),
    "released": lambda s: s.edges["released"].__setitem__(1, s.edges["released"][1] - 1),
    "time of an event": lambda s: s.heap_times.__setitem__(0, s.heap_times[0] + 1),
    "kind of an event": lambda s: s.heap_events.__setitem__(0, s.heap_events[0] ^ (1 << 48)),
    "end of a hold": lambda s: s.resources["free_at"].__setitem__(0, s.clock["now"][0] + 99),
    "head of a packet": lambda s: s.packets["hop"].__setitem__(slice(0, 6), s.packets["hop"][:6] + 1),
}


@pytest.mark.parametrize("change", list(CHANGES))
def test_fingerprint_sees_every_part_of_the_state(change: str) -> None:
    machine = contended(12)
    state = stopped_at(machine, 1)
    before = fingerprint(machine, state)
    assert fingerprint(machine, state) == before
    CHANGES[change](state)
    assert fingerprint(machine, state) != before


def test_fingerprint_sees_who_waits_for_a_resource() -> None:
    machine = contended(12)
    state = stopped_at(machine, 5)
    (waited,) = np.flatnonzero(state.resources["head"] >= 0)[:1]
    before = fingerprint(machine, state)
    state.requests["time"][state.resources["head"][waited]] -= 1
    assert fingerprint(machine, state) != before
