"""Ranges of the activation tensors, observed on given pictures through the float network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.errors import InputError, Problem
from archsim.function.executor import batches as cut
from archsim.function.executor import check_runnable, walk
from archsim.function.steps import plan_steps
from archsim.workload.graph import Graph

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranges:
    """Lowest and highest real value of each stored tensor, by layer name; `origin` says where they come from."""

    values: Mapping[str, tuple[float, float]]
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrator:
    """A rule for ranges. `observe(state, values)` folds one batch of a tensor into a state (None at first, never
    changed in place); `conclude(state)` gives (low, high)."""

    observe: Callable[[Any, Array], Any]
    conclude: Callable[[Any], tuple[float, float]]


def _observe_extremes(state: tuple[float, float] | None, values: Array) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    return (low, high) if state is None else (min(state[0], low), max(state[1], high))


CALIBRATORS: dict[str, Calibrator] = {
    "minmax": Calibrator(observe=_observe_extremes, conclude=lambda state: (state[0], state[1])),
}
"""Calibration rules by name. A rule must give an interval inside the observed extremes, whatever the batching."""


def calibrate(graph: Graph, images: Iterable[Array], *, method: str = "minmax", origin: str = "calibrated") -> Ranges:
    """Ranges of the tensors a quantized network stores.

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
    calibrator = CALIBRATORS[method]
    wanted = {step.tensor for step in plan_steps(graph)} | {layer.name for layer in graph.inputs()}
    states: dict[str, Any] = {}
    for batch in images:
        check_runnable(graph, batch.shape[1:])
        for start, stop in cut(graph, len(batch)):
            for layer, values in walk(graph, batch[start:stop]):
                if layer.name in wanted:
                    states[layer.name] = calibrator.observe(states.get(layer.name), values)
    if not states:
        raise InputError([Problem("calibration", "needs at least one picture, got none")])
    ranges = {name: calibrator.conclude(state) for name, state in states.items()}
    bad = [name for name, (low, high) in ranges.items() if not (np.isfinite(low) and np.isfinite(high))]
    if bad:
        raise InputError([Problem(f"workload {graph.name}, layer {name}", "output is not finite") for name in bad])
    return Ranges(values=MappingProxyType(ranges), origin=origin)
