"""Where the data that a layer reads come from, through all that only moves data.

Concatenation, slicing, padding, reshaping and permutation are followed channel by channel: each channel of a tensor
knows which producer it comes from, so a slice reads just the producers whose channels it takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from archsim.workload.graph import Concat, Graph, Layer, Pad, Reshape, Shape, Slice, Transpose

MIXED = -1


def positions(shape: Shape) -> tuple[int, int]:
    """Rows and columns of the map a shape stands for; vectors are one position."""
    return (shape[-2], shape[-1]) if len(shape) >= 3 else (1, 1)


def channels(shape: Shape) -> int:
    """Values per position."""
    rows, columns = positions(shape)
    size = 1
    for extent in shape:
        size *= extent
    return size // (rows * columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Data a stage reads: `stage` produces it (None: the network's input) as a map of so many rows and columns
    (`extent`). When `aligned`, position (y, x) of the tensor is position (y - top, x - left) of the producer; otherwise
    a window may need all of it. `values` are the values per position that are read, `residual` is the producer's
    (`Stage.residual`)."""

    stage: str | None
    aligned: bool
    values: int
    extent: tuple[int, int]
    top: int = 0
    left: int = 0
    residual: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Wires:
    """A tensor's `sources`, and which of them each of its channels comes from (`part` [channels]; `MIXED` where a
    channel has values of several)."""

    sources: tuple[Source, ...]
    part: NDArray[np.int64]

    @classmethod
    def of(cls, stage: str | None, shape: Shape) -> Wires:
        """A tensor as its producer makes it."""
        source = Source(stage=stage, aligned=True, values=channels(shape), extent=positions(shape))
        return cls((source,), np.zeros(channels(shape), np.int64))

    def whole(self) -> Wires:
        """The same where positions no longer line up."""
        return replace(self, sources=tuple(replace(source, aligned=False) for source in self.sources))

    def mixed(self, count: int) -> Wires:
        """`count` channels that may each come from anywhere."""
        return replace(self.whole(), part=np.full(count, MIXED, np.int64))

    def taking(self, kept: NDArray[np.int64]) -> Wires:
        """The channels whose parts are `kept`, and of the sources those that they come from."""
        if (self.part == MIXED).any():
            share = len(kept) / len(self.part)
            shrunk = (replace(source, values=max(1, int(source.values * share))) for source in self.sources)
            return Wires(tuple(shrunk), np.full(len(kept), MIXED, np.int64))
        had, have = (np.bincount(part, minlength=len(self.sources)) for part in (self.part, kept))
        used = np.flatnonzero(have)
        sources = tuple(
            replace(self.sources[i], values=max(1, self.sources[i].values * int(have[i]) // int(had[i])))
            for i in used.tolist()
        )
        return Wires(sources, np.searchsorted(used, kept).astype(np.int64))


def wiring(layer: Layer, graph: Graph, origin: Mapping[str, Wires]) -> Wires | None:
    """Where the channels of a layer that only moves data come from, or None when the layer computes."""
    op, after = layer.op, layer.shape
    if isinstance(op, Concat):
        return _joined(op.axis, [(graph[name].shape, origin[name]) for name in layer.inputs], after)
    if not isinstance(op, Slice | Pad | Reshape | Transpose):
        return None
    before, wires = graph[layer.inputs[0]].shape, origin[layer.inputs[0]]
    if isinstance(op, Pad):
        top, left, _, _ = op.padding
        moved = (replace(source, top=source.top + top, left=source.left + left) for source in wires.sources)
        return replace(wires, sources=tuple(moved))
    if isinstance(op, Slice):
        if op.axis >= len(_channel_axes(before)):
            return wires.whole()
        taken = [slice(None)] * op.axis + [slice(op.start, op.stop)]
        return wires.taking(wires.part.reshape(_channel_axes(before))[tuple(taken)].ravel())
    if isinstance(op, Transpose):
        return _permuted(op.axes, before, after, wires)
    return _reshaped(before, after, wires)


def _channel_axes(shape: Shape) -> Shape:
    """Extents of the axes that are not rows and columns of a map."""
    return shape[:-2] if len(shape) >= 3 else shape


def _joined(axis: int, inputs: list[tuple[Shape, Wires]], after: Shape) -> Wires:
    sources = tuple(source for _, wires in inputs for source in wires.sources)
    if axis >= len(_channel_axes(after)):
        return Wires(sources, np.zeros(0, np.int64)).mixed(channels(after))
    parts, first = [], 0
    for shape, wires in inputs:
        part = np.where(wires.part == MIXED, MIXED, wires.part + first)
        parts.append(part.reshape(_channel_axes(shape)))
        first += len(wires.sources)
    return Wires(sources, np.concatenate(parts, axis).ravel())


def _permuted(axes: tuple[int, ...], before: Shape, after: Shape, wires: Wires) -> Wires:
    rank = len(axes)
    if positions(before) == positions(after) == (1, 1):
        return replace(wires, part=wires.part.reshape(before).transpose(axes).ravel())
    if rank >= 3 and axes[-2:] == (rank - 2, rank - 1):
        return replace(wires, part=wires.part.reshape(before[:-2]).transpose(axes[:-2]).ravel())
    return wires.mixed(channels(after))


def _reshaped(before: Shape, after: Shape, wires: Wires) -> Wires:
    same = positions(before) == positions(after)
    if same and ((len(before) >= 3) == (len(after) >= 3) or positions(before) == (1, 1)):
        return wires
    if positions(after) == (1, 1):  # flattened: all values of a channel stand together
        rows, columns = positions(before)
        return replace(wires.whole(), part=np.repeat(wires.part, rows * columns))
    return wires.mixed(channels(after))
