"""The Yan 2017 study: the quick form, and the pieces it is made of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from archsim.studies import Request, run_study
from archsim.studies.claims import StudyReport
from archsim.studies.yan2017.cases import CIFAR, Case, Skipped, available_cases, digits_case
from archsim.studies.yan2017.distil import SETTINGS, recipe
from archsim.studies.yan2017.judge import network_claims, pick
from archsim.studies.yan2017.measure import Bench, Row, measure, prepare, quantized, weight_error
from archsim.studies.yan2017.plan import Setting, settings_of
from archsim.training.recipe import check_recipe

SHARED = Path(__file__).parents[2] / "../shared/data"


@pytest.fixture(scope="module")
def report() -> StudyReport:
    return run_study("yan2017", Request(quick=True))


def table(report: StudyReport, start: str) -> list[dict[str, object]]:
    return [dict(row) for part in report.findings.tables if part.title.startswith(start) for row in part.rows]


def test_deterministic_claims_hold(report: StudyReport) -> None:
    claims = {claim.id: claim for claim in report.findings.claims}
    for name in ("merge", "lloyd", "minmax"):
        for density in ("normal", "laplace"):
            assert claims[f"{name}.{density}"].passed
    assert claims["lost.4b.layer.lenet5-mnist"].passed
    assert {claim.paper for claim in claims.values()} == {None}
    assert any("resnet8-cifar10 skipped" in note for note in report.findings.notes)


def test_rows_are_ordered_as_errors_must_be(report: StudyReport) -> None:
    rows = {(row["bits"], row["granularity"], row["quantizer"]): row for row in table(report, "lenet5-mnist, 500")}
    for bits in (3, 4):
        for granularity in ("layer", "channel"):
            errors = [rows[bits, granularity, name]["error"] for name in ("lloyd", "merge", "mse_affine", "minmax")]
            assert errors == sorted(errors)  # type: ignore[type-var]
        layer, shared, channel = (rows[bits, name, "lloyd"]["error"] for name in ("layer", "shared", "channel"))
        assert channel < shared < layer  # type: ignore[operator]
        assert rows[bits, "layer", "optimal"]["error"] <= layer  # type: ignore[operator]
        assert rows[bits, "layer", "lloyd"]["level_sets"] == 5
        assert rows[bits, "channel", "lloyd"]["level_sets"] == 6 + 16 + 120 + 84 + 10


def test_errors_cost_accuracy_and_gaps_shrink(report: StudyReport) -> None:
    rows = table(report, "lenet5-mnist, 200")
    for encoding, quantizer in {(row["encoding"], row["quantizer"]) for row in rows}:
        line = [row for row in rows if (row["encoding"], row["quantizer"]) == (encoding, quantizer)]
        gaps = [row["gap"] for row in line]
        assert gaps[0] is None
        assert gaps[1] == pytest.approx(gaps[2] * line[2]["sigma"] / line[1]["sigma"])  # type: ignore[operator]
    # sixteen evenly spaced levels: a gap of 1/15 of the window
    even = next(row for row in rows if row["quantizer"] == "minmax" and row["sigma"] == 0.02)
    assert even["gap"] == pytest.approx(1 / 15 / 0.02, rel=1e-3)


def test_costs_follow_granularity(report: StudyReport) -> None:
    rows = {(row["hardware"], row["what"]): row for row in table(report, "cost")}
    layer, channel = (rows["mlc-rram-16", f"a level set for each {what}"] for what in ("layer", "column"))
    assert (layer["table_entries"], channel["table_entries"]) == (16, 16 * 1024)
    assert channel["table_area_um2"] > channel["ima_area_um2"]  # type: ignore[operator]
    assert channel["weights_per_mm2"] < layer["weights_per_mm2"]  # type: ignore[operator]
    plain = rows["isaac-8bit", "8-bit weights, 4 cells"]
    assert layer["weights_per_mm2"] == pytest.approx(4 * plain["weights_per_mm2"], rel=1e-3)  # type: ignore[operator]
    assert layer["adc_uj"] < plain["adc_uj"] / 4  # type: ignore[operator]


def test_charts(report: StudyReport) -> None:
    charts = {chart.name: chart for chart in report.findings.charts}
    assert charts.keys() == {"bits-lenet5-mnist", "error-lenet5-mnist", "bits-squeezenet1.1"}
    for series in charts["error-lenet5-mnist"].series:
        assert series.low is not None
        assert series.high is not None
        assert all(low <= y <= high for low, y, high in zip(series.low, series.y, series.high, strict=True))


@pytest.fixture(scope="module")
def bench() -> Bench:
    case = digits_case(quick=True)
    return prepare(replace(case, calibration=None))


def test_the_error_of_weights_is_that_of_their_rounding(bench: Bench) -> None:
    """By hand for a layer without folded pixels, and for the first one with its pixels' scale undone."""
    setting = Setting(bits=3, granularity="channel", quantizer="lloyd")
    network = quantized(bench, setting)
    wrong = held = 0.0
    for layer in network.matrices:
        weight = bench.case.graph.parameters[layer.name].weight.astype(np.float64)
        size = (layer.scale / layer.format.scale)[:, None]
        gain = network.pixels.scale[0] if network.pixels is not None and layer is network.matrices[0] else 1.0
        flat = weight.reshape(len(weight), -1)
        assert layer.levels is not None
        levels = layer.levels.values[layer.levels.of] * size / gain
        wrong += float((np.abs(flat[:, :, None] - levels[:, None]).min(axis=2) ** 2).sum())
        held += float(((flat - flat.mean()) ** 2).sum())
    assert weight_error(bench, network) == pytest.approx(wrong / held, rel=1e-6)


