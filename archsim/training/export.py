"""A trained network as files: ONNX with float weights, and the sidecar with its preprocessing and ranges."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from archsim.errors import InputError, Problem
from archsim.files import write_whole
from archsim.function.quantization.calibrate import Ranges
from archsim.workload import Graph, Layer, Parameters, Preprocessing
from archsim.workload.graph import (
    Activation,
    Add,
    Affine,
    Concat,
    Conv,
    GlobalPool,
    Input,
    Linear,
    Op,
    Pool,
    Reshape,
    Softmax,
)

OPSET = 13
IR_VERSION = 8
"""What operator set 13 came with; every later runtime reads it."""

Attributes = dict[str, Any]
Written = tuple[str, Attributes, dict[str, np.ndarray[Any, Any]]]
"""Operator, attributes, and constants behind its data and parameters by suffix of their name."""


def write_onnx(graph: Graph, path: str | os.PathLike[str]) -> None:
    """Write a network with weights as ONNX (operator set 13, symbolic batch), atomically.

    Reading it back (`archsim.workload.read_onnx`) gives equal structure, layer names and weights.

    Raises
    ------
    InputError
        Every layer that has no writer, and every layer without its weights.
    """
    problems = [
        Problem(f"workload {graph.name}, layer {layer.name}", f"{layer.op.kind} cannot be written; known: {_known()}")
        for layer in graph.layers
        if type(layer.op) not in WRITERS and not isinstance(layer.op, Input)
    ]
    problems += [
        Problem(f"workload {graph.name}, layer {layer.name}", "has no weights to write")
        for layer in graph.layers
        if isinstance(layer.op, Conv | Linear | Affine) and layer.name not in graph.parameters
    ]
    if problems:
        raise InputError(problems)
    nodes, constants = [], []
    for layer in graph.layers:
        if not isinstance(layer.op, Input):
            node, held = _node(layer, graph.parameters.get(layer.name))
            nodes.append(node)
            constants += held
    inputs, outputs = ([_value(graph[name]) for name in names] for names in (_inputs(graph), graph.outputs))
    body = helper.make_graph(nodes, graph.name, inputs, outputs, constants)
    model = helper.make_model(
        body, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="archsim"
    )
    onnx.checker.check_model(model)
    write_whole(Path(path), model.SerializeToString(deterministic=True))


def _known() -> str:
    return ", ".join(op.__name__.lower() for op in WRITERS)


def _inputs(graph: Graph) -> list[str]:
    return [layer.name for layer in graph.inputs()]


def _value(layer: Layer) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(layer.name, onnx.TensorProto.FLOAT, ["batch", *layer.shape])


def _node(layer: Layer, parameters: Parameters | None) -> tuple[onnx.NodeProto, list[onnx.TensorProto]]:
    operator, attributes, held = WRITERS[type(layer.op)](layer)
    if parameters is not None:
        bias = parameters.bias
        if bias is None and isinstance(layer.op, Affine):
            bias = np.zeros(len(parameters.weight), np.float32)
        own = {"weight": parameters.weight, **({} if bias is None else {"bias": bias})}
        held = {**{key: np.ascontiguousarray(value, np.float32) for key, value in own.items()}, **held}
    names = [f"{layer.name}.{suffix}" for suffix in held]
    constants = [numpy_helper.from_array(value, name) for name, value in zip(names, held.values(), strict=True)]
    return helper.make_node(operator, [*layer.inputs, *names], [layer.name], name=layer.name, **attributes), constants


def _conv(layer: Layer) -> Written:
    op = layer.op
    assert isinstance(op, Conv)
    sizes = {"kernel_shape": op.kernel, "strides": op.stride, "pads": op.padding, "dilations": op.dilation}
    return "Conv", {**sizes, "group": op.groups}, {}


def _affine(layer: Layer) -> Written:
    """A batch norm whose mean is 0 and whose variance is 1."""
    zero = np.zeros(layer.shape[0], np.float32)
    return "BatchNormalization", {"epsilon": 0.0}, {"mean": zero, "variance": zero + 1}


def _activation(layer: Layer) -> Written:
    op = layer.op
    assert isinstance(op, Activation)
    if op.function == "clip":
        return "Clip", {}, {"low": np.array(op.low, np.float32), "high": np.array(op.high, np.float32)}
    operators = {"relu": "Relu", "leaky_relu": "LeakyRelu", "sigmoid": "Sigmoid", "tanh": "Tanh"}
    if op.function not in operators:
        raise InputError(f"{op.function} cannot be written; known: clip, {', '.join(operators)}", f"layer {layer.name}")
    return operators[op.function], {"alpha": op.alpha} if op.function == "leaky_relu" else {}, {}


def _pool(layer: Layer) -> Written:
    op = layer.op
    assert isinstance(op, Pool)
    sizes = {"kernel_shape": op.kernel, "strides": op.stride, "pads": op.padding, "ceil_mode": int(op.ceil)}
    if op.function == "max":
        return "MaxPool", sizes, {}
    return "AveragePool", {**sizes, "count_include_pad": int(op.count_padding)}, {}


def _global_pool(layer: Layer) -> Written:
    assert isinstance(layer.op, GlobalPool)
    return "GlobalMaxPool" if layer.op.function == "max" else "GlobalAveragePool", {}, {}


def _concat(layer: Layer) -> Written:
    assert isinstance(layer.op, Concat)
    return "Concat", {"axis": layer.op.axis + 1}, {}


def _reshape(layer: Layer) -> Written:
    if len(layer.shape) == 1:
        return "Flatten", {"axis": 1}, {}
    return "Reshape", {}, {"shape": np.array([-1, *layer.shape], np.int64)}


def _softmax(layer: Layer) -> Written:
    assert isinstance(layer.op, Softmax)
    return "LogSoftmax" if layer.op.log else "Softmax", {"axis": layer.op.axis + 1}, {}


WRITERS: Mapping[type[Op], Callable[[Layer], Written]] = {
    Conv: _conv,
    Linear: lambda _: ("Gemm", {"transB": 1}, {}),
    Affine: _affine,
    Activation: _activation,
    Pool: _pool,
    GlobalPool: _global_pool,
    Add: lambda layer: ("Add" if len(layer.inputs) == 2 else "Sum", {}, {}),
    Concat: _concat,
    Reshape: _reshape,
    Softmax: _softmax,
}
"""How each operation is written: operator, attributes and constants (behind data and parameters)."""


def write_sidecar(path: Path, preprocessing: Preprocessing, ranges: Ranges, *, title: str, calibration: str) -> None:
    """Write what `archsim run` must know beside an ONNX file: preprocessing, calibrated ranges and channel means.

    Ranges are written in full, so that the steps read back are those that were trained; means to six digits.
    """
    lines = [
        f"# {title}: x = (pixel - mean) * scale per channel, in the order of `channels`.",
        f"size: [{preprocessing.size[0]}, {preprocessing.size[1]}]",
        f"crop: {preprocessing.crop!r}",
        f"channels: {preprocessing.channels}",
        f"mean: {_row(preprocessing.mean, repr)}",
        f"scale: {_row(preprocessing.scale, repr)}",
        f'source: "{_source(preprocessing)}"',
    ]
    if preprocessing.class_names:
        names = (f"  {number}: {name}" for number, name in sorted(preprocessing.class_names.items()))
        lines += ["class_names:", *names]
    if preprocessing.trained is not None:
        lines += ["trained:", *(f"  {key}: {value}" for key, value in asdict(preprocessing.trained).items())]
    lines += [f'calibration: "{calibration}"', "ranges:"]
    lines += [f"  {name}: [{float(low)!r}, {float(high)!r}]" for name, (low, high) in ranges.values.items()]
    if ranges.means:
        lines.append("means:")
        lines += [f"  {name}: {_wrapped(values.tolist())}" for name, values in ranges.means.items()]
    write_whole(path, ("\n".join(lines) + "\n").encode())


def _source(preprocessing: Preprocessing) -> str:
    """Where the preprocessing is from; what was a default is now part of what the network was trained on."""
    text = preprocessing.source
    return "pixels / 255, as the network was trained" if not text or text.startswith("default") else text


def _row(values: Sequence[float], spell: Callable[[float], str]) -> str:
    numbers = [spell(float(value)) for value in values]
    return numbers[0] if len(numbers) == 1 else f"[{', '.join(numbers)}]"


def _wrapped(values: Sequence[float], together: int = 12) -> str:
    numbers = [f"{value:.6g}" for value in values]
    rows = [", ".join(numbers[start : start + together]) for start in range(0, len(numbers), together)]
    return "[" + ",\n    ".join(rows) + "]"
