"""Energy of shortened conversions: what is counted is what the kernels found, and it costs what the law says."""

from __future__ import annotations

from math import fsum
from typing import Any

import numpy as np
import pytest

import archsim
from archsim.components import build_chip, cost_table
from archsim.components.adc import SCALING, short_conversion
from archsim.config import Hardware, load_hardware
from archsim.function.crossbars.select import Machine
from archsim.function.inference.activity import LayerActivity
from archsim.function.inference.evaluate import evaluate
from archsim.function.precision.offline import plan_counting, plan_precision, plan_streaming
from archsim.mapper import map_network
from archsim.mapping import Plan
from archsim.result import Result, load_result
from tests.accounting.test_dynamic import ALONE, DATA, GRAPH

POLICY = "ima.adc.sparsity.policy"


def hardware(policy: str, name: str = "nvcnn-w8a8", **changes: Any) -> Hardware:
    return load_hardware(name).replace({**ALONE, POLICY: policy, **changes})


def simulate(chip: Hardware, **options: Any) -> Result:
    return archsim.simulate(map_network(GRAPH, chip), inputs=DATA, **options)


def conversions(run: Result) -> dict[str, float]:
    """Count by action of all converters."""
    found: dict[str, float] = {}
    for row in run.actions:
        if row.component == "adc":
            found[row.action] = found.get(row.action, 0.0) + row.count
    return found


def adc_energy(run: Result) -> float:
    return fsum(row.energy_j for row in run.actions if row.component == "adc")


def measured(chip: Hardware) -> tuple[Plan, dict[str, LayerActivity]]:
    plan = map_network(GRAPH, chip)
    found = evaluate(
        GRAPH,
        DATA,
        precision=plan_precision(plan),
        counting=plan_counting(plan),
        streaming=plan_streaming(plan),
        machine=Machine.of(plan),
    )
    return plan, dict(found.activity)


@pytest.fixture(scope="module")
def runs() -> dict[str, Result]:
    return {name: simulate(hardware(name)) for name in ("none", "skip_zero", "bound", "column_bound", "oracle")}


def test_each_policy_costs_less_and_computes_the_same(runs: dict[str, Result]) -> None:
    energies = [adc_energy(run) for run in runs.values()]
    assert energies == sorted(energies, reverse=True)
    assert len(set(energies)) == len(energies)
    functions = [run.function for run in runs.values()]
    assert functions.count(functions[0]) == len(functions)
    latencies = {run.totals.latency_s for run in runs.values()}
    assert len(latencies) == 1


def test_rows_are_the_kernels_counts_at_the_laws_energies(runs: dict[str, Result]) -> None:
    """Per layer: counts of every length, E(b) = E(N) law(b) / law(N); and what is skipped is paid nowhere."""
    plan, activity = measured(hardware("bound"))
    energy = cost_table(plan.chip)["adc", "convert"].energy_j
    law = SCALING["sar"].energy
    for row in runs["bound"].layers:
        if row.crossbars == 0:
            assert row.adc_decisions_mean is None
            continue
        reads = activity[row.name].reads
        assert reads is not None
        decisions = reads.decisions
        assert decisions is not None
        lengths = decisions.lengths / decisions.images
        rows = {
            item.action: item for item in runs["bound"].actions if (item.layer, item.component) == (row.name, "adc")
        }
        for bits in range(1, 15):
            name = "convert" if bits == 14 else short_conversion(bits)
            count = rows[name].count if name in rows else 0.0
            assert count == pytest.approx(lengths[bits], rel=1e-12)
            if name in rows:
                assert rows[name].energy_per_action_j == pytest.approx(energy * law(bits) / law(14), rel=1e-12)
        assert row.adc_conversions == pytest.approx(lengths[1:].sum(), rel=1e-12)
        assert row.adc_skipped_fraction == pytest.approx(lengths[0] / lengths.sum(), rel=1e-12)
        assert row.adc_decisions_mean == pytest.approx((lengths @ np.arange(15)) / lengths[1:].sum(), rel=1e-12)


def test_slots_are_those_of_a_machine_without_sparsity(runs: dict[str, Result]) -> None:
    """What is left out and what is made add up to the columns and cycles of the plain machine, layer by layer; samples
    and shift-adds are counted for all of them."""
    plain = {row.name: row.adc_conversions for row in runs["none"].layers}
    for name in ("skip_zero", "bound", "oracle"):
        for row in runs[name].layers:
            if row.adc_skipped_fraction is not None:
                slots = row.adc_conversions / (1 - row.adc_skipped_fraction)
                assert slots == pytest.approx(plain[row.name], rel=1e-12)
        samples = [row.count for row in runs[name].actions if row.action == "sample"]
        assert samples == [row.count for row in runs["none"].actions if row.action == "sample"]
    assert set(conversions(runs["skip_zero"])) == {"convert"}
    assert set(conversions(runs["none"])) == {"convert"}


