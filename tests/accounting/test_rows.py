"""Reads of a few rows at a time: counts, times and energies against plain sums over windows and arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import archsim
from archsim.accounting import timed_cycles
from archsim.config import Hardware, load_hardware
from archsim.errors import InputError
from archsim.mapper import map_network
from archsim.mapping import Plan
from archsim.mapping.rows import RowPlan
from archsim.result import Result
from archsim.simulation import compute
from archsim.timing import run_timing
from archsim.workload import Dataset, load_data, load_workload, preprocessing_for

POLICIES = ("dense", "windowed", "compacting")
ALONE = {"mapping.replication": "none"}
NET = "lenet5-mnist"


def chip(policy: str, **changes: Any) -> Hardware:
    flat = {name.replace("__", "."): value for name, value in changes.items()}
    return load_hardware("rram40nm").replace({**ALONE, "ima.crossbar.row_activation.policy": policy, **flat})


def digits(count: int = 3) -> Dataset:
    graph = load_workload(NET)
    return load_data("digits", preprocessing_for(NET, graph), limit=count, classes=10)


@pytest.fixture(scope="module")
def runs() -> Mapping[str, Result]:
    return {policy: archsim.simulate(plan_of(policy), inputs=digits(), engine="kernel") for policy in POLICIES}


def plan_of(policy: str, **changes: Any) -> Plan:
    return map_network(load_workload(NET), chip(policy, **changes))


def totals(run: Result, component: str, action: str) -> float:
    return sum(row.count for row in run.actions if (row.component, row.action) == (component, action))


def test_actions_are_sums_over_arrays_and_windows() -> None:
    plan = plan_of("windowed", ima__crossbar__energy="table", ima__dac__charge="used")
    run, activity = archsim.simulate(plan, inputs=digits(), engine="kernel"), compute(plan, digits()).activity
    for mapped in plan.stages:
        if mapped.grid is None:
            continue
        reads, grid = activity[mapped.name].reads, mapped.grid
        assert reads is not None
        assert reads.cycles is not None
        assert grid.crossbars == grid.row_groups
        found = {(row.component, row.action): row.count for row in run.actions if row.layer == mapped.name}
        assert reads.images == 3
        conversions = int((reads.reads * grid.columns).sum()) / 3
        assert found["adc", "convert"] == pytest.approx(conversions, rel=1e-12)
        assert found["shift_add", "add"] == found["sample_hold", "sample"] == found["adc", "convert"]
        assert found["dac", "drive"] == pytest.approx(reads.rows.sum() / 3, rel=1e-12)
        cells = int((reads.rows * grid.columns).sum()) / 3
        assert found["crossbar", "read"] == pytest.approx(cells / 256**2, rel=1e-12)
        # looked at once a digit, whether or not a window is opened
        looked = mapped.windows * 2 * int(grid.rows.sum())
        assert found["active_rows", "row"] == looked
        assert found["active_rows", "sense"] == mapped.windows * 2 * grid.crossbars


def test_every_digit_of_a_dense_machine_opens_every_window(runs: Mapping[str, Result]) -> None:
    plan = plan_of("dense")
    bit = plan.chip.tile.ima.bit_cycle_ps * 1e-12
    for mapped in plan.stages:
        if mapped.grid is None:
            continue
        windows = [-(-rows // 7) for rows in mapped.grid.rows.tolist()]
        row = next(item for item in runs["dense"].layers if item.name == mapped.name)
        expected = mapped.windows * 2 * int(np.dot(windows, mapped.grid.columns))
        assert row.adc_conversions == expected
        assert row.busy_s == pytest.approx(mapped.windows * 2 * max(windows) * bit)
    # what is assumed without inputs is what a dense machine does
    assumed = archsim.simulate(plan, engine="kernel")
    assert totals(assumed, "adc", "convert") == totals(runs["dense"], "adc", "convert")
    assert assumed.totals.latency_s == runs["dense"].totals.latency_s


def test_sparsity_control_saves_conversions_time_and_energy(runs: Mapping[str, Result]) -> None:
    conversions = [totals(runs[policy], "adc", "convert") for policy in POLICIES]
    assert conversions == sorted(conversions, reverse=True)
    assert len(set(conversions)) == 3
    for figure in ("latency_s", "energy_j"):
        values = [getattr(runs[policy].totals, figure) for policy in POLICIES]
        assert values == sorted(values, reverse=True)
    # active rows are driven once a digit, in whichever read
    assert len({totals(run, "dac", "drive") for run in runs.values()}) == 1
    assert len({totals(run, "crossbar", "cell_read") for run in runs.values()}) == 1


def test_nothing_but_reads_changes_without_noise(runs: Mapping[str, Result]) -> None:
    whole = load_hardware("rram40nm").replace(
        {**ALONE, "ima.crossbar.row_activation.rows_at_once": 256, "ima.adc.bits": 9}
    )
    expected = archsim.simulate(map_network(load_workload(NET), whole), inputs=digits(), engine="kernel")
    for run in runs.values():
        assert run.function is not None
        assert expected.function is not None
        assert run.function.predictions == expected.function.predictions
        assert run.function.logit_snr_db == expected.function.logit_snr_db
        assert set(run.function.engines) == {"integer"}


@pytest.mark.parametrize("policy", ["windowed", "compacting"])
def test_windows_take_their_longest_row_group(policy: str) -> None:
    plan = plan_of(policy)
    activity = compute(plan, digits()).activity
    cycles = timed_cycles(plan, activity, 1)
    for mapped in plan.stages:
        if mapped.grid is not None:
            reads = activity[mapped.name].reads
            assert reads is not None
            assert reads.cycles is not None
            assert np.array_equal(cycles[mapped.name], reads.cycles[0].max(axis=0))
    stamps = [run_timing(plan, engine=engine, input_cycles=cycles).latency_s for engine in ("simpy", "kernel")]
    bits = run_timing(plan, engine="simpy", detail="bit", input_cycles=cycles).latency_s
    assert stamps[0] == stamps[1] == bits


def test_rows_in_another_order_open_other_windows() -> None:
    """An order that collects the active rows saves reads where neighbours are opened, and none where any are."""
    plain = compute(plan_of("windowed"), digits(20)).activity["output"].reads
    pictures = digits(20)
    rows = 84
    order = np.random.default_rng(0).permutation(rows)
    found = {}
    for policy in POLICIES:
        plan = map_network(
            load_workload(NET),
            chip(policy),
            rows={"output": RowPlan(physical=np.arange(rows), sign=np.ones(rows, np.int8), order=order)},
        )
        computed = compute(plan, pictures)
        reads = computed.activity["output"].reads
        assert reads is not None
        found[policy] = int(reads.reads.sum())
        assert any("output stand in another order" in note for note in archsim.simulate(plan, engine="kernel").notes)
    assert plain is not None
    assert found["windowed"] != int(plain.reads.sum())
    assert found["compacting"] <= found["windowed"] <= found["dense"] == 20 * 2 * 12


def test_row_plans_that_fit_no_layer_are_refused_together() -> None:
    plan = RowPlan(physical=np.arange(3), sign=np.ones(3, np.int8), order=np.arange(3))
    with pytest.raises(InputError) as caught:
        map_network(load_workload(NET), chip("dense"), rows={"outpu": plan, "f6": plan})
    text = str(caught.value)
    assert "rows.outpu" in text
    assert "did you mean 'output'" in text
    assert "has 3 rows; expected the layer's 120" in text


def test_rows_that_share_a_place_need_fewer_rows() -> None:
    rows = 84
    physical = np.arange(rows) % 42
    plan = map_network(
        load_workload(NET),
        chip("dense"),
        rows={"output": RowPlan(physical=physical, sign=np.ones(rows, np.int8), order=np.arange(42))},
    )
    (grid,) = (mapped.grid for mapped in plan.stages if mapped.name == "output")
    assert grid is not None
    assert grid.rows.tolist() == [42]
    assert grid.used_cells == 420
