"""The workload graph: what a network computes, without a word on how a chip computes it.

A `Graph` is an ordered DAG of `Layer`s. Shapes leave out the batch dimension: `(channels, height, width)` for maps,
`(features,)` for vectors, and any rank for what reshapes produce in between. Every reader (ONNX, YAML) builds this and
nothing else, so two descriptions of one network compare equal (`Graph.structure`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from math import prod
from types import MappingProxyType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from archsim.config.suggest import did_you_mean
from archsim.errors import InputError
from archsim.notebook import html_table
from archsim.units import format_quantity

Shape = tuple[int, ...]
Pair = tuple[int, int]
Padding = tuple[int, int, int, int]
"""Padding of the two spatial axes: (top, left, bottom, right), in pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Op:
    """Base of what a layer does. Fields are plain values; weights live in `Graph.parameters`."""

    @property
    def kind(self) -> str:
        """Lower-case name of the operation, as the YAML reader spells it."""
        return type(self).__name__.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Input(Op):
    """A network input of the layer's shape."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conv(Op):
    """2-D convolution (cross-correlation). Parameters: weight [out, in // groups, kh, kw], bias [out]."""

    out: int
    kernel: Pair
    stride: Pair = (1, 1)
    padding: Padding = (0, 0, 0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear(Op):
    """Fully connected layer on a vector. Parameters: weight [out, in], bias [out]."""

    out: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Affine(Op):
    """Per-channel scale and shift (a batch norm that no convolution could absorb, a normalisation).

    Parameters: weight [channels] (the scale), bias [channels] (the shift).
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation(Op):
    """Element-wise function. `relu`; `clip` with low and high (ReLU6 is clip 0..6); `leaky_relu` with alpha;
    `sigmoid`; `tanh`; `hard_sigmoid` max(0, min(1, alpha x + beta)); `hard_swish` x hard_sigmoid(x) with alpha 1/6 and
    beta 0.5 (stored)."""

    function: Literal["relu", "clip", "leaky_relu", "sigmoid", "tanh", "hard_sigmoid", "hard_swish"]
    alpha: float = 0.0
    beta: float = 0.0
    low: float = 0.0
    high: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool(Op):
    """Max or average pooling. `ceil` keeps a last partial window that starts before the end padding; `count_padding`
    divides averages by the full window."""

    function: Literal["max", "average"]
    kernel: Pair
    stride: Pair = (1, 1)
    padding: Padding = (0, 0, 0, 0)
    ceil: bool = False
    count_padding: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalPool(Op):
    """Pooling over the whole map; output shape (channels, 1, 1)."""

    function: Literal["max", "average"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Add(Op):
    """Sum of two or more inputs of equal shape (or shape (channels, 1, 1), broadcast)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mul(Op):
    """Product of two inputs of equal shape (or shape (channels, 1, 1), broadcast: squeeze-and-excitation)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Concat(Op):
    """Concatenation along `axis` (0 = channels; the batch axis is not counted)."""

    axis: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice(Op):
    """Elements start..stop of `axis` (one output of a Split)."""

    axis: int = 0
    start: int
    stop: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pad(Op):
    """Explicit constant padding of the two spatial axes."""

    padding: Padding
    value: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reshape(Op):
    """Row-major reshape to the layer's shape (Flatten is a reshape to one axis)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transpose(Op):
    """Permutation of the axes (batch axis not counted, always first)."""

    axes: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Softmax(Op):
    """Softmax along `axis`, or its logarithm with `log`."""

    axis: int = 0
    log: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalResponseNorm(Op):
    """Across-channel normalisation x / (bias + alpha / size * sum of squares over `size` channels) ** beta."""

    size: int
    alpha: float = 1e-4
    beta: float = 0.75
    bias: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One node: a named operation on named inputs with the output shape it has (batch left out)."""

    name: str
    op: Op
    inputs: tuple[str, ...]
    shape: Shape

    @property
    def size(self) -> int:
        """Output elements per image."""
        return prod(self.shape)


@dataclass(frozen=True, slots=True, eq=False)
class Parameters:
    """Weight and bias of one layer, float32; shapes as the op's docstring says. Bias may be absent (zero)."""

    weight: NDArray[np.float32]
    bias: NDArray[np.float32] | None = None


def class_count(shape: Shape) -> int | None:
    """Classes that an output of this shape tells apart, one for each value; None for a map (values at more than one
    position) and for a single value, whose largest entry names no class."""
    extents = [extent for extent in shape if extent > 1]
    return extents[0] if len(extents) == 1 else None


WeightOrigin = Literal["file", "seeded", "none"]


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Graph:
    """A network: layers in topological order, their weights, and where the weights came from.

    `weights` is "file" (trained or stored), "seeded" (drawn: accuracy is meaningless and never reported) or "none".
    `labels` names the classes where the workload knows them.
    """

    name: str
    layers: tuple[Layer, ...]
    outputs: tuple[str, ...]
    parameters: Mapping[str, Parameters] = field(default_factory=lambda: MappingProxyType({}))
    weights: WeightOrigin = "none"
    path: str | None = None
    """File it was read from, where its preprocessing and calibrated ranges may lie beside it."""
    source: str | None = None
    """What a topology file says of where the network was published."""
    chosen: str | None = None
    """Output that `judging` chose; None for the first."""

    def __repr__(self) -> str:
        inputs = ", ".join("x".join(map(str, layer.shape)) for layer in self.inputs())
        macs = format_quantity(self.total_macs(), "MACs")
        return f"<Graph {self.name}: {len(self.layers)} layers, input {inputs}, {macs}, weights: {self.weights}>"

    def _repr_html_(self) -> str:
        """Layers as a table, for notebooks."""
        rows = [
            (
                layer.name,
                layer.op.kind,
                ", ".join(layer.inputs),
                "x".join(map(str, layer.shape)),
                f"{macs:,}" if macs else "",
            )
            for layer, macs in ((layer, self.macs(layer)) for layer in self.layers)
        ]
        title = f"{self.name}: {format_quantity(self.total_macs(), 'MACs')}, weights: {self.weights}"
        return html_table(title, ("layer", "kind", "inputs", "shape", "MACs"), rows, text=3)

    def __getitem__(self, name: str) -> Layer:
        return self.by_name[name]

    @cached_property
    def by_name(self) -> dict[str, Layer]:
        """Layers by name, in topological order."""
        return {layer.name: layer for layer in self.layers}

    @property
    def judged(self) -> Layer:
        """The output that predictions, agreement and accuracy are read from: the first where none was chosen."""
        return self[self.chosen or self.outputs[0]]

    @property
    def classes(self) -> int | None:
        """Classes that the judged output tells apart, None where it names none (`class_count`)."""
        return class_count(self.judged.shape)

    def judging(self, output: str | None) -> Graph:
        """The same network judged by this output; None leaves the choice as it is. Raises `InputError` where it has no
        output of this name."""
        if output is None:
            return self
        if output not in self.outputs:
            known = f"expected {' | '.join(self.outputs)}{did_you_mean(output, self.outputs)}"
            raise InputError(f"has no output '{output}'; {known}", where=f"workload '{self.name}'")
        return replace(self, chosen=output)

    def consumers(self) -> dict[str, list[Layer]]:
        """Layers that read each layer's output, in topological order; outputs of the network may have none."""
        found: dict[str, list[Layer]] = {layer.name: [] for layer in self.layers}
        for layer in self.layers:
            for name in dict.fromkeys(layer.inputs):
                found[name].append(layer)
        return found

    def inputs(self) -> tuple[Layer, ...]:
        """The input layers."""
        return tuple(layer for layer in self.layers if isinstance(layer.op, Input))

    def macs(self, layer: Layer) -> int:
        """Multiply-accumulates of one layer per image (zero for digital layers), padding positions included,
        bias additions not."""
        op = layer.op
        if isinstance(op, Conv):
            channels = self[layer.inputs[0]].shape[0] // op.groups
            return layer.size * channels * op.kernel[0] * op.kernel[1]
        if isinstance(op, Linear):
            return op.out * self[layer.inputs[0]].size
        return 0

    def total_macs(self) -> int:
        """Multiply-accumulates of the whole network per image."""
        return sum(self.macs(layer) for layer in self.layers)

    def with_parameters(self, parameters: Mapping[str, Parameters], weights: WeightOrigin) -> Graph:
        """The same network with other weights."""
        return replace(self, parameters=MappingProxyType(dict(parameters)), weights=weights)

    def structure(self) -> str:
        """Fingerprint of what is computed, independent of layer names, of the order of independent layers and of the
        operand order of sums and products.

        Two readers of one network must give equal structures. Weights are not part of it.
        """
        digests: dict[str, str] = {}
        for layer in self.layers:
            values = [getattr(layer.op, item.name) for item in fields(layer.op)]
            sources = [digests[name] for name in layer.inputs]
            if isinstance(layer.op, Add | Mul):
                sources.sort()
            text = repr((layer.op.kind, values, layer.shape, sources))
            digests[layer.name] = hashlib.sha256(text.encode()).hexdigest()
        ends = [digests[name] for name in self.outputs]
        return hashlib.sha256(repr((sorted(digests.values()), ends)).encode()).hexdigest()
