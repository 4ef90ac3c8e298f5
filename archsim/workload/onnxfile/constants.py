"""Folding of operators whose inputs are all known: shape arithmetic and small parameter chains.

Results are plain arrays. Fills and reshapes stay views, so a constant weight of any size costs no memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
import onnx

from archsim.workload.onnxfile.document import Array, Node
from archsim.workload.shapes import Misfit
from archsim.workload.views import collapse

LARGEST = 1 << 28
"""Elements a folded result may hold in memory; larger ones come from broken or hostile files."""

_REFUSED = (ValueError, TypeError, IndexError, ZeroDivisionError, OverflowError)
"""What NumPy raises when operands of one small operation do not fit."""

_NUMBER_TYPES = "BOOL INT8 INT16 INT32 INT64 UINT8 UINT16 UINT32 UINT64 FLOAT16 FLOAT DOUBLE"
_CASTS = tuple(onnx.TensorProto.DataType.Value(name) for name in _NUMBER_TYPES.split(" "))

Values = Sequence[Array | None]


def fold(node: Node, values: Values) -> tuple[Array, ...]:
    """Outputs of `node` on known inputs (None = optional input not given). Raises `Misfit` if they cannot be had."""
    rule = CONSTANT_OPS.get(node.op)
    if rule is None:
        raise Misfit("all its inputs are constants and archsim does not fold this operator")
    try:
        with np.errstate(all="ignore"):
            result = rule(node, values)
    except Misfit:
        raise
    except _REFUSED as error:
        raise Misfit(f"its constant inputs do not fit ({error})") from None
    return result if isinstance(result, tuple) else (np.asarray(result),)


def shape_result(node: Node, shape: tuple[int, ...]) -> Array:
    """Output of `Shape` or `Size` on a tensor of known shape (batch 1 included)."""
    if node.op == "Size":
        return np.asarray(prod(shape), dtype=np.int64)
    start, end = node.integer("start", 0), node.integer("end", len(shape))
    return np.asarray(shape[start:end], dtype=np.int64)


def resolve_shape(node: Node, wanted: Sequence[int], source: tuple[int, ...]) -> tuple[int, ...]:
    """Target of a `Reshape` with its 0 (copy) and -1 (infer) entries resolved."""
    copy = node.integer("allowzero", 0) == 0
    target = [source[i] if length == 0 and copy and i < len(source) else int(length) for i, length in enumerate(wanted)]
    rest = prod(length for length in target if length != -1)
    if target.count(-1) == 1 and rest and prod(source) % rest == 0:
        target[target.index(-1)] = prod(source) // rest
    if any(length < 0 for length in target) or prod(target) != prod(source):
        raise Misfit(f"cannot reshape {source} to {tuple(int(length) for length in wanted)}")
    return tuple(target)


def input_or_attribute(node: Node, values: Values, index: int, key: str) -> tuple[int, ...] | None:
    """Integer list that older operator sets give as attribute `key` and newer ones as input `index`."""
    value = values[index] if index < len(values) else None
    if value is None:
        return node.integers(key)
    if value.dtype.kind not in "iu":
        raise Misfit(f"{key} must be integers")
    if value.ndim > 1:
        raise Misfit(f"{key} must be a list of integers, has shape {value.shape}")
    return tuple(int(item) for item in np.atleast_1d(value))


def slice_bounds(node: Node, values: Values, rank: int) -> list[tuple[int, int, int, int]]:
    """(axis, start, end, step) for each sliced axis of a `Slice`."""
    starts = input_or_attribute(node, values, 1, "starts") or ()
    ends = input_or_attribute(node, values, 2, "ends") or ()
    axes = input_or_attribute(node, values, 3, "axes") or tuple(range(len(starts)))
    steps = input_or_attribute(node, values, 4, "steps") or (1,) * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps):
        raise Misfit(f"starts, ends, axes and steps have lengths {len(starts)}, {len(ends)}, {len(axes)}, {len(steps)}")
    if any(not -rank <= axis < rank for axis in axes) or 0 in steps:
        raise Misfit(f"axes {axes} or steps {steps} do not suit a tensor of {rank} axes")
    return [(axis % rank, start, end, step) for axis, start, end, step in zip(axes, starts, ends, steps, strict=True)]


def _need(values: Values, index: int) -> Array:
    value = values[index] if index < len(values) else None
    if value is None:
        raise Misfit(f"input {index} is missing")
    return value


def _bounded(shape: Sequence[int]) -> tuple[int, ...]:
    if prod(shape) > LARGEST:
        raise Misfit(f"a constant of shape {tuple(shape)} is too large to fold")
    return tuple(shape)


def _constant(node: Node, _values: Values) -> Array:
    for key in ("value", "value_float", "value_int", "value_floats", "value_ints"):
        if key in node.attributes:
            value = node.attributes[key]
            kind = np.float32 if "float" in key else np.int64 if "int" in key else None
            return np.asarray(value, dtype=kind)
    raise Misfit("expected one of value, value_float, value_floats, value_int, value_ints")


def _constant_of_shape(node: Node, values: Values) -> Array:
    fill = np.asarray(node.attributes.get("value", np.zeros(1, np.float32))).reshape(-1)[:1]
    if not fill.size:
        raise Misfit("its value holds no number")
    return np.broadcast_to(fill[0], tuple(int(length) for length in _need(values, 0).reshape(-1)))


def _cast(node: Node, values: Values) -> Array:
    kind = node.integer("to", 0)
    if kind not in _CASTS:
        raise Misfit(f"casts to data type {kind}, which is no number type it can fold")
    target = onnx.helper.tensor_dtype_to_np_dtype(kind)
    value = _need(values, 0)
    return np.broadcast_to(collapse(value).astype(target), value.shape)


def _reshape(node: Node, values: Values) -> Array:
    value = _need(values, 0)
    wanted = input_or_attribute(node, values, 1, "shape")
    if wanted is None:
        raise Misfit("its target shape is missing")
    target = resolve_shape(node, wanted, value.shape)
    small = collapse(value)
    return np.broadcast_to(small.reshape(()), target) if small.size == 1 else value.reshape(_bounded(target))


def _flatten(node: Node, values: Values) -> Array:
    value = _need(values, 0)
    axis = node.integer("axis", 1)
    return value.reshape(_bounded((prod(value.shape[:axis]), prod(value.shape[axis:]))))


def _squeeze(node: Node, values: Values) -> Array:
    return np.squeeze(_need(values, 0), axis=input_or_attribute(node, values, 1, "axes"))


def _unsqueeze(node: Node, values: Values) -> Array:
    return np.expand_dims(_need(values, 0), input_or_attribute(node, values, 1, "axes") or ())


def _slice(node: Node, values: Values) -> Array:
    value = _need(values, 0)
    index = [slice(None)] * value.ndim
    for axis, start, end, step in slice_bounds(node, values, value.ndim):
        index[axis] = slice(start, None if step < 0 and end < -value.shape[axis] else end, step)
    return value[tuple(index)]


def _concat(node: Node, values: Values) -> Array:
    parts = [_need(values, index) for index in range(len(values))]
    _bounded((sum(part.size for part in parts),))
    return np.concatenate([np.atleast_1d(part) for part in parts], axis=node.integer("axis", 0))


def _gather(node: Node, values: Values) -> Array:
    return np.take(_need(values, 0), _need(values, 1), axis=node.integer("axis", 0))


def _transpose(node: Node, values: Values) -> Array:
    return np.transpose(_need(values, 0), node.integers("perm"))


def _expand(_node: Node, values: Values) -> Array:
    value = _need(values, 0)
    return np.broadcast_to(value, np.broadcast_shapes(value.shape, tuple(int(n) for n in _need(values, 1))))


def _range(_node: Node, values: Values) -> Array:
    start, stop, step = (_need(values, index).reshape(()).item() for index in range(3))
    _bounded((int(max((stop - start) / step, 0)),))
    return np.arange(start, stop, step, dtype=_need(values, 0).dtype)


def _reduce_prod(node: Node, values: Values) -> Array:
    axes = input_or_attribute(node, values, 1, "axes")
    return np.asarray(np.prod(_need(values, 0), axis=axes, keepdims=node.integer("keepdims", 1) == 1))


def _divide(left: Array, right: Array) -> Array:
    if left.dtype.kind in "iu":
        return np.asarray(np.trunc(left / right), dtype=left.dtype)
    return np.asarray(left / right)


def _binary(function: Callable[[Array, Array], Array]) -> Callable[[Node, Values], Array]:
    def apply(_node: Node, values: Values) -> Array:
        left, right = _need(values, 0), _need(values, 1)
        _bounded(np.broadcast_shapes(left.shape, right.shape))
        return np.asarray(function(left, right))

    return apply


def _unary(function: Callable[[Array], Any]) -> Callable[[Node, Values], Array]:
    def apply(_node: Node, values: Values) -> Array:
        _bounded(_need(values, 0).shape)
        return np.asarray(function(_need(values, 0)))

    return apply


CONSTANT_OPS: Mapping[str, Callable[[Node, Values], Array | tuple[Array, ...]]] = {
    "Constant": _constant,
    "ConstantOfShape": _constant_of_shape,
    "Identity": lambda _node, values: _need(values, 0),
    "Cast": _cast,
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Slice": _slice,
    "Concat": _concat,
    "Gather": _gather,
    "Transpose": _transpose,
    "Expand": _expand,
    "Range": _range,
    "ReduceProd": _reduce_prod,
    "Shape": lambda node, values: shape_result(node, _need(values, 0).shape),
    "Size": lambda node, values: shape_result(node, _need(values, 0).shape),
    "Add": _binary(np.add),
    "Sub": _binary(np.subtract),
    "Mul": _binary(np.multiply),
    "Div": _binary(_divide),
    "Pow": _binary(np.power),
    "Max": _binary(np.maximum),
    "Min": _binary(np.minimum),
    "Sqrt": _unary(np.sqrt),
    "Neg": _unary(np.negative),
    "Reciprocal": _unary(np.reciprocal),
    "Floor": _unary(np.floor),
    "Ceil": _unary(np.ceil),
}
