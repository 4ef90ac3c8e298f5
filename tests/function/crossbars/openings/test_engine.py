"""Arrays that open a few rows at a time compute what the oracle computes, and the integer product where nothing is
lost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.errors import InputError
from archsim.function.crossbars.circuit import Circuit
from archsim.function.crossbars.converter import Sums, Transfer, converter_for
from archsim.function.crossbars.meter import Meter
from archsim.function.crossbars.openings.engine import conversion_noise, opening_engine
from archsim.function.crossbars.openings.oracle import opening_oracle
from archsim.function.crossbars.select import prepare_layer
from archsim.function.quantization.network import MatrixLayer
from archsim.mapping.rows import RowPlan, rename
from archsim.mapping.slicing import Slicing
from tests.function.circuits import inputs_for, layer_of, slicing_of, with_units

Array = np.ndarray[Any, Any]

POLICIES = ("dense", "windowed", "compacting")
LAWS = ("constant", "sqrt_rows", "mixed")


def machine(slicing: Slicing, transfer: Transfer, noise: float = 0.0, law: str = "constant") -> Circuit:
    converter = converter_for(transfer, Sums(largest=slicing.largest_sum))
    return Circuit(slicing=with_units(slicing), converter=converter, read_noise=noise, noise_law=law, seed=3)


def opening(slicing: Slicing, rows_at_once: int, policy: str) -> Slicing:
    return replace(slicing, rows_at_once=rows_at_once, activation=policy)


def drawn(slicing: Slicing, rng: np.random.Generator, rows: int, signed: bool = False) -> MatrixLayer:
    top = 2 ** (slicing.weight_bits - 1) - 1
    shape = (1, rows, 5)
    weight = rng.choice([-1, 1], shape) if slicing.weight_bits == 1 else rng.integers(-top, top + 1, shape)
    return layer_of(weight, weight_bits=slicing.weight_bits, input_bits=slicing.input_bits, signed=signed)


def order(rows: int, rng: np.random.Generator) -> RowPlan:
    return RowPlan(physical=np.arange(rows), sign=np.ones(rows, np.int8), order=rng.permutation(rows))


machines = st.builds(
    slicing_of,
    weight_bits=st.sampled_from([1, 3, 8]),
    cell_bits=st.sampled_from([1, 2]),
    input_bits=st.sampled_from([2, 5]),
    dac_bits=st.sampled_from([1, 2]),
    encoding=st.sampled_from(["offset", "differential"]),
    rows=st.sampled_from([9, 16, 40]),
    columns=st.just(32),
)


@settings(max_examples=60, deadline=None)
@given(machines, st.integers(1, 16), st.sampled_from(POLICIES), st.booleans(), st.booleans(), st.integers(0, 10**6))
def test_noiseless_output_is_the_integer_product_in_any_order(
    slicing: Slicing, rows_at_once: int, policy: str, signed: bool, ordered: bool, seed: int
) -> None:
    """With 2**bits > the largest sum of the rows opened at once, whatever the policy and the order of rows."""
    rng = np.random.default_rng(seed)
    here = opening(slicing, rows_at_once, policy)
    layer = drawn(here, rng, 30, signed)
    circuit = machine(here, Transfer(kind="unit", bits=max(1, here.largest_sum.bit_length())))
    if ordered:
        circuit = replace(circuit, rows={layer.name: order(30, rng)})
    x = inputs_for(layer, 7, rng)
    expected = np.matmul(x.astype(np.int64), layer.weight.astype(np.int64))
    assert np.array_equal(opening_engine(circuit)(layer)(x), expected)


@settings(max_examples=60, deadline=None)
@given(
    machines, st.integers(1, 12), st.sampled_from(POLICIES), st.sampled_from(LAWS), st.sampled_from([0.0, 0.4, 2.0]),
    st.sampled_from(["unit", "full_scale", "ideal"]), st.integers(1, 5), st.booleans(), st.integers(0, 10**6),
)  # fmt: skip
def test_equals_the_oracle_bit_for_bit(
    slicing: Slicing,
    rows_at_once: int,
    policy: str,
    law: str,
    noise: float,
    kind: str,
    bits: int,
    signed: bool,
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    here = opening(slicing, rows_at_once, policy)
    layer = drawn(here, rng, 30, signed)
    circuit = replace(machine(here, Transfer(kind=kind, bits=bits), noise, law), rows={layer.name: order(30, rng)})
    x = inputs_for(layer, 4, rng)
    found, expected = opening_engine(circuit)(layer)(x), opening_oracle(circuit)(layer)(x)
    # an ideal converter keeps the noise's own digits, whose sum depends on the order in which it is formed
    assert np.allclose(found, expected, rtol=1e-9) if kind == "ideal" else np.array_equal(found, expected)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("complement", [False, True])
def test_shared_rows_are_driven_until_every_input_was(policy: str, complement: bool) -> None:
    rng = np.random.default_rng(4)
    slicing = opening(slicing_of(weight_bits=1, cell_bits=1, input_bits=2, rows=64, columns=16), 7, policy)
    weight = rng.choice([-1, 1], (1, 84, 3))
    layer = layer_of(weight, weight_bits=1, input_bits=2)
    plan = rename(layer.weight[0], complement=complement).plan
    assert plan.physical_rows <= 8
    circuit = replace(machine(slicing, Transfer(kind="unit", bits=3)), rows={layer.name: plan})
    x = inputs_for(layer, 9, rng)
    expected = np.matmul(x.astype(np.int64), weight)
    assert np.array_equal(opening_engine(circuit)(layer)(x), expected)
    noisy = replace(circuit, read_noise=0.8)
    assert np.array_equal(opening_engine(noisy)(layer)(x), opening_oracle(noisy)(layer)(x))
    wrong = layer_of(np.where(np.arange(84)[:, None] == 0, -weight[0], weight[0])[None], weight_bits=1, input_bits=2)
    if not complement:
        with pytest.raises(InputError, match="the network that its row plan was made for"):
            opening_engine(circuit)(wrong)


@pytest.mark.parametrize("law", LAWS)
def test_noise_has_the_stated_deviation(law: str) -> None:
    """One opening with n driven rows, an ideal converter: outputs scatter with sigma(n)."""
    slicing = opening(
        slicing_of(weight_bits=1, cell_bits=1, input_bits=1, encoding="differential", rows=16), 16, "dense"
    )
    layer = layer_of(np.ones((1, 16, 1)), weight_bits=1, input_bits=1)
    circuit = machine(slicing, Transfer(kind="ideal"), 0.5, law)
    for active in (0, 1, 9, 16):
        x = np.zeros((1, 40_000, 16), np.uint8)
        x[..., :active] = 1
        error = opening_engine(circuit)(layer)(x)[0, :, 0] - active
        sigma = 0.5 * {"constant": 1, "sqrt_rows": active**0.5, "mixed": (1 + active**0.5) / 2}[law]
        # two columns of the pair; standard error of a deviation is 1 / sqrt(2 n)
        assert error.std() == pytest.approx(sigma * 2**0.5, rel=5 / (2 * 40_000) ** 0.5)
        assert abs(error.mean()) <= 5 * sigma * 2**0.5 / 200
    assert conversion_noise(law, 0.0, 16).tolist() == [0] * 17


def test_meter_counts_conversions_and_clipped_ones() -> None:
    rng = np.random.default_rng(0)
    slicing = opening(slicing_of(weight_bits=1, cell_bits=1, input_bits=2, rows=32, columns=16), 7, "compacting")
    layer = layer_of(rng.choice([-1, 1], (1, 50, 3)), weight_bits=1, input_bits=2)
    circuit, meter = machine(slicing, Transfer(kind="unit", bits=1)), Meter()
    x = inputs_for(layer, 6, rng)
    opening_engine(circuit, meter)(layer)(x)
    conversions = clipped = 0
    for first, last in ((0, 32), (32, 50)):
        cells = np.concatenate([(layer.weight[0, first:last] + 1) // 2, np.ones((last - first, 1), int)], axis=1)
        for window in x[0][:, first:last]:
            for bit in range(2):
                rows = np.flatnonzero((window >> bit) & 1)
                for start in range(0, len(rows), 7):
                    sums = cells[rows[start : start + 7]].sum(axis=0)
                    conversions, clipped = conversions + 4, clipped + int((sums > 1.5).sum())
    assert meter.read()["layer"].unproven == conversions
    assert meter.read()["layer"].clipped == clipped > 0


def test_selection() -> None:
    rng = np.random.default_rng(0)
    slicing = opening(slicing_of(weight_bits=1, cell_bits=1, input_bits=2, rows=32, columns=16), 7, "windowed")
    layer = layer_of(rng.choice([-1, 1], (1, 50, 3)), weight_bits=1, input_bits=2)
    plenty, few = Transfer(kind="unit", bits=3), Transfer(kind="unit", bits=2)
    assert prepare_layer(layer, machine(slicing, plenty), Meter())[0] == "integer"
    assert prepare_layer(layer, machine(slicing, few), Meter())[0] == "row-opening"
    assert prepare_layer(layer, machine(slicing, plenty, 0.1), Meter())[0] == "row-opening"
    whole = replace(slicing, rows_at_once=None, activation="dense")
    assert prepare_layer(layer, machine(whole, plenty, 0.1), Meter())[0] == "analog"
    assert prepare_layer(layer, machine(whole, plenty, 0.1, "mixed"), Meter())[0] == "row-opening"
