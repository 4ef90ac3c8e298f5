"""Convolutions as matrix products: which inputs drive which crossbar rows in which window.

A window is one output position. Its inputs unroll to rows in the order ky, kx, channel (channel fastest), group by
group; a fully connected layer is a 1x1 convolution of a 1x1 map. Unrolled data keep rows first and windows last, so
that a product lands directly in channel-first maps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from archsim.function import kernels
from archsim.workload.graph import Conv, Layer, Linear, Pair, Shape

Array = NDArray[np.generic]

BLOCK_ELEMENTS = 1 << 20
"""Unrolled elements a thread holds at once: small enough for its cache, large enough that calls cost nothing."""

SMALLEST_BLOCK = 1 << 16
"""Unrolled elements below which sharing a layer between threads does not pay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Geometry:
    """Shape of one matrix-vector layer: a map, the windows on it, and `columns` outputs per group."""

    channels: int
    height: int
    width: int
    out_height: int
    out_width: int
    columns: int
    kernel: Pair = (1, 1)
    stride: Pair = (1, 1)
    dilation: Pair = (1, 1)
    top: int = 0
    left: int = 0
    groups: int = 1

    @property
    def rows(self) -> int:
        """Unrolled inputs per group and window."""
        return self.channels // self.groups * self.kernel[0] * self.kernel[1]

    @property
    def windows(self) -> int:
        """Output positions per image."""
        return self.out_height * self.out_width

    @property
    def outputs(self) -> int:
        """Output channels of all groups."""
        return self.groups * self.columns

    @property
    def copies_nothing(self) -> bool:
        """Whether one image's unrolled inputs are its map as stored."""
        return (self.kernel, self.stride, self.top, self.left) == ((1, 1), (1, 1), 0, 0) and (
            (self.out_height, self.out_width) == (self.height, self.width)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Windows computed together: `rows` lines of output from `first_row` on, of images start..stop."""

    start: int
    stop: int
    first_row: int
    rows: int


def geometry_of(layer: Layer, input_shape: Shape) -> Geometry:
    """Geometry of a Conv or Linear layer on an input of the given shape."""
    op = layer.op
    if isinstance(op, Linear):
        return Geometry(channels=prod(input_shape), height=1, width=1, out_height=1, out_width=1, columns=op.out)
    if not isinstance(op, Conv):
        raise TypeError(f"{layer.name}: {op.kind} is no matrix-vector layer")
    channels, height, width = input_shape
    return Geometry(
        channels=channels,
        height=height,
        width=width,
        out_height=layer.shape[1],
        out_width=layer.shape[2],
        columns=op.out // op.groups,
        kernel=op.kernel,
        stride=op.stride,
        dilation=op.dilation,
        top=op.padding[0],
        left=op.padding[1],
        groups=op.groups,
    )


def weight_matrix(weight: Array, groups: int) -> Array:
    """Weights [out, in / groups, kh, kw] or [out, in] as [groups, rows, columns], rows in the order ky, kx, channel."""
    if weight.ndim == 2:
        return weight.T[None]
    out, channels, kh, kw = weight.shape
    grouped = weight.reshape(groups, out // groups, channels, kh, kw)
    return grouped.transpose(0, 3, 4, 2, 1).reshape(groups, kh * kw * channels, out // groups)


def blocks(geometry: Geometry, images: int, share: int = 1) -> Iterator[Block]:
    """Cut all windows of a batch into blocks of at most BLOCK_ELEMENTS unrolled elements (one output line is the
    least).

    Blocks are smaller when that gives each of `share` threads one.
    """
    line = geometry.rows * geometry.groups * geometry.out_width
    image = line * geometry.out_height
    limit = min(BLOCK_ELEMENTS, max(SMALLEST_BLOCK, -(-image * images // share)))
    if image <= limit:
        together = max(1, limit // image)
        for start in range(0, images, together):
            yield Block(start=start, stop=min(images, start + together), first_row=0, rows=geometry.out_height)
        return
    lines = max(1, limit // line)
    for start in range(images):
        for first in range(0, geometry.out_height, lines):
            yield Block(start=start, stop=start + 1, first_row=first, rows=min(lines, geometry.out_height - first))


def unroll(x: Array, geometry: Geometry, block: Block, pad: Array) -> Array:
    """Unrolled inputs of one block: [groups, rows, windows], in x's type.

    Parameters
    ----------
    x : [images, channels, height, width], C-contiguous; 1, 2 or 4 bytes an element.
    pad : [channels], of x's type: what stands outside the map.
    """
    part = x[block.start : block.stop]
    whole = block.rows == geometry.out_height
    if geometry.copies_nothing and len(part) == 1 and whole:
        return part.reshape(geometry.groups, geometry.rows, geometry.windows)
    windows = len(part) * block.rows * geometry.out_width
    out = np.empty((geometry.rows * geometry.groups, windows), x.dtype)
    # the loops only copy: one unsigned type per width spares compiling them for every integer and float type
    pattern = np.dtype(f"u{x.itemsize}")
    kernels.unroll(
        part.view(pattern),
        pad.view(pattern),
        out.view(pattern),
        geometry.groups,
        geometry.kernel,
        geometry.stride,
        geometry.dilation,
        geometry.top,
        geometry.left,
        block.first_row,
        geometry.out_width,
    )
    return out.reshape(geometry.groups, geometry.rows, windows)


def coverage(geometry: Geometry) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How often each map row and each map column is read by the windows: ([height], [width]).

    Element (y, x) of every channel drives rows[y] * columns[x] of the unrolled inputs; the rest of them is padding.
    """
    found = []
    for reads, extent in zip(window_reads(geometry), (geometry.height, geometry.width), strict=True):
        inside = reads[(reads >= 0) & (reads < extent)]
        found.append(np.bincount(inside, minlength=extent).astype(np.int64))
    return found[0], found[1]


def inside_fraction(geometry: Geometry, rank: int) -> NDArray[np.float64]:
    """Share of the windows in which each kernel position lies on the map: [1, 1, kh, kw] (rank 4), [1, 1] (rank 2)."""
    vertical, horizontal = (
        ((reads >= 0) & (reads < extent)).mean(axis=0)
        for reads, extent in zip(window_reads(geometry), (geometry.height, geometry.width), strict=True)
    )
    return np.asarray(vertical[:, None] * horizontal)[None, None] if rank == 4 else np.ones((1, 1))


def window_reads(geometry: Geometry) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Map rows read by each output row at each kernel row, [out_height, kh], and the same for columns (outside the map
    where padded)."""
    g = geometry
    vertical = np.arange(g.out_height)[:, None] * g.stride[0] - g.top + np.arange(g.kernel[0]) * g.dilation[0]
    horizontal = np.arange(g.out_width)[:, None] * g.stride[1] - g.left + np.arange(g.kernel[1]) * g.dilation[1]
    return vertical, horizontal
