"""The seam of weight quantization: what a layer's weights round to.

A `WeightQuantizer` looks at the real weights of one layer and answers with a `Grid`: the integers that may stand for
them and the real value of one integer. Uniform grids, by name, are in WEIGHT_QUANTIZERS; level sets (integers that are
not evenly spaced) come from `archsim.function.quantization.levels.seam`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from math import log2
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.function.quantization.network import LevelSets

Array = NDArray[Any]
Real = NDArray[np.float64]

HEADROOM = {8: 2.0**30, 16: 2.0**46}
"""Largest bias integer by operand width: half of a 32-bit and of a 48-bit accumulator. A channel whose weights are so
small beside its bias that it would need more gets a coarser weight scale."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class WeightRequest:
    """One layer to quantize.

    Attributes
    ----------
    weight : [outputs, ...], as the crossbars hold it (the scale of folded pixels included).
    gain : that scale, broadcastable to the weight; 1 where no pixels are folded.
    bits : of a weight; `width` of the wider operand.
    bias : [outputs], real bias over the real value of one input integer.
    grouped : whether the layer is a grouped convolution, whose groups may share an array and then meet weights of 0.
    """

    name: str
    weight: Array
    gain: Array
    bits: int
    width: int
    bias: Real
    grouped: bool

    def least(self, width: int) -> Real:
        """Smallest real value of one integer whose biases fit the accumulator of `width`-bit operands: [outputs]."""
        return np.asarray(np.abs(self.bias) / HEADROOM[8 if width <= 8 else 16])


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Grid:
    """What weights round to: real weight of output o = size[o] * integer.

    size float64 [outputs], positive. Without `levels` every integer from -top to top may be used, else only the levels.
    `signs`: only -1 and 1 may be (1 for a weight of 0).
    """

    size: Real
    top: int
    levels: LevelSets | None = None
    signs: bool = False

    def round(self, exact: Array) -> Array:
        """Whole numbers (float64) for weights in units of their size, where there are no levels."""
        return np.where(exact < 0, -1.0, 1.0) if self.signs else np.clip(np.rint(exact), -self.top, self.top)


WeightQuantizer = Callable[[WeightRequest], Grid]


def largest_weights(weight: Array) -> Real:
    """Largest magnitude of each output: weight [outputs, ...] to float64 [outputs]."""
    flat = weight.reshape(len(weight), -1)
    return np.asarray(np.maximum(flat.max(axis=1), -flat.min(axis=1)), np.float64)


def _uniform(magnitude: Callable[[Array], Real], request: WeightRequest) -> Grid:
    """Symmetric: the largest integer stands for `magnitude`."""
    top = 2 ** (request.bits - 1) - 1
    scale = magnitude(request.weight) / top
    usable = np.where(scale > 0, scale, scale.max() or 1.0)
    return Grid(size=np.maximum(usable, request.least(request.width)), top=top)


def _binary(request: WeightRequest) -> Grid:
    """Signs, with one size for the layer: the power of two nearest to the mean magnitude (on a logarithmic scale)."""
    mean = float(np.abs(request.weight).mean(dtype=np.float64))
    return sign_grid(len(request.weight), 2.0 ** round(log2(mean)) if mean > 0 else 1.0)


def sign_grid(outputs: int, size: float) -> Grid:
    """Weights -size and size for each of so many outputs."""
    return Grid(size=np.full(outputs, size), top=1, signs=True)


WEIGHT_QUANTIZERS: Mapping[str, WeightQuantizer] = MappingProxyType(
    {
        "per_channel": partial(_uniform, largest_weights),
        "binary": _binary,
        "per_tensor": partial(_uniform, lambda weight: np.full(len(weight), largest_weights(weight).max())),
    }
)
"""Uniform weight quantizers by name: what the largest integer stands for. `binary` is the only one for 1-bit
weights."""


def default_quantizer(bits: int) -> str:
    """The quantizer of weights of so many bits where nothing else is asked for."""
    return "binary" if bits == 1 else "per_channel"
