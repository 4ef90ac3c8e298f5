"""The float network forward, on the tape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.function.unroll import geometry_of
from archsim.training import ops
from archsim.training.model import Model
from archsim.training.recorders import RECORDERS
from archsim.training.tape import Chunk, Entry, Pulled
from archsim.workload.graph import Affine, Conv, Input, Layer, Linear

Array = NDArray[Any]
Statistics = tuple[Array, Array]
Matrix = Callable[[Layer, Mapping[str, Array], Array, bool], tuple[Array, Entry]]
"""(convolution or linear layer, state, input [C, n, ...], whether the input's gradient is wanted) -> output, entry."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Forward:
    """Outcome of a chunk: the logits [classes, n], the tape, and by batch norm mean [C], variance [C] and number of
    values a channel of the batch."""

    logits: Array
    tape: list[Entry]
    statistics: Mapping[str, tuple[Array, Array, int]]


def matrix_product(layer: Layer, state: Mapping[str, Array], x: Array, wants: bool) -> tuple[Array, Entry]:
    """The product of a layer in float32, and its entry on the tape."""
    name = layer.name
    weight, bias = state[f"{name}.weight"], state.get(f"{name}.bias")
    geometry = geometry_of(layer, (x.shape[0], *x.shape[2:]))
    unrolled, shape = ops.patches(x, geometry), x.shape
    out = ops.matrix_forward(weight, bias, unrolled).reshape(layer.shape[0], x.shape[1], *layer.shape[1:])

    def back(gradient: Array, _: Array | None) -> Pulled:
        flat = np.ascontiguousarray(gradient).reshape(len(weight), -1)
        on_weight, on_bias = ops.matrix_gradients(flat, unrolled)
        found = {f"{name}.weight": on_weight.reshape(weight.shape)}
        if bias is not None:
            found[f"{name}.bias"] = on_bias
        return (ops.matrix_backward(flat, weight, geometry, shape) if wants else None,), found

    return out, Entry(output=name, inputs=layer.inputs, back=back)


def forward(
    model: Model, state: Mapping[str, Array], x: Array, batch: int, matrix: Matrix = matrix_product
) -> Chunk[Forward]:
    """Logits and tape of a chunk x [C, n, H, W] (normalised) of a batch of `batch` images; batch norms use the batch's
    own statistics. `matrix` computes the layers with weights."""
    statistics: dict[str, tuple[Array, Array, int]] = {}
    tape: list[Entry] = []
    held = _Held(model)
    for layer in model.graph.layers:
        sources = held.sources(layer)
        if isinstance(layer.op, Input):
            out = x
        elif layer.name in model.norms:
            count = batch * (sources[0].size // (sources[0].shape[0] * sources[0].shape[1]))
            totals = yield ops.norm_sums(sources[0], sources[0])
            found = ops.norm_statistics(totals, count)
            statistics[layer.name] = (*found, count)
            out, entry = record_norm(layer, state, sources[0], found, count)
            tape.append(entry)
        else:
            out, entry = record(layer, state, sources, model.learns, matrix)
            if layer.name in model.learns:
                tape.append(entry)
        held.keep(layer, out)
    return Forward(logits=held.tensors[model.logits], tape=tape, statistics=statistics)


def predict(model: Model, state: Mapping[str, Array], x: Array, matrix: Matrix = matrix_product) -> Array:
    """Logits [classes, n] of x [C, n, H, W], batch norms with their running statistics."""
    held = _Held(model)
    for layer in model.graph.layers:
        sources = held.sources(layer)
        if isinstance(layer.op, Input):
            out = x
        elif layer.name in model.norms:
            parts = (state[f"{layer.name}.{part}"] for part in ("weight", "bias", "mean", "variance"))
            out = ops.norm_forward(sources[0], *parts)
        else:
            out, _ = record(layer, state, sources, frozenset(), matrix)
        held.keep(layer, out)
    return held.tensors[model.logits]


class _Held:
    """Tensors still to be read."""

    def __init__(self, model: Model) -> None:
        self.tensors: dict[str, Array] = {}
        self.last = {name: layer.name for layer in model.graph.layers for name in layer.inputs}
        self.last[model.logits] = ""

    def sources(self, layer: Layer) -> list[Array]:
        """Inputs of a layer."""
        return [self.tensors[name] for name in layer.inputs]

    def keep(self, layer: Layer, out: Array) -> None:
        """Hold a layer's output, let go of what it was the last to read."""
        self.tensors[layer.name] = out
        for name in set(layer.inputs):
            if self.last[name] == layer.name:
                del self.tensors[name]


def record(
    layer: Layer,
    state: Mapping[str, Array],
    sources: list[Array],
    learns: frozenset[str],
    matrix: Matrix = matrix_product,
) -> tuple[Array, Entry]:
    """Output of a layer that is no batch norm, and its entry on the tape."""
    wants = layer.inputs[0] in learns
    if isinstance(layer.op, Conv | Linear):
        return matrix(layer, state, sources[0], wants)
    if isinstance(layer.op, Affine):
        return _affine(layer, state, sources[0], wants)
    out, back = RECORDERS[type(layer.op)](layer, sources)
    return out, Entry(output=layer.name, inputs=layer.inputs, back=lambda gradient, _: (back(gradient), {}))


def _affine(layer: Layer, state: Mapping[str, Array], x: Array, wants: bool) -> tuple[Array, Entry]:
    along = (-1,) + (1,) * (x.ndim - 1)
    weight, bias = (state[f"{layer.name}.{part}"].reshape(along) for part in ("weight", "bias"))

    def back(gradient: Array, _: Array | None) -> Pulled:
        parts = {"weight": gradient * x, "bias": gradient}
        found = {f"{layer.name}.{part}": value.reshape(len(value), -1).sum(axis=1) for part, value in parts.items()}
        return (gradient * weight if wants else None,), found

    return x * weight + bias, Entry(output=layer.name, inputs=layer.inputs, back=back)


def record_norm(
    layer: Layer, state: Mapping[str, Array], x: Array, statistics: Statistics, count: int
) -> tuple[Array, Entry]:
    """Output of a batch norm with the given statistics of a batch of `count` values a channel, and its entry."""
    gain, bias = (state[f"{layer.name}.{part}"] for part in ("weight", "bias"))

    def back(gradient: Array, totals: Array | None) -> Pulled:
        assert totals is not None
        on_gain, on_bias = ops.norm_gradients(ops.norm_sums(gradient, x), statistics)
        found = {f"{layer.name}.weight": on_gain.astype(x.dtype), f"{layer.name}.bias": on_bias.astype(x.dtype)}
        return (ops.norm_backward(gradient, x, gain, statistics, totals, count),), found

    entry = Entry(output=layer.name, inputs=layer.inputs, back=back, sums=lambda gradient: ops.norm_sums(gradient, x))
    return ops.norm_forward(x, gain, bias, *statistics), entry
