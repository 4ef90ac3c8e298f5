"""The products of training: what flows backwards through a network, and what its weight gradients multiply.

A layer's error passes its weights in the other direction: at every output position the errors of all Cout channels
meet the K K Cin weights, and what comes out is added up over the positions whose windows overlap (the transpose of
unrolling). In the graph of that, the product is a 1x1 convolution of Cout to K K Cin channels; the adding up is an
average pool over the kernel's reach, whose only digital work is K K Cin additions a position. Maps change size where
pools or strides stand in the way: such a map is complete before anything reads it (a reshape, which moves no data of
its own).

The gradient of a weight is the product of the layer's input and its error, summed over output positions (and images):
vectors of K K Cin activations, one position after the other, against the errors of Cout channels.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from types import MappingProxyType

from archsim.errors import InputError, Problem
from archsim.workload.graph import (
    Activation,
    Add,
    Affine,
    Concat,
    Conv,
    GlobalPool,
    Graph,
    Input,
    Layer,
    Linear,
    LocalResponseNorm,
    Mul,
    Op,
    Padding,
    Pool,
    Reshape,
    Shape,
    Slice,
    Softmax,
)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Errors:
    """The network of errors. `layers` says of each of its layers which layer of the forward network it belongs to;
    names are free of meaning. `overlaps` are the layers that add up overlapping windows after a transposed product."""

    graph: Graph
    layers: Mapping[str, str]
    overlaps: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class GradientProduct:
    """Weight gradient of one layer: `groups` times `vectors` inputs by `outputs` errors, over `positions` of an image.

    `source` names the tensor of inputs, which has `inputs` values; `shifts` is the kernel's area.
    """

    layer: str
    source: str
    inputs: int
    positions: int
    vectors: int
    outputs: int
    groups: int
    shifts: int

    @property
    def rows(self) -> int:
        """Unrolled inputs of a position, all groups."""
        return self.vectors * self.groups

    @property
    def weights(self) -> int:
        """Weights of the layer."""
        return self.vectors * self.outputs * self.groups

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the gradient per image."""
        return self.weights * self.positions

    @property
    def errors(self) -> int:
        """Values of the layer's error per image."""
        return self.positions * self.outputs * self.groups


def gradient_products(graph: Graph) -> tuple[GradientProduct, ...]:
    """The weight gradients of a network, layer by layer."""
    return tuple(_product(graph, layer) for layer in graph.layers if isinstance(layer.op, Conv | Linear))


def _product(graph: Graph, layer: Layer) -> GradientProduct:
    op, source = layer.op, graph[layer.inputs[0]]
    if isinstance(op, Conv):
        shifts, groups = prod(op.kernel), op.groups
        vectors, positions = source.shape[0] // groups * shifts, prod(layer.shape[1:])
    else:
        assert isinstance(op, Linear)
        shifts, groups, vectors, positions = 1, 1, source.size, 1
    return GradientProduct(
        layer=layer.name,
        source=source.name,
        inputs=source.size,
        positions=positions,
        vectors=vectors,
        outputs=op.out // groups,
        groups=groups,
        shifts=shifts,
    )


def error_graph(graph: Graph) -> Errors | None:
    """The network of errors, from the outputs back to the output of the first layers with weights.

    Products have the names of their layers. None where no layer has weights before it (nothing to propagate).

    Raises
    ------
    InputError
        Operations without a way back here, all at once.
    """
    back = _Backward(graph)
    found = back.run()
    if back.problems:
        raise InputError(back.problems)
    layers = tuple(found)
    if not any(isinstance(layer.op, Conv | Linear) for layer in layers):
        return None
    read = {name for layer in layers for name in layer.inputs}
    ends = tuple(layer.name for layer in layers if layer.name not in read and not isinstance(layer.op, Input))
    return Errors(
        graph=Graph(name=f"{graph.name} errors", layers=layers, outputs=ends),
        layers=MappingProxyType(back.owners),
        overlaps=frozenset(back.overlaps),
    )


