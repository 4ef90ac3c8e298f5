"""Which policy decides, over which inputs, with which parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from archsim.function.precision.policies import POLICIES, Policy

if TYPE_CHECKING:
    from archsim.config.precision import ActivationPrecision

Granularity = Literal["group", "window", "layer"]

WHOLE = 16
"""Bits that no input exceeds: the parameter of `static` that changes nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A policy with its parameters.

    Attributes
    ----------
    policy : a name in POLICIES.
    bits : of `static` and `significant_bits`; of `static_mixed` in layers that `by_layer` does not name.
    tau : of `redy_var` and `redy_mean`.
    granularity : what shares one decision: a group, all groups of a window, or all windows of a layer and picture.
    minimum_bits : dropping leaves at least so many (a group that needs fewer to begin with streams fewer).
    fully_connected : whether fully connected layers take part; else they stream all bits.
    by_layer : parameter (`bits` or `tau`) of single layers, by name.
    """

    policy: str
    bits: int = WHOLE
    tau: float = 0.0
    granularity: Granularity = "group"
    minimum_bits: int = 2
    fully_connected: bool = False
    by_layer: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def definition(self) -> Policy:
        """The policy's functions."""
        return POLICIES[self.policy]

    def value(self, layer: str) -> float:
        """The policy's parameter in a layer; 0 where it has none."""
        parameter = self.definition.parameter
        if parameter is None:
            return 0.0
        return self.by_layer.get(layer, float(self.bits if parameter == "bits" else self.tau))

    def with_layers(self, by_layer: Mapping[str, float]) -> Rule:
        """The same rule with parameters of single layers, such as a calibration found."""
        return replace(self, by_layer=MappingProxyType({**self.by_layer, **by_layer}))


def rule_of(block: ActivationPrecision) -> Rule:
    """The rule that a hardware file's `activation_precision` asks for."""
    named = block.layer_bits if block.policy == "static_mixed" else {}
    return Rule(
        policy=block.policy,
        bits=block.bits if block.bits is not None else WHOLE,
        tau=block.tau if block.tau is not None else 0.0,
        granularity=block.granularity,
        minimum_bits=block.minimum_bits,
        fully_connected=block.fully_connected,
        by_layer=MappingProxyType({name: float(bits) for name, bits in named.items()}),
    )
