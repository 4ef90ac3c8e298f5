"""Output and parameter shapes of every operation: the one place where a misfit between layers is found.

Readers call `infer_shape` for each layer they build and add the place (file and line, node) to a `Misfit`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from archsim.workload.graph import (
    Activation,
    Add,
    Affine,
    Concat,
    Conv,
    GlobalPool,
    Input,
    Linear,
    LocalResponseNorm,
    Mul,
    Op,
    Pad,
    Padding,
    Pair,
    Pool,
    Reshape,
    Shape,
    Slice,
    Softmax,
    Transpose,
)


class Misfit(ValueError):
    """Operands that do not fit an operation. The message says what was found and what was expected, never where."""


def same_padding(size: Pair, kernel: Pair, stride: Pair, dilation: Pair = (1, 1), *, lower: bool = False) -> Padding:
    """Padding (top, left, bottom, right) that makes the output ceil(size / stride).

    An odd total puts the extra pixel at the end (ONNX `SAME_UPPER`, TensorFlow `SAME`), or at the start with `lower`.
    """
    starts, ends = [], []
    for n, k, s, d in zip(size, kernel, stride, dilation, strict=True):
        total = max((-(-n // s) - 1) * s + d * (k - 1) + 1 - n, 0)
        small, large = total // 2, total - total // 2
        starts.append(large if lower else small)
        ends.append(small if lower else large)
    return (starts[0], starts[1], ends[0], ends[1])


def window_count(size: int, kernel: int, stride: int, before: int, after: int, *, ceil: bool = False) -> int:
    """Window positions along one axis; with `ceil` a last partial window counts if it starts before the end padding."""
    span = size + before + after - kernel
    if span < 0:
        return 0
    count = (-(-span // stride) if ceil else span // stride) + 1
    if ceil and (count - 1) * stride >= size + before:
        count -= 1
    return count


def infer_shape(op: Op, inputs: Sequence[Shape], target: Shape = ()) -> Shape:
    """Output shape (batch left out) of `op` on inputs of the given shapes.

    `target` is the wanted shape of an `Input` or `Reshape`, which carry none themselves. Raises `Misfit` for operands
    that do not fit, naming the numbers that disagree.
    """
    _check_count(op, len(inputs))
    if isinstance(op, Input):
        return _positive(target)
    if isinstance(op, Reshape):
        if prod(inputs[0]) != prod(_positive(target)):
            raise Misfit(f"cannot reshape {inputs[0]} ({prod(inputs[0])} elements) to {target} ({prod(target)})")
        return target
    return _RULES[type(op)](op, inputs)


def parameter_shapes(op: Op, inputs: Sequence[Shape]) -> tuple[Shape, Shape] | None:
    """Shapes of (weight, bias) of an operation with parameters; None for all others."""
    if isinstance(op, Conv):
        return (op.out, inputs[0][0] // op.groups, *op.kernel), (op.out,)
    if isinstance(op, Linear):
        return (op.out, prod(inputs[0])), (op.out,)
    if isinstance(op, Affine):
        return (inputs[0][0],), (inputs[0][0],)
    return None


def fan_in(op: Op, inputs: Sequence[Shape]) -> int:
    """Products summed for one output value of a convolution or linear layer (1 for all else)."""
    shapes = parameter_shapes(op, inputs)
    return 1 if shapes is None else prod(shapes[0][1:])


def _check_count(op: Op, found: int) -> None:
    low, high = (0, 0) if isinstance(op, Input) else (2, None) if isinstance(op, Add) else (1, 1)
    if isinstance(op, Mul):
        low, high = 2, 2
    elif isinstance(op, Concat):
        low, high = 1, None
    if found < low or (high is not None and found > high):
        wanted = str(low) if low == high else f"{low} or more"
        raise Misfit(f"{op.kind} has {found} inputs, expected {wanted}")


def _positive(shape: Shape) -> Shape:
    if not shape or any(length < 1 for length in shape):
        raise Misfit(f"shape {shape} must have at least one axis and only lengths of 1 or more")
    return shape


def _map(op: Op, shape: Shape) -> tuple[int, int, int]:
    if len(shape) != 3:
        raise Misfit(f"{op.kind} needs a map (channels, height, width), its input has shape {shape}")
    return shape[0], shape[1], shape[2]


def _conv(op: Conv, inputs: Sequence[Shape]) -> Shape:
    channels, height, width = _map(op, inputs[0])
    _check_geometry(op.kernel, op.stride, op.padding)
    if op.out < 1 or op.groups < 1 or min(op.dilation) < 1:
        raise Misfit(f"conv needs out, groups and dilation of 1 or more, not {op.out}, {op.groups}, {op.dilation}")
    if channels % op.groups or op.out % op.groups:
        raise Misfit(f"conv in {op.groups} groups divides neither {channels} input nor {op.out} output channels evenly")
    reach = tuple(d * (k - 1) + 1 for k, d in zip(op.kernel, op.dilation, strict=True))
    return (op.out, *_windows((height, width), (reach[0], reach[1]), op.stride, op.padding))


def _pool(op: Pool, inputs: Sequence[Shape]) -> Shape:
    channels, height, width = _map(op, inputs[0])
    _check_geometry(op.kernel, op.stride, op.padding)
    if any(pad >= op.kernel[index % 2] for index, pad in enumerate(op.padding)):
        raise Misfit(f"pool padding {op.padding} must be smaller than the kernel {op.kernel}")
    return (channels, *_windows((height, width), op.kernel, op.stride, op.padding, ceil=op.ceil))


def _check_geometry(kernel: Pair, stride: Pair, padding: Padding) -> None:
    if min(kernel) < 1 or min(stride) < 1 or min(padding) < 0:
        raise Misfit(f"kernel {kernel} and stride {stride} must be 1 or more, padding {padding} 0 or more")


def _windows(size: Pair, reach: Pair, stride: Pair, padding: Padding, *, ceil: bool = False) -> Pair:
    found = tuple(window_count(size[i], reach[i], stride[i], padding[i], padding[i + 2], ceil=ceil) for i in range(2))
    if min(found) < 1:
        raise Misfit(f"a window of {reach} does not fit a map of {size} with padding {padding}")
    return found[0], found[1]


def _global_pool(op: GlobalPool, inputs: Sequence[Shape]) -> Shape:
    return (_map(op, inputs[0])[0], 1, 1)


def _linear(op: Linear, inputs: Sequence[Shape]) -> Shape:
    if len(inputs[0]) != 1:
        raise Misfit(f"linear needs a vector, its input has shape {inputs[0]}; flatten it first")
    return _positive((op.out,))


def _broadcast(op: Op, inputs: Sequence[Shape]) -> Shape:
    whole = max(inputs, key=prod)
    for shape in inputs:
        if shape != whole and not (len(whole) == 3 and shape == (whole[0], 1, 1)):
            raise Misfit(f"{op.kind} of shapes {whole} and {shape}: expected equal shapes or (channels, 1, 1)")
    return whole


def _concat(op: Concat, inputs: Sequence[Shape]) -> Shape:
    first = inputs[0]
    _check_axis(op, op.axis, first)
    for shape in inputs[1:]:
        rest = [(a, b) for axis, (a, b) in enumerate(zip(first, shape, strict=False)) if axis != op.axis]
        if len(shape) != len(first) or any(a != b for a, b in rest):
            raise Misfit(f"concat along axis {op.axis} of shapes {first} and {shape}: all other axes must agree")
    total = sum(shape[op.axis] for shape in inputs)
    return (*first[: op.axis], total, *first[op.axis + 1 :])


def _slice(op: Slice, inputs: Sequence[Shape]) -> Shape:
    shape = inputs[0]
    _check_axis(op, op.axis, shape)
    if not 0 <= op.start < op.stop <= shape[op.axis]:
        raise Misfit(f"slice {op.start}..{op.stop} of axis {op.axis} does not lie inside its length {shape[op.axis]}")
    return (*shape[: op.axis], op.stop - op.start, *shape[op.axis + 1 :])


def _pad(op: Pad, inputs: Sequence[Shape]) -> Shape:
    channels, height, width = _map(op, inputs[0])
    top, left, bottom, right = op.padding
    if min(op.padding) < 0:
        raise Misfit(f"padding {op.padding} must not be negative")
    return (channels, height + top + bottom, width + left + right)


def _transpose(op: Transpose, inputs: Sequence[Shape]) -> Shape:
    shape = inputs[0]
    if sorted(op.axes) != list(range(len(shape))):
        raise Misfit(f"transpose axes {op.axes} are no permutation of the {len(shape)} axes of shape {shape}")
    return tuple(shape[axis] for axis in op.axes)


def _softmax(op: Softmax, inputs: Sequence[Shape]) -> Shape:
    _check_axis(op, op.axis, inputs[0])
    return inputs[0]


def _local_response_norm(op: LocalResponseNorm, inputs: Sequence[Shape]) -> Shape:
    _map(op, inputs[0])
    if op.size < 1:
        raise Misfit(f"local response normalisation over {op.size} channels, expected 1 or more")
    return inputs[0]


def _unchanged(_op: Op, inputs: Sequence[Shape]) -> Shape:
    return inputs[0]


def _check_axis(op: Op, axis: int, shape: Shape) -> None:
    if not 0 <= axis < len(shape):
        raise Misfit(f"{op.kind} axis {axis} does not exist in shape {shape}")


_RULES: dict[type[Op], Callable[[Any, Sequence[Shape]], Shape]] = {
    Conv: _conv,
    Pool: _pool,
    GlobalPool: _global_pool,
    Linear: _linear,
    Affine: _unchanged,
    Activation: _unchanged,
    Add: _broadcast,
    Mul: _broadcast,
    Concat: _concat,
    Slice: _slice,
    Pad: _pad,
    Transpose: _transpose,
    Softmax: _softmax,
    LocalResponseNorm: _local_response_norm,
}