class _Backward:
    """Builds the graph of errors, layer by layer from the end."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.layers: list[Layer] = []
        self.owners: dict[str, str] = {}
        self.overlaps: list[str] = []
        self.taken = {layer.name for layer in graph.layers}
        self.arriving: dict[str, list[str]] = {layer.name: [] for layer in graph.layers}
        self.shapes: dict[str, Shape] = {}
        self.problems: list[Problem] = []
        self.trained = _above_weights(graph)

    def run(self) -> list[Layer]:
        for name in self.graph.outputs:
            self.arriving[name].append(self.add(name, "error", Input(), (), self.graph[name].shape))
        for layer in reversed(self.graph.layers):
            arriving = self.arriving[layer.name]
            if not arriving or not self.trained[layer.name]:
                continue
            error = arriving[0]
            if len(arriving) > 1:
                error = self.add(layer.name, "sum", Add(), tuple(arriving), layer.shape)
            self.pass_on(layer, error)
        return self.layers

    def add(self, owner: str, part: str, op: Op, inputs: tuple[str, ...], shape: Shape) -> str:
        """A layer that belongs to `owner`: its product where `part` is empty, else under a name nobody has."""
        name = f"{owner}.{part}" if part else owner
        while part and name in self.taken:
            name += "'"
        self.taken.add(name)
        self.layers.append(Layer(name=name, op=op, inputs=inputs, shape=shape))
        self.shapes[name], self.owners[name] = shape, owner
        return name

    def pass_on(self, layer: Layer, error: str) -> None:
        """Give every input of a layer the error that reaches it, where layers with weights lie before it."""
        before = 0
        for number, name in enumerate(layer.inputs):
            source = self.graph[name]
            start, before = before, before + (source.shape[0] if source.shape else 0)
            if not self.trained[name]:
                continue
            found = self.through(layer, number, error, start)
            if found is not None:
                self.arriving[name].append(self.shaped(layer, number, found, source.shape))

    def through(self, layer: Layer, number: int, error: str, start: int) -> str | None:
        """The error of one input of a layer, before it takes that input's shape."""
        op, source = layer.op, self.graph[layer.inputs[number]]
        if isinstance(op, Conv):
            return self.through_conv(layer, op, error, source.shape)
        if isinstance(op, Linear):
            return self.add(layer.name, "", Linear(out=source.size), (error,), (source.size,))
        if isinstance(op, Activation | Affine):
            return self.add(layer.name, "back", op, (error,), layer.shape)
        if isinstance(op, Mul):
            other = self.graph[layer.inputs[1 - number]]
            size = layer.shape if other.shape else other.shape
            kept = self.add(layer.name, f"{number}.kept", Input(), (), size)
            scaled = self.add(layer.name, f"{number}.scaled", Mul(), (error, kept), layer.shape)
            return self.gathered(layer, number, scaled, source.shape)
        if isinstance(op, Add):
            return self.gathered(layer, number, error, source.shape)
        if isinstance(op, Concat) and op.axis == 0:
            piece = Slice(axis=0, start=start, stop=start + source.shape[0])
            return self.add(layer.name, f"{number}.part", piece, (error,), source.shape)
        if isinstance(op, LocalResponseNorm):
            self.problems.append(
                Problem(
                    f"workload {self.graph.name}: {layer.name}", "has no way back here; expected no LRN in training"
                )
            )
            return None
        # pools, reshapes, slices, pads and a last softmax only place values
        return error if not isinstance(op, Softmax) or layer.name in self.graph.outputs else self.softmax(layer, error)

    def softmax(self, layer: Layer, error: str) -> str:
        return self.add(layer.name, "back", layer.op, (error,), layer.shape)

    def gathered(self, layer: Layer, number: int, error: str, shape: Shape) -> str:
        """Summed over positions where the operand was broadcast over them."""
        if shape == layer.shape or len(shape) != 3:
            return error
        return self.add(layer.name, f"{number}.gathered", GlobalPool(function="average"), (error,), shape)

    def through_conv(self, layer: Layer, op: Conv, error: str, shape: Shape) -> str:
        """The transposed product at every position, and the sum over overlapping windows."""
        area, channels = prod(op.kernel), shape[0]
        _, rows, columns = layer.shape
        product = Conv(out=area * channels, kernel=(1, 1), groups=op.groups)
        made = self.add(layer.name, "", product, (error,), (area * channels, rows, columns))
        if area == 1:
            return made
        piece = Slice(axis=0, start=0, stop=channels)
        part = self.add(layer.name, "part", piece, (made,), (channels, rows, columns))
        padding, grown = _overlap(op, (rows, columns), (shape[1], shape[2]))
        pool = Pool(function="average", kernel=op.kernel, padding=padding)
        name = self.add(layer.name, "overlap", pool, (part,), (channels, *grown))
        self.overlaps.append(name)
        return name

    def shaped(self, layer: Layer, number: int, error: str, shape: Shape) -> str:
        """The error in the shape of the tensor it belongs to."""
        if self.shapes[error] == shape:
            return error
        return self.add(layer.name, f"{number}.back", Reshape(), (error,), shape)


def _overlap(op: Conv, size: tuple[int, int], wanted: tuple[int, int]) -> tuple[Padding, tuple[int, int]]:
    """Padding of the adding up and the size it leaves: that of the layer's input where positions are pixels, else of
    its output (spread out afterwards)."""
    (height, width), (top, left, bottom, right) = op.kernel, op.padding
    exact = (height - 1 - top, width - 1 - left, height - 1 - bottom, width - 1 - right)
    if op.stride == op.dilation == (1, 1) and min(exact) >= 0:
        return exact, wanted
    above, before = (height - 1) // 2, (width - 1) // 2
    return (above, before, height - 1 - above, width - 1 - before), size


def _above_weights(graph: Graph) -> dict[str, bool]:
    """Whether a tensor depends on weights: only such tensors need an error."""
    found: dict[str, bool] = {}
    for layer in graph.layers:
        found[layer.name] = isinstance(layer.op, Conv | Linear) or any(found[name] for name in layer.inputs)
    return found
