"""The cost part of the study of in-situ training: counts, bands, and what stands beside the paper."""

from __future__ import annotations

from math import isfinite

import pytest

from archsim.studies import Request
from archsim.studies.claims import Findings
from archsim.studies.huang2022 import costs
from archsim.studies.huang2022.bench import SETS, Bench
from archsim.studies.huang2022.costs import COUNTS
from archsim.studies.huang2022.costtables import PAPER, STEPS, changes_of, savings
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
