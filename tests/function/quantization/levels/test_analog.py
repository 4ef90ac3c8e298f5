"""Levels as conductances: the analog engine against the integer engine and the definition, for every encoding."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import archsim
from archsim.config.device import Programming
from archsim.errors import InputError
from archsim.function.crossbars.analog import analog_engine
from archsim.function.crossbars.arrays import programmed
from archsim.function.crossbars.bitplanes.engine import bitplane_engine
from archsim.function.crossbars.circuit import Circuit
from archsim.function.crossbars.circuit_oracle import circuit_oracle
from archsim.function.crossbars.converter import Converter, Sums, Transfer, converter_for
from archsim.function.crossbars.devices import stored_cells
from archsim.function.crossbars.devices.gaps import gaps_over_sigma, stored_conductances
from archsim.function.crossbars.devices.window import Window
from archsim.function.crossbars.encodings import effective_weights
from archsim.function.crossbars.engines import integer_engine
from archsim.function.crossbars.meter import Meter
from archsim.function.crossbars.select import Machine, prepare_layer
from archsim.function.quantization.calibrate import calibrate
from archsim.function.quantization.levels.seam import plan_weights
from archsim.function.quantization.network import LevelSets, MatrixLayer, Precision, TensorFormat
from archsim.function.quantization.quantize import quantize
from archsim.function.unroll import Geometry
from tests.function.circuits import slicing_of, with_units

ENCODINGS = [("offset", True), ("offset", False), ("differential", False)]
IDEAL = Converter(name="ideal")


def layer_of(
    rows: int = 150, outputs: int = 40, *, groups: int = 1, signed: bool = False, sets: int = 1
) -> MatrixLayer:
    rng = np.random.default_rng(rows + outputs + groups)
    values = np.sort(rng.integers(-16000, 16001, (sets, 16)), axis=1).astype(np.int16)
    values[:, 7] = 0
    values.sort(axis=1)
    of = np.arange(groups * outputs) % sets
    chosen = rng.integers(0, 16, (groups, rows, outputs))
    weight = values[of.reshape(groups, 1, outputs), chosen]
    form = TensorFormat(bits=8, signed=signed, scale=1.0)
    return MatrixLayer(
        name="layer",
        geometry=Geometry(
            channels=groups * rows, height=1, width=1, out_height=1, out_width=1, columns=outputs, groups=groups
        ),
        weight=weight,
        weight_bits=4,
        bias=np.zeros(groups * outputs, np.int64),
        scale=np.ones(groups * outputs),
        pad=np.zeros(groups * rows, form.dtype),
        format=form,
        levels=LevelSets(values=values, of=of.astype(np.int64)),
    )


def inputs_of(layer: MatrixLayer, windows: int = 9) -> np.ndarray[Any, Any]:
    geometry = layer.geometry
    low, high = layer.format.low, layer.format.high
    drawn = np.random.default_rng(7).integers(low, high + 1, (geometry.groups, windows, geometry.rows))
    drawn[:, 0] = 0
    return drawn.astype(layer.format.dtype)


def tolerance(layer: MatrixLayer, x: np.ndarray[Any, Any]) -> float:
    """What float32 cells and column sums may cost: 128 rows add with a relative error of 2**-17 of what they add up."""
    assert layer.levels is not None
    span = float(np.ptp(layer.levels.ends))
    return 2.0**-17 * span * float(np.abs(x.astype(float)).sum(axis=2).max()) * 2


@pytest.mark.parametrize(("encoding", "unit"), ENCODINGS)
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("dac_bits", [1, 2])
@pytest.mark.parametrize(("groups", "rows", "sets"), [(1, 300, 1), (1, 150, 40), (5, 9, 5)])
def test_ideal_cells_and_converters_compute_the_integers(
    encoding: str, unit: bool, signed: bool, dac_bits: int, groups: int, rows: int, sets: int
) -> None:
    cut = slicing_of(weight_bits=4, cell_bits=4, dac_bits=dac_bits, encoding=encoding)
    layer = layer_of(rows, 40 if groups == 1 else 3, groups=groups, signed=signed, sets=sets)
    assert layer.levels is not None
    circuit = Circuit(slicing=with_units(cut, unit), converter=IDEAL)
    x = inputs_of(layer)
    exact = integer_engine(layer)(x)
    allowed = tolerance(layer, x)
    assert analog_engine(circuit)(layer)(x) == pytest.approx(exact, abs=allowed)
    # the definition rounds every sum to words of 2**-12 levels
    words = 2.0**-13 * float(np.ptp(layer.levels.ends)) / 15 * 2**8 * -(-rows // 128) * 2
    assert circuit_oracle(circuit)(layer)(x) == pytest.approx(exact, abs=allowed + words)
    for group, encoded in programmed(layer, circuit):
        assert effective_weights(encoded) == pytest.approx(group.weight, abs=0.02)
        assert encoded.cells.min() >= 0
        assert encoded.cells.max() <= 15
        assert encoded.analog_unit == (unit and encoding == "offset")


@pytest.mark.parametrize(("encoding", "unit"), ENCODINGS)
def test_real_converters_and_cells_agree_with_the_definition(encoding: str, unit: bool) -> None:
    cut = slicing_of(weight_bits=4, cell_bits=4, encoding=encoding)
    layer = layer_of(300, 24, sets=24)

    def cells(levels: np.ndarray[Any, Any], rng: np.random.Generator) -> np.ndarray[Any, Any]:
        seen.append(levels)
        return (levels + rng.normal(0, 0.2, levels.shape)).astype(np.float32)

    seen: list[np.ndarray[Any, Any]] = []
    largest = 128 * 15
    for kind, bits in (("full_scale", 8), ("unit", 8), ("ideal", 8)):
        converter = converter_for(Transfer(kind=kind, bits=bits), Sums(largest=largest))
        circuit = Circuit(slicing=with_units(cut, unit), converter=converter, cells=cells, seed=5)
        x = inputs_of(layer)
        meter = Meter()
        found, defined = analog_engine(circuit, meter)(layer)(x), circuit_oracle(circuit)(layer)(x)
        off = np.abs(found - defined)
        # a sum beside a decision threshold may fall to either side
        assert np.median(off) <= tolerance(layer, x)
        assert (off > tolerance(layer, x) + 1000).mean() < 0.02
        assert meter.read()["layer"].unproven > 0
    assert all(levels.dtype == np.float32 for levels in seen)
    if encoding == "offset" and unit:
        assert any((levels[:, -1] == 15).all() for levels in seen)


def test_every_column_reaches_both_ends_of_the_window() -> None:
    layer = layer_of(2000, 8, sets=8)
    offset, pair = (
        list(
            programmed(
                layer,
                Circuit(slicing=slicing_of(weight_bits=4, cell_bits=4, encoding=name, rows=2048), converter=IDEAL),
            )
        )
        for name in ("offset", "differential")
    )
    assert (offset[0][1].cells.min(axis=1) == 0).all()
    assert offset[0][1].cells.max(axis=1) == pytest.approx(15)
    both = pair[0][1].cells[0].reshape(2000, 2, 8)
    assert both.max(axis=(0, 1)) == pytest.approx(15)
    assert (both.min(axis=1) == 0).all()


def test_which_engine_serves_levels() -> None:
    layer, meter = layer_of(), Meter()
    cut = slicing_of(weight_bits=4, cell_bits=4)
    full = converter_for(Transfer(kind="full_scale", bits=11), Sums(largest=1920))
    assert prepare_layer(layer, Circuit(slicing=cut, converter=IDEAL), meter)[0] == "integer"
    assert prepare_layer(layer, Circuit(slicing=cut, converter=full), meter)[0] == "analog"
    stuck = Circuit(slicing=cut, converter=IDEAL, cells=lambda levels, _: levels)
    assert prepare_layer(layer, stuck, meter)[0] == "analog"
    with pytest.raises(InputError, match="weights that are levels"):
        bitplane_engine(Circuit(slicing=cut, converter=full))(layer)


@pytest.mark.parametrize(("cell_bits", "encoding"), [(2, "offset"), (4, "flip")])
def test_cells_that_cannot_hold_levels_are_refused(cell_bits: int, encoding: str) -> None:
    circuit = Circuit(slicing=slicing_of(weight_bits=4, cell_bits=cell_bits, encoding=encoding), converter=IDEAL)
    with pytest.raises(InputError, match="cannot hold weights that are levels"):
        analog_engine(circuit)(layer_of())


def test_gaps_in_standard_deviations() -> None:
    levels = LevelSets(values=np.array([[-6, -2, 0, 6], [0, 0, 0, 0]], np.int16), of=np.zeros(1, np.int64))
    window = Window(off=10e-6, on=130e-6, bits=2)
    error = Programming.model_validate({"relative": "10 %"})
    assert stored_conductances(levels, "offset", window)[0][0] * 1e6 == pytest.approx([10, 50, 70, 130])
    positive, negative = stored_conductances(levels, "differential", window)[0]
    assert positive * 1e6 == pytest.approx([10, 130])
    assert negative * 1e6 == pytest.approx([10, 50, 130])
    offset = gaps_over_sigma(levels, "offset", window, error)
    # 50 to 70 uS: 20 uS over 10 % of 70
    assert offset == pytest.approx([20 / 7, np.inf])
    assert gaps_over_sigma(levels, "differential", window, error)[0] == pytest.approx(80 / 13)
    assert np.isinf(gaps_over_sigma(levels, "offset", window, Programming())).all()


@pytest.mark.parametrize(
    "changes", [{}, {"precision.encoding": "differential"}, {"weight_levels.granularity": "channel"}]
)
def test_stored_levels_are_those_the_engines_program(changes: dict[str, object]) -> None:
    graph = archsim.load_workload("resnet8-cifar10")
    plan = archsim.map_network(graph, archsim.load_hardware("mlc-rram-16", changes))
    found = stored_cells(plan)
    assert found is not None
    pictures = np.random.default_rng(0).normal(size=(2, 3, 32, 32)).astype(np.float32)
    ranges = calibrate(graph, [pictures], origin="test")
    network = quantize(graph, ranges, precision=Precision(weight_bits=4), weights=plan_weights(plan))
    circuit = Circuit(slicing=plan.slicing, converter=IDEAL)
    for layer in network.matrices:
        cells = np.concatenate([encoded.cells.ravel() for _, encoded in programmed(layer, circuit)])
        assert found[layer.name].cells == cells.size
        assert found[layer.name].mean_level == pytest.approx(cells.mean(dtype=float), abs=1e-3)
        gaps = found[layer.name].gaps
        assert gaps is not None
        assert gaps.shape == (layer.geometry.outputs if "weight_levels.granularity" in changes else 1,)
        assert (gaps > 0).all()


def test_calibrated_converters_see_the_sums_of_levels() -> None:
    graph = archsim.load_workload("lenet5-mnist")
    hardware = archsim.load_hardware("mlc-rram-16", {"ima.adc.bits": 10, "device.programming.scale": 0})
    plan = archsim.map_network(graph, hardware)
    machine = Machine.of(plan)
    assert machine.transfer.kind == "calibrated"
    run = archsim.simulate(plan, inputs="digits", limit=60)
    assert run.function is not None
    assert set(run.function.engines) == {"analog"}
    assert run.function.top1_agreement >= 0.95
