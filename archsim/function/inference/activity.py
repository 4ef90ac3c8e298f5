"""What the inputs did to the crossbars: exact counts per matrix layer, for energy and for papers.

Counts are of *unrolled* inputs as they drive rows, window by window, padding included. They are taken on the stored
tensor, weighted by how often the windows read each element; only the row groups need the unrolled data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.function import kernels
from archsim.function.crossbars.encodings import Drive
from archsim.function.inference.reads import ReadCounts, merge_reads
from archsim.function.quantization.network import MatrixLayer
from archsim.function.unroll import Geometry, coverage, window_reads
from archsim.mapping.slicing import row_starts

Array = NDArray[Any]
Counts = NDArray[np.int64]

PER_IMAGE = ("zero_inputs", "one_bits", "active_rows", "stored_zeros", "activation_zeros", "output_zeros")


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """How rows are driven: crossbar rows, bits per DAC digit, and the convolution groups that share a crossbar by layer
    name (`CrossbarGrid.packed_groups`; 1 where a layer is not named). `by_row` asks for drives row by row."""

    crossbar_rows: int = 128
    dac_bits: int = 1
    by_row: bool = False
    packed_groups: tuple[tuple[str, int], ...] = ()

    def row_groups(self, layer: MatrixLayer) -> Counts:
        """First unrolled row of each of a layer's row groups, and the end."""
        return row_group_starts(layer.geometry, self.crossbar_rows, dict(self.packed_groups).get(layer.name, 1))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class LayerActivity:
    """Counts of one matrix layer. Arrays are int64 [images] unless said otherwise.

    Attributes
    ----------
    windows, rows : per image: output positions, and unrolled inputs of all groups per window.
    input_bits, input_cycles : bits of an input and DAC digits they enter in.
    zero_inputs : unrolled inputs that are zero.
    one_bits : ones among the input bits driven (two's complement, or offset binary, for signed inputs: `Drive`).
    active_rows : rows with a non-zero digit, summed over windows and input cycles.
    row_drives : int64 [unrolled inputs of all groups], the same by row, summed over images; None where not asked for.
    stored_zeros, stored : zeros in the input tensor, and its elements per image.
    zero_groups : [row groups] windows of all images in which no row of the group is driven.
    activation_zeros : outputs that the activation left at zero, before rounding. output_zeros, outputs : zeros in the
    stored output, small values rounded to zero included, and its elements per image.
    reads : what the arrays did where that depends on the inputs, else None.
    """

    name: str
    windows: int
    rows: int
    input_bits: int
    input_cycles: int
    zero_inputs: Counts
    one_bits: Counts
    active_rows: Counts
    stored_zeros: Counts
    stored: int
    zero_groups: Counts
    activation_zeros: Counts
    output_zeros: Counts
    outputs: int
    reads: ReadCounts | None = None
    row_drives: Counts | None = None

    @property
    def images(self) -> int:
        """Images counted."""
        return len(self.zero_inputs)

    @property
    def inputs(self) -> int:
        """Unrolled inputs per image."""
        return self.windows * self.rows

    @property
    def zero_input_fraction(self) -> float:
        """Share of unrolled inputs that are zero."""
        return int(self.zero_inputs.sum()) / (self.inputs * self.images)

    @property
    def stored_zero_fraction(self) -> float:
        """Share of the stored input tensor that is zero."""
        return int(self.stored_zeros.sum()) / (self.stored * self.images)

    @property
    def bit_density(self) -> float:
        """Share of ones among all input bits driven."""
        return int(self.one_bits.sum()) / (self.inputs * self.input_bits * self.images)

    @property
    def active_row_fraction(self) -> float:
        """Share of (window, input cycle, row) in which a non-zero digit is driven."""
        return int(self.active_rows.sum()) / (self.inputs * self.input_cycles * self.images)

    @property
    def zero_group_fraction(self) -> float:
        """Share of (window, row group) without any input."""
        return int(self.zero_groups.sum()) / (self.windows * self.images * len(self.zero_groups))

    @property
    def activation_zero_fraction(self) -> float:
        """Share of outputs that the activation left at zero (the float network's figure, but for errors of sign)."""
        return int(self.activation_zeros.sum()) / (self.outputs * self.images)

    @property
    def output_zero_fraction(self) -> float:
        """Share of zeros in the stored output, after the activation."""
        return int(self.output_zeros.sum()) / (self.outputs * self.images)


