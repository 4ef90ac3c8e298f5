"""The quantizers of quantization-aware training: two tables, and the ranges that follow from the state.

Weights: the table is `archsim.function.quantize.WEIGHT_QUANTIZERS` itself, so that nothing can be trained that the
crossbars would then quantize otherwise. Activations: how the step of a stored tensor comes about and moves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import exp, sqrt
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.function.calibrate import Ranges
from archsim.function.network import Pixels, Precision, QuantizedNetwork, TensorFormat
from archsim.function.quantize import WEIGHT_QUANTIZERS, quantize
from archsim.function.steps import plan_steps, read_out, shared_formats
from archsim.workload import Graph, Preprocessing

__all__ = ["ACTIVATION_QUANTIZERS", "WEIGHT_QUANTIZERS", "ActivationQuantizer", "Quantization", "Scheme", "scheme_of"]

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantization:
    """Bits of weights and of stored activations, 2 to 16 each, and names of the two quantizers.

    `residual_bits` are those of tensors that only residual adds read, if the machine stores these wider.
    Ranges are first found by `calibration` (a name in `archsim.function.calibrate.CALIBRATORS`) on `images` training
    pictures.
    """

    weight_bits: int = 8
    activation_bits: int = 8
    weights: str = "per_channel"
    activations: str = "fixed"
    calibration: str = "minmax"
    images: int = 1000
    residual_bits: int | None = None

    @property
    def precision(self) -> Precision:
        """As `archsim.function` names it."""
        return Precision(
            input_bits=self.activation_bits, weight_bits=self.weight_bits, residual_bits=self.residual_bits
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivationQuantizer:
    """How a step behaves: `learned(step gradient, form, elements)` is the gradient of its logarithm, or None where it
    stays as calibrated. `elements` is the tensor's size per image."""

    learned: Callable[[float, TensorFormat, int], float] | None


def _learned(gradient: float, form: TensorFormat, elements: int) -> float:
    """Gradient scale 1 / sqrt(elements * largest code) of Esser et al. (ICLR 2020, section 2.2), on the logarithm of
    the step, which stays positive and moves in proportion (Jain et al., MLSys 2020, appendix B)."""
    return gradient * form.scale / sqrt(elements * form.high)


ACTIVATION_QUANTIZERS: dict[str, ActivationQuantizer] = {
    "fixed": ActivationQuantizer(learned=None),
    "learned": ActivationQuantizer(learned=_learned),
}
"""Rules for the steps of stored activations, by name."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Scheme:
    """Quantization of one network: calibrated ranges, and which stored tensors share a step.

    `groups` maps every stored tensor to the state name of its step.
    """

    settings: Quantization
    ranges: Mapping[str, tuple[float, float]]
    groups: Mapping[str, str]
    pixels: Pixels

    def network(self, graph: Graph, state: Mapping[str, Array]) -> QuantizedNetwork:
        """The network in integers, for the weights of `graph` and the steps in `state`."""
        ranges = Ranges(values=self.current_ranges(state), origin="training")
        settings = self.settings
        return quantize(graph, ranges, precision=settings.precision, pixels=self.pixels, weights=settings.weights)

    def current_ranges(self, state: Mapping[str, Array]) -> dict[str, tuple[float, float]]:
        """Ranges with learned steps put in: each end moves in proportion to the step."""
        found = dict(self.ranges)
        for tensor, name in self.groups.items():
            if name in state:
                growth = exp(float(state[name][0]))
                low, high = self.ranges[tensor]
                found[tensor] = (low * growth, high * growth)
        return found

    def initial_steps(self) -> dict[str, Array]:
        """State of the learned steps: the logarithm of how much each has grown since calibration."""
        if ACTIVATION_QUANTIZERS[self.settings.activations].learned is None:
            return {}
        return {name: np.zeros(1, np.float32) for name in self.groups.values()}


def scheme_of(graph: Graph, ranges: Ranges, settings: Quantization, preprocessing: Preprocessing) -> Scheme:
    """The scheme of a network with calibrated ranges. The input's step is never learned."""
    steps = plan_steps(graph)
    wide, image = read_out(steps), graph.inputs()[0].name
    groups: dict[str, str] = {}
    for members in shared_formats(steps, [image]):
        stored = [layer.name for layer in graph.layers if layer.name in members]
        if image not in members and not members & wide:
            groups.update(dict.fromkeys(stored, f"{stored[0]}.step"))
    pixels = Pixels(mean=preprocessing.mean, scale=preprocessing.scale)
    values = {name: ranges.values[name] for name in ranges.values}
    return Scheme(settings=settings, ranges=MappingProxyType(values), groups=groups, pixels=pixels)
