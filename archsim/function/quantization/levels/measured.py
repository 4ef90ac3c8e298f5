"""Measured losses for accuracy-driven level sets: what a float network says once one layer's weights are changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.function.quantization.levels.fit import Loss
from archsim.function.quantization.quantize import logit_layer
from archsim.function.reference.run import run_float
from archsim.workload.graph import Graph

Array = NDArray[Any]


def measured_loss(graph: Graph, images: Array) -> Callable[[str], Loss]:
    """From a layer's name to the loss of other weights in it: the mean divergence KL(before || after) of the network's
    probabilities on normalised `images` [N, C, H, W]; all other layers stay in float."""
    logits = logit_layer(graph)
    before = _log_probabilities(run_float(graph, images, keep=[logits])[logits])

    def of_layer(name: str) -> Loss:
        def measured(weight: Array) -> float:
            changed = {**graph.parameters, name: replace(graph.parameters[name], weight=weight)}
            after = run_float(graph.with_parameters(changed, graph.weights), images, keep=[logits])[logits]
            return float((np.exp(before) * (before - _log_probabilities(after))).sum(axis=1).mean())

        return measured

    return of_layer


def _log_probabilities(logits: Array) -> NDArray[np.float64]:
    """Logarithms of the softmax of logits [N, classes, ...]."""
    flat = logits.reshape(len(logits), -1).astype(np.float64)
    flat = flat - flat.max(axis=1, keepdims=True)
    return np.asarray(flat - np.log(np.exp(flat).sum(axis=1, keepdims=True)))
