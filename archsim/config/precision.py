"""The block of a hardware file that lets the chip choose how many bits of its activations it streams."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import Field

from archsim.config.blocks import Model
from archsim.config.types import Fraction, Name, Text, Truth, Whole

_PARAMETER: Mapping[str, str | None] = {
    "static": "bits",
    "static_mixed": "bits",
    "range": None,
    "redy_var": "tau",
    "redy_mean": "tau",
    "significant_bits": "bits",
}

StreamBits = Annotated[int, Whole(1, 16)]
MinimumBits = Annotated[int, Whole(1, 16)]
NoisePart = Annotated[float, Fraction(0.0, 1.0)]


class ActivationPrecision(Model):
    """How many bits of its inputs a crossbar is fed. Without this block all `precision.input_bits` are streamed.

    `static` streams `bits`, `static_mixed` also `layer_bits` of single layers, the others decide for each group of
    inputs from its data: `range` trims leading zeros, `redy_var` and `redy_mean` also drop low bits whose rounding
    noise stays below `tau` times the group's variance or squared mean, `significant_bits` keeps the `bits` highest.
    `granularity` says what shares a decision. Dropping leaves at least `minimum_bits`. With `free_running` row groups
    have sequencers of their own. Fully connected layers stream all bits unless `fully_connected` is set. Parameters of
    other policies may stay (a sweep changes the policy alone); a policy set from outside a file needs no `source`.
    """

    policy: Literal["static", "static_mixed", "range", "redy_var", "redy_mean", "significant_bits"]
    bits: StreamBits | None = None
    layer_bits: dict[Name, StreamBits] = Field(default_factory=dict)
    tau: NoisePart | None = None
    granularity: Literal["group", "window", "layer"] = "group"
    minimum_bits: MinimumBits = 2
    free_running: Truth = False
    fully_connected: Truth = False
    source: Text | None = None
    notes: Text | None = None

    @property
    def needs_inputs(self) -> bool:
        """Whether the bits depend on what the inputs are."""
        return self.policy not in ("static", "static_mixed")


def precision_findings(block: ActivationPrecision, input_bits: int, dac_bits: int) -> Iterator[tuple[str, str]]:
    """(path, what is wrong) of parameters that the policy lacks or that do not fit the operands."""
    path = "activation_precision"
    wanted = _PARAMETER[block.policy]
    if wanted is not None and getattr(block, wanted) is None:
        what = " (of layers that layer_bits does not name)" if block.policy == "static_mixed" else ""
        yield path, f"{wanted} is missing; policy {block.policy} needs it{what}"
    widths = {f"{path}.bits": block.bits, f"{path}.minimum_bits": block.minimum_bits}
    widths |= {f"{path}.layer_bits.{name}": bits for name, bits in block.layer_bits.items()}
    for where, bits in widths.items():
        if bits is not None and bits > input_bits:
            yield where, f"is {bits}, more than precision.input_bits: {input_bits}"
    if dac_bits > 1:
        yield path, f"dynamic precision streams bits; expected ima.dac.bits: 1, not {dac_bits}"
    if input_bits > 16:
        yield path, f"dynamic precision takes inputs of at most 16 bits, precision.input_bits is {input_bits}"
