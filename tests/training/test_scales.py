"""Integer training: what is trained is what integers alone compute, and what `archsim run` computes of the files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from archsim.config import load_hardware
from archsim.errors import InputError
from archsim.function.inference.infer import infer
from archsim.function.quantization.network import Pixels, Precision, QuantizedNetwork
from archsim.function.quantization.quantize import quantize
from archsim.mapper import map_network
from archsim.simulation import simulate
from archsim.training import (
    GradientRule,
    Optimizer,
    OutputSearch,
    Quantization,
    Recipe,
    integers,
    search_output_shift,
    train_network,
)
from archsim.training.document import read_study
from archsim.training.model import trainable
from archsim.training.pictures import Pictures, normalised
from archsim.training.prepared import prepare
from archsim.training.recipe import check_recipe
from archsim.training.scales import fixed_scales, integer_scheme, least_error_shift
from archsim.training.session import Trained
from archsim.training.study import run_study
from archsim.workload import Graph, load_data, load_workload, preprocessing_for
from archsim.workload.graph import Linear, Pool, Reshape
from tests.function.nets import RELU, Builder, square

from .nets import GRAY, blobs, residual

PLAIN = replace(GRAY, mean=(0.0,))
SETTINGS = Quantization(weight_bits=1, activation_bits=2, weights="binary", activations="integer", bias="none")
RULE = GradientRule(normalise="shift", bits=8, rounding="stochastic")


def net() -> Graph:
    build = Builder((1, 10, 10))
    build.add("c1", square(8), "x")
    build.add("c1.r", RELU, "c1")
    build.add("p1", Pool(function="max", kernel=(2, 2), stride=(2, 2)), "c1.r")
    build.add("c2", square(12, padding=0), "p1")
    build.add("c2.r", RELU, "c2")
    build.add("flat", Reshape(), "c2.r", target=(108,))
    build.add("f1", Linear(out=32), "flat")
    build.add("f1.r", RELU, "f1")
    build.add("f2", Linear(out=5), "f1.r")
    return build.graph("f2").with_parameters({}, "none")


def recipe(**changed: object) -> Recipe:
    given = {
        "epochs": 12,
        "batch": 32,
        "optimizer": Optimizer(learning_rate=0.02),
        "quantization": SETTINGS,
        "gradients": RULE,
    }
    return Recipe(**given | changed)  # type: ignore[arg-type]


def pictures(count: int = 256, seed: int = 0) -> Pictures:
    return blobs(count, PLAIN, 5, seed)


def network_of(trained: Trained) -> QuantizedNetwork:
    pixels = Pixels(mean=trained.preprocessing.mean, scale=trained.preprocessing.scale)
    precision = Precision(input_bits=2, weight_bits=1)
    return quantize(trained.graph, trained.ranges, precision=precision, pixels=pixels, weights="binary")


def inputs_of(trained: Trained, given: Pictures) -> np.ndarray:
    return np.ascontiguousarray(normalised(given.pixels, trained.preprocessing).swapaxes(0, 1))


def shifted(sums: np.ndarray, k: int) -> np.ndarray:
    """round(sums * 2**-k), half to even, in integers."""
    if k <= 0:
        return sums << -k
    low, half = sums & ((1 << k) - 1), 1 << (k - 1)
    whole = sums >> k
    return whole + ((low > half) | ((low == half) & (whole & 1 == 1)))


def whole_numbers(trained: Trained, pixels: np.ndarray) -> np.ndarray:
    """The network of `net` in int64 alone, from pixels to raw outputs. Shifts are read off the trained weights."""
    weights = {name: held.weight for name, held in trained.graph.parameters.items()}
    shifts = {name: round(-np.log2(np.abs(weight).max())) for name, weight in weights.items()}
    signs = {name: np.where(weight < 0, -1, 1).astype(np.int64) for name, weight in weights.items()}
    # round(pixel * 3 / 255): the product is never halfway between two integers
    x = (pixels.astype(np.int64) * 6 + 255) // 510

    def conv(x: np.ndarray, name: str, padding: int) -> np.ndarray:
        x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
        windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(2, 3))
        return np.clip(shifted(np.einsum("nchwij,ocij->nohw", windows, signs[name]), shifts[name]), 0, 3)

    x = conv(x, "c1", 1)
    x = x.reshape(*x.shape[:2], 5, 2, 5, 2).max(axis=(3, 5))
    x = conv(x, "c2", 0).reshape(len(x), -1)
    x = np.clip(shifted(x @ signs["f1"].T, shifts["f1"]), 0, 3)
    return x @ signs["f2"].T


@pytest.fixture(scope="module")
def trained() -> Trained:
    return train_network(net(), pictures(), recipe(), test=pictures(200, 9))


def test_it_learns_and_exports_signs_times_a_power_of_two(trained: Trained) -> None:
    assert trained.test_accuracy is not None
    assert trained.test_accuracy > 0.9
    for held in trained.graph.parameters.values():
        size = np.unique(np.abs(held.weight))
        assert size.size == 1
        assert np.log2(size[0]) == np.rint(np.log2(size[0]))
        assert held.bias is None
    assert trained.preprocessing.scale == (3 / 255,)
    assert set(trained.ranges.values.values()) == {(0.0, 3.0)}


def test_whole_numbers_alone_compute_the_same(trained: Trained) -> None:
    test = pictures(200, 9)
    network = network_of(trained)
    found = infer(network, inputs_of(trained, test), keep=["c1.r", "c2.r", "f1.r"])
    raw = whole_numbers(trained, test.pixels)
    unit = network.matrices[-1].scale[0]
    np.testing.assert_array_equal(found.logits / unit, raw)
    assert (raw.argmax(axis=1) == test.labels).mean() == trained.test_accuracy  # as training computed it
    assert {int(value) for value in np.unique(found.tensors["f1.r"])} <= {0, 1, 2, 3}


def test_training_and_the_integer_engine_store_the_same_integers(trained: Trained) -> None:
    test = pictures(64, 3)
    model = trainable(trained.graph)
    state = {f"{name}.weight": held.weight for name, held in trained.graph.parameters.items()}
    scheme = integer_scheme(model, state, SETTINGS, trained.preprocessing, test.pixels)
    exported = network_of(trained)
    kept = {layer.name: round(-np.log2(layer.scale[0])) for layer in exported.matrices}
    prepared = prepare(model, replace(scheme, quantizer=fixed_scales(kept)), state)
    x = normalised(test.pixels, trained.preprocessing)
    logits, tensors, _ = integers.forward(prepared, integers.input_codes(prepared.network, test.pixels, x))
    found = infer(exported, inputs_of(trained, test), keep=["x", "c1.r", "p1", "c2.r", "f1.r"])
    for name, values in found.tensors.items():
        np.testing.assert_array_equal(tensors[name].swapaxes(0, 1), values, err_msg=name)
    np.testing.assert_array_equal(logits.T, found.logits)


def test_the_same_recipe_gives_the_same_bytes_however_it_is_interrupted(trained: Trained, tmp_path: Path) -> None:
    given, test = pictures(), pictures(200, 9)
    calls = 0

    class Killed(Exception):
        pass

    def kill(_: object) -> None:
        nonlocal calls
        calls += 1
        if calls == 13:
            raise Killed

    with pytest.raises(Killed):
        train_network(net(), given, recipe(), test=test, folder=tmp_path, progress=kill, save_seconds=0)
    again = train_network(net(), given, recipe(), test=test, folder=tmp_path, threads=1)
    for name, held in again.graph.parameters.items():
        np.testing.assert_array_equal(held.weight, trained.graph.parameters[name].weight)
    assert again.history == trained.history


def test_the_output_scale_changes_no_prediction_and_the_loss(trained: Trained) -> None:
    fixed = replace(SETTINGS, output_shift=2)
    other = train_network(net(), pictures(), recipe(epochs=1, quantization=fixed), test=pictures(50, 9))
    assert np.abs(other.graph.parameters["f2"].weight).max() == 0.25


def test_shifts_are_those_of_least_error() -> None:
    sums = np.random.default_rng(0).normal(0, 40, 1000)
    errors = {}
    for k in range(8):
        stored = np.clip(np.rint(np.maximum(sums, 0) / 2**k), 0, 3)
        errors[k] = ((stored * 2**k - np.maximum(sums, 0)) ** 2).sum()
    assert least_error_shift(sums, 3) == min(errors, key=lambda k: errors[k])


def test_biases_are_trained_where_asked_for() -> None:
    hidden = train_network(net(), pictures(64), recipe(epochs=1, quantization=replace(SETTINGS, bias="hidden")))
    assert hidden.graph.parameters["c1"].bias is not None
    assert hidden.graph.parameters["f2"].bias is None


def test_the_penalty_makes_rows_alike() -> None:
    def distinct(strength: float) -> int:
        rule = replace(RULE, sign_bias={"f2": strength} if strength else {})
        found = train_network(net(), pictures(), recipe(gradients=rule)).graph.parameters["f2"].weight
        return len(np.unique(found.T > 0, axis=0))

    assert distinct(0.1) < distinct(0.0)


def test_what_integers_cannot_hold_is_refused() -> None:
    with pytest.raises(InputError, match="means of 0"):
        train_network(net(), blobs(32, GRAY, 5), recipe())
    rgb = replace(GRAY, size=(8, 8), channels="rgb", mean=(0.0,) * 3, scale=(1 / 255,) * 3)
    with pytest.raises(InputError, match="sum2: is stored with a sign") as caught:
        train_network(residual(None), blobs(32, rgb, 4), recipe())
    assert any("layer c2" in str(problem) for problem in caught.value.problems)
    with pytest.raises(
        InputError, match=r"gradients.sign_bias.f3: is no convolution or fully connected layer of small"
    ):
        train_network(net(), pictures(32), recipe(gradients=GradientRule(sign_bias={"f3": 1e-3})))


def test_recipes_that_contradict_themselves_are_refused() -> None:
    wrong = Recipe(
        epochs=1,
        quantization=replace(SETTINGS, weights="per_channel", residual_bits=8, bias="some"),
        gradients=GradientRule(normalise="shfit", rounding="stochastic", sign_bias={"f2": -1.0}),
    )
    with pytest.raises(InputError) as caught:
        check_recipe(wrong)
    text = "\n".join(str(problem) for problem in caught.value.problems)
    for part in ("expected binary", "residual_bits", "'some'", "did you mean 'shift'", "gradients.bits", "sign_bias.f2",
                 "quantization.weight_bits: is 1; expected 2 to 16"):  # fmt: skip
        assert part in text, part
    with pytest.raises(InputError, match="needs activations: integer"):
        check_recipe(Recipe(epochs=1, quantization=Quantization(output_shift=3)))


def test_the_search_takes_the_best_trial_and_repeats_none(tmp_path: Path) -> None:
    wanted, search = recipe(loss="sse"), OutputSearch(first=0, last=3, epochs=1, held_out=0.25)
    told: list[int] = []
    found, trials = search_output_shift(
        net(), pictures(), wanted, search, folder=tmp_path, told=lambda trial: told.append(trial.shift)
    )
    assert told == [trial.shift for trial in trials] == [0, 1, 2, 3]
    assert found.quantization is not None
    best = max(trials, key=lambda trial: (trial.accuracy, -trial.shift))
    assert found.quantization.output_shift == best.shift
    kept = json.loads((tmp_path / "output_shift.json").read_text())
    kept["trials"] = kept["trials"][:3]
    (tmp_path / "output_shift.json").write_text(json.dumps(kept))
    again, repeated = search_output_shift(
        net(), pictures(), wanted, search, folder=tmp_path, told=lambda trial: told.append(trial.shift)
    )
    assert (again, repeated) == (found, trials)
    assert told[4:] == [3]


def test_a_study_trains_integers_that_a_machine_of_one_bit_weights_runs(tmp_path: Path) -> None:
    """The files of `archsim train`, run by `archsim.simulate`: the same accuracy, on both ways of storing signs."""
    (tmp_path / "w1a2.yaml").write_text(
        f"""
