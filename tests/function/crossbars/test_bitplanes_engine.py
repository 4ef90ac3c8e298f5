"""The bit-plane engine equals its definition, bit by bit, for every machine; where nothing is lost it is the
product."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.errors import InputError
from archsim.function.crossbars.bitplanes import bitplane_engine
from archsim.function.crossbars.bitplanes.engine import plan_layer, rule_for
from archsim.function.crossbars.bitplanes.kernels.vectors import LINE, TABLE
from archsim.function.crossbars.circuit import Circuit
from archsim.function.crossbars.circuit_oracle import circuit_oracle
from archsim.function.crossbars.converter import FRACTION_BITS, Sums, Transfer, converter_for
from archsim.function.crossbars.meter import Meter
from archsim.mapping.slicing import Slicing
from tests.function.circuits import circuit_of, inputs_for, layer_of, slicing_of, slicings, stuck, transfers, typical

shapes = st.tuples(st.integers(1, 4), st.integers(1, 260), st.integers(1, 20), st.integers(1, 90))
"""Groups, rows, columns, windows: several row groups, ragged strips, packed groups."""


def check(
    slicing: Slicing, transfer: Transfer, shape: tuple[int, int, int, int], seed: int, *, signed: bool, unit: bool,
    faults: float, vectorised: bool,
) -> None:  # fmt: skip
    groups, rows, columns, windows = shape
    rng = np.random.default_rng(seed)
    top = 2 ** (slicing.weight_bits - 1) - 1
    weight = rng.integers(-top, top + 1, (groups, rows, columns))
    layer = layer_of(weight, weight_bits=slicing.weight_bits, input_bits=slicing.input_bits, signed=signed)
    faulty = stuck(faults) if faults and slicing.cell_bits >= 2 else None
    circuit = circuit_of(slicing, transfer, unit=unit, cells=faulty)
    x = inputs_for(layer, windows, rng, share=float(rng.choice([0.05, 0.5, 1.0])))
    counted, expected_count = Meter(), Meter()
    found = bitplane_engine(circuit, counted, vectorised=vectorised)(layer)(x)
    expected = circuit_oracle(circuit, expected_count)(layer)(x)
    assert found.shape == (groups, windows, columns)
    assert (found == expected).all()
    done, wanted = counted.read()["layer"], expected_count.read()["layer"]
    assert done.clipped == wanted.clipped
    assert done.clipped <= done.unproven <= wanted.unproven


@given(
    slicing=slicings, transfer=transfers, shape=shapes, seed=st.integers(0, 2**31), signed=st.booleans(),
    unit=st.booleans(), faults=st.sampled_from([0.0, 0.05]), vectorised=st.booleans(),
)  # fmt: skip
@settings(deadline=None, max_examples=120)
def test_equals_the_oracle_for_any_bits(
    slicing: Slicing, transfer: Transfer, shape: tuple[int, int, int, int], seed: int, signed: bool, unit: bool,
    faults: float, vectorised: bool,
) -> None:  # fmt: skip
    check(slicing, transfer, shape, seed, signed=signed, unit=unit, faults=faults, vectorised=vectorised)


@given(
    slicing=typical, bits=st.integers(1, 9), shape=shapes, seed=st.integers(0, 2**31), signed=st.booleans(),
    unit=st.booleans(), vectorised=st.booleans(),
)  # fmt: skip
@settings(deadline=None, max_examples=100)
def test_equals_the_oracle_where_converters_saturate(
    slicing: Slicing, bits: int, shape: tuple[int, int, int, int], seed: int, signed: bool, unit: bool,
    vectorised: bool,
) -> None:  # fmt: skip
    check(slicing, Transfer(bits=bits), shape, seed, signed=signed, unit=unit, faults=0.0, vectorised=vectorised)


def test_large_arrays_of_many_levels() -> None:
    """1024 rows, 8-bit cells, 8-bit digits: sums of 66 million."""
    slicing = slicing_of(cell_bits=8, dac_bits=8, rows=1024)
    for vectorised in (False, True):
        check(
            slicing, Transfer(bits=20), (1, 1100, 6, 5), 1, signed=False, unit=True, faults=0.0, vectorised=vectorised
        )


def machine(**options: object) -> Circuit:
    return circuit_of(slicing_of(**options), Transfer(bits=6))  # type: ignore[arg-type]


def test_results_do_not_depend_on_threads_or_on_how_windows_are_split() -> None:
    rng = np.random.default_rng(2)
    layer = layer_of(rng.integers(-127, 128, (1, 300, 40)))
    x = inputs_for(layer, 500, rng)
    meter = Meter()
    multiply = bitplane_engine(machine(encoding="flip"), meter)(layer)
    whole = multiply(x)
    counted = meter.read()["layer"]
    cuts = [0, 1, 65, 200, 340, 500]
    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(lambda cut: multiply(x[:, cut[0] : cut[1]]), pairwise(cuts)))
    assert (np.concatenate(parts, axis=1) == whole).all()
    again = meter.read()["layer"]
    assert (again.unproven, again.clipped) == (2 * counted.unproven, 2 * counted.clipped)
    assert counted.clipped > 0


@pytest.mark.parametrize("encoding", ["offset", "flip", "differential"])
@pytest.mark.parametrize("signed", [False, True])
def test_lossless_converters_give_the_product(encoding: str, signed: bool) -> None:
    """ISAAC's bound: 9 bits, or 8 with the flip encoding, and every layer is proven before any input is seen."""
    rng = np.random.default_rng(4)
    layer = layer_of(rng.integers(-127, 128, (1, 300, 30)), signed=signed)
    x = inputs_for(layer, 70, rng)
    slicing = slicing_of(encoding=encoding)
    circuit = circuit_of(slicing, Transfer(bits=8 if encoding == "flip" else 9))
    assert plan_layer(layer, circuit).proven
    found = bitplane_engine(circuit)(layer)(x)
    assert (found == np.matmul(x.astype(np.int64), layer.weight.astype(np.int64))).all()


