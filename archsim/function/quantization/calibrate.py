"""Ranges of the activation tensors, observed on given pictures through the float network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.errors import InputError, Problem
from archsim.function.parallel import thread_pool
from archsim.function.quantization.histogram import least_squares_range, observe_histogram, percentile_range
from archsim.function.quantization.steps import plan_steps
from archsim.function.reference.run import check_runnable, default_batch, walk
from archsim.workload.graph import Conv, Graph, Linear

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranges:
    """What is known of each stored tensor, by layer name: its lowest and highest real value, and its channel means.

    `means` (float64 [channels], first axis) may be empty; with them `quantize` corrects biases. `origin` says where all
    this comes from.
    """

    values: Mapping[str, tuple[float, float]]
    origin: str
    means: Mapping[str, NDArray[np.float64]] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrator:
    """A rule for ranges. `observe(state, values)` folds one batch of a tensor into a state (None at first, never
    changed in place); `conclude(state)` gives (low, high)."""

    observe: Callable[[Any, Array], Any]
    conclude: Callable[[Any], tuple[float, float]]


def _observe_extremes(state: tuple[float, float] | None, values: Array) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    return (low, high) if state is None else (min(state[0], low), max(state[1], high))


def _percentile(percent: float) -> Calibrator:
    return Calibrator(observe=observe_histogram, conclude=lambda state: percentile_range(state, percent))


CALIBRATORS: dict[str, Calibrator] = {
    "minmax": Calibrator(observe=_observe_extremes, conclude=lambda state: (state[0], state[1])),
    **{f"p{percent}": _percentile(percent) for percent in (99.9, 99.99, 99.999)},
    "mse8": Calibrator(observe=observe_histogram, conclude=lambda state: least_squares_range(state, 8)),
}
"""Calibration rules by name. A rule must give an interval inside the observed extremes, whatever the batching."""


def calibrate(graph: Graph, images: Iterable[Array], *, method: str = "minmax", origin: str = "calibrated") -> Ranges:
    """Ranges of the tensors a quantized network stores, and channel means of those its matrix layers read.

    Parameters
    ----------
    graph : with weights.
    images : batches [N, C, H, W] float32, preprocessed.
    method : a name in CALIBRATORS.
    origin : recorded in the ranges.

    Raises
    ------
    InputError
        If there is no image, the network does not run on it, or a tensor is not finite.
    """
    if method not in CALIBRATORS:
        raise InputError([Problem("calibration", f"unknown method {method!r}; known are {', '.join(CALIBRATORS)}")])
    states, sums, seen = _observe(graph, images, CALIBRATORS[method])
    if seen == 0:
        raise InputError([Problem("calibration", "needs at least one picture, got none")])
    ranges = {name: CALIBRATORS[method].conclude(state) for name, state in states.items()}
    bad = [name for name, (low, high) in ranges.items() if not (np.isfinite(low) and np.isfinite(high))]
    if bad:
        raise InputError([Problem(f"workload {graph.name}, layer {name}", "output is not finite") for name in bad])
    means = {name: total / seen for name, total in sums.items()}
    return Ranges(values=MappingProxyType(ranges), origin=origin, means=MappingProxyType(means))


def _observe(
    graph: Graph, images: Iterable[Array], calibrator: Calibrator
) -> tuple[dict[str, Any], dict[str, Array], int]:
    """Calibrator state of every stored tensor, channel sums of every matrix layer's input, and the images seen."""
    stored = {step.tensor for step in plan_steps(graph)} | {layer.name for layer in graph.inputs()}
    read = {layer.inputs[0] for layer in graph.layers if isinstance(layer.op, Conv | Linear)}
    states: dict[str, Any] = {}
    sums: dict[str, Array] = {}
    seen = 0
    with thread_pool() as pool:
        for batch in images:
            check_runnable(graph, batch.shape[1:])
            seen += len(batch)
            for start in range(0, len(batch), default_batch(graph)):
                for layer, values in walk(graph, batch[start : start + default_batch(graph)], pool):
                    if layer.name in stored:
                        states[layer.name] = calibrator.observe(states.get(layer.name), values)
                    if layer.name in read:
                        sums[layer.name] = sums.get(layer.name, 0) + _channel_sums(values)
    return states, sums, seen


def _channel_sums(values: Array) -> Array:
    """Sum over the images of the mean of each channel: float64 [channels]."""
    flat = values.reshape(len(values), values.shape[1], -1)
    return np.asarray(flat.mean(axis=2, dtype=np.float64).sum(axis=0))
