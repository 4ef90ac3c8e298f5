"""`read_onnx`: checks a model as a whole, walks its nodes in order, hands each to its handler."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import onnx

from archsim.errors import InputError, Problem
from archsim.workload.fold import fold_affine, prune
from archsim.workload.graph import Graph, Input, Layer
from archsim.workload.onnxfile import arranging, digital, weighted
from archsim.workload.onnxfile.builder import Build, Tensor
from archsim.workload.onnxfile.constants import CONSTANT_OPS, fold, shape_result
from archsim.workload.onnxfile.document import Node, decode_node, decode_tensor, load_model, opset_of
from archsim.workload.shapes import Misfit

LARGEST_LENGTH = 1_000_000
"""Largest length of an input axis; larger ones come from damaged files."""

HANDLERS: Mapping[str, Callable[[Node, Build], None]] = {
    "Conv": weighted.conv,
    "Gemm": weighted.gemm,
    "MatMul": weighted.matmul,
    "BatchNormalization": weighted.batch_normalization,
    "Add": weighted.add,
    "Sum": weighted.add,
    "Sub": weighted.subtract,
    "Mul": weighted.multiply,
    "Div": weighted.divide,
    **dict.fromkeys(("Relu", "LeakyRelu", "Sigmoid", "Tanh", "HardSigmoid", "HardSwish"), digital.activation),
    "Clip": digital.clip,
    "MaxPool": digital.pool,
    "AveragePool": digital.pool,
    "GlobalAveragePool": digital.global_pool,
    "GlobalMaxPool": digital.global_pool,
    "ReduceMean": digital.reduce_mean,
    "LRN": digital.local_response_norm,
    "Pad": digital.pad,
    "Softmax": digital.softmax,
    "LogSoftmax": digital.softmax,
    "Concat": arranging.concat,
    "Split": arranging.split,
    "Slice": arranging.slices,
    "Gather": arranging.gather,
    "Reshape": arranging.reshape,
    "Flatten": arranging.flatten,
    "Squeeze": arranging.squeeze,
    "Unsqueeze": arranging.unsqueeze,
    "Transpose": arranging.transpose,
    "Dropout": arranging.dropout,
    "Identity": arranging.passes,
    "Cast": arranging.cast,
}
"""Operators that may act on data; those of `CONSTANT_OPS` also fold where all their inputs are known."""


def read_onnx(path: str | os.PathLike[str]) -> Graph:
    """Read a CNN from an ONNX file as a `Graph` with float32 parameters.

    Batch norms and per-channel constants fold into the layer before them where it has no other reader; shape
    arithmetic folds away; Dropout, Identity and float Casts leave no layer. Layers are named after their node, else
    after their output tensor. Raises `InputError` with every problem found: unsupported operators by node, operands
    that do not fit, dangling names, cycles, inputs without fixed size, files that are no ONNX model.
    """
    file = Path(path)
    model = load_model(file)
    return _Reading(file, model).graph()


class _Reading:
    """One pass over one model; collects problems and goes on where that makes sense."""

    def __init__(self, file: Path, model: onnx.ModelProto) -> None:
        self.file = file
        self.model = model
        self.build = Build()
        self.problems: list[Problem] = []
        self.read = {name for node in model.graph.node for name in node.input if name}
        self.read |= {value.name for value in model.graph.output}

    def graph(self) -> Graph:
        nodes = self._nodes()
        self._refuse_unknown(nodes)
        self._stop_if_wrong()
        self._initializers()
        self._inputs()
        ordered = self._ordered(nodes)
        self._stop_if_wrong()
        for node in ordered:
            self._convert(node)
        self._stop_if_wrong()
        return self._finish()

    def _note(self, where: str, what: str) -> None:
        self.problems.append(Problem(f"{self.file}: {where}" if where else str(self.file), what))

    def _stop_if_wrong(self) -> None:
        if self.problems:
            raise InputError(self.problems)

    def _nodes(self) -> list[Node]:
        opset = opset_of(self.model)
        nodes = []
        for proto in self.model.graph.node:
            try:
                nodes.append(decode_node(proto, opset, self.file.parent))
            except Misfit as error:
                label = proto.name or next(iter(proto.output), "")
                known = proto.op_type in HANDLERS or proto.op_type in CONSTANT_OPS
                what = str(error) if known else "this operator is not supported"
                self._note(f"node '{label}' ({proto.op_type})", what)
        return nodes

    def _refuse_unknown(self, nodes: list[Node]) -> None:
        unknown = [node for node in nodes if node.op not in HANDLERS and node.op not in CONSTANT_OPS]
        for node in unknown:
            self._note(node.label, "this operator is not supported")
        if unknown:
            self._note("", f"supported operators are {', '.join(sorted({*HANDLERS, *CONSTANT_OPS}))}")

    def _initializers(self) -> None:
        for tensor in self.model.graph.initializer:
            try:
                self.build.values[tensor.name] = decode_tensor(tensor, self.file.parent)
            except Misfit as error:
                self._note("", str(error))
        for sparse in self.model.graph.sparse_initializer:
            self._note(f"initializer '{sparse.values.name}'", "sparse tensors are not supported")

    def _inputs(self) -> None:
        for value in self.model.graph.input:
            if value.name in self.build.values:
                continue
            shape = value.type.tensor_type.shape
            given = [d.dim_value if d.WhichOneof("value") == "dim_value" else d.dim_param or "?" for d in shape.dim]
            text = "[" + ", ".join(map(str, given)) + "]"
            sizes = [length for length in given[1:] if isinstance(length, int) and length > 0]
            if len(given) < 2 or len(sizes) != len(given) - 1:
                self._note(f"input '{value.name}'", f"has shape {text}, expected a fixed size after the batch axis")
            elif max(sizes) > LARGEST_LENGTH:
                self._note(f"input '{value.name}'", f"has shape {text}, expected lengths up to {LARGEST_LENGTH}")
            elif isinstance(given[0], int) and given[0] != 1:
                self._note(
                    f"input '{value.name}'", f"has a fixed batch in {text}, expected batch 1 or a symbolic batch"
                )
            else:
                name = self.build.unique(value.name)
                self.build.layers.append(Layer(name=name, op=Input(), inputs=(), shape=tuple(sizes)))
                self.build.values[value.name] = Tensor(layer=name, shape=tuple(sizes))

    def _ordered(self, nodes: list[Node]) -> list[Node]:
        """Nodes in an order that runs (file order where it does); notes dangling names, double definitions, cycles."""
        makers: dict[str, Node] = {}
        for node in nodes:
            if not any(node.outputs):
                self._note(node.label, "has no output")
            for name in filter(None, node.outputs):
                if name in makers or name in self.build.values:
                    self._note(node.label, f"its output '{name}' is defined twice")
                makers[name] = node
        failed = {tensor.name for tensor in self.model.graph.initializer}
        failed |= {value.name for value in self.model.graph.input}
        for node in nodes:
            for name in filter(None, node.inputs):
                if name not in makers and name not in self.build.values and name not in failed:
                    self._note(node.label, f"its input '{name}' is made by no node and is no input or initializer")
        self._stop_if_wrong()
        return self._sorted(nodes, makers)

    def _sorted(self, nodes: list[Node], makers: Mapping[str, Node]) -> list[Node]:
        place = {id(node): index for index, node in enumerate(nodes)}
        sources = {
            index: [place[id(makers[name])] for name in node.inputs if name in makers]
            for index, node in enumerate(nodes)
        }
        if all(before < index for index, found in sources.items() for before in found):
            return nodes
        try:
            return [nodes[index] for index in TopologicalSorter(sources).static_order()]
        except CycleError as error:
            members = [nodes[index].label for index in error.args[1][:4]]
            self._note(members[0], "is part of a cycle: " + " waits for ".join(reversed(members)))
            return []

    def _convert(self, node: Node) -> None:
        build = self.build
        names = [name for name in node.inputs if name]
        if any(name not in build.values for name in names):
            return  # an input failed before: reported there
        try:
            if any(isinstance(build.values[name], Tensor) for name in names):
                self._convert_data(node)
            else:
                values = [build.values[name] if name else None for name in node.inputs]
                constants = [value for value in values if not isinstance(value, Tensor)]
                for name, array in zip(node.outputs, fold(node, constants), strict=False):
                    build.values[name] = array
        except Misfit as error:
            self._note(node.label, str(error))

    def _convert_data(self, node: Node) -> None:
        if node.op in ("Shape", "Size"):
            self.build.values[node.outputs[0]] = shape_result(node, self.build.data(node).full_shape)
            return
        handler = HANDLERS.get(node.op)
        if handler is None:
            raise Misfit("acts on feature data; archsim supports this operator on constants only")
        if node.op in ("Sub", "Mul", "Div", "MatMul", "Gemm") and not all((*node.inputs, "")[:2]):
            raise Misfit("needs two inputs")
        handler(node, self.build)
        missing = sorted(name for name in node.outputs if name in self.read and name not in self.build.values)
        if missing:
            raise Misfit(f"its output '{missing[0]}' is used, only the first output is supported")

    def _finish(self) -> Graph:
        build, outputs = self.build, []
        for value in self.model.graph.output:
            found = build.values.get(value.name)
            if isinstance(found, Tensor):
                outputs.append(found.layer)
            else:
                what = "is made by no node" if found is None else "does not depend on the network input"
                self._note(f"output '{value.name}'", what)
        if not self.model.graph.output:
            self._note("", "the model has no output")
        self._stop_if_wrong()
        graph = Graph(name=self.file.stem, layers=tuple(build.layers), outputs=tuple(dict.fromkeys(outputs)))
        return prune(fold_affine(graph.with_parameters(build.parameters, "file")))
