"""Operations without parameters on the tape: for each, the output and the function that sends gradients back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.training import ops
from archsim.workload.graph import Activation, Add, Concat, GlobalPool, Layer, Op, Pool, Reshape

Array = NDArray[Any]
Back = Callable[[Array], tuple[Array | None, ...]]
"""Gradients of the inputs from the gradient of the output."""


def limits(op: Activation) -> tuple[float, float]:
    """What a ReLU or clip limits its input to."""
    return (0.0, np.inf) if op.function == "relu" else (op.low, op.high)


def record_activation(layer: Layer, sources: list[Array]) -> tuple[Array, Back]:
    """ReLU or clip."""
    assert isinstance(layer.op, Activation)
    low, high = limits(layer.op)
    out = ops.clip_forward(sources[0], low, high)
    return out, lambda gradient: (ops.clip_backward(gradient, out, low, high),)


def record_pool(layer: Layer, sources: list[Array]) -> tuple[Array, Back]:
    """Maximum or average over windows or whole maps."""
    x, op = sources[0], layer.op
    if isinstance(op, GlobalPool):
        op = ops.whole_map(op, (x.shape[0], *x.shape[2:]))
    assert isinstance(op, Pool)
    window, shape = op, x.shape
    if window.function == "max":
        out, places = ops.max_pool_forward(x, window, layer.shape)
        return out, lambda gradient: (ops.max_pool_backward(gradient, places, shape),)
    out = ops.average_pool_forward(x, window, layer.shape)
    return out, lambda gradient: (ops.average_pool_backward(gradient, window, shape),)


def record_add(_layer: Layer, sources: list[Array]) -> tuple[Array, Back]:
    """Sum of tensors; a single number a channel spreads over the map."""
    shapes = [source.shape for source in sources]
    return reduce(np.add, sources), lambda gradient: tuple(_gathered(gradient, shape) for shape in shapes)


def _gathered(gradient: Array, shape: tuple[int, ...]) -> Array:
    axes = tuple(axis for axis, length in enumerate(shape) if length != gradient.shape[axis])
    return gradient.sum(axis=axes, keepdims=True) if axes else gradient


def record_concat(_layer: Layer, sources: list[Array]) -> tuple[Array, Back]:
    """Concatenation of channels."""
    cuts = np.cumsum([len(source) for source in sources])[:-1]
    return np.concatenate(sources), lambda gradient: tuple(np.split(gradient, cuts))


def record_reshape(layer: Layer, sources: list[Array]) -> tuple[Array, Back]:
    """Row-major reshape of every image."""
    before = (sources[0].shape[0], *sources[0].shape[2:])
    return ops.reshape_forward(sources[0], layer.shape), lambda gradient: (ops.reshape_forward(gradient, before),)


RECORDERS: Mapping[type[Op], Callable[[Layer, list[Array]], tuple[Array, Back]]] = {
    Activation: record_activation,
    Pool: record_pool,
    GlobalPool: record_pool,
    Add: record_add,
    Concat: record_concat,
    Reshape: record_reshape,
}
"""By operation: (layer, inputs [C, n, ...]) to (output, back)."""
