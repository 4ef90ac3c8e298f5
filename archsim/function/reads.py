"""What measured inputs made of a layer's reads: the one place where dynamic precision, row activation and ADC sparsity are
counted, and what accounting and timing are told.

A *read* opens rows of an array for one input digit and converts its columns once. Without row activation a digit is one
read of all rows; dynamic precision leaves out digits, row activation opens some rows at a time, ADC sparsity shortens
conversions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.function.network import MatrixLayer, QuantizedNetwork
from archsim.function.openings.counting import LayerOpening, Opened, Opening
from archsim.function.precision.stream import Decision, LayerStream, Streaming
from archsim.function.sparsity.counts import DecisionCounts, merge_decisions
from archsim.function.sparsity.search import LayerSearch, Searching
from archsim.function.unroll import Block

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
    drives : rows driven by a digit above 0, summed over reads; None where not asked for.
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

    def take(self, unrolled: Array, block: Block) -> Array:
        """Unrolled inputs [groups, rows, windows] of a block, as their streams carry them."""
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
                self._opened.rows += opened.rows
                self._opened.active += opened.active
            if self._searched is not None and searched is not None:
                self._searched += searched
        return unrolled

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
        gated = reads.stream is not None and reads.stream.counts_ones
        return ReadCounts(
            images=self._images,
            histogram=histogram,
            digits=digits,
            rows=rows,
            cycles=cycles,
            drives=self._drives if gated else None,
            decisions=self._decisions(self._opened),
        )

    def _decisions(self, opened: Opened | None) -> DecisionCounts | None:
        """Conversions by their decisions: of reads as they were opened, or of whole digits."""
        search, counted = self._reads.search, self._searched
        if search is None or counted is None:
            return None
        if opened is not None:
            counted[:, : opened.active.shape[1]] = opened.active[:, : counted.shape[1]]
        return search.counts(counted, self._images)
