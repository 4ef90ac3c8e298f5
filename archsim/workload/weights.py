"""Weights drawn from a seed, and the fingerprint of a network with its weights."""

from __future__ import annotations

import hashlib
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from archsim.workload.graph import Affine, Graph, Parameters
from archsim.workload.shapes import fan_in, parameter_shapes

_AFFINE_SPREAD = 0.1
"""Standard deviation of drawn scales around 1 and shifts around 0: near a trained batch norm's identity."""


def seeded_weights(graph: Graph, seed: int) -> Graph:
    """The same network with weights drawn from `seed`; `weights` becomes "seeded".

    Convolutions and linear layers: normal with variance 2 / fan_in (He et al., ICCV 2015, eq. (10)), bias zero.
    Affine layers: scale normal around 1, shift around 0. Layer i among those with parameters draws from
    `SeedSequence((seed, i))`, so weights depend neither on other layers nor on the evaluation order. Accuracy with
    such weights means nothing; activity statistics and numerical checks do.
    """
    parameters: dict[str, Parameters] = {}
    for layer in graph.layers:
        inputs = [graph[name].shape for name in layer.inputs]
        shapes = parameter_shapes(layer.op, inputs)
        if shapes is None:
            continue
        generator = np.random.default_rng(np.random.SeedSequence((seed, len(parameters))))
        weight = generator.standard_normal(shapes[0], dtype=np.float32)
        if isinstance(layer.op, Affine):
            shift = generator.standard_normal(shapes[1], dtype=np.float32)
            spread = np.float32(_AFFINE_SPREAD)
            parameters[layer.name] = Parameters(1 + spread * weight, spread * shift)
        else:
            weight *= np.float32(sqrt(2 / fan_in(layer.op, inputs)))
            parameters[layer.name] = Parameters(weight, np.zeros(shapes[1], np.float32))
    return graph.with_parameters(parameters, "seeded")


def workload_hash(graph: Graph) -> str:
    """SHA-256 (hexadecimal) of structure and weights; independent of layer names, file name and memory layout."""
    digest = hashlib.sha256(graph.structure().encode())
    for layer in graph.layers:
        found = graph.parameters.get(layer.name)
        if found is not None:
            _update(digest, found.weight)
            if found.bias is not None and found.bias.any():
                _update(digest, found.bias)
    return digest.hexdigest()


def _update(digest: hashlib._Hash, array: NDArray[np.float32]) -> None:
    digest.update(repr(array.shape).encode())
    for row in array:  # row by row: a constant weight is a view, its whole would be copied
        digest.update(np.asarray(row, dtype="<f4").tobytes())
