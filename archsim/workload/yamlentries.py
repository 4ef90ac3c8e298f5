"""The layers of a workload file: one model an operation, each turning itself into an `Op` for given input shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict

from archsim.config.types import Truth
from archsim.workload import graph
from archsim.workload.graph import Op, Padding, Pair, Shape
from archsim.workload.shapes import Misfit, same_padding
from archsim.workload.yamlfields import (
    ActivationField,
    AxesField,
    Count,
    Index,
    PaddingField,
    PairField,
    Real,
    ShapeField,
    Word,
    WordList,
)


class Entry(BaseModel):
    """What every layer may say: `name`, `inputs` (default: the layer above) and a following `activation`."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    default_inputs: ClassVar[int] = 1

    name: Word | None = None
    inputs: WordList | None = None
    activation: ActivationField | None = None

    def op(self, _inputs: Sequence[Shape], /) -> Op:
        """The operation on inputs of these shapes. Raises `Misfit`."""
        raise NotImplementedError

    def target(self, _inputs: Sequence[Shape], /) -> Shape:
        """Output shape of the operations that carry it in the layer (input, reshape)."""
        return ()


class InputEntry(Entry):
    """A network input: `shape` [channels, height, width] or [features]."""

    default_inputs: ClassVar[int] = 0
    shape: ShapeField

    def op(self, _inputs: Sequence[Shape], /) -> Op:
        return graph.Input()

    def target(self, _inputs: Sequence[Shape], /) -> Shape:
        return self.shape


class ConvEntry(Entry):
    """Convolution. `bias` and `batchnorm` say what the original layer has; a batch norm is folded into weight and bias,
    so neither changes the graph."""

    out: Count
    kernel: PairField
    stride: PairField = (1, 1)
    padding: PaddingField = (0, 0, 0, 0)
    dilation: PairField = (1, 1)
    groups: Count = 1
    bias: Truth = True
    batchnorm: Truth = False

    def op(self, inputs: Sequence[Shape], /) -> Op:
        pads = _explicit(self.padding, inputs, self.kernel, self.stride, self.dilation)
        return graph.Conv(
            out=self.out,
            kernel=self.kernel,
            stride=self.stride,
            padding=pads,
            dilation=self.dilation,
            groups=self.groups,
        )


class LinearEntry(Entry):
    """Fully connected layer on a vector. `bias`: as in `conv`."""

    out: Count
    bias: Truth = True

    def op(self, _inputs: Sequence[Shape], /) -> Op:
        return graph.Linear(out=self.out)


class AffineEntry(Entry):
    """Scale and shift per channel: a batch norm that no convolution before it can absorb."""

    def op(self, _inputs: Sequence[Shape], /) -> Op:
        return graph.Affine()


class ActivationEntry(Entry):
    """An activation as a layer of its own; `function` is its name or a block with its parameters."""

    function: ActivationField

    def op(self, _inputs: Sequence[Shape], /) -> Op:
        return self.function


class PoolEntry(Entry):
    """Max or average pooling."""

    function: Literal["max", "average"]
    kernel: PairField
    stride: PairField = (1, 1)
    padding: PaddingField = (0, 0, 0, 0)
    ceil: Truth = False
    count_padding: Truth = False

    def op(self, inputs: Sequence[Shape], /) -> Op:
        return graph.Pool(
            function=self.function,
            kernel=self.kernel,
            stride=self.stride,
            padding=_explicit(self.padding, inputs, self.kernel, self.stride, (1, 1)),
            ceil=self.ceil,
            count_padding=self.count_padding,
        )


class GlobalPoolEntry(Entry):
    """Pooling over the whole map."""

    function: Literal["max", "average"]

    def op(self, _inputs: Sequence[Shape], /) -> Op:
        return graph.GlobalPool(function=self.function)


class AddEntry(Entry):
    """Sum of two or more inputs."""

    def op(self, _inputs: Sequence[Shape], /) -> Op:
        return graph.Add()


class MulEntry(Entry):
    """Product of two inputs."""

    def op(self, _inputs: Sequence[Shape], /) -> Op:
        return graph.Mul()


class ConcatEntry(Entry):
    """Concatenation; axis 0 = channels."""

    axis: Index = 0

    def op(self, _inputs: Sequence[Shape], /) -> Op:
        return graph.Concat(axis=self.axis)


class SliceEntry(Entry):
    """Elements start..stop (stop excluded) of an axis; axis 0 = channels."""

    axis: Index = 0
    start: Index
    stop: Count

    def op(self, _inputs: Sequence[Shape], /) -> Op:
        return graph.Slice(axis=self.axis, start=self.start, stop=self.stop)


class PadEntry(Entry):
    """Explicit padding with a constant."""

    padding: PaddingField
    value: Real = 0.0

    def op(self, _inputs: Sequence[Shape], /) -> Op:
        if self.padding == "same":
            raise Misfit("padding 'same' needs a kernel; give [top, left, bottom, right]")
        return graph.Pad(padding=self.padding, value=self.value)


class ReshapeEntry(Entry):
    """Row-major reshape to `shape`."""

    shape: ShapeField

    def op(self, _inputs: Sequence[Shape], /) -> Op:
        return graph.Reshape()

    def target(self, _inputs: Sequence[Shape], /) -> Shape:
        return self.shape


class FlattenEntry(Entry):
    """Reshape to a vector."""

    def op(self, _inputs: Sequence[Shape], /) -> Op:
        return graph.Reshape()

    def target(self, inputs: Sequence[Shape], /) -> Shape:
        return (prod(inputs[0]),) if inputs else ()


class TransposeEntry(Entry):
    """Permutation of the axes."""

    axes: AxesField

    def op(self, _inputs: Sequence[Shape], /) -> Op:
        return graph.Transpose(axes=self.axes)


class SoftmaxEntry(Entry):
    """Softmax along an axis, or its logarithm."""

    axis: Index = 0
    log: Truth = False

    def op(self, _inputs: Sequence[Shape], /) -> Op:
        return graph.Softmax(axis=self.axis, log=self.log)


class LocalResponseNormEntry(Entry):
    """Local response normalisation across `size` channels."""

    size: Count
    alpha: Real = 1e-4
    beta: Real = 0.75
    bias: Real = 1.0

    def op(self, _inputs: Sequence[Shape], /) -> Op:
        return graph.LocalResponseNorm(size=self.size, alpha=self.alpha, beta=self.beta, bias=self.bias)


ENTRIES: Mapping[str, type[Entry]] = {
    "input": InputEntry,
    "conv": ConvEntry,
    "linear": LinearEntry,
    "affine": AffineEntry,
    "activation": ActivationEntry,
    "pool": PoolEntry,
    "globalpool": GlobalPoolEntry,
    "add": AddEntry,
    "mul": MulEntry,
    "concat": ConcatEntry,
    "slice": SliceEntry,
    "pad": PadEntry,
    "reshape": ReshapeEntry,
    "flatten": FlattenEntry,
    "transpose": TransposeEntry,
    "softmax": SoftmaxEntry,
    "localresponsenorm": LocalResponseNormEntry,
}
"""Layer kinds of a workload file: every `Op.kind`, and `flatten`."""


def _explicit(
    given: Padding | Literal["same"], inputs: Sequence[Shape], kernel: Pair, stride: Pair, dilation: Pair
) -> Padding:
    if given != "same":
        return given
    if len(inputs) != 1 or len(inputs[0]) != 3:
        raise Misfit("padding 'same' needs one map (channels, height, width) as input")
    return same_padding((inputs[0][1], inputs[0][2]), kernel, stride, dilation)
