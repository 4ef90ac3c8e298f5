"""The rate of an endless stream: exact where it repeats, a mean over the last half where it does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import archsim
from archsim.errors import DeadlockError
from archsim.timing.compile import compile_machine
from archsim.timing.kernel_engine import run_kernel
from archsim.timing.rate import quick_interval_ps, single_latency_ps, steady_rate
from archsim.timing.relief import NEAREST, find_relief
from archsim.timing.run import SIMPY_WINDOWS, engine_for
from archsim.timing.summary import image_ends, last_half

from .machines import chain


def test_a_stream_that_repeats_itself_has_its_exact_period() -> None:
    found = steady_rate(chain([10, 10]))
    assert (found.repeats, found.spread, found.interval_s) == (True, 0.0, pytest.approx(160e-12))


def test_a_stream_that_stops_is_no_rate() -> None:
    stuck = chain([4, 4], capacity=1)
    stuck = replace(stuck, need=np.full(4, 2), last=np.full(4, 3))
    with pytest.raises(DeadlockError, match="a stream of images stops after 0"):
        steady_rate(stuck)


def test_the_last_half_of_one_that_does_not() -> None:
    found = last_half(np.array([100, 110, 120, 131, 141, 152, 162, 173]))
    assert found.interval_s == pytest.approx((173 - 131) / 4 * 1e-12)
    assert found.spread == pytest.approx(abs((173 - 152) / 2 - (152 - 131) / 2) / 10.5)
    assert not found.repeats


def test_alternating_steps_do_not_bias_it() -> None:
    """The median of 1, 9, 1, 9, 1 is 1; a stream of such steps takes 5 an image."""
    ends = np.cumsum([1, 9] * 16)
    assert last_half(ends).interval_s == pytest.approx(5e-12)


def test_a_quick_look_agrees_with_a_long_stream() -> None:
    plan = archsim.map_network(archsim.load_workload("vgg8"), archsim.load_hardware("nvcnn-w4a3"))
    machine = compile_machine(plan)
    stream = replace(machine, images=48)
    ends = image_ends(stream, run_kernel(stream))
    assert quick_interval_ps(machine) == pytest.approx((ends[36] - ends[18]) / 18, rel=0.02)
    assert single_latency_ps(machine) == image_ends(machine, run_kernel(machine))[0]


def test_without_a_stream_there_are_no_rates() -> None:
    plan = archsim.map_network(archsim.load_workload("lenet5"), archsim.load_hardware("isaac-8bit"))
    one, steady, many = (archsim.simulate(plan, images=images) for images in (1, "steady", 40))
    rates = ("interval_s", "images_per_s", "ops_per_s", "ops_per_j", "energy_per_image_j")
    assert [getattr(one.totals, name) for name in rates] == [None] * 5
    assert one.stream is None
    assert steady.totals.latency_s == one.totals.latency_s
    assert steady.totals.energy_j == one.totals.energy_j
    totals = steady.totals
    assert totals.interval_s is not None
    assert totals.images_per_s == 1 / totals.interval_s
    assert totals.ops_per_s == 2 * totals.macs / totals.interval_s
    static = (totals.energy_j - totals.dynamic_energy_j) / totals.latency_s
    assert totals.energy_per_image_j == pytest.approx(totals.dynamic_energy_j + static * totals.interval_s, rel=1e-12)
    # a long stream tends to the steady rate, not to images over its latency
    assert many.totals.interval_s == pytest.approx(totals.interval_s, rel=0.02)
    assert many.totals.images_per_s > 40 / many.totals.latency_s


def test_auto_takes_the_reference_for_small_runs_only() -> None:
    small, large = chain([10]), chain([SIMPY_WINDOWS + 1])
    assert [engine_for(machine, "auto") for machine in (small, large)] == ["simpy", "kernel"]
    assert engine_for(large, "simpy") == "simpy"
    plan = archsim.map_network(archsim.load_workload("lenet5"), archsim.load_hardware("isaac-8bit"))
    assert archsim.simulate(plan).engine == "simpy"


@pytest.mark.parametrize(
    ("net", "chip"), [("lenet5", "isaac-8bit"), ("vgg8", "isaac-ce"), ("resnet8-cifar10", "nvcnn-w4a3")]
)
def test_a_relief_is_what_was_tried(net: str, chip: str) -> None:
    plan = archsim.map_network(archsim.load_workload(net), archsim.load_hardware(chip))
    run = archsim.simulate(plan, engine="kernel", advise=True)
    assert run.bottleneck.relief.endswith("off the latency, tried with the layout held")
    timing = archsim.simulate(plan, engine="kernel")
    assert timing.bottleneck.relief == ""
    assert find_relief(plan, run.critical_path, 1) == run.bottleneck.relief
    assert set(NEAREST) >= {row.limit for row in run.critical_path}
