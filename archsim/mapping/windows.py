"""Window geometry: which windows of a producer a consumer's window needs, and when a producer's window is no longer
needed.

Both sides walk their maps in raster order, so each question has a monotone answer: `need[w]` producer windows must
have arrived before window w can be read, and producer window p may be forgotten once the consumer has read window
`last[p]`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archsim.mapping.stages import Source, Stage, positions
from archsim.workload.graph import Conv, GlobalPool, Linear, Pool, Shape

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """The strip of one axis that a window covers: indices `index * stride - before` to that plus `reach`, both
    included; it reads every `step`-th of them."""

    stride: int
    before: int
    reach: int
    step: int = 1


def _extents(stage: Stage, source: Source) -> tuple[Extent, Extent] | None:
    """Vertical and horizontal extent of a stage's windows on a source, or None when a window needs all of it."""
    op = stage.layer.op
    if not source.aligned or (not stage.port and isinstance(op, GlobalPool | Linear)):
        return None
    if stage.port:
        return Extent(stride=1, before=source.top, reach=0), Extent(stride=1, before=source.left, reach=0)
    if isinstance(op, Conv):
        step = op.dilation
    elif isinstance(op, Pool):
        step = (1, 1)
    else:
        return Extent(stride=1, before=source.top, reach=0), Extent(stride=1, before=source.left, reach=0)
    top, left = op.padding[0] + source.top, op.padding[1] + source.left
    reach = [(kernel - 1) * apart for kernel, apart in zip(op.kernel, step, strict=True)]
    vertical = Extent(stride=op.stride[0], before=top, reach=reach[0], step=step[0])
    return vertical, Extent(stride=op.stride[1], before=left, reach=reach[1], step=step[1])


def needs(stage: Stage, source: Source, produced: Shape) -> tuple[Counts, Counts]:
    """`need` [consumer windows] and `last` [producer windows] between a stage and the map `produced` it reads from.

    need[w] is how many producer windows, in raster order, must have arrived before w can be read. last[p] is the
    consumer window whose read frees p. Both are non-decreasing.
    """
    rows, columns = positions(produced)
    out_rows, out_columns = positions(stage.shape)
    extents = _extents(stage, source)
    whole = extents is None or (rows, columns) == (1, 1) != (out_rows, out_columns)
    if extents is None or whole:
        need = np.full(out_rows * out_columns, rows * columns, np.int64)
        last = np.full(rows * columns, out_rows * out_columns - 1, np.int64)
        return need, last
    vertical, horizontal = extents
    y, x = np.divmod(np.arange(out_rows * out_columns), out_columns)
    low_row = np.minimum(y * vertical.stride - vertical.before + vertical.reach, rows - 1)
    low_column = np.minimum(x * horizontal.stride - horizontal.before + horizontal.reach, columns - 1)
    inside = (low_row >= 0) & (low_column >= 0)
    need = np.maximum.accumulate(np.where(inside, low_row * columns + low_column + 1, 0))
    y, x = np.divmod(np.arange(rows * columns), columns)
    last_row = np.clip((y + vertical.before) // vertical.stride, 0, out_rows - 1)
    last_column = np.clip((x + horizontal.before) // horizontal.stride, 0, out_columns - 1)
    last = np.maximum.accumulate(last_row * out_columns + last_column)
    return need, last


def buffer_needs(consumer: Stage, source: Source, producer: Stage) -> tuple[Counts, Counts]:
    """`need` and `last` between two stages, whose windows are positions or, at the host's ports, rows of them."""
    need, last = needs(consumer, source, producer.shape)
    if producer.port:
        columns = positions(producer.shape)[1]
        need, last = -(-need // columns), last[columns - 1 :: columns]
    if consumer.port:
        columns = positions(consumer.shape)[1]
        need, last = need[columns - 1 :: columns], last // columns
    return need, last


def inside(stage: Stage, source: Source) -> Counts | None:
    """How many positions of a source each window reads [consumer windows]: those of its kernel that lie on the map, the
    others are padding. None when every window reads the same number."""
    extents = _extents(stage, source)
    broadcast = not isinstance(stage.layer.op, Conv | Pool) and source.extent == (1, 1)
    if extents is None or broadcast:
        return None
    down, across = (
        _inside_along(extent, produced, made)
        for extent, produced, made in zip(extents, source.extent, positions(stage.shape), strict=True)
    )
    return np.multiply.outer(down, across).ravel()


def _inside_along(extent: Extent, produced: int, made: int) -> Counts:
    index = np.arange(made)[:, None] * extent.stride - extent.before + np.arange(0, extent.reach + 1, extent.step)
    return np.asarray(((index >= 0) & (index < produced)).sum(axis=1), np.int64)


def smallest_buffer(need: Counts, last: Counts) -> int:
    """Fewest producer windows a buffer must hold for the consumer alone never to starve itself.

    Before window w is read, need[w] windows have arrived and only those with last[p] < w are gone.
    """
    gone = np.searchsorted(last, np.arange(len(need)), side="left")
    return int((need - gone).max())


def users(stage: Stage, source: Source, produced: Shape) -> Counts | None:
    """Consumer windows that use each producer window: [producer windows, at most kernel area], -1 where there are
    fewer. None when every window uses everything."""
    rows, columns = positions(produced)
    out_rows, out_columns = positions(stage.shape)
    extents = _extents(stage, source)
    if extents is None or (rows, columns) == (1, 1) != (out_rows, out_columns):
        return None
    y, x = np.divmod(np.arange(rows * columns), columns)
    down, valid_down = _users_along(extents[0], y, out_rows)
    across, valid_across = _users_along(extents[1], x, out_columns)
    window = down[:, :, None] * out_columns + across[:, None, :]
    valid = valid_down[:, :, None] & valid_across[:, None, :]
    return np.where(valid, window, -1).reshape(rows * columns, -1)


def window_users(consumer: Stage, source: Source, producer: Stage) -> Counts | None:
    """`users` between two stages, whose windows are positions or, at the host's ports, rows of them."""
    if not producer.port:
        found = users(consumer, source, producer.shape)
        return found if found is None or not consumer.port else found // positions(consumer.shape)[1]
    extents, (rows, columns) = _extents(consumer, source), positions(producer.shape)
    out_rows, out_columns = positions(consumer.shape)
    if consumer.port or extents is None or (rows, columns) == (1, 1) != (out_rows, out_columns):
        return None
    row, valid = _users_along(extents[0], np.arange(rows), out_rows)
    windows = np.where(valid, row, -1)[:, :, None] * out_columns + np.arange(out_columns)
    return np.where(valid[:, :, None], windows, -1).reshape(rows, -1)


def _users_along(extent: Extent, index: Counts, limit: int) -> tuple[Counts, NDArray[np.bool_]]:
    """Indices of the windows along one axis whose extent covers `index`, and which of them exist."""
    most = extent.reach // extent.stride + 1
    found = ((index + extent.before) // extent.stride)[:, None] - np.arange(most)
    reaches = found * extent.stride - extent.before + extent.reach >= index[:, None]
    return found, (found >= 0) & (found < limit) & reaches
