"""Operators that only move data: Concat, Split, Slice, Reshape and its kin, Transpose, Identity, Dropout, Cast."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import onnx

from archsim.workload.graph import Concat, Reshape, Shape, Slice, Transpose
from archsim.workload.onnxfile.builder import Build, Tensor
from archsim.workload.onnxfile.constants import input_or_attribute, resolve_shape, slice_bounds
from archsim.workload.onnxfile.document import Node
from archsim.workload.shapes import Misfit

_FLOATS = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE, onnx.TensorProto.BFLOAT16)


def passes(node: Node, build: Build) -> None:
    """Identity leaves no layer."""
    build.bind(node, build.data(node))


def dropout(node: Node, build: Build) -> None:
    """Dropout in inference form leaves no layer. From operator set 12 on its third input marks training."""
    told = build.constant(node, 2, "training_mode")
    if node.trains if told is None else told.any():
        raise Misfit(
            "is in training form, which drops values at random; expected the inference form (is_test=1 before operator "
            "set 7, training_mode false from 12 on)"
        )
    passes(node, build)


def cast(node: Node, build: Build) -> None:
    """Cast between float types leaves no layer."""
    if node.integer("to", 0) not in _FLOATS:
        raise Misfit("casts feature data to a type that is not floating point")
    passes(node, build)


def concat(node: Node, build: Build) -> None:
    """Concat of data -> `Concat`; of a single operand, nothing."""
    tensors = tuple(build.data(node, index) for index in range(len(node.inputs)))
    axis = data_axis(node.integer("axis", 1), tensors[0])
    build.bind(node, build.emit(node, Concat(axis=axis), tensors))


def split(node: Node, build: Build) -> None:
    """Split -> one `Slice` per output, named after the output."""
    source = build.data(node)
    axis = data_axis(node.integer("axis", 0), source)
    count, length = len(node.outputs), source.shape[axis]
    sizes = input_or_attribute(node, [None, build.constant(node, 1, "split sizes")], 1, "split")
    if sizes is None:
        part = -(-length // count)
        sizes = tuple(min(part, length - part * index) for index in range(count))
    if len(sizes) != count or sum(sizes) != length or min(sizes) < 1:
        raise Misfit(f"splits {length} elements into {count} parts of {sizes}")
    start = 0
    for index, size in enumerate(sizes):
        own = replace(node, name="", outputs=(node.outputs[index] or f"{node.name}:{index}",))
        build.bind(own, build.emit(own, Slice(axis=axis, start=start, stop=start + size), (source,)))
        start += size


def slices(node: Node, build: Build) -> None:
    """Slice with constant bounds and step 1 -> one `Slice` per axis that really gets shorter."""
    source = build.data(node)
    bounds = [None, *(build.constant(node, index, "bounds") for index in range(1, 5))]
    for full_axis, first, last, step in slice_bounds(node, bounds, len(source.full_shape)):
        length = source.full_shape[full_axis]
        start, stop, _ = slice(first, last, step).indices(length)
        if step != 1:
            raise Misfit(f"slices with step {step}, only step 1 is supported")
        if (start, stop) == (0, length):
            continue
        source = build.emit(node, Slice(axis=data_axis(full_axis, source), start=start, stop=stop), (source,))
    build.bind(node, source)


def gather(node: Node, build: Build) -> None:
    """Gather of one element, or of a contiguous run, along an axis -> `Slice` (and `Reshape` for a single index)."""
    source = build.data(node)
    axis = data_axis(node.integer("axis", 0), source)
    indices = build.known(node, 1, "indices")
    length = source.shape[axis]
    if indices.dtype.kind not in "iu" or indices.ndim > 1 or not indices.size:
        raise Misfit(f"indices of shape {indices.shape} and type {indices.dtype}: expected one index or a list of them")
    chosen = [int(index) + length if index < 0 else int(index) for index in indices.reshape(-1)]
    if chosen != list(range(chosen[0], chosen[0] + len(chosen))):
        raise Misfit("gathers feature data in an order that is no contiguous run")
    result = build.emit(node, Slice(axis=axis, start=chosen[0], stop=chosen[-1] + 1), (source,))
    if indices.ndim:
        build.bind(node, result)
    else:
        reshaped(node, build, result, (1, *source.shape[:axis], *source.shape[axis + 1 :]))


def reshape(node: Node, build: Build) -> None:
    """Reshape that keeps the batch axis -> `Reshape`."""
    source = build.data(node)
    wanted = input_or_attribute(node, [None, build.constant(node, 1, "target shape")], 1, "shape")
    if wanted is None:
        raise Misfit("its target shape is missing")
    reshaped(node, build, source, resolve_shape(node, wanted, source.full_shape))


def flatten(node: Node, build: Build) -> None:
    """Flatten -> `Reshape` to one axis."""
    source = build.data(node)
    rank = len(source.full_shape)
    axis = node.integer("axis", 1)
    if not -rank <= axis <= rank:
        raise Misfit(f"flattens from axis {axis} a tensor of {rank} axes")
    axis = axis + rank if axis < 0 else axis
    reshaped(node, build, source, (prod(source.full_shape[:axis]), prod(source.full_shape[axis:])))


def squeeze(node: Node, build: Build) -> None:
    """Squeeze -> `Reshape`; without axes it drops every axis of length 1 except the batch axis."""
    source = build.data(node)
    full = source.full_shape
    axes = input_or_attribute(node, [None, build.constant(node, 1, "axes")], 1, "axes")
    if axes is None:
        axes = tuple(axis for axis in range(1, len(full)) if full[axis] == 1)
    drop = {axis % len(full) for axis in axes if -len(full) <= axis < len(full)}
    if len(drop) != len(axes) or 0 in drop or any(full[axis] != 1 for axis in drop):
        raise Misfit(f"cannot squeeze axes {axes} of shape {full} (the batch axis must stay)")
    reshaped(node, build, source, tuple(length for axis, length in enumerate(full) if axis not in drop))


def unsqueeze(node: Node, build: Build) -> None:
    """Unsqueeze of data -> `Reshape`."""
    source = build.data(node)
    axes = input_or_attribute(node, [None, build.constant(node, 1, "axes")], 1, "axes") or ()
    rank = len(source.full_shape) + len(axes)
    added = {axis % rank for axis in axes if -rank <= axis < rank}
    if len(added) != len(axes) or 0 in added:
        raise Misfit(f"cannot insert axes {axes} into shape {source.full_shape} (the batch axis must stay first)")
    rest = iter(source.full_shape)
    reshaped(node, build, source, tuple(1 if axis in added else next(rest) for axis in range(rank)))


def transpose(node: Node, build: Build) -> None:
    """Transpose that keeps the batch axis first -> `Transpose`."""
    source = build.data(node)
    rank = len(source.full_shape)
    order = node.integers("perm") or tuple(reversed(range(rank)))
    if sorted(order) != list(range(rank)) or order[0] != 0:
        raise Misfit(f"permutes {rank} axes by {order}; expected a permutation that keeps the batch axis first")
    build.bind(node, build.emit(node, Transpose(axes=tuple(axis - 1 for axis in order[1:])), (source,)))


def reshaped(node: Node, build: Build, source: Tensor, full: Shape) -> None:
    """Bind the node's output to `source` in shape `full` (batch first)."""
    if not full or full[0] != 1:
        raise Misfit(f"reshapes {source.full_shape} to {full}, which moves the batch axis")
    build.bind(node, build.emit(node, Reshape(), (source,), target=full[1:]))


def data_axis(axis: int, source: Tensor) -> int:
    """An ONNX axis as an axis without batch; refuses the batch axis."""
    rank = len(source.full_shape)
    if not -rank <= axis < rank or axis % rank == 0:
        raise Misfit(f"works along axis {axis} of shape {source.full_shape}; expected an axis other than the batch")
    return axis % rank - 1
