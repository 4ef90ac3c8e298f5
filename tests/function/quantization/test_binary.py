"""Weights that are signs: the quantizer, both ways of storing them, and every engine on them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.errors import InputError
from archsim.function.crossbars.analog import analog_engine
from archsim.function.crossbars.bitplanes import bitplane_engine
from archsim.function.crossbars.circuit import Circuit
from archsim.function.crossbars.converter import Sums, Transfer, converter_for
from archsim.function.crossbars.encodings import effective_weights, encode
from archsim.function.crossbars.engines import integer_engine
from archsim.function.quantization.network import MatrixLayer, TensorFormat
from archsim.function.quantization.weights import WEIGHT_QUANTIZERS, WeightRequest, default_quantizer
from archsim.function.unroll import geometry_of
from archsim.mapping.slicing import Slicing
from archsim.workload.graph import Layer, Linear
from tests.function.circuits import with_units

ENCODINGS = ("offset", "flip", "differential")


def slicing(encoding: str, rows: int = 16, cell_bits: int = 1) -> Slicing:
    sides = 2 if encoding == "differential" else 1
    return Slicing(
        weight_bits=1, cell_bits=cell_bits, level_bits=cell_bits if encoding == "flip" else 1, input_bits=2,
        dac_bits=1, encoding=encoding, weight_slices=1,
        input_cycles=2,
        rows=rows, columns=16, weights_per_array=16 // sides, arrays_per_weight=1, columns_per_weight=sides,
    )  # fmt: skip


def layer_of(weight: np.ndarray) -> MatrixLayer:
    rows, columns = weight.shape
    layer = Layer(name="fc", op=Linear(out=columns), inputs=("x",), shape=(columns,))
    return MatrixLayer(
        name="fc", geometry=geometry_of(layer, (rows,)), weight=weight[None], weight_bits=1,
        bias=np.zeros(columns, np.int64), scale=np.ones(columns), pad=np.zeros(rows, np.uint8),
        format=TensorFormat(bits=2, signed=False, scale=1.0),
    )  # fmt: skip


def signs(rows: int, columns: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).choice(np.array([-1, 1], np.int8), (rows, columns))


def request(weight: np.ndarray) -> WeightRequest:
    return WeightRequest(
        name="fc", weight=weight, gain=np.ones(1), bits=1, width=2, bias=np.zeros(len(weight)), grouped=False
    )


def test_the_quantizer_takes_signs_and_one_power_of_two() -> None:
    weight = np.array([[0.3, -0.2, 0.0], [-0.7, 0.1, 0.25]], np.float32)  # mean magnitude 0.258
    grid = WEIGHT_QUANTIZERS["binary"](request(weight))
    assert grid.size.tolist() == [0.25, 0.25]
    assert grid.round(weight / 0.25).tolist() == [[1, -1, 1], [-1, 1, 1]]
    stored = (grid.round(weight / 0.25) * 0.25).astype(np.float32)
    assert WEIGHT_QUANTIZERS["binary"](request(stored)).size.tolist() == [0.25, 0.25]
    assert WEIGHT_QUANTIZERS["binary"](request(np.zeros((2, 3)))).size.tolist() == [1, 1]
    assert (default_quantizer(1), default_quantizer(2)) == ("binary", "per_channel")


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("cell_bits", [1, 2])
@pytest.mark.parametrize("unit_column", [True, False])
def test_cells_stand_for_the_signs(encoding: str, cell_bits: int, unit_column: bool) -> None:
    weight = signs(16, 6, 0)
    weight[:, 0] = 1  # a column that flips
    chosen = slicing(encoding, cell_bits=cell_bits)
    encoded = encode(weight, with_units(chosen, unit_column))
    assert encoded.cells.shape == (1, 16, 12 if encoding == "differential" else 6)
    if encoding != "flip":
        assert set(np.unique(encoded.cells)) <= {0, 1}
    np.testing.assert_array_equal(effective_weights(encoded), weight)
    if encoding == "offset":
        np.testing.assert_array_equal(2 * encoded.cells[0].astype(int) - 1, weight)


def test_packed_convolution_groups_need_a_pair() -> None:
    weight = signs(4, 4, 0)
    weight[:2, 2:] = 0
    with pytest.raises(InputError, match="expected encoding: differential"):
        encode(weight, slicing("offset"))
    np.testing.assert_array_equal(effective_weights(encode(weight, slicing("differential"))), weight)


def oracle(weight: np.ndarray, x: np.ndarray, circuit: Circuit) -> np.ndarray:
    """Column sum by column sum: [windows, outputs]."""
    chosen, convert = circuit.slicing, circuit.converter
    out = np.zeros((len(x), weight.shape[1]))
    for start in range(0, len(weight), chosen.rows):
        encoded = encode(weight[start : start + chosen.rows], chosen)
        for bit in range(2):
            digit = (x[:, start : start + chosen.rows] >> bit & 1).astype(float)
            lines = convert.convert(digit @ encoded.cells[0]) * encoded.sign[0] * encoded.place
            units = digit @ encoded.unit_cells
            units = convert.convert(units) if encoded.analog_unit else units
            total = lines.reshape(len(x), -1, weight.shape[1]).sum(axis=1) + units @ encoded.unit
            out += 2**bit * total
    return out


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from(ENCODINGS),
    st.integers(1, 40),
    st.integers(1, 9),
    st.sampled_from([8, 16]),
    st.integers(1, 5),
    st.booleans(),
    st.sampled_from(["unit", "full_scale"]),
    st.integers(0, 10**6),
)
def test_engines_agree_with_column_sums(
    encoding: str, rows: int, columns: int, array: int, bits: int, unit_column: bool, kind: str, seed: int
) -> None:
    weight = signs(rows, columns, seed)
    x = np.random.default_rng(seed).integers(0, 4, (5, rows)).astype(np.uint8)
    transfer = Transfer(kind="unit", bits=bits) if kind == "unit" else Transfer(kind="full_scale", bits=bits)
    converter = converter_for(transfer, Sums(largest=array))
    circuit = Circuit(
        slicing=with_units(slicing(encoding, array), unit_column),
        converter=converter,
        cells=None,
        read_noise=0.0,
        seed=0,
    )
    layer = layer_of(weight)
    expected = oracle(weight, x, circuit)
    np.testing.assert_array_equal(bitplane_engine(circuit)(layer)(x[None])[0], expected)
    np.testing.assert_allclose(analog_engine(circuit)(layer)(x[None])[0], expected, atol=1e-4)
    if bits == 5 and kind == "unit":
        np.testing.assert_array_equal(expected, x.astype(int) @ weight)
        np.testing.assert_array_equal(integer_engine(layer)(x[None])[0], expected)
