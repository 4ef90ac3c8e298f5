"""A quantized network laid out for training: integer weights as the products want them, by batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.errors import InputError, Problem
from archsim.function.crossbars.integer import FLOAT32_EXACT
from archsim.function.quantization.network import MatrixLayer, QuantizedNetwork
from archsim.training.model import Model, parameters_of
from archsim.training.quantizers import Scheme
from archsim.workload.graph import Affine, Graph, Reshape

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Weights:
    """Integer weights of a matrix layer, [out, in / groups, kh, kw] or [out, in].

    Attributes
    ----------
    codes : integers, float32 where no sum of products can exceed 2**24, else float64.
    real : codes times their scale, float32.
    inside : False where a weight was clipped; None where none was.
    zero, gain : what the input's integers stand for, real = gain * (integer - zero), as the weights meet it
        (broadcastable to them).
    """

    codes: Array
    real: Array
    inside: Array | None
    zero: Array
    gain: Array


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Prepared:
    """A quantized network made ready for a batch. `weights` is by stored tensor; `learns` names the tensors whose
    gradient is needed."""

    network: QuantizedNetwork
    scheme: Scheme
    weights: Mapping[str, Weights]
    learns: frozenset[str]


def check_quantizable(model: Model) -> None:
    """Refuse layers that the integer network would compute on real values. Raises `InputError` naming all of them."""
    where = f"workload {model.graph.name}, layer "
    what = "scales per channel and no convolution can absorb it; quantization-aware training cannot hold it in integers"
    problems = [Problem(where + layer.name, what) for layer in model.graph.layers if isinstance(layer.op, Affine)]
    if problems:
        raise InputError(problems)


def prepare(model: Model, scheme: Scheme, state: Mapping[str, Array]) -> Prepared:
    """Quantize the current weights of a model."""
    graph = model.graph.with_parameters(parameters_of(model, state), "file")
    network = scheme.network(graph, state)
    pixels = {network.input} if network.pixels is not None else set()
    weights = {}
    for step in network.steps:
        folded = step.step.inputs[0] in pixels
        if isinstance(step.step.layer.op, Reshape) and folded:
            pixels.add(step.tensor)
        if step.matrix is not None:
            trained = graph.parameters[step.matrix.name].weight
            signs = scheme.settings.weights == "binary"
            weights[step.tensor] = _weights(step.matrix, trained, scheme if folded else None, signs)
    return Prepared(network=network, scheme=scheme, weights=weights, learns=model.learns)


def _weights(layer: MatrixLayer, trained: Array, folded: Scheme | None, signs: bool) -> Weights:
    geometry = layer.geometry
    groups, rows, columns = layer.weight.shape
    height, width = geometry.kernel
    ordered = layer.weight.reshape(groups, height, width, rows // (height * width), columns)
    codes = ordered.transpose(0, 4, 3, 1, 2).reshape(trained.shape)
    size = (layer.scale / layer.format.scale).reshape(-1, *(1,) * (trained.ndim - 1))
    zero, gain = _meaning(layer, trained, folded)
    inside = _inside(layer, (trained * gain if folded is not None else trained) / size)
    largest = np.abs(layer.weight.astype(np.int64)).sum(axis=1).max(initial=0) * layer.format.high
    # of folded pixels the scale is in the weights already
    real = codes * size if folded is None else codes * size / gain
    return Weights(
        codes=np.ascontiguousarray(codes, np.float32 if largest <= FLOAT32_EXACT else np.float64),
        real=real.astype(np.float32),
        inside=None if signs or inside.all() else inside,
        zero=zero,
        gain=gain,
    )


def rounded_graph(graph: Graph, prepared: Prepared) -> Graph:
    """The network with its weights as they are rounded: level sets found for these are the ones they have."""
    rounded = {
        step.matrix.name: replace(graph.parameters[step.matrix.name], weight=prepared.weights[step.tensor].real)
        for step in prepared.network.steps
        if step.matrix is not None
    }
    return graph.with_parameters({**graph.parameters, **rounded}, graph.weights)


def _inside(layer: MatrixLayer, exact: Array) -> Array:
    """Which weights, in units of their integers, rounding did not clip: up to half a step beyond the last integer, or
    half the outer gap beyond the outer level."""
    if layer.levels is None:
        return np.asarray(np.abs(exact) <= 2 ** (layer.weight_bits - 1) - 0.5)
    sets = [np.unique(values).astype(np.float64) for values in layer.levels.values]
    shape = (-1, *(1,) * (exact.ndim - 1))
    low = np.array([values[0] - np.ptp(values[:2]) / 2 for values in sets])
    high = np.array([values[-1] + np.ptp(values[-2:]) / 2 for values in sets])
    own = layer.levels.of
    return np.asarray((exact >= low[own].reshape(shape)) & (exact <= high[own].reshape(shape)))


def _meaning(layer: MatrixLayer, trained: Array, folded: Scheme | None) -> tuple[Array, Array]:
    """Zero and gain of the input as the weights meet them."""
    if folded is None:
        return np.zeros(1), np.full(1, layer.format.scale)
    geometry = layer.geometry
    pixels = folded.pixels
    channels = geometry.channels if trained.ndim == 4 else 1  # a flattened picture has one mean and scale
    zero, gain = pixels.per_channel(channels)
    met = (geometry.groups, -1) if trained.ndim == 4 else (1, 1)
    shape = (-1, zero.reshape(met).shape[1], *(1,) * (trained.ndim - 2))
    zero, gain = (np.repeat(item.reshape(met), geometry.columns, axis=0).reshape(shape) for item in (zero, gain))
    return zero, gain
