"""The quantizers of quantization-aware training: two tables, and the ranges that follow from the state.

Weights: the table is `archsim.function.quantization.weights.WEIGHT_QUANTIZERS` itself, so that nothing can be
trained that the crossbars would then quantize otherwise. Activations: how the step of a stored tensor comes about
and moves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import exp, sqrt
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.function.quantization.calibrate import Ranges
from archsim.function.quantization.levels import LevelRule
from archsim.function.quantization.levels.seam import kept_levels, level_quantizer
from archsim.function.quantization.network import Pixels, Precision, QuantizedNetwork, TensorFormat
from archsim.function.quantization.quantize import quantize
from archsim.function.quantization.steps import plan_steps, read_out, shared_formats
from archsim.function.quantization.weights import WEIGHT_QUANTIZERS, WeightQuantizer
from archsim.workload import Graph, Preprocessing

__all__ = ["ACTIVATION_QUANTIZERS", "WEIGHT_QUANTIZERS", "ActivationQuantizer", "Quantization", "Scheme", "scheme_of"]

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantization:
    """Bits of weights and of stored activations, 2 to 16 each (weights that are signs: 1), and names of the two
    quantizers.

    With `levels` weights round to level sets instead, found for the weights that training begins with and then kept.
    `residual_bits` are those of tensors that only residual adds read, if the machine stores these wider.
    Ranges are first found by `calibration` (a name in `archsim.function.quantization.calibrate.CALIBRATORS`) on
    `images` training pictures. Activation quantizer `integer` (`archsim.training.scales`) does not calibrate ranges
    but shifts; its logits are 2**-`output_shift` times the raw integers, by default about 1 in size at first. `bias`
    says which layers have one: `all`, `hidden` (all but the logits) or `none`.
    """

    weight_bits: int = 8
    activation_bits: int = 8
    weights: str = "per_channel"
    activations: str = "fixed"
    calibration: str = "minmax"
    images: int = 1000
    residual_bits: int | None = None
    output_shift: int | None = None
    bias: str = "all"
    levels: LevelRule | None = None

    @property
    def precision(self) -> Precision:
        """As `archsim.function` names it."""
        return Precision(
            input_bits=self.activation_bits, weight_bits=self.weight_bits, residual_bits=self.residual_bits
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivationQuantizer:
    """How a step behaves: `learned(step gradient, form, elements)` is the gradient of its logarithm, or None where it
    stays as calibrated. `elements` is the tensor's size per image. Of a `unit` step the integers are the real
    values."""

    learned: Callable[[float, TensorFormat, int], float] | None
    unit: bool = False


def _learned(gradient: float, form: TensorFormat, elements: int) -> float:
    """Gradient scale 1 / sqrt(elements * largest code) of Esser et al. (ICLR 2020, section 2.2), on the logarithm of
    the step, which stays positive and moves in proportion (Jain et al., MLSys 2020, appendix B)."""
    return gradient * form.scale / sqrt(elements * form.high)


ACTIVATION_QUANTIZERS: dict[str, ActivationQuantizer] = {
    "fixed": ActivationQuantizer(learned=None),
    "learned": ActivationQuantizer(learned=_learned),
    "integer": ActivationQuantizer(learned=None, unit=True),
}
"""Rules for the steps of stored activations, by name."""


BIASES = ("all", "hidden", "none")
"""Which layers have a bias."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Scheme:
    """Quantization of one network: calibrated ranges, and which stored tensors share a step.

    `groups` maps every stored tensor to the state name of its step. `quantizer`, where there is one, stands for the
    weight quantizer that the settings name. `shifts`, by matrix layer, is k where weights are signs times 2**-k.
    """

    settings: Quantization
    ranges: Mapping[str, tuple[float, float]]
    groups: Mapping[str, str]
    pixels: Pixels
    quantizer: WeightQuantizer | None = None
    shifts: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    def network(self, graph: Graph, state: Mapping[str, Array]) -> QuantizedNetwork:
        """The network in integers, for the weights of `graph` and the steps in `state`."""
        ranges = Ranges(values=self.current_ranges(state), origin="training")
        settings, weights = self.settings, self.quantizer or self.settings.weights
        return quantize(graph, ranges, precision=settings.precision, pixels=self.pixels, weights=weights)

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
    kept = None
    if settings.levels is not None:
        found = level_quantizer(settings.levels)
        kept = kept_levels(quantize(graph, ranges, precision=settings.precision, pixels=pixels, weights=found))
    return Scheme(settings=settings, ranges=MappingProxyType(values), groups=groups, pixels=pixels, quantizer=kept)
