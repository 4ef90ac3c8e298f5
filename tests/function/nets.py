"""Small networks with drawn weights for the function tests."""

from __future__ import annotations

import numpy as np

from archsim.workload.graph import (
    Activation,
    Add,
    Affine,
    Concat,
    Conv,
    GlobalPool,
    Graph,
    Input,
    Layer,
    Linear,
    Mul,
    Op,
    Pool,
    Reshape,
    Shape,
    Softmax,
)
from archsim.workload.shapes import infer_shape
from archsim.workload.weights import seeded_weights


class Builder:
    """Adds layers one by one, working out their shapes."""

    def __init__(self, shape: Shape) -> None:
        self.layers = [Layer(name="x", op=Input(), inputs=(), shape=shape)]

    def add(self, name: str, op: Op, *inputs: str, target: Shape = ()) -> str:
        shapes = {layer.name: layer.shape for layer in self.layers}
        shape = infer_shape(op, [shapes[item] for item in inputs], target)
        self.layers.append(Layer(name=name, op=op, inputs=inputs, shape=shape))
        return name

    def graph(self, *outputs: str, seed: int = 0) -> Graph:
        graph = Graph(name="small", layers=tuple(self.layers), outputs=outputs)
        return seeded_weights(graph, seed)


def square(out: int, kernel: int = 3, stride: int = 1, groups: int = 1, padding: int | None = None) -> Conv:
    pad = kernel // 2 if padding is None else padding
    return Conv(out=out, kernel=(kernel, kernel), stride=(stride, stride), padding=(pad,) * 4, groups=groups)


RELU = Activation(function="relu")


def everything(seed: int = 0, size: int = 12) -> Graph:
    """Residual add, concatenation, depthwise and grouped convolutions, pools, scale, gate, swish, classifier."""
    net = Builder((3, size, size))
    net.add("c1", square(16), "x")
    net.add("c1.r", RELU, "c1")
    net.add("dw", square(16, groups=16), "c1.r")
    net.add("dw.6", Activation(function="clip", low=0.0, high=6.0), "dw")
    net.add("pw", square(16, kernel=1), "dw.6")
    net.add("sum", Add(), "pw", "c1.r")
    net.add("sum.r", RELU, "sum")
    net.add("e1", square(8, kernel=1), "sum.r")
    net.add("e1.r", RELU, "e1")
    net.add("e3", square(8, groups=2), "sum.r")
    net.add("cat", Concat(), "e1.r", "e3")
    net.add("mp", Pool(function="max", kernel=(3, 3), stride=(2, 2)), "cat")
    net.add("bn", Affine(), "mp")
    net.add("bn.r", RELU, "bn")
    net.add("ap", Pool(function="average", kernel=(3, 3), padding=(1, 1, 1, 1)), "bn.r")
    net.add("squeeze", GlobalPool(function="average"), "ap")
    net.add("gate", square(16, kernel=1), "squeeze")
    net.add("gate.s", Activation(function="sigmoid"), "gate")
    net.add("gated", Mul(), "ap", "gate.s")
    net.add("c2", square(24, stride=2), "gated")
    net.add("c2.h", Activation(function="hard_swish"), "c2")
    net.add("gp", GlobalPool(function="average"), "c2.h")
    net.add("flat", Reshape(), "gp", target=(24,))
    net.add("fc", Linear(out=10), "flat")
    net.add("prob", Softmax(), "fc")
    return net.graph("prob", seed=seed)


def plain(seed: int = 0, padding: int = 1) -> Graph:
    """conv - relu - conv - relu - global pool - fc."""
    net = Builder((3, 8, 8))
    net.add("c1", square(8, padding=padding), "x")
    net.add("c1.r", RELU, "c1")
    net.add("c2", square(12, stride=2), "c1.r")
    net.add("c2.r", RELU, "c2")
    net.add("gp", GlobalPool(function="average"), "c2.r")
    net.add("flat", Reshape(), "gp", target=(12,))
    net.add("fc", Linear(out=5), "flat")
    return net.graph("fc", seed=seed)


def pictures(count: int, size: int, seed: int = 0) -> np.ndarray:
    """Smooth random pixels uint8 [count, 3, size, size]."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (count, 3, size // 2 + 1, size // 2 + 1))
    fine = np.repeat(np.repeat(coarse, 2, axis=2), 2, axis=3)[:, :, :size, :size]
    return np.ascontiguousarray(np.clip(fine + rng.integers(-20, 21, fine.shape), 0, 255), dtype=np.uint8)
