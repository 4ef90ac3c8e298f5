"""Gathers what the blocks of one layer's windows streamed; blocks may run side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.function.precision.counts import StreamCounts, count_streams
from archsim.function.precision.stream import Decision, LayerStream
from archsim.function.unroll import Block

Array = NDArray[Any]


class Collector:
    """Streams blocks of one batch x [images, channels, height, width] through a layer's rule and keeps their bits.

    Each block writes its own windows, so blocks may come from several threads.
    """

    def __init__(self, stream: LayerStream, x: Array) -> None:
        geometry = stream.layer.geometry
        self._stream = stream
        self._whole = stream.per_image(x)
        self._bits = np.empty((len(x), len(stream.starts) - 1, geometry.windows), np.uint8)
        self._ones = np.zeros((len(x), geometry.out_height), np.int64)

    def stream(self, unrolled: Array, block: Block) -> Array:
        """Unrolled inputs [groups, rows, windows] of a block, as their streams carry them."""
        width = self._stream.layer.geometry.out_width
        images, each = block.stop - block.start, block.rows * width
        streamed, bits, ones = self._stream.stream(unrolled, self._decided(block, each))
        first = block.first_row * width
        self._bits[block.start : block.stop, :, first : first + each] = bits.reshape(-1, images, each).swapaxes(0, 1)
        self._ones[block.start, block.first_row] = ones
        return streamed

    def _decided(self, block: Block, each: int) -> Decision | None:
        """Bits and dropped bits of each window of the block where they are one for a whole picture."""
        if self._whole is None:
            return None
        bits, shift = (np.repeat(part[block.start : block.stop], each) for part in self._whole)
        return bits, shift

    def counts(self) -> StreamCounts:
        """What all blocks streamed."""
        ones = int(self._ones.sum()) if self._stream.counts_ones else None
        return count_streams(self._bits, self._stream.layer.format.bits, ones)
