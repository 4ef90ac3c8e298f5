"""The `ima.crossbar.row_activation` block of a hardware file: how many rows of an array are opened for one conversion,
and which.

Without it all rows of an array are opened at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from archsim.config.blocks import Model
from archsim.config.types import Lines, Text

if TYPE_CHECKING:
    from archsim.config.model import HardwareFile


class RowActivation(Model):
    """At most `rows_at_once` rows are open during one read of an array; a digit of the inputs takes several reads, each
    with a conversion of every column. `dense` opens windows of neighbouring rows one after the other, all of them;
    `windowed` leaves out windows in which no row is active; `compacting` opens the next `rows_at_once` active rows
    wherever they stand. A policy set from outside a file needs no `source`.
    """

    policy: Literal["dense", "windowed", "compacting"] = "dense"
    rows_at_once: Lines
    source: Text | None = None
    notes: Text | None = None

    @property
    def needs_inputs(self) -> bool:
        """Whether the rows opened depend on what the inputs are."""
        return self.policy != "dense"


def row_findings(file: HardwareFile) -> Iterator[tuple[str, str]]:
    """(path, what is wrong) of windows that the array, its encoding or its converters do not go with."""
    path, crossbar = "ima.crossbar.row_activation", file.ima.crossbar
    block = crossbar.row_activation
    if block is None:
        return
    if block.rows_at_once > crossbar.rows:
        yield f"{path}.rows_at_once", f"is {block.rows_at_once}, more than ima.crossbar.rows: {crossbar.rows}"
    if file.training is not None:
        yield path, "is not known to training, which reads arrays in both directions; expected one of the two blocks"
    if block.rows_at_once >= crossbar.rows:
        return
    if file.precision.encoding == "flip":
        what = "lowers sums of whole columns, not of the rows opened together; expected offset or differential"
        yield "precision.encoding", f"flip {what} with ima.crossbar.row_activation"
    transfer, sparsity = file.ima.adc.transfer, file.ima.adc.sparsity
    if transfer is not None and transfer.observes:
        what = "is set by observed sums of whole columns; expected range: fixed | full_scale with row_activation"
        yield "ima.adc.transfer", what
    if sparsity is not None and sparsity.policy == "oracle":
        yield (
            "ima.adc.sparsity.policy",
            "is oracle, which knows sums of whole columns; expected another with row_activation",
        )
