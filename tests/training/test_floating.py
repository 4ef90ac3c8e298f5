"""The float network on the tape: whole-network gradients, batch norms over chunks, folding."""

from __future__ import annotations

import numpy as np
import pytest

from archsim.errors import InputError
from archsim.function.parallel import thread_pool
from archsim.function.reference.run import run_float
from archsim.training import chunks, floating
from archsim.training.chunks import Job, run_batch
from archsim.training.digital import FloatArithmetic
from archsim.training.model import follow_statistics, initial_state, trainable, trained_graph
from archsim.training.pictures import normalised
from archsim.training.recipe import Distillation, Recipe
from archsim.workload import Graph, Preprocessing, load_workload
from archsim.workload.graph import Activation, Linear, Reshape, Softmax
from tests.function.nets import Builder, everything, square

from .nets import GRAY, RGB, blobs, residual, sequential

CASES = [(sequential(), GRAY, False), (sequential(), GRAY, True), (residual(), RGB, False), (residual(), RGB, True)]
NAMES = ["sequential", "sequential-norms", "residual", "residual-norms"]


def disturbed(state: dict[str, np.ndarray], seed: int = 1) -> dict[str, np.ndarray]:
    """The state with its batch norms off their start, positive where they must be; float64."""
    rng = np.random.default_rng(seed)
    return {
        name: np.abs(value + 0.3 * rng.standard_normal(value.shape)) if name.endswith(".variance") else
        value + 0.1 * rng.standard_normal(value.shape)
        for name, value in state.items()
    }  # fmt: skip


@pytest.mark.parametrize(("graph", "preprocessing", "norms"), CASES, ids=NAMES)
@pytest.mark.parametrize("loss", ["cross_entropy", "sse", "distilled"])
def test_gradients_of_whole_networks(
    graph: Graph, preprocessing: Preprocessing, norms: bool, loss: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "CHUNK", 3)  # seven pictures are three chunks, the last one smaller
    model = trainable(graph, batch_norm=norms)
    state = disturbed(initial_state(model, 0))
    taught = (model, disturbed(initial_state(model, 0), 5)) if loss == "distilled" else None
    recipe = Recipe(
        epochs=1,
        loss="cross_entropy" if loss == "distilled" else loss,
        distillation=Distillation(temperature=2.0, share=0.7) if loss == "distilled" else None,
    )
    job = Job(
        recipe=recipe,
        arithmetic=FloatArithmetic(model=model, recipe=recipe, preprocessing=preprocessing),
        teacher=taught,
    )
    pictures = blobs(7, preprocessing, model.classes)

    def mean_loss() -> float:
        return run_batch(job, state, pictures.pixels, pictures.labels, None).loss / 7

    found = run_batch(job, state, pictures.pixels, pictures.labels, None).gradients
    assert set(found) == {name for name in state if not name.endswith((".mean", ".variance"))}
    rng = np.random.default_rng(2)
    for name, gradient in found.items():
        assert gradient.shape == state[name].shape
        flat, numeric = state[name].reshape(-1), []
        chosen = rng.choice(flat.size, min(4, flat.size), replace=False)
        for index in chosen:
            held = flat[index]
            flat[index] = held + 1e-5
            above = mean_loss()
            flat[index] = held - 1e-5
            numeric.append((above - mean_loss()) / 2e-5)
            flat[index] = held
        np.testing.assert_allclose(gradient.reshape(-1)[chosen], numeric, rtol=2e-4, atol=2e-6, err_msg=name)


