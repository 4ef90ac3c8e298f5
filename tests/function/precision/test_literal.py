"""Shortened streams: literal loops, the NumPy oracle, and the engines on rounded inputs agree exactly."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.function.crossbars.analog import analog_engine
from archsim.function.crossbars.arrays import programmed
from archsim.function.crossbars.bitplanes.engine import bitplane_engine
from archsim.function.crossbars.circuit import Circuit
from archsim.function.crossbars.converter import Sums, Transfer, converter_for
from archsim.function.crossbars.engines import integer_engine
from archsim.function.crossbars.meter import Meter
from archsim.function.crossbars.noise import ReadProduct
from archsim.function.crossbars.openings.engine import opening_engine
from archsim.function.inference.activity import Counting
from archsim.function.precision.literal import stream_literally
from archsim.function.precision.oracle import shortened, streamed_product
from archsim.function.precision.rule import Rule
from archsim.function.precision.stream import LayerStream, Streaming
from archsim.function.quantization.network import MatrixLayer
from tests.function.circuits import inputs_for, layer_of, slicing_of

Array = np.ndarray[Any, Any]

RULES = [
    Rule(policy="range"),
    Rule(policy="redy_var", tau=1e-2),
    Rule(policy="redy_var", tau=1e-2, granularity="window"),
    Rule(policy="significant_bits", bits=3),
    Rule(policy="static", bits=5),
]


def circuit_of(encoding: str, bits: int, rows: int, kind: str = "unit", unit: bool = True) -> Circuit:
    slicing = slicing_of(encoding=encoding, rows=rows, unit_column=unit)
    return Circuit(
        slicing=slicing,
        converter=converter_for(Transfer(kind=kind, bits=bits), Sums(largest=3 * rows)),
    )


def stream_of(layer: MatrixLayer, rule: Rule, rows: int, packed: int = 1) -> LayerStream:
    return LayerStream(
        layer, Streaming(rule=rule, counting=Counting(crossbar_rows=rows, packed_groups=((layer.name, packed),)))
    )


def drawn_layer(rng: np.random.Generator, rows: int, signed: bool, groups: int = 1) -> MatrixLayer:
    return layer_of(rng.integers(-127, 128, (groups, rows, 3)), signed=signed)


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 2**32 - 1),
    encoding=st.sampled_from(["offset", "flip", "differential"]),
    adc=st.integers(3, 9),
    kind=st.sampled_from(["unit", "full_scale"]),
    signed=st.booleans(),
    unit=st.booleans(),
    rule=st.sampled_from(RULES),
)
def test_clipping_and_rounding_converters(
    seed: int, encoding: str, adc: int, kind: str, signed: bool, unit: bool, rule: Rule
) -> None:
    """Three row groups of 32; the bit-plane engine knows nothing of dynamic precision and gets the rounded inputs."""
    rng = np.random.default_rng(seed)
    layer, circuit = drawn_layer(rng, 80, signed), circuit_of(encoding, adc, 32, kind, unit)
    x = np.ascontiguousarray(inputs_for(layer, 6, rng, share=float(rng.random())).transpose(0, 2, 1))
    x >>= rng.integers(0, 7, (1, 1, 6)).astype(x.dtype)
    stream = stream_of(layer, rule, 32)
    bits, shift = stream.decide(x[0])
    literal = stream_literally(layer, circuit, x[0], bits, shift)
    assert (literal == streamed_product(layer, circuit, x[0], bits, shift)).all()
    rounded, streamed, _ = stream.stream(x)
    assert (streamed == bits).all()
    fast = bitplane_engine(circuit)(layer)(rounded.transpose(0, 2, 1))
    assert (literal == fast[0].T).all()


def clipped_by_definition(layer: MatrixLayer, circuit: Circuit, x: Array, bits: Array, shift: Array) -> int:
    """Conversions of the streamed planes whose sum is out of range; x [rows, windows]."""
    found = 0
    for group, encoded in programmed(layer, circuit):
        columns = [*encoded.cells.transpose(0, 2, 1).astype(int)]
        columns += [encoded.unit_cells.T.astype(int)] if encoded.analog_unit else []
        for window in range(x.shape[1]):
            p, t = int(bits[group.index, window]), int(shift[group.index, window])
            codes = shortened(x[group.start : group.stop, window], p, t, layer.format.signed)
            planes = (codes[:, None] >> np.arange(p)) & 1
            found += sum(int(circuit.converter.clips(held @ planes).sum()) for held in columns)
    return found


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 2**32 - 1),
    encoding=st.sampled_from(["offset", "flip", "differential"]),
    adc=st.integers(3, 7),
    kind=st.sampled_from(["unit", "full_scale"]),
    signed=st.booleans(),
    rule=st.sampled_from(RULES),
)
def test_engines_read_and_count_only_what_is_streamed(
    seed: int, encoding: str, adc: int, kind: str, signed: bool, rule: Rule
) -> None:
    """Outputs of shortened streams, and clipped conversions: the sign of a short stream is read once, not in every
    plane that extends it."""
    rng = np.random.default_rng(seed)
    layer, circuit = drawn_layer(rng, 80, signed), circuit_of(encoding, adc, 32, kind)
    x = np.ascontiguousarray(inputs_for(layer, 6, rng, share=float(rng.random())).transpose(0, 2, 1))
    x >>= rng.integers(0, 7, (1, 1, 6)).astype(x.dtype)
    stream = stream_of(layer, rule, 32)
    planes = stream.decide(x[0])
    rounded, _, _ = stream.stream(x)
    expected = streamed_product(layer, circuit, x[0], *planes)
    clipped = clipped_by_definition(layer, circuit, x[0], *planes)
    columns = [encoded.cells[:, 0].size + encoded.unit_cells.shape[1] * encoded.analog_unit for _, encoded in
               programmed(layer, circuit)]  # fmt: skip
    streamed = int((planes[0].sum(axis=1, dtype=int) * columns).sum())
    for engine in (bitplane_engine, analog_engine, opening_engine):
        meter = Meter()
        product = engine(circuit, meter)(layer)
        assert isinstance(product, ReadProduct)
        found = product.product(rounded.transpose(0, 2, 1), np.arange(6), planes)
        assert (expected == found[0].T).all()
        done = meter.read()[layer.name]
        assert done.clipped == clipped
        assert done.unproven == streamed or (engine is bitplane_engine and done.unproven < streamed)


def test_noise_is_drawn_for_digits_that_are_read() -> None:
    """Nothing is streamed, so nothing is read and nothing noisy is added up; whole streams are noisy."""
    rng = np.random.default_rng(6)
    layer, circuit = drawn_layer(rng, 40, True), replace(circuit_of("flip", 9, 64), read_noise=2.0)
    x = np.zeros((1, 3, 40), np.int8)
    for engine in (analog_engine, opening_engine):
        product = engine(circuit)(layer)
        assert isinstance(product, ReadProduct)
        none, every = (np.full((1, 3), bits, np.uint8) for bits in (0, 8))
        assert not product.product(x, np.arange(3), (none, none)).any()
        assert product.product(x, np.arange(3), (every, none)).all()
        assert np.array_equal(product.product(x, np.arange(3), (every, none)), product(x))


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("encoding", ["offset", "flip", "differential"])
def test_lossless_streams_are_integer_products(signed: bool, encoding: str) -> None:
    rng = np.random.default_rng(3)
    layer, circuit = drawn_layer(rng, 300, signed), circuit_of(encoding, 9, 128)
    x = np.ascontiguousarray(inputs_for(layer, 9, rng).transpose(0, 2, 1))
    stream = stream_of(layer, Rule(policy="redy_var", tau=3e-3), 128)
    bits, shift = stream.decide(x[0])
    assert shift.any()
    rounded, _, _ = stream.stream(x)
    product = integer_engine(layer)(rounded.transpose(0, 2, 1))[0].T
    assert (stream_literally(layer, circuit, x[0], bits, shift) == product).all()


def test_packed_groups_share_a_crossbar_and_a_decision() -> None:
    """Six groups of 9 rows, three of them on 32 rows: two row groups of 27."""
    rng = np.random.default_rng(4)
    layer, circuit = drawn_layer(rng, 9, False, groups=6), circuit_of("flip", 8, 32)
    x = np.ascontiguousarray(inputs_for(layer, 5, rng).transpose(0, 2, 1))
    stream = stream_of(layer, Rule(policy="significant_bits", bits=4), 32, packed=3)
    flat = x.reshape(54, 5)
    bits, shift = stream.decide(flat)
    assert bits.shape == (2, 5)
    rounded, _, _ = stream.stream(x)
    product = integer_engine(layer)(rounded.transpose(0, 2, 1)).transpose(0, 2, 1).reshape(18, 5)
    assert (stream_literally(layer, circuit, flat, bits, shift) == product).all()


def test_range_rounds_nothing() -> None:
    rng = np.random.default_rng(5)
    layer = drawn_layer(rng, 40, True)
    x = np.ascontiguousarray(inputs_for(layer, 7, rng).transpose(0, 2, 1))
    rounded, bits, _ = stream_of(layer, Rule(policy="range"), 16).stream(x)
    assert np.shares_memory(rounded, x)
    assert bits.shape == (3, 7)
