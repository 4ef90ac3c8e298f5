"""What becomes of gradients before the update: normalised by shifts, rounded to few bits, pulled by penalties.

Normalisation and rounding follow WAGE (Wu, Li, Chen and Shi, ICLR 2018, eqs. (6) and (10)) with the power of two
nearest to the largest gradient of a tensor: only the direction of an update is left, its size is the learning rate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from math import frexp, sqrt
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.training import kernels

Array = NDArray[Any]

_PURPOSE = 0x96AD
"""Sets the streams of gradient rounding apart from all others drawn from a recipe's seed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GradientRule:
    """What is done to the gradient of the loss over a batch, tensor by tensor.

    Attributes
    ----------
    normalise : `none`, or `shift`: divided by 2**round(log2(largest magnitude)).
    bits : afterwards rounded to multiples of 2**(1 - bits) and limited to less than 1; None leaves it as it is.
    rounding : `nearest`, or `stochastic`: up with the probability of what would be cut off. Numbers are counted, not
        drawn in turn: they depend on the recipe's seed, the update, the tensor and the place in it alone.
    sign_bias : strength by layer of the penalty strength * sum(weights) on the loss of a picture, which draws weights
        below zero and so makes the rows of a binary matrix alike; added before all this. Weights that are signs count
        as -1 and 1, whatever the layer's scale.
    """

    normalise: str = "none"
    bits: int | None = None
    rounding: str = "nearest"
    sign_bias: Mapping[str, float] = field(default_factory=dict)


Normaliser = Callable[[float], float]


def _shift(largest: float) -> float:
    """2**-round(log2(largest)): of two neighbouring powers the one nearer on a logarithmic scale, exactly."""
    mantissa, exponent = frexp(largest)
    return 2.0 ** -(exponent if mantissa >= sqrt(0.5) else exponent - 1)


NORMALISERS: Mapping[str, Normaliser] = MappingProxyType({"none": lambda _: 1.0, "shift": _shift})
"""Factor on a tensor's gradient from its largest magnitude, by name."""

ROUNDINGS = ("nearest", "stochastic")


def penalised(rule: GradientRule, gradients: Mapping[str, Array], shifts: Mapping[str, int]) -> dict[str, Array]:
    """Gradients with those of the penalties added; `shifts` is k by layer where weights are signs times 2**-k."""
    found = dict(gradients)
    for layer, strength in rule.sign_bias.items():
        name = f"{layer}.weight"
        # the gradient of a real weight, of which a sign is 2**-k
        found[name] = found[name] + np.float32(strength * 2.0 ** shifts.get(layer, 0))
    return found


def shaped(
    rule: GradientRule, gradients: Mapping[str, Array], shifts: Mapping[str, int], seed: int, update: int
) -> dict[str, Array]:
    """Gradients as the optimizer takes them in update number `update` (from 1). Not finite ones stay so."""
    found = penalised(rule, gradients, shifts)
    return {name: _one(rule, name, value, seed, update) for name, value in found.items()}


def _one(rule: GradientRule, name: str, gradient: Array, seed: int, update: int) -> Array:
    largest = float(np.abs(gradient).max(initial=0))
    if not 0 < largest < np.inf:
        return gradient
    gradient = gradient * np.float32(NORMALISERS[rule.normalise](largest))
    if rule.bits is None:
        return gradient
    out = np.empty(gradient.shape, np.float32)
    flat = np.ascontiguousarray(gradient, np.float32).reshape(-1)
    stochastic = rule.rounding == "stochastic"
    kernels.round_gradient(flat, 2.0 ** (1 - rule.bits), stochastic, stream_key(seed, update, name), out.reshape(-1))
    return out


def stream_key(seed: int, update: int, name: str) -> np.uint64:
    """Key of the numbers that round one tensor in one update."""
    tensor = int.from_bytes(sha256(name.encode()).digest()[:8], "little")
    return np.uint64(np.random.SeedSequence([seed, update, tensor, _PURPOSE]).generate_state(1, np.uint64)[0])
