"""Dynamic precision of one layer: decides every group of a block of windows, rounds the inputs, and counts.

The inputs that a shortened stream puts on the rows are those of a full stream of `q' << t`: planes below t are empty,
planes above carry nothing (or, for signed inputs, copies of the sign plane whose weights -2^7 + 2^6 + .. + 2^(p-1+t)
add up to that of the one sign plane streamed), and a converter gives the same code for the same plane. So any engine
computes a dynamic layer exactly by taking the rounded inputs; `literal` streams them literally, and tests
hold the two together, with clipping converters and flipped columns too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archsim.function.precision import kernels
from archsim.function.precision.policies import Bits, Groups, Limits
from archsim.function.precision.rule import Rule
from archsim.function.unroll import coverage
from archsim.workload.graph import Linear

if TYPE_CHECKING:
    from archsim.function.inference.activity import Counting
    from archsim.function.quantization.network import MatrixLayer, QuantizedNetwork

Array = NDArray[Any]
Counts = NDArray[np.int64]
Decision = tuple[Bits, Bits]

NARROW_MOMENTS = 2**31
"""Sums of squares below this are taken in 32 bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Streaming:
    """A rule and how layers are cut into row groups (`counting`); `ones` counts the ones among streamed bits too, for
    machines that gate their row drivers."""

    rule: Rule
    counting: Counting
    ones: bool = False

    def layers(self, network: QuantizedNetwork) -> Mapping[str, LayerStream]:
        """Streams of the layers that take part, by layer name."""
        return {
            layer.name: LayerStream(layer, self)
            for layer, op in ((step.matrix, step.step.layer.op) for step in network.steps)
            if layer is not None and (self.rule.fully_connected or not isinstance(op, Linear))
        }


class LayerStream:
    """One layer's groups and limits, with `decide` and `stream` for blocks of its windows."""

    def __init__(self, layer: MatrixLayer, streaming: Streaming) -> None:
        rule = streaming.rule
        self.layer = layer
        self.starts = streaming.counting.row_groups(layer)
        self.counts_ones = streaming.ones
        self.granularity = rule.granularity
        self.policy = rule.definition
        self.limits = Limits(
            width=layer.format.bits,
            value=rule.value(layer.name),
            minimum=rule.minimum_bits,
            zero_is_zero=not layer.pad.any(),
        )
        largest = int(np.diff(self.starts).max()) * (1 << layer.format.bits) ** 2
        self.wide = np.dtype(np.int32 if largest < NARROW_MOMENTS else np.int64)

    def per_image(self, x: Array) -> Decision | None:
        """(bits, dropped bits) [images] where a whole layer and picture share one decision, else None.

        x : [images, channels, height, width], stored integers.
        """
        if self.granularity != "layer":
            return None
        parts = [self._whole_picture(picture) for picture in x]
        span, total, squares = (np.array(column) for column in zip(*parts, strict=True))
        g = self.layer.geometry
        size = np.full(len(x), g.windows * g.rows * g.groups, np.int64)
        return self.policy.decide(
            Groups(size=size, span=span.astype(np.uint8), total=total, squares=squares), self.limits
        )

    def _whole_picture(self, picture: Array) -> tuple[int, int, float]:
        """Span, sum and sum of squares of all unrolled inputs of one picture, padding included."""
        g, pad = self.layer.geometry, self.layer.pad.astype(np.int64)
        rows, columns = coverage(g)
        weight = np.multiply.outer(rows, columns)
        values = picture.astype(np.int64)
        padded = g.windows * g.kernel[0] * g.kernel[1] - int(weight.sum())
        seen = values[:, weight > 0]
        ends = [int(seen.min(initial=0)), int(seen.max(initial=0))]
        if padded:
            ends = [min(ends[0], int(pad.min())), max(ends[1], int(pad.max()))]
        pattern = max(ends[1], ~ends[0] if ends[0] < 0 else 0)
        span = pattern.bit_length() + (self.layer.format.signed and (pattern > 0 or ends[0] < 0))
        total = int((values * weight).sum()) + padded * int(pad.sum())
        squares = float((values * values * weight).sum()) + padded * float((pad * pad).sum())
        return span, total, squares

    def decide(self, rows: Array) -> Decision:
        """(bits, dropped bits) of every group and window, uint8 [groups, windows].

        rows : unrolled inputs of all convolution groups [rows, windows].
        """
        groups = self._groups(rows)
        if self.granularity == "window":
            together = Groups(
                size=groups.size.sum(axis=0, keepdims=True),
                span=groups.span.max(axis=0, keepdims=True),
                total=groups.total.sum(axis=0, keepdims=True, dtype=np.int64),
                squares=groups.squares.sum(axis=0, keepdims=True, dtype=np.int64),
            )
            bits, shift = self.policy.decide(together, self.limits)
            return _spread(bits, groups.span.shape), _spread(shift, groups.span.shape)
        return self.policy.decide(groups, self.limits)

    def _groups(self, rows: Array) -> Groups:
        shape = (len(self.starts) - 1, rows.shape[1])
        pattern = np.zeros(shape, rows.dtype)
        kernels.patterns(rows, self.starts, pattern)
        span = SPANS[pattern.view(f"u{pattern.itemsize}")]
        if self.layer.format.signed:
            # a group of zeros needs nothing; one of zeros and minus ones has an empty pattern but needs its sign
            anything = pattern != 0
            if not anything.all():
                anything |= _any_nonzero(rows, self.starts)
            span = span + anything.astype(np.uint8)
        total, squares = np.zeros(shape, self.wide), np.zeros(shape, self.wide)
        if self.policy.moments and self.limits.value > 0:
            kernels.moments(rows, self.starts, total, squares)
        return Groups(size=np.diff(self.starts)[:, None], span=span, total=total, squares=squares)

    def stream(self, unrolled: Array, decided: Decision | None = None) -> tuple[Array, Bits, int]:
        """Inputs as their shortened streams carry them, the bits of each stream, and the ones among them.

        Parameters
        ----------
        unrolled : [groups, rows, windows], stored integers.
        decided : (bits, dropped bits) [windows] or [row groups, windows] where that is already known.

        Returns
        -------
        inputs like `unrolled` (the same array when nothing is rounded), uint8 [row groups, windows], and the rows
        driven, summed over windows and cycles (0 unless the streaming asks for ones).
        """
        rows = unrolled.reshape(-1, unrolled.shape[-1])
        if decided is None:
            bits, shift = self.decide(rows)
        else:
            shape = (len(self.starts) - 1, rows.shape[1])
            bits, shift = (_spread(part, shape) for part in decided)
        if shift.any():
            rounded = np.empty(rows.shape, rows.dtype)
            kernels.round_groups(rows, self.starts, bits, shift, rounded)
            rows = rounded
        ones = np.zeros(len(self.starts) - 1, np.int64)
        if self.counts_ones:
            kernels.driven_rows(rows, self.starts, bits, shift, ones)
        return rows.reshape(unrolled.shape), bits, int(ones.sum())


SPANS = np.array([value.bit_length() for value in range(1 << 16)], np.uint8)
"""Bits of every 16-bit pattern."""


def _spread(part: Bits, shape: tuple[int, ...]) -> Bits:
    return np.ascontiguousarray(np.broadcast_to(part, shape))


def _any_nonzero(rows: Array, starts: Counts) -> NDArray[np.bool_]:
    return np.stack([rows[a:b].any(axis=0) for a, b in pairwise(starts)])
