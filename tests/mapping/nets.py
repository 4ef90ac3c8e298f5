"""Small graphs for mapping tests."""

from __future__ import annotations

from archsim.workload.graph import Activation, Add, Concat, Conv, GlobalPool, Graph, Input, Layer, Linear, Pool, Reshape


def layer(name: str, op: object, inputs: tuple[str, ...], shape: tuple[int, ...]) -> Layer:
    return Layer(name=name, op=op, inputs=inputs, shape=shape)  # type: ignore[arg-type]


def conv(name: str, source: str, channels: int, size: int, kernel: int = 3, stride: int = 1) -> Layer:
    pad = kernel // 2
    op = Conv(out=channels, kernel=(kernel, kernel), stride=(stride, stride), padding=(pad, pad, pad, pad))
    return layer(name, op, (source,), (channels, size, size))


def residual(size: int = 8) -> Graph:
    """conv - [conv - relu - conv] + skip - relu - pool - fc: the skip and the long branch meet in an add."""
    layers = (
        layer("x", Input(), (), (3, size, size)),
        conv("a", "x", 16, size),
        layer("a.r", Activation(function="relu"), ("a",), (16, size, size)),
        conv("b", "a.r", 16, size),
        layer("b.r", Activation(function="relu"), ("b",), (16, size, size)),
        conv("c", "b.r", 16, size),
        layer("s", Add(), ("c", "a.r"), (16, size, size)),
        layer("s.r", Activation(function="relu"), ("s",), (16, size, size)),
        layer("p", GlobalPool(function="average"), ("s.r",), (16, 1, 1)),
        layer("f", Reshape(), ("p",), (16,)),
        layer("fc", Linear(out=10), ("f",), (10,)),
    )
    return Graph(name="residual", layers=layers, outputs=("fc",))


def fire(size: int = 6) -> Graph:
    """squeeze - two expands - concat - max pool: SqueezeNet's module."""
    layers = (
        layer("x", Input(), (), (8, size, size)),
        conv("s", "x", 4, size, kernel=1),
        conv("e1", "s", 8, size, kernel=1),
        conv("e3", "s", 8, size),
        layer("cat", Concat(axis=0), ("e1", "e3"), (16, size, size)),
        layer("p", Pool(function="max", kernel=(2, 2), stride=(2, 2)), ("cat",), (16, size // 2, size // 2)),
        conv("t", "p", 4, size // 2, kernel=1),
    )
    return Graph(name="fire", layers=layers, outputs=("t",))
