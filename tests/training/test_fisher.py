"""Fisher's information against finite differences of the likelihood."""

from __future__ import annotations

import numpy as np

from archsim.function.reference.run import run_float
from archsim.training.fisher import fisher_information
from archsim.training.pictures import normalised
from archsim.workload.graph import Graph, Parameters
from tests.training.nets import GRAY, blobs, sequential


def likelihood(graph: Graph, x: np.ndarray, label: int) -> float:
    logits = run_float(graph, x, keep=["f2"])["f2"].astype(np.float64)[0]
    return float(logits[label] - np.log(np.exp(logits - logits.max()).sum()) - logits.max())


def test_mean_squared_gradients() -> None:
    graph = sequential(seed=1, first="average")
    pictures = blobs(6, GRAY, 5, seed=3)
    found = fisher_information(graph, pictures, seed=4)
    assert {name: item.shape for name, item in found.items()} == {
        name: item.weight.shape for name, item in graph.parameters.items()
    }
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([4, 0xF15]))).random(6)
    x = np.ascontiguousarray(normalised(pictures.pixels, GRAY).swapaxes(0, 1))
    logits = run_float(graph, x, keep=["f2"])["f2"].astype(np.float64)
    share = np.exp(logits - logits.max(axis=1, keepdims=True))
    share = np.cumsum(share, axis=1) / share.sum(axis=1, keepdims=True)
    labels = [int(np.searchsorted(line, number)) for line, number in zip(share, rng, strict=True)]
    for name, place in (("f2", (2, 5)), ("c1", (1, 0, 1, 2)), ("f1", (3, 7))):
        squares = []
        for index, label in enumerate(labels):
            ends = []
            for step in (-2e-3, 2e-3):
                weight = graph.parameters[name].weight.copy()
                weight[place] += step
                moved = {**graph.parameters, name: Parameters(weight, graph.parameters[name].bias)}
                ends.append(likelihood(graph.with_parameters(moved, "file"), x[index : index + 1], label))
            squares.append(((ends[1] - ends[0]) / 4e-3) ** 2)
        np.testing.assert_allclose(found[name][place], np.mean(squares), rtol=0.05, atol=1e-6, err_msg=name)


def test_the_same_on_any_number_of_threads() -> None:
    graph, pictures = sequential(seed=1), blobs(5, GRAY, 5)
    one, two = (fisher_information(graph, pictures, threads=threads) for threads in (1, 2))
    assert all((one[name] == two[name]).all() for name in one)
