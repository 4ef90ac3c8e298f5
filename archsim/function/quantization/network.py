"""The quantized network as plain data: integers, scales and formats; every functional engine and the statistics read
it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.function.quantization.steps import Step
from archsim.function.unroll import Geometry
from archsim.workload.graph import Parameters, Shape, WeightOrigin

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorFormat:
    """How a stored tensor is coded: real value = scale * integer, of `bits` bits, unsigned or symmetric two's
    complement.

    The zero point is always 0, so a real zero is the integer zero that drives no row. (Raw pixels are the exception:
    see `Pixels`.)
    """

    bits: int
    signed: bool
    scale: float

    @property
    def low(self) -> int:
        """Smallest integer used; the most negative two's complement code stays unused, so that the range is
        symmetric."""
        return -self.high if self.signed else 0

    @property
    def high(self) -> int:
        """Largest integer."""
        return int(2 ** (self.bits - self.signed)) - 1

    @property
    def dtype(self) -> np.dtype[Any]:
        """Smallest NumPy integer type that holds the tensor."""
        return np.dtype(f"{'i' if self.signed else 'u'}{1 if self.bits <= 8 else 2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pixels:
    """Preprocessing x = (pixel - mean) * scale per channel, for pixels 0..255. One entry means all channels."""

    mean: tuple[float, ...]
    scale: tuple[float, ...]

    def per_channel(self, channels: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and scale, float64 [channels] each."""
        return (
            np.broadcast_to(np.asarray(self.mean, np.float64), channels).copy(),
            np.broadcast_to(np.asarray(self.scale, np.float64), channels).copy(),
        )

    def normalise(self, pixels: Array) -> NDArray[np.float32]:
        """float32 [N, C, ...] that the float network takes, from pixels [N, C, ...]."""
        mean, scale = self.per_channel(pixels.shape[1])
        along = (-1,) + (1,) * (pixels.ndim - 2)
        return ((pixels - mean.reshape(along)) * scale.reshape(along)).astype(np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Precision:
    """Bits of stored activations (crossbar inputs) and of weights, 2 to 16 each, or 1 for weights that are signs;
    `residual_bits` of tensors that only residual adds read, if not those of all activations."""

    input_bits: int = 8
    weight_bits: int = 8
    residual_bits: int | None = None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class LevelSets:
    """The values that weights of a layer can take, where these are not all integers of some width.

    Attributes
    ----------
    values : int16 [sets, levels], ascending integers; levels that a set does not need repeat its last.
    of : int64 [outputs], the set of each output.
    """

    values: NDArray[np.int16]
    of: NDArray[np.int64]

    @property
    def ends(self) -> NDArray[np.int64]:
        """Smallest and largest level of each output: int64 [2, outputs]."""
        return np.stack([self.values[self.of, 0], self.values[self.of, -1]]).astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class MatrixLayer:
    """One convolution or fully connected layer in integers.

    Output o of a window is scale[o] * (bias[o] + sum over rows of input integer * weight[o // columns, row, o %
    columns]).

    Attributes
    ----------
    weight : [groups, rows, columns] int8 or int16, rows in the order ky, kx, channel.
    weight_bits : width of the integers, or 2**weight_bits levels.
    bias : [outputs] int64, in units of the accumulator (`scale`).
    scale : [outputs] float64, real value of one accumulator unit.
    pad : [channels], integers of the input's type that drive the rows outside the map (the zero point).
    format : of the input.
    levels : the values that weights take, where they are not evenly spaced integers of `weight_bits` bits.
    """

    name: str
    geometry: Geometry
    weight: Array
    weight_bits: int
    bias: NDArray[np.int64]
    scale: NDArray[np.float64]
    pad: Array
    format: TensorFormat
    levels: LevelSets | None = None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class QuantizedStep:
    """A step with what it needs in integers. `format` is None when the result is read out at accumulator precision.

    `parameters` belong to the layers of the step that scale per channel, by layer name.
    """

    step: Step
    shape: Shape
    format: TensorFormat | None
    matrix: MatrixLayer | None
    parameters: Mapping[str, Parameters]

    @property
    def tensor(self) -> str:
        """Name of the tensor the step leaves."""
        return self.step.tensor


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class QuantizedNetwork:
    """A network in integers. `formats` has every stored tensor, the input included.

    `pixels` is set when raw pixels drive the crossbars and their preprocessing is folded into the first layers; else
    the normalised input is quantized. `logits` names the tensor that predictions are read from; it tells `classes`
    apart (None where it names none).
    """

    name: str
    input: str
    input_shape: Shape
    precision: Precision
    pixels: Pixels | None
    steps: tuple[QuantizedStep, ...]
    formats: Mapping[str, TensorFormat]
    outputs: tuple[str, ...]
    logits: str
    classes: int | None
    weights: WeightOrigin

    @property
    def matrices(self) -> tuple[MatrixLayer, ...]:
        """The layers that run on crossbars, in order."""
        return tuple(step.matrix for step in self.steps if step.matrix is not None)

    def format_of(self, name: str) -> TensorFormat | None:
        """Format of a tensor, None when it is read out at accumulator precision."""
        return next((step.format for step in self.steps if step.tensor == name), self.formats.get(name))
