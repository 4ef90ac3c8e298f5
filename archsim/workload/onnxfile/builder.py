"""What the operator handlers write to: values by tensor name, layers, parameters."""

from __future__ import annotations

from dataclasses import dataclass, field

from archsim.workload.canonical import canonical
from archsim.workload.graph import Layer, Op, Parameters, Shape
from archsim.workload.onnxfile.document import Array, Node
from archsim.workload.shapes import Misfit, infer_shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """A tensor that depends on the network input: the layer that makes it and its shape (batch left out)."""

    layer: str
    shape: Shape

    @property
    def full_shape(self) -> Shape:
        """Shape as ONNX sees it, batch 1 first."""
        return (1, *self.shape)


Value = Tensor | Array
"""What a tensor name stands for: computed data or a known constant."""


@dataclass(slots=True, kw_only=True)
class Build:
    """The graph under construction. Handlers read with `data`, `constant` and `known`, write with `emit` and `bind`."""

    values: dict[str, Value] = field(default_factory=dict)
    layers: list[Layer] = field(default_factory=list)
    parameters: dict[str, Parameters] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)

    def data(self, node: Node, index: int = 0) -> Tensor:
        """Operand `index`, which must depend on the network input."""
        value = self._operand(node, index)
        if value is None:
            raise Misfit(f"input {index} is missing")
        if not isinstance(value, Tensor):
            raise Misfit(f"input {index} is a constant, expected data that depend on the network input")
        return value

    def constant(self, node: Node, index: int, what: str) -> Array | None:
        """Operand `index`, which must be known beforehand; None where an optional operand is absent."""
        value = self._operand(node, index)
        if isinstance(value, Tensor):
            raise Misfit(f"its {what} depends on the network input, expected a constant")
        return value

    def known(self, node: Node, index: int, what: str) -> Array:
        """As `constant`, for operands that must be there."""
        value = self.constant(node, index, what)
        if value is None:
            raise Misfit(f"its {what} (input {index}) is missing")
        return value

    def _operand(self, node: Node, index: int) -> Value | None:
        name = node.inputs[index] if index < len(node.inputs) else ""
        return self.values[name] if name else None

    def emit(
        self,
        node: Node,
        op: Op,
        inputs: tuple[Tensor, ...],
        *,
        target: Shape = (),
        parameters: Parameters | None = None,
    ) -> Tensor:
        """Append a layer named after the node (else its output) and return its tensor; shapes are checked here.

        An operation that changes nothing leaves no layer: the tensor is its input.
        """
        shapes = [tensor.shape for tensor in inputs]
        simple = canonical(op, shapes, target)
        if simple is None:
            return inputs[0]
        shape = infer_shape(simple, shapes, target)
        name = self.unique(node.name or node.outputs[0], node.outputs[0])
        self.layers.append(Layer(name=name, op=simple, inputs=tuple(tensor.layer for tensor in inputs), shape=shape))
        if parameters is not None:
            self.parameters[name] = parameters
        return Tensor(layer=name, shape=shape)

    def bind(self, node: Node, tensor: Tensor, index: int = 0) -> None:
        """Make `tensor` the node's output `index`."""
        self.values[node.outputs[index]] = tensor

    def unique(self, *candidates: str) -> str:
        """The first candidate not in use, else the last one with a number behind it."""
        last = candidates[-1] or "layer"
        for name in (*filter(None, candidates), *(f"{last}_{number}" for number in range(2, len(self.names) + 3))):
            if name not in self.names:
                self.names.add(name)
                return name
        raise AssertionError("more names tried than are in use")
