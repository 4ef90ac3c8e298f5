"""What the arrays of a layer did in a run: the one record that energy, the layers' figures and reports go by.

A *read* opens rows of an array for one input digit and samples its columns once. What follows from the plan alone is
recorded by it (`planned_reads`); what depends on the inputs is recorded by what computed them
(`archsim.function.inference.reads.array_reads`). Nothing else counts reads or conversions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archsim.mapping.plan import MappedStage, Plan
from archsim.mapping.slicing import CrossbarGrid

Ints = NDArray[np.int64]

ASSUMED_DRIVEN = 0.5
"""Share of the opened rows that a digit above 0 drives where no inputs were given: random bits."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ArrayReads:
    """What the arrays of one copy of a layer (in the order of `CrossbarGrid`) did in all windows of `images` images.

    Attributes
    ----------
    digits, reads, rows : int64 [arrays]: input digits streamed, reads, rows that the reads opened.
    driven : rows driven by a digit above 0, summed over reads and arrays; a whole number where it was counted.
    row_drives : int64 [unrolled inputs], how often the stored inputs drive each row, in one array; None where that was
        not asked for.
    conversions : int64 [bits + 1]: columns of all reads by the decisions of their conversion, all `bits` of the
        converter, fewer where a search was shortened, 0 where the conversion was left out.
    clipped : conversions of columns in use whose sum was outside the converter's range, None where nothing was
        computed.
    unproven : columns whose conversions no bound on the active rows proves exact (they were computed one by one).
    shortened : whether a policy left out or shortened conversions by what the inputs were.
    """

    images: int
    digits: Ints
    reads: Ints
    rows: Ints
    driven: float
    conversions: Ints
    clipped: int | None = None
    unproven: int | None = None
    shortened: bool = False
    row_drives: Ints | None = None

    @property
    def sampled(self) -> int:
        """Columns of all reads, converted or not."""
        return int(self.conversions.sum())

    @property
    def made(self) -> int:
        """Conversions made."""
        return int(self.conversions[1:].sum())

    @property
    def clipped_fraction(self) -> float | None:
        """Share of the conversions made that were clipped."""
        return None if self.clipped is None else _share(self.clipped, self.made)

    @property
    def unproven_fraction(self) -> float | None:
        """Share of the columns sampled that no bound proves exact."""
        return None if self.unproven is None else _share(self.unproven, self.sampled)

    @property
    def skipped_fraction(self) -> float:
        """Share of the columns sampled whose conversion was left out."""
        return _share(int(self.conversions[0]), self.sampled)

    @property
    def decisions_mean(self) -> float:
        """Decisions of a conversion that was made, on average; 0 where none was."""
        return _share(int(self.conversions @ np.arange(len(self.conversions))), self.made)

    def mean(self, totals: Ints | float) -> float:
        """The sum of totals (over arrays, if they are by array) per image; a whole number wherever that is exact."""
        found = totals if isinstance(totals, int | float) else int(totals.sum())
        whole, rest = divmod(found, self.images)
        return whole if rest == 0 else found / self.images


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def planned_reads(plan: Plan, mapped: MappedStage, driven: float = ASSUMED_DRIVEN) -> ArrayReads:
    """Reads of one image where no inputs are known: every window streams its fixed number of digits, every row of an
    array is opened for each, a share `driven` of them driven, and every conversion is of full length."""
    grid = mapped.grid
    assert grid is not None
    digits = np.full(grid.crossbars, mapped.windows * fixed_digits(plan, mapped), np.int64)
    reads = digits * -(-grid.rows // plan.slicing.opened_rows)
    rows = digits * grid.rows
    return ArrayReads(
        images=1,
        digits=digits,
        reads=reads,
        rows=rows,
        driven=driven * int(rows.sum()),
        conversions=full_conversions(plan, reads * converted_columns(plan, grid)),
    )


def fixed_digits(plan: Plan, mapped: MappedStage) -> int:
    """Input digits of a window that needs no inputs to be known: all bits, or those of a static policy."""
    block = plan.chip.activation_precision
    if block is None or block.needs_inputs or (mapped.stage.kind == "linear" and not block.fully_connected):
        return plan.slicing.input_cycles
    bits = block.bits or plan.slicing.input_bits
    return block.layer_bits.get(mapped.name, bits) if block.policy == "static_mixed" else bits


def converted_columns(plan: Plan, grid: CrossbarGrid) -> Ints:
    """Columns of each array that are converted in a read, unit columns included: int64 [arrays]."""
    ima = plan.chip.tile.ima
    used = grid.columns if ima.adc.converts == "used" else np.full(grid.crossbars, ima.crossbar.columns, np.int64)
    return used + grid.unit_columns


def full_conversions(plan: Plan, columns: Ints) -> Ints:
    """Conversions of so many columns, all of full length: int64 [bits + 1]."""
    found = np.zeros(plan.chip.tile.ima.adc.bits + 1, np.int64)
    found[-1] = columns.sum()
    return found