@pytest.mark.parametrize("law", ["linear", "exponential"])
def test_laws(law: str) -> None:
    """Energies follow from the mean decisions (linear) and from the mean of 2^b (exponential)."""
    base, short = (simulate(hardware(policy, **{"ima.adc.scaling": law})) for policy in ("none", "bound"))
    counts = conversions(short)
    weight = {short_conversion(bits): SCALING[law].energy(bits) for bits in range(1, 14)} | {
        "convert": SCALING[law].energy(14)
    }
    expected = sum(count * weight[name] for name, count in counts.items()) / weight["convert"]
    assert adc_energy(short) / adc_energy(base) == pytest.approx(expected / conversions(base)["convert"], rel=1e-9)


def test_sensing_is_charged_once_for_each_ima_row_set_and_cycle(runs: dict[str, Result]) -> None:
    """c1: 27 rows, one array. dw: groups of 9 rows packed on 32, six row sets in one IMA."""
    for policy, charged in (("none", False), ("skip_zero", True), ("bound", True), ("column_bound", True)):
        found = {(row.layer, row.action): row.count for row in runs[policy].actions if row.component == "active_rows"}
        assert bool(found) == charged
        if charged:
            assert found["c1", "sense"] == 144 * 8
            assert found["c1", "row"] == 144 * 8 * 27
            assert found["dw", "sense"] == 144 * 8 * 6
        assert (("c1", "column") in found) == (policy == "column_bound")
    columns = {row.layer: row.count for row in runs["column_bound"].actions if row.action == "column"}
    assert columns["c1"] == 144 * 8 * 32


def test_dynamic_precision_and_sparsity_go_together() -> None:
    """Cycles that are not streamed are neither converted nor counted as left out."""
    precision = {"activation_precision.policy": "range"}
    both = simulate(hardware("bound", **precision))
    trimmed = simulate(hardware("none", **precision))
    assert both.function == trimmed.function == simulate(hardware("none")).function
    assert adc_energy(both) < adc_energy(trimmed)
    for one, other in zip(both.layers, trimmed.layers, strict=True):
        if one.adc_skipped_fraction is not None:
            slots = one.adc_conversions / (1 - one.adc_skipped_fraction)
            assert slots == pytest.approx(other.adc_conversions, rel=1e-12)


def test_without_inputs_every_conversion_is_full_and_the_result_says_so() -> None:
    run = archsim.simulate(map_network(GRAPH, hardware("bound")))
    assert set(conversions(run)) == {"convert"}
    assert any("every conversion is of full length here" in note for note in run.notes)
    assert all(row.adc_decisions_mean is None for row in run.layers)


def test_notes_name_what_is_assumed(runs: dict[str, Result]) -> None:
    assert any("fitted over 4 to 10 bits" in note for note in runs["bound"].notes)
    assert any("a limit, not a circuit" in note for note in runs["oracle"].notes)
    free = simulate(hardware("bound", name="isaac-8bit"))
    assert any("sensing active rows costs nothing" in note for note in free.notes)
    real = simulate(hardware("bound", **{"device.programming.model": "gaussian", "device.programming.relative": "5 %"}))
    assert any("can exceed the bound" in note for note in real.notes)
    narrow = simulate(hardware("bound", name="nvcnn-w4a3"))
    assert any("4-bit weights and 3-bit activations" in note for note in narrow.notes)


def test_results_with_short_conversions_can_be_read_back(runs: dict[str, Result], tmp_path: Any) -> None:
    runs["bound"].save(tmp_path)
    assert load_result(tmp_path) == runs["bound"]


def test_cost_table_has_every_length() -> None:
    table = cost_table(build_chip(load_hardware("nvcnn-w4a3")))
    energies = [table["adc", short_conversion(bits)].energy_j for bits in range(1, 10)] + [
        table["adc", "convert"].energy_j
    ]
    assert energies == sorted(energies)
    assert ("adc", "convert_1") not in cost_table(build_chip(load_hardware("isaac-ce")))


def test_layers_table_shows_what_converters_left_out(runs: dict[str, Result]) -> None:
    from archsim.report.terminal import layers_table

    shown = {column.heading: column.cells for column in layers_table(runs["bound"]).columns}
    rows = runs["bound"].layers
    index = max(range(len(rows)), key=lambda place: rows[place].adc_skipped_fraction or 0.0)
    assert shown["decisions"][index] == f"{rows[index].adc_decisions_mean:.1f} bit"
    assert shown["no ADC"][index] == f"{rows[index].adc_skipped_fraction:.2%}"
    assert "decisions" not in {column.heading for column in layers_table(runs["none"]).columns}
