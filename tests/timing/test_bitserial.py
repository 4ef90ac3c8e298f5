"""The closed form of the bit-serial pipeline, held against a model of its arrays, sample-and-holds and converters."""

from __future__ import annotations

from itertools import pairwise
from math import ceil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.accounting.crossbars import crossbar_actions
from archsim.config import load_hardware
from archsim.errors import InputError
from archsim.mapper import map_network
from archsim.mapping import Plan
from archsim.mapping.reads import planned_reads
from archsim.mapping.topology import TOPOLOGIES
from archsim.timing import run_timing
from archsim.timing.bitserial import run_bits
from archsim.timing.checks import check_run
from archsim.timing.compile import compile_machine
from archsim.timing.kernel_engine import run_kernel
from archsim.timing.simpy_engine import run_simpy
from archsim.workload import load_workload

FULL_IMA = """
name: full-ima
description: one layer that fills the eight arrays of one isaac-8bit IMA, every row and column
layers:
  - input: {name: data, shape: [128, 3, 4]}
  - conv: {name: c1, out: 256, kernel: 1}
"""


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("nets") / "full.yaml"
    path.write_text(FULL_IMA)
    return path


def plan_for(net: str | Path, hardware: str = "isaac-8bit", **changes: object) -> Plan:
    dotted = {path.replace("__", "."): value for path, value in changes.items()}
    return map_network(load_workload(str(net)), load_hardware(hardware).replace(dotted))


@pytest.mark.parametrize("hardware", ["isaac-8bit", "isaac-ce", "puma"])
@pytest.mark.parametrize("images", [1, 2])
def test_bit_detail_gives_the_stamps_of_window_detail(hardware: str, images: int) -> None:
    plan = plan_for("lenet5", hardware)
    machine = compile_machine(plan, images)
    found = run_bits(plan, machine)
    assert found.stamps.differences(run_simpy(machine)) == {}
    assert found.waits == 0


@pytest.mark.parametrize("topology", list(TOPOLOGIES))
def test_every_engine_runs_every_topology_alike(topology: str) -> None:
    """ResNet-8 on chips of six tiles with a router each, so that packets meet on links and between chips."""
    changes = {"tile.count": 6, "tile.grid.columns": 3, "tile.grid.rows": 2, "tile.router.shared_by": 1}
    plan = plan_for("resnet8-cifar10", **changes, **{"ima.count": 1, "tile.router.topology": topology})
    assert plan.chips > 1
    machine = compile_machine(plan)
    expected = run_simpy(machine)
    check_run(machine, expected)
    assert any(name.startswith("link") for name in machine.resource_names) == (topology != "ideal")
    assert run_kernel(machine).differences(expected) == {}
    found = run_bits(plan, machine)
    assert found.stamps.differences(expected) == {}


@pytest.mark.parametrize("converters", [1, 3, 5, 8, 16, 60])
@pytest.mark.parametrize("rate", ["0.7 GS/s", "1.28 GS/s", "3 GS/s"])
def test_also_where_copies_share_few_or_slow_converters(converters: int, rate: str) -> None:
    """LeNet's copies share IMAs, start at different times, and convert column ranges cut across arrays."""
    plan = plan_for("lenet5", ima__adc__count=converters, ima__adc__rate=rate)
    machine = compile_machine(plan, 2)
    found = run_bits(plan, machine)
    assert found.stamps.differences(run_simpy(machine)) == {}
    assert found.waits == 0


@pytest.mark.parametrize("hardware", ["isaac-8bit", "puma"])
def test_every_column_is_converted_as_often_as_it_is_charged(hardware: str) -> None:
    """Energy counts conversions in closed form; the unit column, which takes no time here, is one of each array."""
    plan = plan_for("lenet5", hardware)
    charged = 0.0
    for mapped in plan.stages:
        reads = None if mapped.grid is None else planned_reads(plan, mapped)
        counts = {(component, action): count for component, action, count in crossbar_actions(plan, mapped, reads)}
        charged += counts.get(("adc", "convert"), 0)
        if plan.chip.tile.ima.crossbar.unit_column and mapped.grid is not None:
            charged -= mapped.windows * plan.slicing.input_cycles * mapped.grid.crossbars
    assert run_bits(plan, compile_machine(plan, 1)).conversions == charged


