"""Weight quantizers (`archsim.function.quantization.weights`) that round to level sets: found for the weights, or
given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.config.levels import WeightLevels
from archsim.errors import InputError
from archsim.function.quantization.levels.fit import Fit, LevelRule, Loss, fit_levels, on_lattice
from archsim.function.quantization.levels.quantizers import LEVEL_QUANTIZERS
from archsim.function.quantization.network import QuantizedNetwork
from archsim.function.quantization.weights import (
    WEIGHT_QUANTIZERS,
    Grid,
    WeightQuantizer,
    WeightRequest,
    default_quantizer,
)
from archsim.mapping.plan import Plan
from archsim.workload import trained_operands

Array = NDArray[Any]

_NOTHING: Mapping[str, Array] = MappingProxyType({})
ACCUMULATOR = 16
"""Operand width whose accumulator (48 bits) a network of levels has: levels are integers of 14 bits and sign."""


def rule_of(block: WeightLevels) -> LevelRule:
    """The rule a hardware file asks for."""
    return LevelRule(
        quantizer=block.quantizer, granularity=block.granularity, scale=block.scale, zero=block.zero == "kept"
    )


def plan_weights(plan: Plan) -> str | WeightQuantizer:
    """How the weights of a plan are quantized: by its hardware file's `weight_levels`, else as the network was trained
    for weights of this width, else uniformly per channel.

    Raises
    ------
    InputError
        The file beside the network names a quantizer that does not exist.
    """
    block, bits = plan.hardware.model.weight_levels, plan.slicing.weight_bits
    if block is not None:
        return level_quantizer(rule_of(block))
    trained = trained_operands(plan.graph)
    if trained is None or trained.weight_bits != bits:
        return default_quantizer(bits)
    if trained.weights not in WEIGHT_QUANTIZERS:
        what = f"is '{trained.weights}'; expected {' | '.join(WEIGHT_QUANTIZERS)}"
        raise InputError(what, f"workload {plan.graph.name}, trained.weights")
    return trained.weights


def level_quantizer(
    rule: LevelRule,
    *,
    importance: Mapping[str, Array] = _NOTHING,
    loss: Callable[[str], Loss] | None = None,
) -> WeightQuantizer:
    """The quantizer that finds level sets for each layer's weights.

    Grouped convolutions keep a level of 0 whatever the rule says: groups packed into one array meet each other's
    columns with that weight.

    Parameters
    ----------
    importance : by layer, as the layer's weights; layers that are not named count all weights alike.
    loss : from a layer's name to the measured loss of its weights, for quantizer `removal`.

    Raises
    ------
    InputError
        A quantizer that does not exist.
    """
    if rule.quantizer not in LEVEL_QUANTIZERS:
        known = " | ".join(LEVEL_QUANTIZERS)
        raise InputError(f"is '{rule.quantizer}'; expected {known}", "weight_levels.quantizer")

    return partial(_to_levels, rule, importance, loss)


def _to_levels(
    rule: LevelRule, importance: Mapping[str, Array], loss: Callable[[str], Loss] | None, request: WeightRequest
) -> Grid:
    """Level sets of one layer's weights."""
    counted = importance.get(request.name)
    found = fit_levels(
        request.weight,
        request.bits,
        replace(rule, zero=rule.zero or request.grouped),
        None if counted is None else counted / request.gain**2,
        None if loss is None else _of_unfolded(loss(request.name), request.gain),
    )
    return grid_of(found, request)


def _of_unfolded(loss: Loss, gain: Array) -> Loss:
    """The loss of weights that hold the scale of folded pixels."""
    return lambda weight: loss((weight / gain).astype(weight.dtype))


def grid_of(fit: Fit, request: WeightRequest) -> Grid:
    """Level sets on their lattice."""
    levels, size = on_lattice(fit, request.least(ACCUMULATOR))
    return Grid(size=size, top=int(np.abs(levels.values.astype(np.int64)).max()), levels=levels)


def kept_levels(network: QuantizedNetwork) -> WeightQuantizer:
    """The quantizer that rounds to the levels a network has, whatever becomes of its weights (and the scale of its
    inputs).

    Raises
    ------
    ValueError
        A layer of the network has no levels.
    """
    fits: dict[str, Fit] = {}
    for layer in network.matrices:
        if layer.levels is None:
            raise ValueError(f"layer {layer.name} has no level sets")
        size = layer.scale / layer.format.scale
        fits[layer.name] = Fit(values=layer.levels.values.astype(np.float64), of=layer.levels.of, scale=size)
    return lambda request: grid_of(fits[request.name], request)