def digit_table(drive: Drive) -> NDArray[np.int64]:
    """For each code driven: whether it stands for zero, its ones, its non-zero digits. [2 ** bits, 3]"""
    code = np.arange(2**drive.bits)
    ones = sum((code >> bit) & 1 for bit in range(drive.bits))
    digits = sum((code >> low) & drive.largest != 0 for low in range(0, drive.bits, drive.dac_bits))
    return np.stack([code == drive.offset, ones, digits], axis=1).astype(np.int64)


def input_counts(x: Array, layer: MatrixLayer, dac_bits: int) -> Counts:
    """Zeros, ones and active rows of the unrolled inputs as they are driven: [images, 3], from the stored x [images, C,
    H, W]."""
    geometry = layer.geometry
    drive = Drive(bits=layer.format.bits, dac_bits=dac_bits, signed=layer.format.signed)
    table = digit_table(drive)
    rows, columns = coverage(geometry)
    out = np.zeros((len(x), 3), np.int64)
    kernels.weighted_counts(drive.codes(x), rows, columns, table, out)
    padded = geometry.windows * geometry.kernel[0] * geometry.kernel[1] - int(rows.sum() * columns.sum())
    return np.asarray(out + padded * table[drive.codes(layer.pad)].sum(axis=0))


def drives_by_row(x: Array, layer: MatrixLayer, dac_bits: int) -> Counts:
    """Windows and input cycles of all images in which each row has a non-zero digit: int64 [unrolled inputs of all
    groups], from the stored x [images, C, H, W]."""
    geometry, g = layer.geometry, layer.geometry.groups
    drive = Drive(bits=layer.format.bits, dac_bits=dac_bits, signed=layer.format.signed)
    digits = digit_table(drive)[:, 2]
    stored = digits.astype(np.uint8)[drive.codes(x)].sum(axis=0, dtype=np.int64)
    outside = len(x) * digits[drive.codes(layer.pad)]
    vertical, horizontal = (
        [_inside(reads, extent) for reads in every.T]
        for every, extent in zip(window_reads(geometry), stored.shape[1:], strict=True)
    )
    found = np.empty((*geometry.kernel, geometry.channels), np.int64)
    for y, rows in enumerate(vertical):
        for column, columns in enumerate(horizontal):
            inside = stored[:, rows][:, :, columns].sum(axis=(1, 2))
            found[y, column] = inside + outside * (geometry.windows - len(rows) * len(columns))
    return np.ascontiguousarray(found.reshape(-1, g, geometry.channels // g).swapaxes(0, 1)).ravel()


def _inside(reads: Counts, extent: int) -> Counts:
    return reads[(reads >= 0) & (reads < extent)]


def row_group_starts(geometry: Geometry, crossbar_rows: int, packed: int) -> Counts:
    """First unrolled row (all groups one after the other) of each row group, and the end: int64 [row groups + 1]."""
    return row_starts(geometry.rows, geometry.groups, crossbar_rows, packed)


def zero_groups(unrolled: Array, starts: Counts) -> Counts:
    """Windows of unrolled [groups, rows, windows] in which each row group is zero throughout: int64 [row groups]."""
    flat = unrolled.reshape(-1, unrolled.shape[-1])
    out = np.empty(len(starts) - 1, np.int64)
    kernels.zero_windows(flat.view(f"u{flat.itemsize}"), starts, out)
    return out


def zeros_per_image(x: Array) -> Counts:
    """Zeros in each image of x [images, ...]."""
    return np.asarray(x.size // len(x) - np.count_nonzero(x.reshape(len(x), -1), axis=1), np.int64)


def first_images(activity: LayerActivity, images: int) -> LayerActivity:
    """The same counts; reads of single windows are kept of at most so many images."""
    return activity if activity.reads is None else replace(activity, reads=activity.reads.keep(images))


def merge(parts: Sequence[LayerActivity]) -> LayerActivity:
    """Counts of one layer over several batches."""
    joined: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in PER_IMAGE}
    reads = [part.reads for part in parts if part.reads is not None]
    zero_groups = np.sum([part.zero_groups for part in parts], axis=0)
    drives = [part.row_drives for part in parts if part.row_drives is not None]
    return replace(
        parts[0],
        zero_groups=zero_groups,
        reads=merge_reads(reads) if reads else None,
        row_drives=np.sum(drives, axis=0) if drives else None,
        **joined,
    )
