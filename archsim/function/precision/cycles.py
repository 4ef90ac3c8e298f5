"""Crossbar cycles of every window, from the reads of its row groups: what timing is given.

*Lock step*: all arrays of a window begin and end together, so the window takes as long as its longest group.

*Free running* (a reconstruction; nothing of the kind is published): row groups have their own sequencers. Group g
begins window w of its lane when it has finished w - 1 and when window w - 2 is complete in all groups, since registers
are double: two windows of inputs wait at the rows, two of outputs at the adder, which adds when the last group is done.
A window is complete at T(w) = max over g of E_g(w), with E_g(w) = max(E_g(w - 1), T(w - 2)) + p_g(w); it takes
T(w) - T(w - 1). Longest groups of neighbouring windows overlap, so long windows hide behind short ones.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]


def window_cycles(reads: NDArray[np.uint16], *, images: int, lanes: int | None = None) -> Counts:
    """Crossbar cycles of every window of a stream of images: int64 [windows] for one image, else [windows * images].

    Parameters
    ----------
    reads : uint16 [pictures, row groups, windows]. Pictures stream in order and begin again when they are fewer than
        `images`.
    lanes : copies of the layer that take windows in turn, where row groups run free; None for lock step.
    """
    pictures = np.arange(images) % len(reads) if len(reads) > 1 else np.zeros(1, np.int64)
    cycles = reads.astype(np.int64)[pictures]
    if lanes is None:
        return np.asarray(cycles.max(axis=1).ravel())
    return _free_running(cycles, lanes)


def _free_running(cycles: Counts, lanes: int) -> Counts:
    """Durations [images * windows] when row groups run at most a window ahead; cycles [images, groups, windows]."""
    images, groups, windows = cycles.shape
    took = np.empty((images, windows), np.int64)
    ends = np.zeros((lanes, groups), np.int64)
    before, last = np.zeros(lanes, np.int64), np.zeros(lanes, np.int64)
    for image in range(images):
        for first in range(0, windows, lanes):
            part = slice(first, min(windows, first + lanes))
            busy = slice(0, part.stop - first)
            ends[busy] = np.maximum(ends[busy], before[busy, None]) + cycles[image, :, part].T
            complete = ends[busy].max(axis=1)
            took[image, part] = complete - last[busy]
            before[busy], last[busy] = last[busy], complete
    return took.ravel()
