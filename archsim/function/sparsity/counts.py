"""What converters did in one layer: conversions by the number of decisions they made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class DecisionCounts:
    """Conversions of one layer.

    Attributes
    ----------
    histogram : int64 [arrays of one copy, bits + 1], columns of an array in all windows and input cycles of all images,
        by the decisions of their conversion; 0 is a conversion left out.
    images : counted.
    """

    histogram: Counts
    images: int

    @property
    def lengths(self) -> Counts:
        """Conversions of all arrays by length: int64 [bits + 1]."""
        return np.asarray(self.histogram.sum(axis=0))


def merge_decisions(parts: Sequence[DecisionCounts]) -> DecisionCounts:
    """Counts over several batches."""
    histogram = np.sum([part.histogram for part in parts], axis=0)
    return DecisionCounts(histogram=histogram, images=sum(part.images for part in parts))
