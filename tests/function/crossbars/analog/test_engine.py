"""The analog engine against the float64 definition, for every encoding, drive, converter and cell."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.errors import InputError
from archsim.function.crossbars.analog import analog_engine
from archsim.function.crossbars.analog import engine as module
from archsim.function.crossbars.arrays import programmed
from archsim.function.crossbars.circuit import CellModel, Circuit, Levels
from archsim.function.crossbars.circuit_oracle import circuit_oracle
from archsim.function.crossbars.converter import Converter, Sums, Transfer, converter_for
from archsim.function.crossbars.encodings import Drive
from archsim.function.crossbars.engines import oracle_engine
from archsim.function.crossbars.meter import Meter
from archsim.function.crossbars.noise import ReadProduct
from archsim.function.quantization.network import MatrixLayer, TensorFormat
from archsim.function.unroll import Geometry
from archsim.mapping.slicing import Slicing
from tests.function.circuits import with_units

Array = np.ndarray[Any, Any]


def slicing(
    *, weight: int = 8, cell: int = 2, inputs: int = 8, dac: int = 1, encoding: str = "flip", rows: int = 64,
    columns: int = 64, siblings: bool = False,
) -> Slicing:  # fmt: skip
    sides = 2 if encoding == "differential" else 1
    stored = weight - (sides == 2)
    slices = -(-stored // cell)
    inside = 1 if siblings else slices
    return Slicing(
        weight_bits=weight,
        cell_bits=cell,
        level_bits=cell if encoding == "flip" else min(cell, stored),
        input_bits=inputs,
        dac_bits=dac,
        encoding=encoding,
        weight_slices=slices,
        input_cycles=-(-inputs // dac),
        rows=rows,
        columns=columns,
        weights_per_array=columns // (inside * sides),
        arrays_per_weight=slices if siblings else 1,
        columns_per_weight=inside * sides,
    )


def layer_of(groups: int, rows: int, columns: int, cut: Slicing, *, signed: bool = False, seed: int = 0) -> MatrixLayer:
    top = 2 ** (cut.weight_bits - 1) - 1
    weight = np.random.default_rng(seed).integers(-top, top + 1, (groups, rows, columns))
    form = TensorFormat(bits=cut.input_bits, signed=signed, scale=1.0)
    return MatrixLayer(
        name=f"layer{seed}",
        geometry=Geometry(
            channels=groups * rows, height=1, width=1, out_height=1, out_width=1, columns=columns, groups=groups
        ),
        weight=weight.astype(np.int8 if cut.weight_bits <= 8 else np.int16),
        weight_bits=cut.weight_bits,
        bias=np.zeros(groups * columns, np.int64),
        scale=np.ones(groups * columns),
        pad=np.zeros(groups * rows, form.dtype),
        format=form,
    )


def inputs_of(layer: MatrixLayer, windows: int, seed: int = 1) -> Array:
    form, groups = layer.format, layer.geometry.groups
    rng = np.random.default_rng(seed)
    found = rng.integers(form.low, form.high + 1, (groups, layer.geometry.rows, windows)).astype(form.dtype)
    return found.transpose(0, 2, 1)


def real_cells(spread: float) -> CellModel:
    def cells(levels: Levels, rng: np.random.Generator) -> Array:
        return (levels + spread * rng.standard_normal(levels.shape)).astype(np.float32)

    return cells


def unit(bits: int) -> Converter:
    return converter_for(Transfer(kind="unit", bits=bits), Sums(largest=1000))


def bounds(layer: MatrixLayer, circuit: Circuit, x: Array, close: float) -> tuple[Array, Array]:
    """Lowest and highest result if every sum may be off by `close`: converters are monotonic."""
    drive = Drive.of(layer.format, circuit.slicing)
    digits = drive.split(x.transpose(0, 2, 1).reshape(-1, x.shape[1])).astype(np.float64)
    ends = [np.zeros((layer.geometry.outputs, x.shape[1])) for _ in range(2)]
    for group, encoded in programmed(layer, circuit):
        driven = digits[:, group.start : group.stop]
        sums = np.einsum("drm,srl->dslm", driven, encoded.cells.astype(np.float64), optimize=True)
        units = np.einsum("drm,ru->dum", driven, encoded.unit_cells.astype(np.float64), optimize=True)
        factor = (drive.weights[:, None] * encoded.slice_weights)[:, :, None, None] * encoded.sign[None, :, :, None]
        unit_factor = drive.weights[:, None, None, None] * encoded.unit[None, :, :, None].astype(np.float64)
        for end, side in zip(ends, (-1, 1), strict=True):
            moved = circuit.converter.convert(sums + side * np.sign(factor) * close)
            found = (factor * moved).sum(axis=(0, 1)).reshape(-1, encoded.outputs, x.shape[1]).sum(axis=0)
            if encoded.analog_unit:
                shifted = units[:, :, None] + side * np.sign(unit_factor) * close
                found += (unit_factor * circuit.converter.convert(shifted)).sum(axis=(0, 1))
            else:
                found += (unit_factor * units[:, :, None]).sum(axis=(0, 1))
            end[group.first : group.last] += found - drive.offset * group.weight.sum(axis=0, dtype=np.int64)[:, None]
    low, high = (end.reshape(layer.geometry.groups, -1, x.shape[1]).transpose(0, 2, 1) for end in ends)
    return low, high


@settings(deadline=None, max_examples=120)
@given(
    shape=st.tuples(st.sampled_from([1, 1, 2, 5]), st.integers(1, 150), st.integers(1, 40), st.integers(1, 9)),
    bits=st.tuples(st.integers(2, 10), st.integers(1, 5), st.integers(2, 10), st.integers(1, 3)),
    encoding=st.sampled_from(["offset", "flip", "differential"]),
    options=st.tuples(st.booleans(), st.booleans(), st.booleans(), st.booleans()),
    transfer=st.sampled_from(
        [
            Transfer(kind="ideal"),
            Transfer(kind="unit", bits=9),
            Transfer(kind="unit", bits=5),
            Transfer(kind="full_scale", bits=6),
            Transfer(kind="fixed", bits=4, low=8.0, high=68.0),
            Transfer(kind="fixed", bits=1, low=0.0, high=40.0),
            Transfer(kind="unit", bits=6, offset=0.3, gain=-0.02),
            Transfer(kind="unit", bits=6, inl=1.5, dnl=0.3),
            Transfer(kind="references", bits=2, references=(3.0, 10.0, 40.0)),
        ]
    ),
    seed=st.integers(0, 2**32 - 1),
)
def test_equals_the_definition(
    shape: tuple[int, int, int, int],
    bits: tuple[int, int, int, int],
    encoding: str,
    options: tuple[bool, bool, bool, bool],
    transfer: Transfer,
    seed: int,
) -> None:
    """Exactly with whole cells; with real ones wherever no sum is closer to a threshold than float32 resolves."""
    groups, rows, columns, windows = shape
    weight, cell, inputs, dac = bits
    signed, unit_column, siblings, whole = options
    cut = slicing(weight=weight, cell=cell, inputs=inputs, dac=dac, encoding=encoding, siblings=siblings)
    cut = with_units(cut, unit_column)
    layer = layer_of(groups, rows, columns, cut, signed=signed, seed=seed)
    largest = cut.rows * (2**cell - 1) * (2**dac - 1)
    circuit = Circuit(
        slicing=cut,
        converter=converter_for(transfer, Sums(largest=largest)),
        cells=None if whole else real_cells(0.1),
        seed=seed,
    )
    x = inputs_of(layer, windows, seed + 1)
    found = analog_engine(circuit)(layer)(x)
    assert found.shape == (groups, windows, columns)
    # whole sums may lie on a threshold; only thresholds that float32 holds decide them exactly
    exact = whole and transfer.kind != "full_scale" and not transfer.gain
    low, high = bounds(layer, circuit, x, 0.0 if exact else largest * 2.0**-18)
    slack = 1e-5 * (np.abs(low).max(initial=1) + largest * 2.0 ** (weight + inputs)) * (transfer.kind == "ideal")
    assert (found >= low - slack).all()
    assert (found <= high + slack).all()
    if exact and transfer.kind in ("ideal", "unit"):
        np.testing.assert_allclose(found, circuit_oracle(circuit)(layer)(x), rtol=1e-6 * (transfer.kind == "ideal"))
    if whole and transfer.kind == "ideal":
        np.testing.assert_allclose(found, oracle_engine(layer)(x), rtol=0, atol=slack)


@settings(deadline=None, max_examples=40)
@given(
    rows=st.integers(1, 150),
    columns=st.integers(1, 40),
    encoding=st.sampled_from(["offset", "flip", "differential"]),
    options=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    bits=st.tuples(st.sampled_from([4, 6, 9]), st.sampled_from([3, 8, 9])),
    seed=st.integers(0, 2**32 - 1),
)
def test_fixed_point_is_as_close_as_it_says(
    rows: int, columns: int, encoding: str, options: tuple[bool, bool, bool], bits: tuple[int, int], seed: int
) -> None:
    signed, unit_column, whole = options
    cut = with_units(slicing(encoding=encoding, inputs=bits[1]), unit_column)
    layer = layer_of(1, rows, columns, cut, signed=signed, seed=seed)
    cells = None if whole else real_cells(0.2)
    circuit = Circuit(slicing=cut, converter=unit(bits[0]), cells=cells, seed=seed)
    x = inputs_of(layer, 6, seed + 1)
    found = analog_engine(circuit, arithmetic="int16")(layer)(x)
    if whole:
        assert np.array_equal(found, circuit_oracle(circuit)(layer)(x))
    # 64 rows of at most 4 levels leave 7 binary places or more
    low, high = bounds(layer, circuit, x, 0.0 if whole else 64 * 2.0**-8)
    assert (found >= low).all()
    assert (found <= high).all()


def noisy_circuit(**changes: Any) -> Circuit:
    circuit = Circuit(slicing=with_units(slicing()), converter=unit(8), cells=real_cells(0.1), read_noise=0.7, seed=3)
    return replace(circuit, **changes)


def test_noise_does_not_depend_on_how_windows_are_split() -> None:
    layer = layer_of(2, 90, 21, slicing())
    multiply = analog_engine(noisy_circuit())(layer)
    assert isinstance(multiply, ReadProduct)
    x, windows = inputs_of(layer, 30), np.arange(100, 130)
    whole = multiply.product(x, windows, None)
    for cut in (1, 13, 29):
        parts = [multiply.product(x[:, part], windows[part], None) for part in (slice(0, cut), slice(cut, None))]
        assert np.array_equal(np.concatenate(parts, axis=1), whole)
    shuffled = np.random.default_rng(0).permutation(30)
    assert np.array_equal(multiply.product(x[:, shuffled], windows[shuffled], None), whole[:, shuffled])
    assert not np.array_equal(multiply.product(x, windows + 1, None), whole)
    assert np.array_equal(multiply.starting_at(100)(x), multiply.product(x, np.arange(100, 130), None))


def test_every_conversion_has_noise_of_its_own() -> None:
    """With an ideal converter the noise of a result is the weighted sum of independent draws: exact variance."""
    cut = slicing(encoding="differential")
    layer = layer_of(1, 60, 16, cut)
    x = np.repeat(inputs_of(layer, 1), 4000, axis=1)
    circuit = noisy_circuit(slicing=cut, converter=Converter(name="ideal"), cells=None)
    found = analog_engine(circuit)(layer)(x)[0]
    clean = oracle_engine(layer)(x)[0]
    expected = 0.7 * np.sqrt(2 * (4.0 ** np.arange(8)).sum() * (16.0 ** np.arange(4)).sum())
    error = found - clean
    assert error.std() == pytest.approx(expected, rel=0.02)
    assert abs(error.mean()) < 5 * expected / error.size**0.5
    assert np.abs(np.corrcoef(error.T) - np.eye(16)).max() < 5 / 4000**0.5
    along = np.corrcoef(error[:-1].ravel(), error[1:].ravel())[0, 1]
    assert abs(along) < 5 / error.size**0.5


def test_seed_layer_and_copy_have_noise_and_cells_of_their_own() -> None:
    layer = layer_of(1, 60, 16, slicing())
    x = inputs_of(layer, 5)
    results = [
        analog_engine(noisy_circuit())(layer)(x),
        analog_engine(noisy_circuit(seed=4))(layer)(x),
        analog_engine(noisy_circuit(), replica=1)(layer)(x),
        analog_engine(noisy_circuit())(replace(layer, name="other"))(x),
    ]
    assert np.array_equal(results[0], analog_engine(noisy_circuit())(layer)(x))
    for one, two in product(range(4), repeat=2):
        assert (one == two) == np.array_equal(results[one], results[two])


def test_the_largest_layers_are_programmed_again_to_the_same_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = layer_of(1, 150, 40, slicing())
    x = inputs_of(layer, 5)
    held = analog_engine(noisy_circuit())(layer)(x)
    monkeypatch.setattr(module, "HELD_CELLS", 0)
    multiply = analog_engine(noisy_circuit())(layer)
    assert np.array_equal(multiply(x), held)
    assert np.array_equal(multiply(x), held)


@pytest.mark.parametrize("bits", [4, 8])
def test_clipped_conversions_are_counted(bits: int) -> None:
    layer, cut = layer_of(1, 100, 20, slicing()), slicing()
    circuit = Circuit(slicing=with_units(cut), converter=unit(bits), cells=real_cells(0.1))
    ours, theirs = Meter(), Meter()
    x = inputs_of(layer, 9)
    analog_engine(circuit, ours)(layer)(x)
    circuit_oracle(circuit, theirs)(layer)(x)
    found, expected = ours.read()[layer.name], theirs.read()[layer.name]
    assert found.unproven == expected.unproven
    assert found.clipped == expected.clipped
    assert (found.clipped > 0) == (bits == 4)


@pytest.mark.parametrize(
    ("changes", "arithmetic"),
    [
        ({}, "float16"),
        ({}, "int16"),
        ({"read_noise": 0.0, "converter": Converter(name="ideal")}, "int16"),
        ({"read_noise": 0.0, "slicing": slicing(dac=2)}, "int16"),
    ],
)
def test_arithmetic_that_does_not_fit_is_refused(changes: Any, arithmetic: str) -> None:
    with pytest.raises(InputError, match="float32"):
        analog_engine(noisy_circuit(**changes), arithmetic=arithmetic)


def test_sums_too_large_for_fixed_point_are_refused() -> None:
    cut = slicing(rows=1024, cell=4)
    circuit = Circuit(slicing=cut, converter=unit(14), cells=real_cells(0.1))
    with pytest.raises(InputError, match="binary places"):
        analog_engine(circuit, arithmetic="int16")(layer_of(1, 1000, 3, cut))
