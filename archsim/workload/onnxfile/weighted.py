"""Operators with parameters: Conv, Gemm, MatMul, BatchNormalization, and arithmetic with per-channel constants."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from archsim.workload.graph import Add, Affine, Conv, Linear, Mul, Padding, Pair, Parameters, Reshape, Shape
from archsim.workload.onnxfile.builder import Build, Tensor
from archsim.workload.onnxfile.document import Array, Node
from archsim.workload.shapes import Misfit, infer_shape, same_padding
from archsim.workload.views import collapse, scale_rows, to_float32

Vector = NDArray[np.float32]


def pair(node: Node, key: str, default: Pair) -> Pair:
    """Two-entry integer attribute (height, width)."""
    value = node.integers(key)
    if value is None:
        return default
    if len(value) != 2:
        raise Misfit(f"{key} {value} has {len(value)} axes; only two-dimensional maps are supported")
    return value[0], value[1]


def padding_of(node: Node, size: Pair, kernel: Pair, stride: Pair, dilation: Pair = (1, 1)) -> Padding:
    """Explicit padding from `pads` or `auto_pad`."""
    mode = node.text("auto_pad", "NOTSET")
    if mode in ("SAME_UPPER", "SAME_LOWER"):
        return same_padding(size, kernel, stride, dilation, lower=mode == "SAME_LOWER")
    if mode == "VALID":
        return (0, 0, 0, 0)
    if mode not in ("NOTSET", ""):
        raise Misfit(f"auto_pad '{mode}' is unknown, expected NOTSET, SAME_UPPER, SAME_LOWER or VALID")
    pads = node.integers("pads") or (0, 0, 0, 0)
    if len(pads) != 4:
        raise Misfit(f"pads {pads} has {len(pads)} entries; only two-dimensional maps (4 entries) are supported")
    return (pads[0], pads[1], pads[2], pads[3])


def map_size(tensor: Tensor) -> Pair:
    """Height and width of a feature map."""
    if len(tensor.shape) != 3:
        raise Misfit(f"needs a map [batch, channels, height, width], its input has shape {tensor.full_shape}")
    return tensor.shape[1], tensor.shape[2]


def finite(array: Array, what: str) -> Vector:
    """Parameter as float32; refuses values that are not numbers."""
    if array.dtype.kind not in "fiu" and array.dtype.name not in ("bfloat16", "float8_e4m3fn", "float8_e5m2"):
        raise Misfit(f"its {what} has type {array.dtype}, expected numbers")
    with np.errstate(over="ignore"):
        value = to_float32(array)
    if not np.isfinite(collapse(value)).all():
        raise Misfit(f"its {what} holds NaN, infinite or too large values")
    return value


def conv(node: Node, build: Build) -> None:
    """Conv -> `Conv` with explicit padding."""
    source = build.data(node)
    weight = finite(build.known(node, 1, "weight"), "weight")
    if weight.ndim != 4:
        raise Misfit(f"weight has {weight.ndim} axes; only two-dimensional convolution (4 axes) is supported")
    size, kernel = map_size(source), (weight.shape[2], weight.shape[3])
    if pair(node, "kernel_shape", kernel) != kernel:
        raise Misfit(f"kernel_shape {node.integers('kernel_shape')} differs from the weight's {kernel}")
    stride, dilation = pair(node, "strides", (1, 1)), pair(node, "dilations", (1, 1))
    if min(*stride, *dilation, *kernel) < 1:
        raise Misfit(f"kernel {kernel}, strides {stride} and dilations {dilation} must be 1 or more")
    op = Conv(
        out=weight.shape[0], kernel=kernel, stride=stride, padding=padding_of(node, size, kernel, stride, dilation),
        dilation=dilation, groups=node.integer("group", 1),
    )  # fmt: skip
    infer_shape(op, [source.shape])
    if weight.shape[1] * op.groups != source.shape[0]:
        raise Misfit(f"weight {weight.shape} in {op.groups} groups does not fit {source.shape[0]} input channels")
    parameters = Parameters(weight, _bias(build.constant(node, 2, "bias"), op.out))
    build.bind(node, build.emit(node, op, (source,), parameters=parameters))


def _bias(value: Array | None, out: int) -> Vector | None:
    if value is None:
        return None
    bias = finite(value, "bias")
    if bias.size not in (1, out) or bias.ndim > 2 or (bias.ndim == 2 and bias.shape[0] != 1):
        raise Misfit(f"bias of shape {bias.shape} does not fit {out} outputs")
    return np.broadcast_to(bias.reshape(-1), (out,))


def gemm(node: Node, build: Build) -> None:
    """Gemm on one vector per image -> `Linear`; alpha and beta go into the parameters."""
    source = build.data(node)
    if node.integer("transA", 0):
        raise Misfit("transA=1 would make the batch axis the summed one")
    weight = finite(build.known(node, 1, "weight"), "weight")
    if weight.ndim != 2 or len(source.shape) != 1:
        raise Misfit(f"input {source.full_shape} and weight {weight.shape} must both have two axes")
    weight = weight if node.integer("transB", 0) else to_float32(weight.T)
    alpha, beta = node.number("alpha", 1.0), node.number("beta", 1.0)
    addend = build.constant(node, 2, "third input")
    bias = None if addend is None else _bias(addend, weight.shape[0])
    if bias is not None and beta != 1.0:
        bias = scale_rows(bias, beta)
    if alpha != 1.0:
        weight = scale_rows(weight, alpha)
    build.bind(node, linear(node, build, source, weight, bias))


def linear(node: Node, build: Build, source: Tensor, weight: Vector, bias: Vector | None) -> Tensor:
    """Emit a `Linear` after checking weight [out, in] against the source vector."""
    if source.shape != (weight.shape[1],):
        raise Misfit(f"weight takes {weight.shape[1]} inputs, its data have shape {source.full_shape}")
    return build.emit(node, Linear(out=weight.shape[0]), (source,), parameters=Parameters(weight, bias))


def matmul(node: Node, build: Build) -> None:
    """MatMul of one vector per image with a constant matrix on the right -> `Linear`."""
    source = build.data(node)
    weight = finite(build.known(node, 1, "right operand"), "right operand")
    if weight.ndim != 2 or not source.shape or any(length != 1 for length in source.shape[:-1]):
        raise Misfit(f"{source.full_shape} by {weight.shape}: expected one vector per image and a matrix")
    vector = source
    if len(source.shape) > 1:
        vector = build.emit(node, Reshape(), (source,), target=source.shape[-1:])
    result = linear(node, build, vector, to_float32(weight.T), None)
    if len(source.shape) > 1:
        result = build.emit(node, Reshape(), (result,), target=(*source.shape[:-1], weight.shape[1]))
    build.bind(node, result)


def batch_normalization(node: Node, build: Build) -> None:
    """BatchNormalization in inference form -> `Affine`: scale / sqrt(var + eps) and bias - mean times that.

    Operator sets 7 to 13 mark training by further outputs (the statistics of the batch), others by attributes.
    """
    source = build.data(node)
    if node.trains or sum(map(bool, node.outputs)) > 1:
        raise Misfit(
            "is in training form, whose statistics are those of the batch; expected the inference form (one output, "
            "is_test=1 before operator set 7, training_mode=0 from 14 on)"
        )
    if not node.integer("spatial", 1):
        raise Misfit("has statistics of its own at every position (spatial=0); expected one per channel")
    channels = source.shape[0] if source.shape else 0
    names = ("scale", "bias", "mean", "variance")
    parts = [finite(build.known(node, index + 1, name), name) for index, name in enumerate(names)]
    for name, part in zip(names, parts, strict=True):
        if part.shape != (channels,):
            raise Misfit(f"{name} has shape {part.shape}, expected ({channels},)")
    gain, shift, mean, variance = (part.astype(np.float64) for part in parts)
    spread = variance + node.number("epsilon", 1e-5)
    if (spread <= 0).any():
        raise Misfit("variance + epsilon must be positive in every channel")
    gain = gain / np.sqrt(spread)
    build.bind(node, affine(node, build, source, gain, shift - mean * gain))


def affine(node: Node, build: Build, source: Tensor, scale: Array, shift: Array) -> Tensor:
    """Emit an `Affine` with per-channel scale and shift [channels]."""
    parameters = Parameters(finite(scale, "scale"), finite(shift, "shift"))
    return build.emit(node, Affine(), (source,), parameters=parameters)


def add(node: Node, build: Build) -> None:
    """Add or Sum: data operands -> `Add`, constants -> one `Affine` before it."""
    if not all(node.inputs):
        raise Misfit("one of its operands is missing")
    operands = [build.values[name] for name in node.inputs]
    tensors = tuple(value for value in operands if isinstance(value, Tensor))
    constants = [value for value in operands if not isinstance(value, Tensor)]
    result = tensors[0]
    if constants:
        shift = sum((per_channel(node, value, result.shape) for value in constants), np.zeros(result.shape[0]))
        result = affine(node, build, result, np.ones(result.shape[0]), shift)
    if len(tensors) > 1:
        result = build.emit(node, Add(), (result, *tensors[1:]))
    build.bind(node, result)


def subtract(node: Node, build: Build) -> None:
    """Sub with one constant operand -> `Affine`; of two data tensors, `Affine` by -1 and `Add`."""
    left, right = build.values[node.inputs[0]], build.values[node.inputs[1]]
    if isinstance(left, Tensor) and isinstance(right, Tensor):
        negative = affine(node, build, right, -np.ones(right.shape[0]), np.zeros(right.shape[0]))
        result = build.emit(node, Add(), (left, negative))
    elif isinstance(left, Tensor):
        shift = per_channel(node, _array(right), left.shape)
        result = affine(node, build, left, np.ones(left.shape[0]), -shift)
    else:
        source = build.data(node, 1)
        shift = per_channel(node, _array(left), source.shape)
        result = affine(node, build, source, -np.ones(source.shape[0]), shift)
    build.bind(node, result)


def multiply(node: Node, build: Build) -> None:
    """Mul: two data operands -> `Mul`, a constant -> `Affine`."""
    left, right = build.values[node.inputs[0]], build.values[node.inputs[1]]
    if isinstance(left, Tensor) and isinstance(right, Tensor):
        result = build.emit(node, Mul(), (left, right))
    else:
        source, value = (left, right) if isinstance(left, Tensor) else (build.data(node, 1), left)
        scale = per_channel(node, _array(value), source.shape)
        result = affine(node, build, source, scale, np.zeros(source.shape[0]))
    build.bind(node, result)


def divide(node: Node, build: Build) -> None:
    """Div by a per-channel constant -> `Affine`."""
    source = build.data(node)
    divisor = per_channel(node, build.known(node, 1, "divisor"), source.shape)
    if (divisor == 0).any():
        raise Misfit("divides by zero")
    build.bind(node, affine(node, build, source, 1.0 / divisor, np.zeros(source.shape[0])))


def _array(value: Tensor | Array) -> Array:
    assert not isinstance(value, Tensor)
    return value


def per_channel(node: Node, value: Array, shape: Shape) -> NDArray[np.float64]:
    """A constant operand as one number per channel [channels]; refuses constants that vary inside a channel.

    Operator sets before 7 give the axis the constant starts at as attribute `axis`.
    """
    full = collapse(np.asarray(value))
    if node.opset < 7 and full.ndim and "axis" in node.attributes:
        full = full.reshape(full.shape + (1,) * (1 + len(shape) - node.integer("axis", 1) - full.ndim))
    if full.ndim > 1 + len(shape):
        raise Misfit(f"a constant of shape {full.shape} does not fit data of shape {(1, *shape)}")
    full = full.reshape((1,) * (1 + len(shape) - full.ndim) + full.shape)
    others = [length for axis, length in enumerate(full.shape) if axis != 1]
    if any(length != 1 for length in others) or full.shape[1] not in (1, shape[0]):
        raise Misfit(
            f"a constant of shape {np.shape(value)} is no per-channel constant for data of shape {(1, *shape)}; "
            f"expected one number, or {shape[0]} along the channel axis"
        )
    return np.broadcast_to(finite(full, "constant").astype(np.float64).reshape(-1), (shape[0],))
