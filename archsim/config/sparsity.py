"""The `ima.adc.sparsity` block of a hardware file: which decisions of a conversion are left out when few rows are
active.

Without it every conversion makes all `ima.adc.bits` decisions. What each policy does, in equations, is documented with
`archsim.function.sparsity.policies.POLICIES`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from archsim.config.blocks import Model
from archsim.config.transfer import AdcTransfer
from archsim.config.types import Text

SHORTENING = ("bound", "column_bound", "oracle")
"""Policies under which a conversion may take fewer decisions than the converter has bits."""


class AdcSparsity(Model):
    """`skip_zero` converts nothing in a cycle in which no row of the array is active, and no column without a cell
    above level 0. The others also begin a successive approximation at the highest bit that the column's sum can reach:
    `bound` from the number of active rows, `column_bound` also from the column's own levels, `oracle` from the sum
    itself (a limit to compare with, not a circuit). `none` is a converter without any of this.

    Timing does not change: a read cycle stays as long as a full conversion. A policy set from outside a file needs no
    `source`.
    """

    policy: Literal["none", "skip_zero", "bound", "column_bound", "oracle"]
    source: Text | None = None
    notes: Text | None = None

    @property
    def needs_inputs(self) -> bool:
        """Whether the decisions depend on what the inputs are."""
        return self.policy != "none"


def sparsity_findings(block: AdcSparsity, transfer: AdcTransfer | None, scaling: str) -> Iterator[tuple[str, str]]:
    """(path, what is wrong) of a policy that the converter cannot follow."""
    path = "ima.adc.sparsity.policy"
    if not block.needs_inputs:
        return
    if transfer is not None and transfer.curve == "ideal":
        yield path, f"is {block.policy}, and transfer.kind: ideal makes no decisions to leave out; expected uniform"
    if block.policy in SHORTENING and scaling == "none":
        laws = "sar | linear | exponential"
        yield path, f"is {block.policy}, but scaling: none has no cost of a shorter search; expected scaling: {laws}"