def test_one_bit_less_is_not_lossless() -> None:
    """The bound is tight: inputs and weights exist for which 7 bits clip a flipped column."""
    layer = layer_of(np.full((1, 128, 4), -1))
    circuit = circuit_of(slicing_of(encoding="flip"), Transfer(bits=7))
    assert not plan_layer(layer, circuit).proven
    x = np.full((1, 3, 128), 255, np.uint8)
    found = bitplane_engine(circuit)(layer)(x)
    assert (found != np.matmul(x.astype(np.int64), layer.weight.astype(np.int64))).all()


def test_clipping_by_hand() -> None:
    """Three rows of level 3 read 9; a 3-bit converter says 7. Weight 1 in 2-bit offset code is level 3: 3 * 1 input of
    1 is 7 - 2 * 3 (unit column, exact) instead of 3."""
    slicing = slicing_of(weight_bits=2, cell_bits=2, input_bits=2)
    circuit = circuit_of(slicing, Transfer(bits=3), unit=False)
    layer = layer_of(np.ones((1, 3, 1), int), weight_bits=2, input_bits=2)
    meter = Meter()
    found = bitplane_engine(circuit, meter)(layer)(np.ones((1, 1, 3), np.uint8))
    assert found.tolist() == [[[1]]]
    done = meter.read()["layer"]
    assert (done.unproven, done.clipped) == (1, 1)


def test_few_active_rows_need_no_conversion() -> None:
    """2 active rows of level 3 at most cannot exceed 7: the whole layer goes to the integer product."""
    layer = layer_of(np.random.default_rng(1).integers(-127, 128, (1, 128, 16)))
    x = np.zeros((1, 50, 128), np.uint8)
    x[:, :, [5, 77]] = 255
    meter = Meter()
    found = bitplane_engine(circuit_of(slicing_of(), Transfer(bits=3)), meter)(layer)(x)
    assert meter.read()["layer"].unproven == 0
    assert (found == np.matmul(x.astype(np.int64), layer.weight.astype(np.int64))).all()
    x[:, :, 9] = 1
    bitplane_engine(circuit_of(slicing_of(), Transfer(bits=3)), meter)(layer)(x)
    assert meter.read()["layer"].unproven > 0


def test_rounding_errors_stay_within_half_a_step() -> None:
    """A full-scale converter of n bits errs by at most half a step in every sum; the output by their weighted total."""
    rng = np.random.default_rng(8)
    layer = layer_of(rng.integers(-127, 128, (1, 128, 8)))
    x = inputs_for(layer, 40, rng)
    circuit = circuit_of(slicing_of(encoding="differential"), Transfer(kind="full_scale", bits=8))
    error = bitplane_engine(circuit)(layer)(x) - np.matmul(x.astype(np.int64), layer.weight.astype(np.int64))
    step = 384 / 255
    places = sum(4**s * 2**b for s in range(4) for b in range(8))
    assert 0 < abs(error).max() <= 2 * places * (step / 2 + 255 * 2.0**-13)


def test_rule_of_a_converter() -> None:
    """What the engine does with sums, for the three sorts of converters."""
    unit = rule_for(converter_for(Transfer(bits=5), Sums(largest=100)), 100)
    assert (unit.saturating, unit.exact, unit.highest) == (True, 31, 31)
    rounding = rule_for(converter_for(Transfer(kind="full_scale", bits=3), Sums(largest=70)), 70)
    assert not rounding.saturating
    assert rounding.exact == 4
    assert (rounding.table[:12] == np.array([0] * 5 + [10] * 7) * 2**FRACTION_BITS).all()
    high = rule_for(converter_for(Transfer(kind="fixed", low=10, high=41, bits=5), Sums(largest=100)), 100)
    assert (high.exact, high.lowest, high.highest, high.constant) == (-1, 10, 41, 10 * 2**FRACTION_BITS)


@given(transfer=transfers, largest=st.integers(1, 800))
@settings(deadline=None)
def test_lines_are_found_and_exact(transfer: Transfer, largest: int) -> None:
    """A line gives the converter's table; equal distances always have one."""
    converter = converter_for(transfer, Sums(largest=largest, observed=np.ones(largest + 1, np.int64)))
    rule = rule_for(converter, largest)
    if rule.mode == LINE:
        factor, addend, shift, first, last, step = rule.line.tolist()
        for total in range(largest + 1):
            code = min(max((total * factor + addend) >> shift, first), last)
            assert code * step == rule.table[total]
    curved = transfer.kind == "quantiles" or transfer.inl or transfer.dnl
    assert (rule.mode == TABLE) <= bool(curved or transfer.bits == 1)


def test_noise_and_huge_arrays_are_refused() -> None:
    circuit = machine()
    with pytest.raises(ValueError, match="read noise"):
        bitplane_engine(replace(circuit, read_noise=0.5))
    layer = layer_of(np.ones((1, 4, 4), int))
    with pytest.raises(InputError, match="up to 32767 rows"):
        plan_layer(layer, machine(rows=40_000))
