"""Each check sees the fault it is for, planted into stamps that are otherwise right."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from archsim.errors import SimulationError
from archsim.timing import checks
from archsim.timing.checks import check_run
from archsim.timing.kernel_engine import run_kernel
from archsim.timing.machine import Machine, Stamps

from .machines import chain
from .random_machines import random_machine


@pytest.fixture
def finished() -> tuple[Machine, Stamps]:
    machine = chain([12, 6], replicas=[2, 1], hops=((3, 2), (4, 2)), capacity=4, read=3, write=2)
    stamps = run_kernel(machine)
    check_run(machine, stamps)
    return machine, stamps


def planted(stamps: Stamps, kind: str, index: int, value: int) -> Stamps:
    changed = getattr(stamps, kind).copy()
    changed[index] = value
    return replace(stamps, **{kind: changed})


@pytest.mark.parametrize(
    ("kind", "text"), [("read", "end of their read"), ("send", "end of their send"), ("arrive", "never arrived")]
)
def test_what_is_left_over_is_counted(finished: tuple[Machine, Stamps], kind: str, text: str) -> None:
    machine, stamps = finished
    with pytest.raises(SimulationError, match=f"1 windows .*{text}"):
        check_run(machine, planted(stamps, kind, 3, -1))


@pytest.mark.parametrize("kind", ["read", "crossbar", "write", "send"])
def test_step_before_the_one_it_depends_on(finished: tuple[Machine, Stamps], kind: str) -> None:
    machine, stamps = finished
    found = checks._order(machine, planted(stamps, kind, 5, 1))
    assert "took a step before the one it depends on had ended" in found[0]


def test_read_before_its_data(finished: tuple[Machine, Stamps]) -> None:
    machine, stamps = finished
    late = planted(stamps, "arrive", 5, int(stamps.arrive[5]) + 1000)
    assert any("of s1 took a step before" in problem for problem in checks._order(machine, late))


def test_two_windows_on_one_lane(finished: tuple[Machine, Stamps]) -> None:
    machine, stamps = finished
    slower = replace(machine, crossbar_time=machine.crossbar_time + np.array([0, 9]))
    assert any(
        "s1 computed two windows on one lane at once (window 1)" in text for text in checks._order(slower, stamps)
    )


def test_overfull_buffer() -> None:
    machine = chain([12, 24], capacity=4)
    stamps = run_kernel(machine)
    assert checks._capacity(machine, stamps) == []
    assert checks._capacity(replace(machine, capacity=np.array([2])), stamps) == [
        "the buffer from s0 to s1 held more than its 2 windows"
    ]


@pytest.mark.parametrize("seed", range(30))
def test_littles_law_holds_in_every_finished_run(seed: int) -> None:
    machine = random_machine(seed)
    stamps = run_kernel(machine)
    if (stamps.send >= 0).all():
        assert checks._littles_law(machine, stamps) == []


def test_window_that_leaves_a_buffer_before_it_came_breaks_littles_law(finished: tuple[Machine, Stamps]) -> None:
    machine, stamps = finished
    assert checks._littles_law(machine, stamps) == []
    late = planted(stamps, "arrive", 11, int(stamps.end) + 50)
    assert checks._littles_law(machine, late) == [
        "windows left the buffer from s0 to s1 before they had come: Little's law is broken"
    ]


@pytest.mark.parametrize(
    ("kind", "resource"), [("read", "bus"), ("write", "bus"), ("arrive", "hop 1"), ("send", "hop 0")]
)
def test_double_booking(kind: str, resource: str) -> None:
    """A transfer moved by one picosecond into the one before it on the same resource, on a machine with no gap between
    them."""
    machine = chain([20, 20], hops=((30, 2), (30, 2)), read=20, write=2, crossbar=1, shared=kind in ("read", "write"))
    stamps = run_kernel(machine)
    assert checks._double_booking(machine, stamps) == []
    moved = {"read": 4, "write": 4}.get(kind, 10)
    found = checks._double_booking(machine, planted(stamps, kind, moved, int(getattr(stamps, kind)[moved]) - 1))
    assert len(found) == 1
    assert resource in found[0]
    assert "was held twice at one time" in found[0]


def test_double_booking_is_seen_when_times_are_huge() -> None:
    """Past the range of packed keys."""
    machine = chain([4, 4], read=1 << 57, write=1 << 55, crossbar=5, shared=True)
    machine = replace(machine, resource_names=tuple(f"bus {i}" for i in range(9)))
    stamps = run_kernel(machine)
    assert checks._double_booking(machine, stamps) == []
    assert checks._double_booking(machine, planted(stamps, "read", 1, int(stamps.read[1]) - 1)) == [
        "bus 0 was held twice at one time"
    ]


def test_held_time(finished: tuple[Machine, Stamps]) -> None:
    machine, stamps = finished
    wrong = replace(stamps, resource_busy=stamps.resource_busy + 1)
    assert "bus 0 was busy for another time than its users held it" in checks._held_time(machine, wrong)
    long = replace(stamps, resource_busy=stamps.resource_busy + stamps.end)
    assert "bus 0 was busy longer than the run lasted" in checks._held_time(machine, long)


@pytest.mark.parametrize("images", [1, 3])
def test_work_bound(images: int) -> None:
    machine = chain([10], replicas=[3], images=images)
    stamps = run_kernel(machine)
    assert checks._work_bound(machine, stamps) == []
    times = np.arange(10 * images) + 100
    slower = replace(machine, crossbar_time=times, crossbar_offset=np.array([0, len(times)]))
    assert "ps of work of one lane" in checks._work_bound(slower, stamps)[0]
    uniform = replace(machine, crossbar_time=machine.crossbar_time * 4)
    assert f"less than the {4 * images * 4 * 16} ps of work of one lane" in checks._work_bound(uniform, stamps)[0]


def test_stamps_earlier_than_their_critical_path(finished: tuple[Machine, Stamps]) -> None:
    machine, stamps = finished
    early = replace(
        stamps, **{kind: getattr(stamps, kind) // 2 for kind in ("read", "crossbar", "write", "send", "arrive")}
    )
    with pytest.raises(SimulationError, match="stamps are earlier than their critical path allows, first of s0"):
        check_run(machine, early)
