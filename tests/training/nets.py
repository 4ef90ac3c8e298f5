"""Small networks, pictures and finite differences for the training tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from archsim.training.pictures import Pictures
from archsim.workload import Graph, Preprocessing
from archsim.workload.graph import Activation, Add, Concat, GlobalPool, Linear, Pool, Reshape
from tests.function.nets import RELU, Builder, square

Pooling = Literal["max", "average"]
GRAY = Preprocessing(size=(10, 10), channels="gray", mean=(20.0,), scale=(1 / 64,), source="test")
RGB = Preprocessing(size=(8, 8), mean=(10.0, 20.0, 30.0), scale=(1 / 64, 1 / 70, 1 / 80), source="test")


def sequential(seed: int | None = 0, first: Pooling = "max") -> Graph:
    """conv - relu - `first` pool - conv - relu - average pool - linear - relu - linear on gray 10 x 10 pictures."""
    net = Builder((1, 10, 10))
    net.add("c1", square(4), "x")
    net.add("c1.r", RELU, "c1")
    net.add("p1", Pool(function=first, kernel=(2, 2), stride=(2, 2)), "c1.r")
    net.add("c2", square(6, padding=0), "p1")
    net.add("c2.r", RELU, "c2")
    net.add("p2", Pool(function="average", kernel=(2, 2), stride=(1, 1)), "c2.r")
    net.add("flat", Reshape(), "p2", target=(24,))
    net.add("f1", Linear(out=12), "flat")
    net.add("f1.r", RELU, "f1")
    net.add("f2", Linear(out=5), "f1.r")
    graph = net.graph("f2", seed=seed or 0)
    return graph if seed is not None else graph.with_parameters({}, "none")


def residual(seed: int | None = 0, first: Pooling = "max") -> Graph:
    """Strided and grouped convolutions, two residual adds, a concatenation, a clip, pooling windows on padding."""
    net = Builder((3, 8, 8))
    net.add("c1", square(8), "x")
    net.add("c1.r", RELU, "c1")
    net.add("c2", square(8, groups=2), "c1.r")
    net.add("sum1", Add(), "c2", "c1.r")
    net.add("sum1.r", RELU, "sum1")
    net.add("mp", Pool(function=first, kernel=(3, 3), stride=(2, 2), padding=(1, 1, 1, 1)), "sum1.r")
    net.add("c3", square(8, kernel=1), "mp")
    net.add("c3.r", Activation(function="clip", low=0.0, high=6.0), "c3")
    net.add("dw", square(8, groups=8), "c3.r")
    net.add("skip", square(8, stride=2), "sum1.r")
    net.add("sum2", Add(), "dw", "skip")
    net.add("cat", Concat(), "sum2", "mp")
    net.add("gp", GlobalPool(function="average"), "cat")
    net.add("flat", Reshape(), "gp", target=(16,))
    net.add("fc", Linear(out=4), "flat")
    graph = net.graph("fc", seed=seed or 0)
    return graph if seed is not None else graph.with_parameters({}, "none")


def blobs(count: int, preprocessing: Preprocessing, classes: int, seed: int = 0) -> Pictures:
    """Noisy pictures with a bright square whose place is the class: easy to learn."""
    rng = np.random.default_rng(seed)
    height, width = preprocessing.size
    pixels = rng.integers(0, 60, (count, preprocessing.channel_count, height, width))
    labels = rng.integers(0, classes, count)
    for index, label in enumerate(labels):
        row, column = divmod(int(label), 3)
        pixels[index, :, row * 3 : row * 3 + 3, column * 3 : column * 3 + 2] += 150
    return Pictures(pixels=pixels.astype(np.uint8), labels=labels.astype(np.int64), preprocessing=preprocessing)


def numeric_gradient(function: Callable[[np.ndarray], float], at: np.ndarray, step: float = 1e-6) -> np.ndarray:
    """Central differences of a scalar function, element by element; `at` is float64 and restored."""
    out = np.empty(at.shape)
    flat, found = at.reshape(-1), out.reshape(-1)
    for index in range(flat.size):
        held = flat[index]
        flat[index] = held + step
        above = function(at)
        flat[index] = held - step
        found[index] = (above - function(at)) / (2 * step)
        flat[index] = held
    return out
