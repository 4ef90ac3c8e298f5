"""The weinstock2023 study in its quick form, and its noise oracle against sums by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest

from archsim.function.quantization.network import MatrixLayer, TensorFormat
from archsim.function.unroll import geometry_of
from archsim.mapping.rows import bit_planes
from archsim.studies import STUDIES, Request, run_study
from archsim.studies.claims import StudyReport
from archsim.studies.weinstock2023.machine import opened_outputs
from archsim.workload.graph import Layer, Linear

from .windows import LAWS, POLICIES, NoiseLaw, Policy, windowed_outputs

ROWS_AT_ONCE, ADC_BITS = 7, 3  # hwconfigs/rram40nm.yaml
TITLES = [
    "figures of short trainings, not held to bands",
    "output scale: short trainings, judged on held-out training digits",
    "networks of 1-bit weights and 2-bit activations",
    "rows of the 84 x 10 layer",
    "row order of the 84 x 10 layer under noise",
    "both passes on all layers (256-row arrays; errors over the median of random orders)",
]


@pytest.fixture(scope="module")
def report() -> StudyReport:
    return run_study("weinstock2023", Request(quick=True))


def test_the_quick_form_holds_what_must_hold_exactly(report: StudyReport) -> None:
    claims = {claim.id: claim for claim in report.findings.claims}
    assert report.passed, [claim for claim in report.findings.claims if not claim.passed]
    for name in ("exact.integers", "exact.renamed", "exact.noiseless"):
        assert claims[name].measured == 0
    assert claims["conversions.windowed"].measured < 1
    assert claims["conversions.compacting"].measured < claims["conversions.windowed"].measured
    assert 80 < claims["rows.random"].measured < 81.5
    assert "weinstock2023" in STUDIES


def test_its_tables_tell_the_same_story(report: StudyReport) -> None:
    tables = {table.title: [dict(row) for row in table.rows] for table in report.findings.tables}
    assert list(tables) == TITLES
    assert len(tables[TITLES[0]]) == 11
    json.dumps(report.to_dict(), allow_nan=False)
    nets, rows = tables[TITLES[2]], tables[TITLES[3]]
    assert all(net["accuracy"] > 0.8 for net in nets)
    penalised = [net for net in nets if "penalty" in net["net"]]
    plain = next(net for net in nets if net["net"] == "CE")
    assert all(net["distinct"] < plain["distinct"] and net["positive"] < plain["positive"] for net in penalised)
    for net in nets:
        mine = {row["stored"]: row for row in rows if (row["net"], row["seed"]) == (net["net"], net["seed"])}
        assert mine["renamed, exact"]["accuracy"] == mine["as it is"]["accuracy"] == net["accuracy"]
        assert mine["with complements"]["rows"] <= mine["renamed, exact"]["rows"]
        assert mine["merged to 46"]["rows"] <= 46
        assert mine["as it is"]["table_bits"] == mine["as it is"]["area_saved"] == 0
        assert mine["renamed, exact"]["area_saved"] == pytest.approx(mine["renamed, exact"]["rows_saved"])
        assert mine["renamed, exact"]["area_saved_with_table"] < mine["renamed, exact"]["area_saved"]
    orders = {(row["policy"], row["law"]): row for row in tables[TITLES[4]]}
    assert orders["windowed", "constant"]["gain"] > orders["windowed", "mixed"]["gain"] > 0
    assert orders["windowed", "constant"]["openings_reordered"] < orders["windowed", "constant"]["openings_random"]
    assert orders["compacting", "constant"]["openings_reordered"] == orders["compacting", "constant"]["openings_random"]
    layers = tables[TITLES[5]]
    assert {row["network"] for row in layers} == {"lenet5", "resnet8-cifar10"}
    assert len(layers) == 5 + 10
    assert all(row["reordered"] <= 1.0 + 1e-9 for row in layers)
    assert [chart.name for chart in report.findings.charts] == ["rows", "orders"]


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("rows_at_once", [3, 7])
def test_without_noise_every_policy_and_order_is_the_integer_product(policy: Policy, rows_at_once: int) -> None:
    rng = np.random.default_rng(0)
    signs = rng.choice([-1, 1], (20, 4))
    x = rng.integers(0, 4, (30, 20)) * (rng.random((30, 20)) < 0.5)
    for order in (np.arange(20), rng.permutation(20)):
        outputs, opened = windowed_outputs(bit_planes(x, 2), signs, order, rows_at_once, 3, NoiseLaw(), rng, policy)
        np.testing.assert_array_equal(outputs, x @ signs)
        dense = -(-20 // rows_at_once) * 2 * 30
        assert opened == dense if policy == "dense" else opened < dense
    full = np.full((4, 20), 3)
    _, opened = windowed_outputs(bit_planes(full, 2), signs, np.arange(20), rows_at_once, 3, NoiseLaw(), rng, policy)
    assert opened == -(-20 // rows_at_once) * 2 * 4  # equality only at full density


def test_a_narrow_converter_clips_every_opening() -> None:
    signs, x = np.ones((6, 1), int), np.ones((1, 6), int)
    rng = np.random.default_rng(0)
    outputs, opened = windowed_outputs(bit_planes(x, 1), signs, np.arange(6), 3, 1, NoiseLaw(), rng)
    assert (outputs[0, 0], opened) == (2 * (1 + 1) - 6, 2)


def test_noise_is_drawn_once_an_opening() -> None:
    """With sums far from both ends of the converter, the variance of an output is 4 sum 4**bit sigma**2 per opening."""
    rng = np.random.default_rng(1)
    signs = np.where(np.arange(40)[:, None] % 2 == 0, 1, -1) * np.ones((1, 500), int)
    x = np.full((1, 40), 3)
    for law in LAWS.values():
        found = [windowed_outputs(bit_planes(x, 2), signs, np.arange(40), 20, 5, law(0.5), rng)[0] for _ in range(20)]
        sigma = float(law(0.5).sigma(np.array(20)))
        places = 1**2 + 2**2
        expected = 2**2 * places * 2 * (sigma**2 + 1 / 12)  # two openings a plane; rounding adds a twelfth
        assert np.var(np.array(found)) == pytest.approx(expected, rel=0.08)


def layer_of(signs: np.ndarray) -> MatrixLayer:
    rows, columns = signs.shape
    layer = Layer(name="fc", op=Linear(out=columns), inputs=("x",), shape=(columns,))
    return MatrixLayer(
        name="fc",
        geometry=geometry_of(layer, (rows,)),
        weight=signs.astype(np.int8)[None],
        weight_bits=1,
        bias=np.zeros(columns, np.int64),
        scale=np.ones(columns),
        pad=np.zeros(rows, np.uint8),
        format=TensorFormat(bits=2, signed=False, scale=1.0),
    )


@pytest.mark.parametrize("policy", POLICIES)
def test_the_engine_does_what_the_oracle_does(policy: Policy) -> None:
    """Without noise equal outputs and openings; with noise the same mean and spread of every output."""
    rng = np.random.default_rng(2)
    signs = rng.choice([-1, 1], (30, 5))
    x = (rng.integers(0, 4, (400, 30)) * (rng.random((400, 30)) < 0.4)).astype(np.uint8)
    order, planes, layer = rng.permutation(30), bit_planes(x, 2), layer_of(signs)
    plain = windowed_outputs(planes, signs, order, ROWS_AT_ONCE, ADC_BITS, NoiseLaw(), rng, policy)
    found = opened_outputs(layer, x, order, policy)
    np.testing.assert_array_equal(found[0], plain[0])
    assert found[1] == plain[1]
    for law in LAWS:
        errors = [
            [
                windowed_outputs(planes, signs, order, ROWS_AT_ONCE, ADC_BITS, LAWS[law](1.0), rng, policy)[0]
                - plain[0],
                opened_outputs(layer, x, order, policy, law=law, sigma=1.0, seed=seed)[0] - plain[0],
            ]
            for seed in range(12)
        ]
        by_oracle, by_engine = np.array(errors, float).transpose(1, 0, 2, 3)
        assert by_engine.mean() == pytest.approx(by_oracle.mean(), abs=0.15)
        assert by_engine.std() == pytest.approx(by_oracle.std(), rel=0.03)
