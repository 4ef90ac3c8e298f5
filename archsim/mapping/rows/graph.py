"""A row order moved into the network: the columns of the layer before change places instead of the rows' inputs.

Then no table is needed: the layer before writes its outputs in the order in which the rows stand.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.errors import InputError
from archsim.workload.graph import Activation, Affine, Conv, Graph, Linear, Parameters, Pool, Reshape

Array = NDArray[Any]
PER_CHANNEL = (Activation, Affine, Pool)
"""Operations that treat every channel for itself."""


def producer_of(graph: Graph, layer: str) -> tuple[str, ...]:
    """The way back from a fully connected or 1x1 convolution layer to the matrix layer whose columns are its rows: that
    layer's name first, then what lies between. Empty where an order of rows cannot become one of columns: more than one
    reader, rows that are not channels, other operations between."""
    op, consumers = graph[layer].op, graph.consumers()
    if not isinstance(op, Linear) and not (isinstance(op, Conv) and op.kernel == (1, 1) and op.groups == 1):
        return ()
    found: list[str] = []
    name = graph[layer].inputs[0]
    while len(consumers[name]) == 1 and name not in graph.outputs:
        found.insert(0, name)
        step = graph[name]
        if isinstance(step.op, Linear) or (isinstance(step.op, Conv) and step.op.groups == 1):
            return tuple(found)
        one_place = all(int(np.prod(graph[source].shape[1:])) == 1 for source in (name, *step.inputs))
        if len(step.inputs) != 1 or not (
            isinstance(step.op, PER_CHANNEL) or (isinstance(step.op, Reshape) and one_place)
        ):
            return ()
        name = step.inputs[0]
    return ()


def permute_producer(graph: Graph, layer: str, order: NDArray[np.int64]) -> Graph:
    """The same network with the rows of `layer` in this order (place -> row) and the columns of the layer before to
    match: every other tensor and all outputs stay as they are.

    Raises
    ------
    InputError
        A layer whose rows are not the columns of one layer before (`producer_of`).
    """
    way = producer_of(graph, layer)
    if not way:
        what = "has rows that are not the columns of one layer before it; expected an indirection table instead"
        raise InputError(what, f"workload {graph.name}, layer {layer}")
    found: dict[str, Parameters] = dict(graph.parameters)
    for name in way:
        held = found.get(name)
        if held is not None:
            bias = None if held.bias is None else held.bias[order]
            found[name] = replace(held, weight=np.ascontiguousarray(held.weight[order]), bias=bias)
    own = found[layer]
    found[layer] = replace(own, weight=np.ascontiguousarray(own.weight[:, order]))
    return graph.with_parameters(found, graph.weights)