@pytest.mark.parametrize(("graph", "preprocessing", "norms"), CASES, ids=NAMES)
def test_threads_change_no_byte_and_chunks_only_rounding(
    graph: Graph, preprocessing: Preprocessing, norms: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = trainable(graph, batch_norm=norms)
    state = initial_state(model, 0)
    recipe = Recipe(epochs=1)
    job = Job(recipe=recipe, arithmetic=FloatArithmetic(model=model, recipe=recipe, preprocessing=preprocessing))
    pictures = blobs(40, preprocessing, model.classes)
    whole = run_batch(job, state, pictures.pixels, pictures.labels, None)
    monkeypatch.setattr(chunks, "CHUNK", 7)
    results = []
    for threads in (1, 2, 3):
        with thread_pool(threads) as pool:
            results.append(run_batch(job, state, pictures.pixels, pictures.labels, pool))
    for result in results:
        assert (result.loss, result.correct) == (results[0].loss, results[0].correct)
        for name, gradient in result.gradients.items():
            assert gradient.dtype == np.float32
            assert gradient.tobytes() == results[0].gradients[name].tobytes()
            scale = np.abs(whole.gradients[name]).max() + 1e-3
            np.testing.assert_allclose(gradient, whole.gradients[name], atol=2e-5 * scale, err_msg=name)


@pytest.mark.parametrize(("graph", "preprocessing", "norms"), CASES, ids=NAMES)
def test_prediction_is_the_folded_network(graph: Graph, preprocessing: Preprocessing, norms: bool) -> None:
    model = trainable(graph, batch_norm=norms)
    state = {name: value.astype(np.float32) for name, value in disturbed(initial_state(model, 0)).items()}
    x = normalised(blobs(9, preprocessing, model.classes).pixels, preprocessing)
    folded = trained_graph(model, state)
    assert folded.structure() == graph.structure()
    reference = run_float(folded, np.ascontiguousarray(x.swapaxes(0, 1)))[folded.outputs[0]]
    found = floating.predict(model, state, x).T
    np.testing.assert_allclose(found, reference, rtol=1e-4, atol=1e-5 * np.abs(reference).max())


def test_running_statistics_follow_the_batch() -> None:
    model = trainable(residual(), batch_norm=True)
    state = initial_state(model, 0)
    recipe = Recipe(epochs=1)
    job = Job(recipe=recipe, arithmetic=FloatArithmetic(model=model, recipe=recipe, preprocessing=RGB))
    pictures = blobs(40, RGB, model.classes)
    statistics = run_batch(job, state, pictures.pixels, pictures.labels, None).statistics
    assert set(statistics) == model.norms
    mean, variance, count = statistics["c1.norm"]
    assert count == 40 * 64
    follow_statistics(state, "c1.norm", mean, variance, count)
    np.testing.assert_allclose(state["c1.norm.mean"], 0.1 * mean, rtol=1e-5)
    np.testing.assert_allclose(state["c1.norm.variance"], 0.9 + 0.1 * variance * count / (count - 1), rtol=1e-5)


def test_what_cannot_be_trained_is_named() -> None:
    with pytest.raises(InputError) as caught:
        trainable(everything())
    text = str(caught.value)
    assert all(name in text for name in ("gate.s", "gated", "c2.h"))
    assert "sigmoid cannot be trained" in text
    assert "layer c1:" not in text


def test_the_softmax_is_left_out_and_a_logit_map_refused() -> None:
    net = Builder((1, 4, 4))
    net.add("c", square(2), "x")
    net.add("flat", Reshape(), "c", target=(32,))
    net.add("f", Linear(out=3), "flat")
    net.add("p", Softmax(), "f")
    assert trainable(net.graph("p")).logits == "f"
    assert "p" not in trainable(net.graph("p")).graph.by_name
    with pytest.raises(InputError, match="expected one logit a class"):
        trainable(net.graph("c"))
    net.add("t", Activation(function="tanh"), "f")
    with pytest.raises(InputError, match="tanh cannot be trained"):
        trainable(net.graph("t"))


def test_shipped_networks_are_trainable() -> None:
    for name in ("lenet5", "vgg8", "resnet8-cifar10", "resnet18", "squeezenet1.1"):
        assert trainable(load_workload(name)).classes in (10, 1000)