output: {tmp_path / "run"}
workload: lenet5
start: seeded
data: digits
limit: 400
epochs: 2
loss: sse
optimizer: {{name: sgd, learning_rate: 0.02}}
quantization: {{weight_bits: 1, activation_bits: 2, weights: binary, activations: integer, bias: none}}
gradients: {{normalise: shift, bits: 8, rounding: stochastic, sign_bias: {{output: 1e-4}}}}
output_search: {{first: 6, last: 7, epochs: 1}}
"""
    )
    study = read_study(tmp_path / "w1a2.yaml")
    assert study.recipe.gradients == replace(RULE, sign_bias={"output": 1e-4})
    outcome = run_study(study)
    assert (tmp_path / "run" / "output_shift.json").exists()
    graph = load_workload(outcome.path)
    data = load_data("digits:test", preprocessing_for(outcome.path, graph), limit=200)
    expected = infer(network_of(outcome.trained), np.ascontiguousarray(data.images())).predictions
    for encoding in ("offset", "differential"):
        machine = load_hardware("isaac-8bit").replace(
            {"precision.weight_bits": 1, "precision.input_bits": 2, "precision.encoding": encoding, "ima.cell.bits": 1}
        )
        run = simulate(map_network(graph, machine), inputs=data, engine="kernel")
        assert run.function is not None
        assert [item.predicted for item in run.function.predictions] == expected.tolist()
