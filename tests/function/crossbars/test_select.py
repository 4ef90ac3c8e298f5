"""Which engine serves which layer, and that the choice never changes what is computed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import archsim
from archsim.errors import InputError
from archsim.function.crossbars.circuit_oracle import circuit_oracle
from archsim.function.crossbars.converter import Converter, Sums, Transfer, converter_for
from archsim.function.crossbars.encodings import Drive, encode, row_groups
from archsim.function.crossbars.engines import oracle_engine
from archsim.function.crossbars.observe import observe_sums
from archsim.function.crossbars.select import Machine, exact_selection, select
from archsim.function.inference.infer import infer
from archsim.function.quantization.calibrate import calibrate
from archsim.function.quantization.network import QuantizedNetwork
from archsim.function.quantization.quantize import quantize
from tests.function.circuits import slicing_of, stuck
from tests.function.nets import everything

Array = np.ndarray


@pytest.fixture(scope="module")
def network() -> QuantizedNetwork:
    graph = everything()
    images = np.random.default_rng(0).normal(size=(6, *graph.inputs()[0].shape)).astype(np.float32)
    return quantize(graph, calibrate(graph, [images]))


@pytest.fixture(scope="module")
def images(network: QuantizedNetwork) -> Array:
    return np.random.default_rng(1).normal(size=(3, *network.input_shape)).astype(np.float32)


def machine(transfer: Transfer, **options: object) -> Machine:
    return Machine(slicing=slicing_of(unit_column=True, **options), transfer=transfer)  # type: ignore[arg-type]


def never() -> Array:
    raise AssertionError("pictures are only needed by converters that observe sums")


def test_lossless_converters_are_served_by_integer_products(network: QuantizedNetwork, images: Array) -> None:
    for transfer, encoding in [
        (Transfer(bits=9), "offset"),
        (Transfer(bits=8), "flip"),
        (Transfer(kind="ideal"), "flip"),
    ]:
        selection = select(network, machine(transfer, encoding=encoding), never)
        found = infer(network, images, engine=selection.engine)
        assert set(selection.served) == {layer.name for layer in network.matrices}
        assert set(selection.served.values()) == {"integer"}
        assert selection.conversions() == {}
        assert (found.logits == infer(network, images).logits).all()


@pytest.mark.parametrize(
    "transfer", [Transfer(bits=6), Transfer(bits=4), Transfer(kind="full_scale", bits=6), Transfer(bits=7, offset=1.0)]
)
def test_lossy_converters_are_served_bit_by_bit(network: QuantizedNetwork, images: Array, transfer: Transfer) -> None:
    """Layers of few rows are proven exact and stay integer; every layer gives what the definition gives."""
    chip = machine(transfer)
    selection = select(network, chip, never)
    found = infer(network, images, engine=selection.engine)
    oracle = circuit_oracle(chip.circuit(converter_for(transfer, Sums(largest=chip.largest_sum))))
    assert (found.logits == infer(network, images, engine=oracle).logits).all()
    assert "bit-plane" in selection.served.values()
    assert set(selection.conversions()) == {name for name, kind in selection.served.items() if kind == "bit-plane"}


def test_choice_of_engine_changes_nothing_where_nothing_is_lost(network: QuantizedNetwork, images: Array) -> None:
    """Integer, bit-plane and analog arithmetic, one machine: noise of zero and whole cells in float are ideal ones."""
    wanted = infer(network, images, engine=oracle_engine).logits
    plain = machine(Transfer(bits=9))
    assert (infer(network, images, engine=exact_selection().engine).logits == wanted).all()
    real = Machine(
        slicing=plain.slicing,
        transfer=plain.transfer,
        cells=lambda cells, _: cells.astype(np.float32),
    )
    for chip, name in [(plain, "integer"), (real, "analog")]:
        selection = select(network, chip, never)
        assert (infer(network, images, engine=selection.engine).logits == wanted).all()
        assert set(selection.served.values()) == {name}


def test_stuck_cells_stay_with_whole_numbers(network: QuantizedNetwork, images: Array) -> None:
    chip = Machine(slicing=slicing_of(unit_column=True), transfer=Transfer(bits=6), cells=stuck(0.1), seed=3)
    selection = select(network, chip, never)
    found = infer(network, images, engine=selection.engine)
    assert set(selection.served.values()) <= {"integer", "bit-plane"}
    oracle = circuit_oracle(chip.circuit(converter_for(chip.transfer, Sums(largest=chip.largest_sum))))
    assert (found.logits == infer(network, images, engine=oracle).logits).all()
    assert (found.logits != infer(network, images).logits).any()


def test_results_do_not_depend_on_threads_and_batches(network: QuantizedNetwork, images: Array) -> None:
    def run(**options: int) -> tuple[Array, object]:
        selection = select(network, machine(Transfer(bits=6)), never)
        return infer(network, images, engine=selection.engine, **options).logits, selection.conversions()

    first, counted = run(threads=1)
    for options in ({"threads": 2}, {"threads": 2, "batch": 1}, {"threads": 1, "batch": 2}):
        logits, again = run(**options)
        assert (logits == first).all()
        assert again == counted


def test_layers_are_prepared_once(network: QuantizedNetwork, images: Array) -> None:
    selection = select(network, machine(Transfer(bits=6)), never)
    products = [selection.engine(layer) for layer in network.matrices]
    assert all(a is b for a, b in zip(products, map(selection.engine, network.matrices), strict=True))


# ---------------------------------------------------------------- observed sums


def test_observed_sums_are_those_of_the_definition(network: QuantizedNetwork, images: Array) -> None:
    """Histograms of the first layer by hand, and as many sums as there are conversions everywhere."""
    chip = machine(Transfer(kind="calibrated", bits=6))
    circuit = chip.circuit(Converter(name="ideal"))
    found = observe_sums(network, images, circuit, chip.largest_sum)
    assert set(found) == {layer.name for layer in network.matrices}
    layer = network.matrices[0]
    seen: list[Array] = []

    def recording(target: object) -> Callable[[Array], Array]:
        multiply = oracle_engine(target)  # type: ignore[arg-type]

        def product(x: Array) -> Array:
            if target is layer:
                seen.append(x.copy())
            return multiply(x)

        return product

    infer(network, images, engine=recording, threads=1)  # type: ignore[arg-type]
    expected = np.zeros(chip.largest_sum + 1, np.int64)
    for x in seen:
        for group in row_groups(layer, chip.slicing):
            encoded = encode(group.weight, chip.slicing)
            digits = Drive.of(layer.format, chip.slicing).split(np.ascontiguousarray(x[0].T[group.start : group.stop]))
            sums = np.einsum("drm,srl->dslm", digits.astype(np.int64), encoded.cells.astype(np.int64))
            units = np.einsum("drm,ru->dum", digits.astype(np.int64), encoded.unit_cells.astype(np.int64))
            expected += np.bincount(np.concatenate([sums.ravel(), units.ravel()]), minlength=len(expected))
    assert (found[layer.name].observed == expected).all()


def test_calibrated_converters_follow_each_layer(network: QuantizedNetwork, images: Array) -> None:
    """No sum of the pictures that were observed is clipped; a fixed range for all layers would lose more."""
    selection = select(network, machine(Transfer(kind="calibrated", bits=6)), lambda: images)
    found = infer(network, images, engine=selection.engine)
    assert sum(done.unproven for done in selection.conversions().values()) > 0
    whole = infer(network, images).logits
    fixed = select(network, machine(Transfer(kind="full_scale", bits=6)), never)
    coarse = infer(network, images, engine=fixed.engine).logits

    def error(logits: Array) -> float:
        return float(np.square(logits - whole).sum())

    assert error(found.logits) < error(coarse)


# ---------------------------------------------------------------- from a plan


def plan_with(**settings: object) -> archsim.Plan:
    hardware = archsim.load_hardware("isaac-8bit").replace({key.replace("__", "."): v for key, v in settings.items()})
    return archsim.map_network(archsim.load_workload("lenet5"), hardware)


def test_machine_of_a_plan() -> None:
    found = Machine.of(plan_with(ima__adc__bits=7), seed=4)
    assert found.transfer == Transfer(kind="unit", bits=7, seed=4)
    assert found.slicing.unit_columns == 1
    assert found.cells is None
    assert found.largest_sum == 384
    settings = {
        "ima__adc__transfer": {
            "range": "fixed",
            "low": 1,
            "high": 90,
            "offset": -0.5,
            "gain": 0.01,
            "inl": 0.2,
            "dnl": 0.1,
        }
    }
    assert Machine.of(plan_with(**settings)).transfer == Transfer(
        kind="fixed", bits=8, low=1.0, high=90.0, offset=-0.5, gain=0.01, inl=0.2, dnl=0.1
    )
    references = list(range(1, 256))
    settings = {"ima__adc__transfer": {"kind": "nonlinear", "references": references}}
    assert Machine.of(plan_with(**settings)).transfer.references == tuple(map(float, references))
    with pytest.raises(InputError, match="rows"):
        archsim.simulate(plan_with(ima__crossbar__rows=40000, ima__adc__bits=4), inputs="digits", limit=1)
