"""Objectives, constraints and the names they may use."""

from __future__ import annotations

import pytest

import archsim
from archsim.result import Totals
from archsim.sweeps.pareto import parse_objective
from archsim.sweeps.search.goals import Constraint, judge, known_metrics, parse_constraint, unknown_metric
from archsim.units import unit_of


def test_constraints_carry_their_units() -> None:
    assert parse_constraint("area_m2 <= 100 mm2") == Constraint(metric="area_m2", at_most=True, bound=1e-4)
    assert parse_constraint("accuracy>=0.65") == Constraint(metric="accuracy", at_most=False, bound=0.65)
    assert parse_constraint("logit_snr_db >= -3").bound == -3.0
    assert str(parse_constraint("latency_s <= 1.5 ms")) == "latency_s <= 1.5 ms"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("area_m2 < 100 mm2", "is no constraint; expected such as 'area_m2 <= 100 mm2'"),
        ("area_m2", "is no constraint"),
        ("area_m2 <= 100", "area_m2: '100' has no unit; expected an area"),
        ("area_m2 <= 100 ms", "is a time; expected an area"),
        ("accuracy >= 65 %", "is not a plain number"),
        ("latency_s <= fast", "is not a number"),
    ],
)
def test_constraints_that_are_none(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_constraint(text)


def test_violation_is_a_share_of_the_bound() -> None:
    most, least = parse_constraint("area_m2 <= 100 mm2"), parse_constraint("accuracy >= 0.5")
    assert most.violation(1.5e-4) == pytest.approx(0.5)
    assert most.violation(1e-4) == 0.0
    assert least.violation(0.25) == pytest.approx(0.5)
    assert least.violation(0.75) == pytest.approx(-0.5)
    assert parse_constraint("logit_snr_db >= 0").violation(-3.0) == 3.0


def test_units_of_all_totals() -> None:
    units = {name: unit_of(name) for name in Totals.__slots__}
    assert units["latency_s"] == "s"
    assert units["energy_per_image_j"] == units["dynamic_energy_j"] == "J"
    assert units["average_power_w"] == "W"
    assert units["area_m2"] == "m2"
    assert {units[name] for name in ("ops_per_s", "ops_per_j", "images_per_s", "tiles")} == {None}


def test_a_run_has_no_metric_that_is_not_known() -> None:
    hardware = archsim.load_hardware("isaac-8bit")
    run = archsim.simulate(archsim.map_network(archsim.load_workload("lenet5"), hardware))
    numbers = {name for name, value in run.flat().items() if not isinstance(value, str)}
    assert numbers <= set(known_metrics([hardware]))


def test_unknown_metrics_get_a_suggestion() -> None:
    known = known_metrics([archsim.load_hardware("isaac-8bit")])
    assert unknown_metric("energy_adc_j", known) is None
    assert "did you mean 'energy_crossbar_j'" in str(unknown_metric("energy_crosbar_j", known))
    assert "expected such as" in str(unknown_metric("beauty", known))


def test_verdicts() -> None:
    goals = [parse_objective("latency_s"), parse_objective("max accuracy")]
    bound = [parse_constraint("area_m2 <= 1 mm2")]
    fine = {"error": "", "latency_s": 2.0, "accuracy": 0.5, "area_m2": 2e-6}
    verdict = judge(fine, goals, bound)
    assert verdict.values == (2.0, 0.5)
    assert verdict.violations == pytest.approx([1.0])
    assert not verdict.feasible
    assert judge({**fine, "area_m2": 1e-6}, goals, bound).feasible
    assert judge({**fine, "accuracy": None}, goals, bound).error == "this point has no accuracy"
    assert judge({"error": "refused"}, goals, bound).error == "refused"
