"""How much each weight matters: the mean squared gradient of the log-likelihood (the diagonal of Fisher's information).

To second order, a change d of the weights costs half the sum of F d**2 of likelihood. Answers are drawn from what the
network itself says, so no labels are needed (Kunstner, Balles and Hennig, NeurIPS 2019, tell this from the "empirical"
Fisher, which takes labels).
"""

from __future__ import annotations

from concurrent.futures import Executor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.function.parallel import spread, thread_pool
from archsim.training import floating
from archsim.training.losses import cross_entropy, softmax
from archsim.training.model import Model, State, initial_state, trainable
from archsim.training.pictures import Pictures, normalised
from archsim.training.tape import Chunk, Gradients, backward, in_step
from archsim.workload import Graph

Array = NDArray[Any]


def fisher_information(
    graph: Graph, pictures: Pictures, *, seed: int = 0, threads: int | None = None
) -> dict[str, NDArray[np.float64]]:
    """Mean squared gradient of every weight of a float network, by layer, in the shape of its weights.

    Parameters
    ----------
    pictures : a few hundred are enough to rank weights; each is looked at alone.
    seed : of the answers drawn.

    Raises
    ------
    InputError
        A network that cannot be trained, and so has no gradients here.
    """
    model = trainable(graph)
    state = initial_state(model, 0)
    with thread_pool(threads) as pool:
        return _mean_squares(model, state, pictures, seed, pool)


def _mean_squares(
    model: Model, state: State, pictures: Pictures, seed: int, pool: Executor | None
) -> dict[str, NDArray[np.float64]]:
    drawn = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, 0xF15]))).random(len(pictures))

    def squares(index: int) -> Gradients:
        x = normalised(pictures.pixels[index : index + 1], pictures.preprocessing)
        (found,) = in_step(None, [_gradients(model, state, x, drawn[index])])
        return found

    total: dict[str, NDArray[np.float64]] = {}
    for found in spread(pool, squares, range(len(pictures))):
        for name, gradient in found.items():
            layer, _, part = name.rpartition(".")
            if part == "weight":
                square = gradient.astype(np.float64) ** 2 / len(pictures)
                total[layer] = total[layer] + square if layer in total else square
    return {layer: square.reshape(state[f"{layer}.weight"].shape) for layer, square in total.items()}


def _gradients(model: Model, state: State, x: Array, drawn: float) -> Chunk[Gradients]:
    """Gradients of one picture's log-likelihood of an answer drawn from the network's own probabilities."""
    found = yield from floating.forward(model, state, x, 1)
    share = np.cumsum(softmax(found.logits)[:, 0])
    label = np.array([min(int(np.searchsorted(share, drawn * share[-1])), model.classes - 1)])
    _, gradient = cross_entropy(found.logits, label)
    return (yield from backward(found.tape, model.logits, gradient))
