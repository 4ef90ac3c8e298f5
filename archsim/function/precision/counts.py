"""What dynamic precision did in one layer: how many bits each group streamed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from archsim.function.precision.policies import Bits

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class StreamCounts:
    """Streamed bits of one layer.

    Attributes
    ----------
    histogram : int64 [row groups, width + 1], windows of all images in which a group streamed so many bits.
    images : counted.
    bits : uint8 [images kept, row groups, windows], of the first images only (`keep`).
    ones : rows driven, summed over images, windows and cycles; None where not asked for.
    """

    histogram: Counts
    images: int
    bits: Bits
    ones: int | None = None

    @property
    def cycles(self) -> Counts:
        """Streamed bits (input cycles) of each row group, summed over windows and images: int64 [row groups]."""
        return self.histogram @ np.arange(self.histogram.shape[1])

    @property
    def windows(self) -> int:
        """Windows counted, all images."""
        return int(self.histogram[0].sum())

    @property
    def zero_group_fraction(self) -> float:
        """Share of (window, row group) that streamed nothing."""
        return int(self.histogram[:, 0].sum()) / int(self.histogram.sum())

    def keep(self, images: int) -> StreamCounts:
        """The same counts with the bits of at most so many images."""
        return self if len(self.bits) <= images else replace(self, bits=self.bits[:images].copy())


def count_streams(bits: Bits, width: int, ones: int | None) -> StreamCounts:
    """Counts of a batch from the bits [images, row groups, windows] of its groups."""
    groups = bits.shape[1]
    keys = bits.astype(np.int64) + np.arange(groups)[:, None] * (width + 1)
    histogram = np.bincount(keys.ravel(), minlength=groups * (width + 1)).reshape(groups, width + 1)
    return StreamCounts(histogram=histogram, images=len(bits), bits=bits, ones=ones)


def merge_streams(parts: Sequence[StreamCounts]) -> StreamCounts:
    """Counts over several batches in order."""
    kept: list[Bits] = []
    for part in parts:
        kept.append(part.bits)
        if len(part.bits) < part.images:
            break
    ones = [part.ones for part in parts]
    return StreamCounts(
        histogram=np.sum([part.histogram for part in parts], axis=0),
        images=sum(part.images for part in parts),
        bits=np.concatenate(kept),
        ones=None if None in ones else sum(found for found in ones if found is not None),
    )
