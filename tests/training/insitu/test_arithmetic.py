"""In-situ training through the loop: gradients, reproducibility, resume, counts, and every rule learns."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archsim.errors import InputError
from archsim.function.parallel import thread_pool
from archsim.function.unroll import geometry_of, weight_matrix
from archsim.training import Recipe, chunks, ops, save_trained, train_network
from archsim.training.arithmetic import Moment
from archsim.training.chunks import Job, run_batch
from archsim.training.digital import FloatArithmetic
from archsim.training.insitu.arithmetic import InSituArithmetic, in_situ, layer_scale
from archsim.training.insitu.devices import SynapticDevice, asymmetric
from archsim.training.insitu.products import product
from archsim.training.insitu.reads import codes_of, read
from archsim.training.insitu.recipe import Converters, InSitu
from archsim.training.insitu.rules import RULES
from archsim.training.insitu.settings import QUARTERS, UpdateSettings
from archsim.training.loop import Progress
from archsim.training.model import trainable
from archsim.training.quantizers import Quantization
from archsim.workload import Graph
from tests.training.nets import GRAY, RGB, blobs, residual, sequential

DEVICE = asymmetric(2, levels=64, d2d=0.3)
FINE = InSitu(device=SynapticDevice(levels=1024, curve="linear", ltp=0, ltd=0), activation_bits=12, error_bits=12)
CASES = {"sequential": (sequential(None), GRAY), "residual": (residual(None), RGB)}


def made(name: str, settings: InSitu, norms: bool = True, **recipe: Any) -> tuple[InSituArithmetic, Job]:
    graph, preprocessing = CASES[name]
    chosen = Recipe(epochs=1, insitu=settings, **recipe)
    arithmetic = in_situ(trainable(graph, norms="hidden" if norms else "none"), chosen, preprocessing)
    return arithmetic, Job(recipe=chosen, arithmetic=arithmetic)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("norms", [False, True])
def test_fine_codes_give_the_float_network(name: str, norms: bool) -> None:
    """Loss and gradients with 12-bit inputs and errors and exact reads are those of the float network of the cells."""
    wide = replace(FINE, activation_range=64.0)
    arithmetic, job = made(name, wide, norms)
    state = arithmetic.start()
    pictures = blobs(12, arithmetic.preprocessing, arithmetic.model.classes)
    weights = {key: value for key, value in state.items() if key.rpartition(".")[0] in arithmetic.model.norms}
    for place in arithmetic.places.values():
        weights[f"{place.layer.name}.weight"] = arithmetic._weight(state, place)
    float_job = Job(
        recipe=job.recipe,
        arithmetic=FloatArithmetic(model=arithmetic.model, recipe=job.recipe, preprocessing=arithmetic.preprocessing),
    )
    found = run_batch(job, state, pictures.pixels, pictures.labels, None)
    expected = run_batch(float_job, weights, pictures.pixels, pictures.labels, None)
    assert found.loss == pytest.approx(expected.loss, rel=0.03)
    for layer, place in arithmetic.places.items():
        turned = arithmetic._weight({place.cells: found.gradients[place.cells] / place.scale}, place)
        wanted = expected.gradients[f"{layer}.weight"]
        assert np.linalg.norm(turned - wanted) < 0.12 * np.linalg.norm(wanted), layer


@pytest.mark.parametrize("reading", ["whole", "bit_serial"])
def test_gradients_in_arrays_approach_digital_ones(reading: Any) -> None:
    found = {}
    for bits in (None, 3, 8):
        arithmetic, job = made("sequential", InSitu(converters=Converters(gradient=bits, reading=reading)))
        pictures = blobs(40, GRAY, arithmetic.model.classes)
        found[bits] = run_batch(job, arithmetic.start(), pictures.pixels, pictures.labels, None).gradients
    for name, exact in found[None].items():
        if name.endswith(".cells"):
            gaps = [float(np.linalg.norm(found[bits][name] - exact) / np.linalg.norm(exact)) for bits in (3, 8)]
            assert 0 < gaps[1] < 0.2 * gaps[0]


SETTINGS = InSitu(
    device=DEVICE,
    update=UpdateSettings(pulse_scale=QUARTERS),
    converters=Converters(forward=6, backward=6, gradient=6),
    error_rounding="stochastic",
)


def test_threads_change_no_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "CHUNK", 7)
    arithmetic, job = made("residual", SETTINGS)
    pictures = blobs(30, RGB, arithmetic.model.classes)
    results = []
    for threads in (1, 3):
        state, slots = arithmetic.start(), dict[str, Any]()
        with thread_pool(threads) as pool:
            for number in range(3):
                outcome = run_batch(job, state, pictures.pixels, pictures.labels, pool, number)
                moment = Moment(update=number + 1, starts_epoch=number == 0, progress=number / 3, rate=1.0)
                arithmetic.update(state, slots, outcome.gradients, moment, pool)
        results.append({key: value.tobytes() for key, value in (state | slots).items()})
    assert results[0] == results[1]


def test_error_rounding_is_keyed_by_update() -> None:
    arithmetic, job = made("sequential", replace(SETTINGS, converters=Converters()))
    state, pictures = arithmetic.start(), blobs(20, GRAY, 5)
    first, again, later = (
        run_batch(job, state, pictures.pixels, pictures.labels, None, update).gradients["f2.cells"]
        for update in (0, 0, 1)
    )
    assert first.tobytes() == again.tobytes() != later.tobytes()


@pytest.mark.parametrize("name", CASES)
def test_cells_lie_as_on_mapped_crossbars(name: str) -> None:
    """Rows follow each other as the mapping lays them, which decides what shares a conversion."""
    arithmetic, _ = made(name, InSitu(converters=Converters(forward=4, rows=16)))
    state, rng = arithmetic.start(), np.random.default_rng(0)
    for place in arithmetic.places.values():
        cells = state[place.cells].reshape(place.groups, place.rows, place.columns)
        mapped = weight_matrix(arithmetic._weight(state, place), place.groups) / place.scale
        np.testing.assert_array_equal(cells, mapped.reshape(cells.shape))
        source = arithmetic.model.graph[place.layer.inputs[0]].shape
        x = rng.uniform(0, 2, (source[0], 2, *source[1:])).astype(np.float32)
        matrix = arithmetic._matrix(state, place.layer)
        found, _ = product(matrix, x, False, lambda: np.uint64(0))
        geometry = geometry_of(place.layer, source)
        unrolled = ops.patches(codes_of(x, place.drive), geometry)
        positions = geometry.kernel[0] * geometry.kernel[1]
        turned = unrolled.reshape(geometry.groups, -1, positions, unrolled.shape[2]).swapaxes(1, 2)
        rows = np.ascontiguousarray(turned).reshape(unrolled.shape)
        converters = arithmetic.settings.converters
        sums = [read(c, r, place.drive, 4, converters) for c, r in zip(cells, rows, strict=True)]
        expected = np.stack(sums).reshape(found.shape) * np.float32(place.drive.step * place.scale)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


class Killed(Exception):
    """Stands for the end of the process."""


def run(graph: Graph, settings: InSitu, folder: Path | None, kill: int | None = None, epochs: int = 2) -> Any:
    pictures, test = blobs(120, GRAY, 5), blobs(60, GRAY, 5, seed=1)

    def told(state: Progress) -> None:
        if state.done == kill:
            raise Killed

    recipe = Recipe(epochs=epochs, batch=20, insitu=settings)
    return train_network(
        graph, pictures, recipe, batch_norm=True, test=test, folder=folder, progress=told, threads=1, save_seconds=0
    )


@pytest.mark.parametrize("rule", ["momentum", "momentum_v21", "accumulate", "tiki_taka"])
def test_a_killed_run_goes_on_to_the_same_bytes(rule: str, tmp_path: Path) -> None:
    settings = replace(SETTINGS, update=UpdateSettings(rule=rule))
    whole = run(sequential(None), settings, None)
    with pytest.raises(Killed):
        run(sequential(None), settings, tmp_path, kill=5)
    resumed = run(sequential(None), settings, tmp_path)
    for name, part in whole.graph.parameters.items():
        assert resumed.graph.parameters[name].weight.tobytes() == part.weight.tobytes()
    assert (resumed.record, resumed.history) == (whole.record, whole.history)


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_learns(rule: str) -> None:
    scale = replace(QUARTERS, value=4.0) if rule == "tiki_taka" else QUARTERS
    update = UpdateSettings(rule=rule, pulse_scale=scale, learning_rate=0.5, transfer_rate=1.0)
    trained = run(sequential(None), InSitu(device=asymmetric(2, levels=64), update=update), None, epochs=8)
    least = 0.3 if rule == "momentum_v21" else 0.7  # of five classes; the literal rule is a trap
    assert trained.test_accuracy > least
    counts = trained.record.counts
    assert 0 < counts.written <= counts.pulses
    assert sum(trained.record.layers[0].after) == trained.record.layers[0].weights


def test_what_is_handed_on_is_what_the_cells_hold(tmp_path: Path) -> None:
    trained = run(sequential(None), SETTINGS, None, epochs=1)
    path = save_trained(trained, tmp_path, "net", Recipe(epochs=1, insitu=SETTINGS))
    assert path.exists()
    with (tmp_path / "writes.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["layer"] for row in rows] == ["c1", "c2", "f1", "f2"]
    assert sum(int(row["pulses_up"]) + int(row["pulses_down"]) for row in rows) == trained.record.counts.pulses
    with (tmp_path / "conductances.csv").open() as stream:
        cells = sum(int(row["after"]) for row in csv.DictReader(stream))
    assert cells == sum(layer.weights for layer in trained.record.layers)


def test_scales_are_powers_of_two_by_hand() -> None:
    # sqrt(3 / 64) / 0.5 = 0.433 and sqrt(3 / 100) / 0.5 = 0.346: nearest powers on a logarithmic scale
    assert (layer_scale(64, 0.5), layer_scale(100, 0.5)) == (0.5, 0.25)


def test_what_does_not_fit_is_refused_at_once() -> None:
    with pytest.raises(InputError) as caught:
        InSitu(activation_bits=1, activation_range=3.0, initial=0.0, converters=Converters(forward=20, rows=0))
    assert len(caught.value.problems) == 5
    recipe = Recipe(epochs=1, insitu=InSitu(), quantization=Quantization())
    with pytest.raises(InputError, match="quantization"):
        train_network(sequential(None), blobs(20, GRAY, 5), recipe)
    with pytest.raises(InputError, match="start: seeded"):
        train_network(sequential(), blobs(20, GRAY, 5), Recipe(epochs=1, insitu=InSitu()))
