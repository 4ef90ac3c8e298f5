"""What measured inputs made of a layer's reads: the one place where dynamic precision, row activation and ADC sparsity
are counted, and the record of it that accounting and reports go by (`array_reads`).

Without row activation a digit is one read of all rows; dynamic precision leaves out digits, row activation opens some
rows at a time, ADC sparsity shortens conversions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archsim.function.crossbars.meter import Conversions
from archsim.function.sparsity.counts import DecisionCounts, merge_decisions
from archsim.mapping.plan import MappedStage, Plan
from archsim.mapping.reads import ArrayReads, converted_columns, full_conversions, planned_reads

if TYPE_CHECKING:
    from archsim.function.inference.activity import LayerActivity

Array = NDArray[Any]
Counts = NDArray[np.int64]
Cycles = NDArray[np.uint16]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ReadCounts:
    """Reads of one layer, over all windows of `images` images.

    Attributes
    ----------
    histogram : int64 [row groups, most + 1], windows in which a group took so many reads.
    digits : int64 [row groups], input digits that were streamed.
    rows : int64 [row groups], rows that the reads opened.
    cycles : uint16 [images kept, row groups, windows], reads of the first images only (`keep`); None where every window
        takes the layer's fixed number.
    drives : rows driven by a digit above 0, summed over reads; None where they are those of the stored inputs.
    decisions : conversions by the number of decisions they made, None where all are of full length.
    """

    images: int
    histogram: Counts
    digits: Counts
    rows: Counts
    cycles: Cycles | None = None
    drives: int | None = None
    decisions: DecisionCounts | None = None

    @property
    def reads(self) -> Counts:
        """Reads of each row group: int64 [row groups]."""
        return self.histogram @ np.arange(self.histogram.shape[1])

    @property
    def windows(self) -> int:
        """Windows counted, all images."""
        return int(self.histogram[0].sum())

    @property
    def zero_group_fraction(self) -> float:
        """Share of (window, row group) without a read."""
        return int(self.histogram[:, 0].sum()) / int(self.histogram.sum())

    def keep(self, images: int) -> ReadCounts:
        """The same counts with the cycles of at most so many images."""
        if self.cycles is None or len(self.cycles) <= images:
            return self
        return replace(self, cycles=self.cycles[:images].copy())


def merge_reads(parts: Sequence[ReadCounts]) -> ReadCounts:
    """Counts over several batches in order."""
    kept: list[Cycles] = []
    for part in parts:
        if part.cycles is None:
            break
        kept.append(part.cycles)
        if len(part.cycles) < part.images:
            break
    most = max(part.histogram.shape[1] for part in parts)
    drives = [part.drives for part in parts]
    decisions = [part.decisions for part in parts if part.decisions is not None]
    return ReadCounts(
        images=sum(part.images for part in parts),
        histogram=np.sum([_wide(part.histogram, most) for part in parts], axis=0),
        digits=np.sum([part.digits for part in parts], axis=0),
        rows=np.sum([part.rows for part in parts], axis=0),
        cycles=np.concatenate(kept) if kept else None,
        drives=None if None in drives else sum(found for found in drives if found is not None),
        decisions=merge_decisions(decisions) if decisions else None,
    )


def _wide(histogram: Counts, most: int) -> Counts:
    return np.pad(histogram, ((0, 0), (0, most - histogram.shape[1])))


def reads_histogram(cycles: Array, least: int = 0) -> Counts:
    """Windows by reads, int64 [row groups, most + 1], of cycles [images, row groups, windows]; `most` is `least` or
    more."""
    groups = cycles.shape[1]
    width = max(least, int(cycles.max(initial=0))) + 1
    keys = cycles.astype(np.int64) + np.arange(groups)[:, None] * width
    return np.bincount(keys.ravel(), minlength=groups * width).reshape(groups, width)


def array_reads(
    plan: Plan, activity: Mapping[str, LayerActivity], converted: Mapping[str, Conversions] | None = None
) -> dict[str, ArrayReads]:
    """The record of every crossbar stage, by name: as its inputs made it, or as planned where there are none.

    Parameters
    ----------
    activity : measured inputs by layer, or nothing.
    converted : what engines counted, where pictures were computed; a layer that is not in it is proven exact.
    """
    return {
        mapped.name: _recorded(plan, mapped, activity[mapped.name], converted)
        if mapped.name in activity
        else planned_reads(plan, mapped)
        for mapped in plan.stages
        if mapped.grid is not None
    }


def _recorded(
    plan: Plan, mapped: MappedStage, activity: LayerActivity, converted: Mapping[str, Conversions] | None
) -> ArrayReads:
    grid, counted = mapped.grid, activity.reads
    assert grid is not None
    plain, sets = planned_reads(plan, mapped), grid.row_set
    images = activity.images if counted is None else counted.images
    digits, reads, rows = (
        [each * images for each in (plain.digits, plain.reads, plain.rows)]
        if counted is None
        else [each[sets] for each in (counted.digits, counted.reads, counted.rows)]
    )
    drives = None if counted is None else counted.drives
    decisions = None if counted is None else counted.decisions
    driven = int(activity.active_rows.sum()) if drives is None else drives
    found = None if converted is None else converted.get(mapped.name, Conversions())
    return ArrayReads(
        images=images,
        digits=digits,
        reads=reads,
        rows=rows,
        # every row set drives the same number of arrays
        driven=driven * grid.crossbars // (int(sets.max()) + 1),
        conversions=full_conversions(plan, reads * converted_columns(plan, grid))
        if decisions is None
        else decisions.lengths,
        clipped=None if found is None else found.clipped,
        unproven=None if found is None else found.unproven,
        shortened=decisions is not None,
        row_drives=activity.row_drives,
    )
