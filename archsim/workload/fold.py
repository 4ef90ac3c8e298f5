"""Passes on a finished graph: per-channel scales absorbed by the layer before them, dead branches removed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from archsim.workload.graph import Affine, Conv, Graph, Layer, Linear, Parameters
from archsim.workload.views import scale_rows


def fold_affine(graph: Graph) -> Graph:
    """Absorb each `Affine` into the `Conv`, `Linear` or `Affine` before it, where it is that layer's only reader.

    With y = w x + b and z = s y + t per output channel: w' = s w and b' = s b + t (the usual batch norm folding;
    Jacob et al., CVPR 2018, section 3.2). A layer whose own output is a network output stays as it is.
    """
    readers = _reader_counts(graph)
    renamed: dict[str, str] = {}
    layers: dict[str, Layer] = {}
    parameters = dict(graph.parameters)
    for layer in graph.layers:
        inputs = tuple(renamed.get(name, name) for name in layer.inputs)
        source = layers.get(inputs[0]) if inputs else None
        absorbs = source is not None and isinstance(source.op, Conv | Linear | Affine)
        if isinstance(layer.op, Affine) and absorbs and readers[layer.inputs[0]] == 1:
            renamed[layer.name] = inputs[0]
            readers[inputs[0]] = readers[layer.name]
            parameters[inputs[0]] = _absorb(parameters[inputs[0]], parameters.pop(layer.name))
        else:
            layers[layer.name] = replace(layer, inputs=inputs)
    outputs = tuple(renamed.get(name, name) for name in graph.outputs)
    folded = replace(graph, layers=tuple(layers.values()), outputs=outputs)
    return folded.with_parameters(parameters, graph.weights)


def prune(graph: Graph) -> Graph:
    """Remove layers from which no network output can be reached."""
    needed = set(graph.outputs)
    for layer in reversed(graph.layers):
        if layer.name in needed:
            needed.update(layer.inputs)
    layers = tuple(layer for layer in graph.layers if layer.name in needed)
    kept = {name: value for name, value in graph.parameters.items() if name in needed}
    return replace(graph, layers=layers).with_parameters(kept, graph.weights)


def _reader_counts(graph: Graph) -> dict[str, int]:
    counts = {layer.name: 0 for layer in graph.layers}
    for name in [*graph.outputs, *(name for layer in graph.layers for name in layer.inputs)]:
        counts[name] += 1
    return counts


def _absorb(before: Parameters, affine: Parameters) -> Parameters:
    scale = affine.weight.astype(np.float64)
    bias = np.zeros(scale.shape) if before.bias is None else before.bias.astype(np.float64) * scale
    if affine.bias is not None:
        bias = bias + affine.bias
    return Parameters(scale_rows(before.weight, scale), bias.astype(np.float32))