@given(
    converters=st.integers(1, 24),
    rate=st.integers(200, 4000),
    cycle=st.sampled_from([50, 100, 128]),
    columns=st.sampled_from([64, 128]),
)
@settings(deadline=None, max_examples=25)
def test_sample_and_holds_stretch_the_interval_to_the_bit_cycle(
    full: Path, converters: int, rate: int, cycle: int, columns: int
) -> None:
    """The clock runs at the bare read time; back-pressure alone must give input cycles x max(read, conversion)."""
    plan = plan_for(
        full,
        ima__adc__count=converters,
        ima__adc__rate=f"{rate} MS/s",
        ima__cycle=f"{cycle} ns",
        tile__cycle=f"{cycle} ns",
        ima__crossbar__columns=columns,
        mapping__replication="none",
    )
    ima = plan.chip.tile.ima
    machine = compile_machine(plan)
    found = run_bits(plan, machine, clock_ps=ima.cycle_ps)
    steps = {later - sooner for later, sooner in pairwise(found.stamps.crossbar[::-1].tolist())}
    conversion = ceil(ceil(8 * columns / converters) * 10**6 / rate)
    assert steps == {8 * max(cycle * 1000, conversion)} == {int(machine.crossbar_times(0)[0])}
    assert (found.waits > 0) == (ima.bit_cycle_ps > ima.cycle_ps)


@pytest.mark.parametrize("converters", [3, 7, 8])
def test_the_bit_cycle_is_tight(full: Path, converters: int) -> None:
    """At the closed form no sample waits; one picosecond faster, samples do."""
    plan = plan_for(full, ima__adc__count=converters, ima__adc__rate="1.1 GS/s", mapping__replication="none")
    machine, bit = compile_machine(plan), plan.chip.tile.ima.bit_cycle_ps
    assert bit > plan.chip.tile.ima.cycle_ps
    assert run_bits(plan, machine, clock_ps=bit).waits == 0
    assert run_bits(plan, machine, clock_ps=bit - 1).waits > 0


def test_conversions_trail_the_last_read_by_one_clock(full: Path) -> None:
    """ISAAC, Fig. 4b: read 1, eight digits, ADC 1, shift-and-add 2, activation 1, write 1 for 8-bit inputs."""
    plan = plan_for(full, mapping__replication="none")
    found = run_bits(plan, compile_machine(plan)).stamps
    assert found.crossbar[0] == 9 * 100_000
    assert found.write[0] == (1 + 8 + 1 + 2 + 1 + 1) * 100_000
    slow = plan_for(full, mapping__replication="none", ima__adc__rate="1 GS/s")
    assert slow.chip.pipeline.adc_trail_ps == slow.chip.tile.ima.bit_cycle_ps == 128_000
    late = run_bits(slow, compile_machine(slow)).stamps
    assert late.write[0] - late.crossbar[0] == 3 * 128_000 + 2 * 100_000


def test_dynamic_precision_shortens_windows_in_both_details() -> None:
    plan = plan_for("lenet5")
    digits = np.random.default_rng(3).integers(1, 9, plan.stages[0].windows)
    machine = compile_machine(plan, 1, {plan.stages[0].name: digits})
    assert run_bits(plan, machine).stamps.differences(run_simpy(machine)) == {}


def test_what_bit_detail_cannot_do_is_refused() -> None:
    with pytest.raises(
        InputError, match=r"--detail bit: would take about [\d,]+ events for vgg16; expected at most 3,000,000"
    ):
        run_timing(plan_for("vgg16"), detail="bit")
    with pytest.raises(InputError, match=r"pipeline.adc_trail: is 0; bit detail needs 1 or more"):
        run_timing(plan_for("lenet5", pipeline__adc_trail=0), detail="bit")
