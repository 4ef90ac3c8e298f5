"""The float network forward, on the tape: one recording function for each operation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.function.unroll import geometry_of
from archsim.training import ops
from archsim.training.model import Model
from archsim.training.tape import Chunk, Entry
from archsim.workload.graph import Activation, Add, Affine, Concat, Conv, GlobalPool, Input, Layer, Linear, Op, Pool, Reshape

Array = NDArray[Any]
Back = Callable[[Array, Array | None], tuple[tuple[Array | None, ...], Mapping[str, Array]]]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Forward:
    """Outcome of `forward` on a chunk: the logits [classes, n], the tape, and by batch norm the mean and variance of
    the batch."""

    logits: Array
    tape: list[Entry]
    statistics: Mapping[str, tuple[Array, Array]]


@dataclass(slots=True, eq=False, kw_only=True)
class _Context:
    """What recording functions need: the state, which inputs want gradients, how many images the batch has."""

    model: Model
    state: Mapping[str, Array]
    batch: int
    statistics: dict[str, tuple[Array, Array]] = field(default_factory=dict)

    def wants(self, layer: Layer) -> bool:
        return layer.inputs[0] in self.model.learns


def forward(model: Model, state: Mapping[str, Array], x: Array, batch: int | None) -> Chunk[Forward]:
    """Logits of a chunk.

    Parameters
    ----------
    x : [C, n, H, W], normalised.
    batch : images of the whole batch, whose statistics the batch norms use; None uses the running statistics and
        records no tape.
    """
    context = _Context(model=model, state=state, batch=batch or 0)
    last = {name: layer.name for layer in model.graph.layers for name in layer.inputs}
    held: dict[str, Array] = {}
    tape: list[Entry] = []
    for layer in model.graph.layers:
        sources = [held[name] for name in layer.inputs]
        totals = None
        if batch is not None and layer.name in model.norms:
            totals = yield ops.norm_sums(sources[0], sources[0])
        if isinstance(layer.op, Input):
            held[layer.name] = x
        else:
            held[layer.name], back = record(context, layer, sources, totals)
            if batch is not None and layer.name in model.learns:
                x_in = sources[0]
                sums = None if totals is None else (lambda dy, x_in=x_in: ops.norm_sums(dy, x_in))
                tape.append(Entry(output=layer.name, inputs=layer.inputs, back=back, sums=sums))
        for name in set(layer.inputs):
            if last[name] == layer.name:
                del held[name]
    return Forward(logits=held[model.logits], tape=tape, statistics=context.statistics)


def record(context: _Context, layer: Layer, sources: list[Array], totals: Array | None) -> tuple[Array, Back]:
    """Output of a layer and the function that sends gradients back through it."""
    if layer.name in context.model.norms:
        return _norm(context, layer, sources[0], totals)
    return RECORDERS[type(layer.op)](context, layer, sources)


def _matrix(context: _Context, layer: Layer, sources: list[Array]) -> tuple[Array, Back]:
    x, name = sources[0], layer.name
    weight, bias = context.state[f"{name}.weight"], context.state.get(f"{name}.bias")
    geometry = geometry_of(layer, (x.shape[0], *x.shape[2:]))
    unrolled = ops.patches(x, geometry)
    out = ops.matrix_forward(weight, bias, unrolled).reshape(layer.shape[0], x.shape[1], *layer.shape[1:])
    wants, shape = context.wants(layer), x.shape

    def back(gradient: Array, _: Array | None) -> tuple[tuple[Array | None, ...], Mapping[str, Array]]:
        flat = np.ascontiguousarray(gradient).reshape(len(weight), -1)
        on_weight, on_bias = ops.matrix_gradients(flat, unrolled)
        found = {f"{name}.weight": on_weight.reshape(weight.shape)}
        if bias is not None:
            found[f"{name}.bias"] = on_bias
        return (ops.matrix_backward(flat, weight, geometry, shape) if wants else None,), found

    return out, back


def _norm(context: _Context, layer: Layer, x: Array, totals: Array | None) -> tuple[Array, Back]:
    name, state = layer.name, context.state
    gain, bias = state[f"{name}.weight"], state[f"{name}.bias"]
    count = context.batch * (x[0].size // x.shape[1])
    if totals is None:
        mean, variance = state[f"{name}.mean"], state[f"{name}.variance"]
    else:
        mean, variance = ops.norm_statistics(totals, count)
        context.statistics[name] = (mean, variance)

    def back(gradient: Array, sums: Array | None) -> tuple[tuple[Array | None, ...], Mapping[str, Array]]:
        assert sums is not None
        own = ops.norm_gradients(ops.norm_sums(gradient, x), (mean, variance))
        found = {f"{name}.{part}": value.astype(gradient.dtype) for part, value in zip(("weight", "bias"), own, strict=True)}
        return (ops.norm_backward(gradient, x, gain, (mean, variance), sums, count),), found

    return ops.norm_forward(x, gain, bias, mean, variance), back


def _affine(context: _Context, layer: Layer, sources: list[Array]) -> tuple[Array, Back]:
    x, name = sources[0], layer.name
    along = (-1,) + (1,) * (x.ndim - 1)
    weight, bias = context.state[f"{name}.weight"].reshape(along), context.state[f"{name}.bias"].reshape(along)

    def back(gradient: Array, _: Array | None) -> tuple[tuple[Array | None, ...], Mapping[str, Array]]:
        parts = {"weight": gradient * x, "bias": gradient}
        found = {f"{name}.{part}": value.reshape(len(value), -1).sum(axis=1) for part, value in parts.items()}
        return (gradient * weight if context.wants(layer) else None,), found

    return x * weight + bias, back


def limits(op: Activation) -> tuple[float, float]:
    """What a ReLU or clip limits its input to."""
    return (0.0, np.inf) if op.function == "relu" else (op.low, op.high)


def _activation(context: _Context, layer: Layer, sources: list[Array]) -> tuple[Array, Back]:
    op = layer.op
    assert isinstance(op, Activation)
    low, high = limits(op)
    out = ops.clip_forward(sources[0], low, high)
    return out, lambda gradient, _: ((ops.clip_backward(gradient, out, low, high),), {})


def _pool(context: _Context, layer: Layer, sources: list[Array]) -> tuple[Array, Back]:
    x, op = sources[0], layer.op
    if isinstance(op, GlobalPool):
        op = ops.whole_map(op, (x.shape[0], *x.shape[2:]))
    assert isinstance(op, Pool)
    window, shape = op, x.shape
    if window.function == "max":
        out, places = ops.max_pool_forward(x, window, layer.shape)
        return out, lambda gradient, _: ((ops.max_pool_backward(gradient, places, shape),), {})
    out = ops.average_pool_forward(x, window, layer.shape)
    return out, lambda gradient, _: ((ops.average_pool_backward(gradient, window, shape),), {})


def _add(context: _Context, layer: Layer, sources: list[Array]) -> tuple[Array, Back]:
    shapes = [source.shape for source in sources]

    def back(gradient: Array, _: Array | None) -> tuple[tuple[Array | None, ...], Mapping[str, Array]]:
        return tuple(_unbroadcast(gradient, shape) for shape in shapes), {}

    return reduce(np.add, sources), back


def _unbroadcast(gradient: Array, shape: tuple[int, ...]) -> Array:
    """Gradient of an operand that was broadcast over the map."""
    axes = tuple(axis for axis, length in enumerate(shape) if length != gradient.shape[axis])
    return gradient.sum(axis=axes, keepdims=True) if axes else gradient


def _concat(context: _Context, layer: Layer, sources: list[Array]) -> tuple[Array, Back]:
    cuts = np.cumsum([len(source) for source in sources])[:-1]
    return np.concatenate(sources), lambda gradient, _: (tuple(np.split(gradient, cuts)), {})


def _reshape(context: _Context, layer: Layer, sources: list[Array]) -> tuple[Array, Back]:
    before = (sources[0].shape[0], *sources[0].shape[2:])
    return ops.reshape_forward(sources[0], layer.shape), lambda gradient, _: ((ops.reshape_forward(gradient, before),), {})


RECORDERS: Mapping[type[Op], Callable[[_Context, Layer, list[Array]], tuple[Array, Back]]] = {
    Conv: _matrix,
    Linear: _matrix,
    Affine: _affine,
    Activation: _activation,
    Pool: _pool,
    GlobalPool: _pool,
    Add: _add,
    Concat: _concat,
    Reshape: _reshape,
}
