"""Spliced streams equal full simulations; where they might not, everything is simulated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from archsim.config import load_hardware
from archsim.errors import DeadlockError, InputError, SimulationError
from archsim.mapper import map_network
from archsim.timing import run_timing, stream
from archsim.timing.deadlock import require_finished
from archsim.timing.kernel_engine import run_kernel
from archsim.timing.machine import Machine
from archsim.timing.simpy_engine import run_simpy
from archsim.timing.stream import simulate_stream, splice, stream_timing
from archsim.timing.summary import summarize
from archsim.workload import load_workload

from .machines import chain
from .random_machines import random_machine
from .streams import compare, compiled


def streaming(seed: int) -> Machine | None:
    """A random machine with many images; None where its crossbar times differ from image to image."""
    machine = random_machine(seed, most_windows=25)
    period = np.diff(machine.crossbar_offset)
    if ((period != 1) & (period != machine.windows)).any():
        return None
    return replace(machine, images=int(np.random.default_rng(seed).integers(3, 120)))


@pytest.mark.parametrize("chunk", range(4))
def test_spliced_random_streams_equal_full_simulation(chunk: int) -> None:
    """Every stamp and every time, contention, deadlocks and all."""
    spliced = 0
    for seed in range(chunk * 60, (chunk + 1) * 60):
        machine = streaming(seed)
        if machine is None:
            continue
        found, different = compare(machine)
        assert different == [], seed
        spliced += found.short.images < machine.images
    assert spliced >= 10


def test_shipped_networks() -> None:
    """The small ones; `python -m tests.timing.streams` compares all of them."""
    spliced = 0
    for net, images in {"lenet5": 100, "vgg8": 12, "resnet8-cifar10": 30, "alexnet": 45, "squeezenet1.1": 14}.items():
        found, different = compare(replace(compiled(net), images=images))
        assert different == [], net
        spliced += found.short.images < images
    assert spliced >= 2


def test_reference_engine_splices_to_the_same_times() -> None:
    machine = replace(compiled("lenet5", "puma"), images=40)
    simpy, kernel = simulate_stream(machine, run_simpy), simulate_stream(machine, run_kernel, is_kernel=True)
    assert simpy.short.images == kernel.short.images < 40
    assert simpy.stamps.differences(kernel.stamps) == {}
    assert replace(stream_timing(simpy, "x"), events=0) == replace(stream_timing(kernel, "x"), events=0)


def test_last_images_of_a_contended_stream_are_not_like_the_others() -> None:
    """With nothing behind it the last image meets less traffic: repeating the steady period to the end would be wrong,
    and the splice is right."""
    machine = chain([9, 9, 5], images=30, read=6, write=5, capacity=12, shared=True)
    full = run_kernel(machine)
    found = simulate_stream(machine, run_kernel, is_kernel=True)
    assert found.short.images < machine.images
    assert found.recurrence is not None
    spliced = splice(found, 30)
    assert spliced.differences(full) == {}
    ends = full.write[machine.stage_offset[2] :].reshape(30, 5)
    each, period = found.recurrence.images, found.recurrence.period
    naive = ends[15 - each : 30 - each] + period
    assert (naive != ends[15:]).any()
    assert (naive[:8] == ends[15:23]).all()


def test_fill_steady_and_drain_make_up_the_latency() -> None:
    plan = map_network(load_workload("lenet5"), load_hardware("insitu-32nm"))
    thousand, more = (run_timing(plan, images, engine="kernel") for images in (1000, 1001))
    assert thousand.simulated_images < 100
    assert len(thousand.image_end_s) == 1000
    assert thousand.interval_s is not None
    assert thousand.fill_s is not None
    assert thousand.drain_s is not None
    assert more.latency_s - thousand.latency_s == pytest.approx(thousand.interval_s, rel=1e-9)
    assert more.drain_s == pytest.approx(thousand.drain_s, rel=1e-12)
    steady = (thousand.latency_s - thousand.fill_s - thousand.drain_s) / thousand.interval_s
    assert steady == pytest.approx(round(steady), abs=1e-6)
    busy = {name: time * 1001 / 1000 for name, time in thousand.resource_busy_s.items()}
    assert more.resource_busy_s == pytest.approx(busy, rel=1e-12)


def test_without_a_recurrence_everything_is_simulated() -> None:
    machine = chain([4], images=20)
    machine = replace(machine, crossbar_time=np.arange(80) + 5, crossbar_offset=np.array([0, 80]))
    found = simulate_stream(machine, run_kernel)
    assert found.short.images == 20
    assert found.recurrence is None
    timing = stream_timing(found, "kernel")
    assert timing == summarize(machine, run_kernel(machine), "kernel")
    assert (timing.fill_s, timing.drain_s, timing.simulated_images) == (None, None, 20)


def test_too_many_images_to_simulate_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "MOST_WINDOWS", 100)
    machine = chain([4], images=30)
    differing = replace(machine, crossbar_time=np.arange(120), crossbar_offset=np.array([0, 120]))
    with pytest.raises(
        InputError, match=r"images: are 30 to simulate one by one.*not seen to repeat itself; expected at most 25"
    ):
        simulate_stream(differing, run_kernel)
    assert simulate_stream(machine, run_kernel).short.images < 25


def test_stamps_that_do_not_repeat_are_not_spliced() -> None:
    """An engine whose stamps leave the period, by one picosecond in one window, is found out."""

    def faulty(machine: Machine):  # type: ignore[no-untyped-def]
        stamps = run_kernel(machine)
        stamps.write[-7] += 1
        return stamps

    machine = chain([3, 3], images=60, hops=((2, 2),))
    with pytest.raises(SimulationError, match="the write stamps of s1 do not repeat"):
        simulate_stream(machine, faulty)


def test_deadlock_of_a_stream_is_reported() -> None:
    found = simulate_stream(chain([64, 16], capacity=3, images=9), run_kernel)
    assert (found.stamps.send < 0).any()
    with pytest.raises(DeadlockError):
        require_finished(found.short, found.stamps)
