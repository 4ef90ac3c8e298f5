"""The cost part of the study of in-situ training: counts, bands, and what stands beside the paper."""

from __future__ import annotations

from math import isfinite

import pytest

from archsim.studies import Request
from archsim.studies.claims import Findings
from archsim.studies.huang2022 import accuracy, costs, learning, rivals
from archsim.studies.huang2022.bench import SETS, Bench
from archsim.studies.huang2022.costs import COUNTS
from archsim.studies.huang2022.costtables import PAPER, STEPS, changes_of, savings
from archsim.studies.huang2022.learning import RULES, Learned, Sample
from archsim.studies.huang2022.patterns import Pattern
from archsim.training.insitu.record import Record
from archsim.workload import load_workload


def test_the_quick_form() -> None:
    """One test: the findings take seconds, and every worker of a parallel run would make them again."""
    found = costs.findings(Request(quick=True))
    every_cost_claim_is_met(found)
    the_paper_stands_beside(found)
    tables_and_chart_are_complete(found)


def every_cost_claim_is_met(found: Findings) -> None:
    assert [claim.id for claim in found.claims if not claim.passed] == []
    assert {f"count-{name}" for name in COUNTS} < {claim.id for claim in found.claims}
    for kind in ("efficiency", "dataflow", "momentum", "momentum-batch", "steps"):
        assert {f"{kind}-{constants}" for constants in SETS} <= {claim.id for claim in found.claims}
    # the paper's figures are shown, not claimed: how it counts is not published
    assert all(claim.paper is None for claim in found.claims)


def the_paper_stands_beside(found: Findings) -> None:
    beside = found.tables[0]
    rows = {row["set"]: row for row in beside.rows}
    assert set(rows) == {*SETS, PAPER}
    assert (rows[PAPER]["tops_per_w"], rows[PAPER]["ratio"], rows[PAPER]["momentum_16"]) == (23.59, 12.0, 0.042)
    efficiency = [rows[constants]["tops_per_w"] for constants in SETS]
    assert efficiency == sorted(efficiency)


def tables_and_chart_are_complete(found: Findings) -> None:
    for table in found.tables:
        assert table.rows
        for row in table.rows:
            assert {key for key, _, _ in table.columns} <= row.keys()
            assert all(isfinite(value) for value in row.values() if isinstance(value, float))
    (chart,) = found.charts
    assert [series.name for series in chart.series] == list(SETS)
    sums = {row["name"]: row for table in found.tables for row in table.rows if "mb" in row}
    assert sums["gradient sums, all layers"]["mb"] == pytest.approx(12_973_440 * 3 / 1e6)
    assert 32 <= sums["gradient sums, all layers"]["mm2"] <= 50


def test_the_steps_end_at_the_optimised_data_flow() -> None:
    bench = Bench()
    bench.graph = load_workload("lenet5")
    steps = savings(bench, "saberi")
    assert len(steps) == len(STEPS)
    assert steps[-1].energy_j == pytest.approx(bench.cost("saberi").energy_per_image_j, rel=1e-12)
    assert bench.cost("saberi") is bench.cost("saberi")


def test_every_row_of_the_sensitivity_runs() -> None:
    bench = Bench()
    bench.graph = load_workload("lenet5")
    reference = bench.cost("published-adc").energy_per_image_j
    energies = {
        name: bench.cost("published-adc", change).energy_per_image_j for name, change in changes_of(bench).items()
    }
    assert energies["reference"] == reference
    assert energies["all converters x 0.5"] < reference < energies["all converters x 2"]
    assert energies["activations stay on the chip"] < reference < energies["GDDR5, 14 pJ a bit"]
    assert energies["batch 50"] > energies["batch 100"] > energies["batch 400"] > energies["batch 800"]


def test_the_quick_accuracy_part_shows_the_pattern() -> None:
    pytest.importorskip("sklearn", reason="the 8x8 digits come with scikit-learn (extra test)")
    found = accuracy.findings(Request(quick=True))
    assert [claim.id for claim in found.claims if not claim.passed] == []
    rows = {row["rule"]: row for row in found.tables[0].rows}
    assert set(rows) == set(RULES)
    assert rows["none"]["asym6"] < rows["none"]["asym0"] - 3
    assert rows["momentum+decay"]["asym6"] > rows["none"]["asym6"] + 3
    assert rows["accumulate+decay"]["asym6_pulses"] < 0.5 * rows["momentum+decay"]["asym6_pulses"]
    lines, histogram = found.charts
    assert [series.name for series in lines.series] == list(RULES)
    assert all(sum(series.y) == pytest.approx(100) for series in histogram.series)


def test_without_scikit_learn_the_pattern_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "find_spec", lambda _: None)
    found = accuracy.findings(Request(quick=True))
    assert found.claims == ()
    assert "scikit-learn" in found.notes[0]


def test_samples_and_patterns_by_hand() -> None:
    def of(*values: float) -> Sample:
        return Sample(runs=tuple(Learned(accuracy=value, record=Record(layers=(), on_off=100.0)) for value in values))

    assert (of(90, 94).mean, of(90, 94).error, of(90).error) == (92, pytest.approx(2), 0)
    samples = {
        ("none", ("asym", 0)): of(97), ("none", ("asym", 3)): of(94), ("none", ("sym", 3)): of(96.5),
        ("momentum", ("asym", 0)): of(97.5), ("momentum", ("asym", 3)): of(97), ("momentum", ("sym", 3)): of(97),
    }  # fmt: skip
    found = Pattern(task="digits", order="device", samples=samples)
    assert (found.loss("none", "asym", 3), found.loss("none", "sym", 3)) == (3, 0.5)
    assert found.loss("momentum", "asym", 3) == 0.5
    assert found.recovered("momentum", 3) == pytest.approx(1)
    assert found.gain("momentum", "asym", 3) - found.gain("momentum", "sym", 3) == pytest.approx(2.5)


def test_a_budget_of_pulses_is_met() -> None:
    pytest.importorskip("sklearn", reason="the 8x8 digits come with scikit-learn (extra test)")
    task = learning.small_digits(3)
    assert task is not None
    own = learning.sample(task, learning.DEVICE, RULES["momentum"], (10,))
    found = rivals._on_budget(task, learning.DEVICE, RULES["momentum"], own, own.pulses / 4, (10,))
    assert found.pulses == pytest.approx(own.pulses / 4, rel=0.15)
