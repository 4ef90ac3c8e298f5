"""Takes the windows of a layer through all that decides about its reads, and counts them: dynamic precision first, then
row activation, then ADC sparsity, each on what the one before leaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.function.crossbars.openings.counting import LayerOpening, Opened, Opening
from archsim.function.inference.reads import ReadCounts, reads_histogram
from archsim.function.precision.stream import Decision, LayerStream, Streaming
from archsim.function.quantization.network import MatrixLayer, QuantizedNetwork
from archsim.function.sparsity.counts import DecisionCounts
from archsim.function.sparsity.search import LayerSearch, Searching
from archsim.function.unroll import Block

Array = NDArray[Any]
Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class LayerReads:
    """What decides about the reads of one layer; None for what leaves them as they are."""

    layer: MatrixLayer
    dac_bits: int
    stream: LayerStream | None = None
    opening: LayerOpening | None = None
    search: LayerSearch | None = None

    @property
    def digits(self) -> int:
        """Digits of an input."""
        return -(-self.layer.format.bits // self.dac_bits)


def layer_reads(
    network: QuantizedNetwork,
    dac_bits: int,
    streaming: Streaming | None = None,
    opening: Opening | None = None,
    searching: Searching | None = None,
) -> Mapping[str, LayerReads]:
    """Layers whose reads depend on their inputs, by name."""
    streams = {} if streaming is None else streaming.layers(network)
    openings = {} if opening is None else opening.layers(network)
    searches = {} if searching is None else searching.layers(network)
    return {
        layer.name: LayerReads(
            layer=layer,
            dac_bits=dac_bits,
            stream=streams.get(layer.name),
            opening=openings.get(layer.name),
            search=searches.get(layer.name),
        )
        for layer in network.matrices
        if layer.name in streams or layer.name in openings or layer.name in searches
    }


class Collector:
    """Takes the blocks of one batch x [images, channels, height, width] through a layer's reads and counts them.

    Each block writes its own windows, so blocks may come from several threads.
    """

    def __init__(self, reads: LayerReads, x: Array, starts: Counts) -> None:
        geometry = reads.layer.geometry
        self._reads, self._images = reads, len(x)
        opening, stream = reads.opening, reads.stream
        self._starts = starts if opening is None else opening.starts
        self._whole = None if stream is None else stream.per_image(x)
        shape = (len(x), len(self._starts) - 1, geometry.windows)
        self._bits = None if stream is None else np.empty(shape, np.uint16)
        self._cycles = None if opening is None else np.empty(shape, np.uint16)
        self._opened = None if opening is None else opening.empty()
        self._searched = None if reads.search is None else reads.search.empty()
        self._drives = 0
        self._lock = Lock()

    def take(self, unrolled: Array, block: Block) -> tuple[Array, Decision | None]:
        """Unrolled inputs [groups, rows, windows] of a block, as their streams carry them, and the digits streamed
        where not all of them are."""
        reads, planes, drives = self._reads, None, 0
        if reads.stream is not None:
            unrolled, planes, drives = self._stream(reads.stream, unrolled, block)
        opened = None if reads.opening is None else reads.opening.count(unrolled, planes)
        if opened is not None:
            self._put(self._cycles, opened.reads, block)
        searched = None
        if reads.search is not None and opened is None:
            searched = reads.search.count(unrolled, planes)
        with self._lock:
            self._drives += drives
            if self._opened is not None and opened is not None:
                np.add(self._opened.rows, opened.rows, out=self._opened.rows)
                np.add(self._opened.active, opened.active, out=self._opened.active)
            if self._searched is not None and searched is not None:
                self._searched += searched
        return unrolled, planes

    def _stream(self, stream: LayerStream, unrolled: Array, block: Block) -> tuple[Array, Decision, int]:
        width = stream.layer.geometry.out_width
        decided = self._decided(block, block.rows * width) or stream.decide(unrolled.reshape(-1, unrolled.shape[-1]))
        streamed, bits, drives = stream.stream(unrolled, decided)
        self._put(self._bits, bits, block)
        return streamed, (bits, np.broadcast_to(decided[1], bits.shape)), drives

    def _put(self, into: Array | None, found: Array, block: Block) -> None:
        """Write what was found [row groups, windows] of a block."""
        assert into is not None
        width = self._reads.layer.geometry.out_width
        each, first = block.rows * width, block.first_row * width
        part = found.reshape(len(found), block.stop - block.start, each).swapaxes(0, 1)
        into[block.start : block.stop, :, first : first + each] = part

    def _decided(self, block: Block, each: int) -> Decision | None:
        """Bits and dropped bits of each window of the block where they are one for a whole picture."""
        if self._whole is None:
            return None
        bits, shift = (np.repeat(part[block.start : block.stop], each) for part in self._whole)
        return bits, shift

    def counts(self) -> ReadCounts:
        """What all blocks took."""
        reads = self._reads
        windows = self._images * reads.layer.geometry.windows
        least = 0 if self._cycles is not None else reads.digits
        cycles = self._bits if self._cycles is None else self._cycles
        if cycles is None:
            histogram = np.zeros((len(self._starts) - 1, reads.digits + 1), np.int64)
            histogram[:, reads.digits] = windows
        else:
            histogram = reads_histogram(cycles, least)
        digits = np.full(len(histogram), windows * reads.digits, np.int64)
        if self._bits is not None:
            digits = self._bits.sum(axis=(0, 2), dtype=np.int64)
        rows = digits * np.diff(self._starts) if self._opened is None else self._opened.rows
        return ReadCounts(
            images=self._images,
            histogram=histogram,
            digits=digits,
            rows=rows,
            cycles=cycles,
            drives=self._driven(),
            decisions=self._decisions(self._opened),
        )

    def _driven(self) -> int | None:
        """Rows driven in all reads, where they are not those of the stored inputs."""
        if self._opened is not None:
            return int((self._opened.active @ np.arange(self._opened.active.shape[1])).sum())
        stream = self._reads.stream
        return self._drives if stream is not None and stream.counts_ones else None

    def _decisions(self, opened: Opened | None) -> DecisionCounts | None:
        """Conversions by their decisions: of reads as they were opened, or of whole digits."""
        search, counted = self._reads.search, self._searched
        if search is None or counted is None:
            return None
        if opened is not None:
            counted[:, : opened.active.shape[1]] = opened.active[:, : counted.shape[1]]
        return search.counts(counted, self._images)
