"""The reference engine on machines small enough to know the answer."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from random import Random

import numpy as np
import pytest

from archsim.errors import DeadlockError, SimulationError
from archsim.timing.checks import check_run
from archsim.timing.deadlock import find_cycle, require_finished
from archsim.timing.simpy_engine import _Engine, run_simpy
from archsim.timing.summary import summarize

from .building import Stage, build
from .machines import chain


@pytest.mark.parametrize("windows", [1, 2, 3, 17])
def test_isaac_window_takes_22_cycles_and_one_enters_every_16(windows: int) -> None:
    """Shafiee et al., Fig. 4b: read 1, crossbar 16, ADC trail 1 + shift-add 2 + activation 1, write 1."""
    machine = chain([windows], read=1, crossbar=16, post=4, write=1)
    stamps = run_simpy(machine)
    assert stamps.end == 22 + 16 * (windows - 1)
    check_run(machine, stamps)


def test_unloaded_route_takes_its_latencies_and_one_hold() -> None:
    """Cut-through: the head moves on after each hop's latency, the tail follows after the last hop's hold."""
    machine = chain([1, 1], hops=((5, 2), (5, 3), (5, 1)))
    stamps = run_simpy(machine)
    assert stamps.arrive[0] == 22 + 2 + 3 + 5
    assert stamps.send[0] == 22 + 5


def test_copies_work_in_parallel_and_share_a_bus_in_turn() -> None:
    alone = run_simpy(chain([8], replicas=[4]))
    assert alone.end == 22 + 16
    shared = run_simpy(chain([8], replicas=[4], read=3, shared=True))
    # four reads of 3 ticks queue on one bus: the last copy starts 9 ticks later
    assert shared.read.tolist()[:4] == [3, 6, 9, 12]


def test_small_output_register_stalls_the_crossbar() -> None:
    """Slow work fills what is behind the crossbars, and they wait."""
    machine = build([Stage("s0", windows=9, crossbar=16, units=[("unit", 40, 40)])])
    stamps = run_simpy(machine)
    timing = summarize(machine, stamps, "simpy").stages[0]
    assert timing.stall_output_s > 0
    assert timing.stall_input_s == 0
    total = timing.busy_s + timing.stall_input_s + timing.stall_output_s + timing.stall_contention_s
    assert total + timing.fill_s + timing.drain_s == pytest.approx(timing.end_s - timing.start_s, rel=1e-12)


def test_contended_bus_shows_as_contention() -> None:
    machine = chain([40, 40], read=9, write=9, shared=True)
    stages = summarize(machine, run_simpy(machine), "simpy").stages
    assert sum(stage.stall_contention_s for stage in stages) > 0


def test_images_stream_at_the_slowest_stage() -> None:
    machine = chain([10, 10], images=4)
    timing = summarize(machine, run_simpy(machine), "simpy")
    assert timing.interval_s == pytest.approx(160e-12)
    assert summarize(chain([3]), run_simpy(chain([3])), "simpy").interval_s is None


def test_result_does_not_depend_on_event_order_inside_a_tick() -> None:
    """SimPy breaks ties of time and priority by event number; with random numbers every tick is processed in another
    order."""
    machine = chain([32, 32, 32], replicas=[2, 2, 2], shared=True, hops=((3, 2),))
    expected = run_simpy(machine)
    for seed in range(5):
        engine = _Engine(machine)
        engine.environment._eid = iter(partial(Random(seed).getrandbits, 60), -1)
        engine.run()
        assert engine.stamps().differences(expected) == {}


def test_deadlock_is_named() -> None:
    machine = chain([64, 16], capacity=3)
    stamps = run_simpy(machine)
    cycle = find_cycle(machine, stamps)
    assert {wait.step for wait in cycle} == {"read", "send"}
    with pytest.raises(
        DeadlockError, match=r"read of s1 window 0 waits for input window 3 of s0; send of s0 window 3 waits for room"
    ):
        require_finished(machine, stamps)


@pytest.mark.parametrize("kind", ["read", "crossbar", "write", "arrive"])
def test_checks_see_a_planted_fault(kind: str) -> None:
    machine = chain([12, 6], replicas=[2, 1], hops=((3, 2),), capacity=4)
    stamps = run_simpy(machine)
    check_run(machine, stamps)
    broken = getattr(stamps, kind).copy()
    broken[len(broken) // 2] = -1 if kind == "arrive" else 0
    with pytest.raises(SimulationError, match="timing check failed"):
        check_run(machine, replace(stamps, **{kind: broken}))


def test_checks_see_an_overfull_buffer_and_an_overbooked_resource() -> None:
    machine = chain([12, 24], capacity=4)
    stamps = run_simpy(machine)
    with pytest.raises(SimulationError, match="held more than its 2 windows"):
        check_run(replace(machine, capacity=np.array([2])), stamps)
    with pytest.raises(SimulationError, match="busy longer than the run"):
        check_run(machine, replace(stamps, resource_busy=stamps.resource_busy + stamps.end + 1))