def test_judgements_follow_the_rows(bench: Bench) -> None:
    row = measure(bench, Setting(bits=4, granularity="layer", quantizer="lloyd"))
    assert row.float_accuracy is not None
    made = [
        replace(row, bits=bits, granularity=shared, quantizer=name, accuracy=row.float_accuracy - lost)
        for bits in (3, 4)
        for shared in ("layer", "channel")
        for name, lost in (("minmax", 0.02), ("mse_symmetric", 0.015), ("mse_affine", 0.008), ("lloyd", 0.006))
    ]
    claims = {claim.id: claim for claim in network_claims(bench, made)}
    assert claims["lost.4b.layer.lenet5-mnist"].measured == pytest.approx(0.6)
    assert not claims["lost.4b.layer.lenet5-mnist"].passed
    assert "best clipped uniform loses 0.80" in claims["lost.4b.layer.lenet5-mnist"].note
    gain = claims["gain.3b.channel.lenet5-mnist"]
    assert gain.measured == pytest.approx(1.4)
    assert gain.passed
    assert "+0.20" in gain.note
    assert pick(made, 5, "layer", "lloyd") is None
    assert network_claims(replace(bench, case=replace(bench.case, judged=False)), made) == []


def test_recipes_and_plans_are_sound() -> None:
    for setting in SETTINGS:
        check_recipe(recipe(setting))
    case = digits_case(quick=True)
    for quick in (True, False):
        settings = list(settings_of(case, quick))
        assert len(settings) == len(set(settings))
        assert {item.quantizer for item in settings} >= {"minmax", "mse_symmetric", "mse_affine", "merge", "lloyd"}


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    found = list(available_cases(Request(data=tmp_path)))
    reasons = {item.name: item.reason for item in found if isinstance(item, Skipped)}
    assert reasons["resnet8-cifar10"] == f"{CIFAR} is not below {tmp_path}"
    assert [item.name for item in found if isinstance(item, Case)] == ["lenet5-mnist", "squeezenet1.1"]


def test_resnet_loses_little_with_levels_for_each_channel() -> None:
    if not (SHARED / CIFAR).exists():
        pytest.skip(f"{CIFAR} does not ship")
    case = next(item for item in available_cases(Request(data=SHARED)) if item.name == "resnet8-cifar10")
    assert isinstance(case, Case)
    few = replace(
        case,
        evaluation=replace(
            case.evaluation,
            indices=case.evaluation.indices[::20],
            labels=case.evaluation.labels[::20],
            names=case.evaluation.names[::20],
        ),
        calibration=None,
    )  # type: ignore[index]
    made = prepare(few)
    rows: list[Row] = [
        measure(made, Setting(bits=4, granularity="channel", quantizer=name)) for name in ("lloyd", "minmax")
    ]
    assert rows[0].lost < 6
    assert rows[1].lost > rows[0].lost
