"""The ONNX file as plain Python: bytes to protobuf, tensors to arrays, nodes to `Node`.

Everything that protobuf or a broken file can throw ends here, as an `InputError` or a `Misfit`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from numpy.typing import NDArray
from onnx import numpy_helper

from archsim.errors import InputError
from archsim.workload.shapes import Misfit

Array = NDArray[Any]
Attribute = int | float | str | tuple[int, ...] | tuple[float, ...] | tuple[str, ...] | Array
_UNREADABLE = (ValueError, TypeError, KeyError, IndexError, NotImplementedError, OverflowError, AttributeError)
"""What onnx's tensor decoder raises on inconsistent fields (unknown data type, sizes that disagree, negative sizes)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One ONNX operator: its names and decoded attributes. Missing optional inputs are empty strings."""

    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Attribute]
    opset: int

    @property
    def label(self) -> str:
        """The node as messages name it; unnamed nodes go by their first output."""
        return f"node '{self.name or next(iter(self.outputs), '')}' ({self.op})"

    def integer(self, key: str, default: int) -> int:
        """Integer attribute."""
        value = self.attributes.get(key, default)
        if not isinstance(value, int):
            raise Misfit(f"attribute {key} must be an integer")
        return value

    @property
    def trains(self) -> bool:
        """Whether the operator (BatchNormalization, Dropout) is in training form by its attributes: operator sets 1 to
        6 are so unless `is_test` is set, those from 14 on where `training_mode` is; sets between have no attribute."""
        return not self.integer("is_test", 0) if self.opset < 7 else bool(self.integer("training_mode", 0))

    def number(self, key: str, default: float) -> float:
        """Float attribute, as the shortest decimal that gives the stored float32 (9.999999747e-05 reads 0.0001)."""
        value = self.attributes.get(key, default)
        if not isinstance(value, float | int):
            raise Misfit(f"attribute {key} must be a number")
        return shortest(value)

    def text(self, key: str, default: str) -> str:
        """String attribute."""
        value = self.attributes.get(key, default)
        if not isinstance(value, str):
            raise Misfit(f"attribute {key} must be text")
        return value

    def integers(self, key: str) -> tuple[int, ...] | None:
        """Integer list attribute, or None where it is absent."""
        value = self.attributes.get(key)
        if value is None:
            return None
        if not isinstance(value, tuple) or not all(isinstance(item, int) for item in value):
            raise Misfit(f"attribute {key} must be a list of integers")
        return tuple(int(item) for item in value)


def shortest(value: float) -> float:
    """The double whose decimal form is the shortest that rounds to the float32 nearest to `value`."""
    return float(str(np.float32(value)))


def load_model(path: Path) -> onnx.ModelProto:
    """Parse an ONNX file; external tensors stay references. Raises `InputError` for anything that is not a model."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise InputError("no such file", str(path)) from None
    except IsADirectoryError:
        raise InputError("is a directory, expected an ONNX file", str(path)) from None
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", str(path)) from None
    if not raw:
        raise InputError("is empty, expected an ONNX file", str(path))
    try:
        model = onnx.load_model_from_string(raw)
    except DecodeError:
        raise InputError("is no ONNX file, or a truncated one (it does not parse as protobuf)", str(path)) from None
    if not model.graph.node:
        raise InputError("is no ONNX network (no operator in it)", str(path))
    if any(not isinstance(name, str) for name in _names(model.graph)):
        raise InputError("is a damaged ONNX file (names in it are not text)", str(path))
    return model


def _names(graph: onnx.GraphProto) -> Iterator[object]:
    """All names by which parts of a graph refer to each other; protobuf hands out broken text as bytes."""
    for node in graph.node:
        yield from (node.op_type, node.domain, node.name, *node.input, *node.output)
    for named in (*graph.initializer, *graph.input, *graph.output):
        yield named.name


def opset_of(model: onnx.ModelProto) -> int:
    """Version of the standard operator set the model uses (1 where it does not say)."""
    return max((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), default=1)


def decode_node(proto: onnx.NodeProto, opset: int, folder: Path) -> Node:
    """One node with its attributes decoded. Raises `Misfit` for attributes that cannot be decoded."""
    domain = "" if proto.domain in ("", "ai.onnx") else f"{proto.domain}:"
    return Node(
        op=domain + proto.op_type,
        name=proto.name,
        inputs=tuple(proto.input),
        outputs=tuple(proto.output),
        attributes={item.name: _attribute(item, folder) for item in proto.attribute},
        opset=opset,
    )


def _attribute(item: onnx.AttributeProto, folder: Path) -> Attribute:
    kinds = onnx.AttributeProto
    if item.ref_attr_name:
        raise Misfit(f"attribute {item.name} refers to a function attribute")
    if item.type == kinds.INT:
        return int(item.i)
    if item.type == kinds.FLOAT:
        return float(item.f)
    if item.type == kinds.STRING:
        return item.s.decode("utf-8", "replace")
    if item.type == kinds.INTS:
        return tuple(int(value) for value in item.ints)
    if item.type == kinds.FLOATS:
        return tuple(float(value) for value in item.floats)
    if item.type == kinds.STRINGS:
        return tuple(value.decode("utf-8", "replace") for value in item.strings)
    if item.type == kinds.TENSOR:
        return decode_tensor(item.t, folder)
    raise Misfit(f"attribute {item.name} has a type that no supported operator uses")


def decode_tensor(tensor: onnx.TensorProto, folder: Path) -> Array:
    """Array of a stored tensor; data outside the file is read from below `folder` only."""
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        tensor = _with_external_data(tensor, folder)
    try:
        return np.asarray(numpy_helper.to_array(tensor))
    except _UNREADABLE:
        raise Misfit(f"tensor '{tensor.name}' has data that do not match its shape {tuple(tensor.dims)}") from None


def _with_external_data(tensor: onnx.TensorProto, folder: Path) -> onnx.TensorProto:
    fields = {entry.key: entry.value for entry in tensor.external_data}
    where = f"external data '{fields.get('location', '')}' of tensor '{tensor.name}'"
    root = folder.resolve()
    try:
        source = (root / fields["location"]).resolve()
        start, length = int(fields.get("offset", "0")), int(fields.get("length", "-1"))
    except (KeyError, ValueError, TypeError, OSError):
        raise Misfit(f"{where} have no usable location, offset or length") from None
    if not source.is_relative_to(root):
        raise Misfit(f"{where} lie outside the folder of the model")
    try:
        size = os.stat(source).st_size
        if start < 0 or start + max(length, 0) > size:
            raise Misfit(f"{where} end at byte {size}, before offset {start} + length {length}")
        with source.open("rb") as stream:
            stream.seek(start)
            raw = stream.read(length if length >= 0 else -1)
    except OSError as error:
        raise Misfit(f"{where} cannot be read ({error.strerror})") from None
    copy = onnx.TensorProto(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims)
    copy.raw_data = raw
    return copy
