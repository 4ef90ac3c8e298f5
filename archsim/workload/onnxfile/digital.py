"""Operators without parameters on feature maps: activations, pools, padding, normalisation, softmax."""

from __future__ import annotations

from math import prod

import numpy as np

from archsim.workload.graph import Activation, GlobalPool, LocalResponseNorm, Pad, Pool, Reshape, Softmax
from archsim.workload.onnxfile.builder import Build
from archsim.workload.onnxfile.constants import input_or_attribute
from archsim.workload.onnxfile.document import Array, Node, shortest
from archsim.workload.onnxfile.weighted import map_size, padding_of, pair
from archsim.workload.shapes import Misfit


def activation(node: Node, build: Build) -> None:
    """Relu, Sigmoid, Tanh, LeakyRelu, HardSigmoid, HardSwish -> `Activation`."""
    ops = {
        "Relu": lambda: Activation(function="relu"),
        "Sigmoid": lambda: Activation(function="sigmoid"),
        "Tanh": lambda: Activation(function="tanh"),
        "LeakyRelu": lambda: Activation(function="leaky_relu", alpha=node.number("alpha", 0.01)),
        "HardSigmoid": lambda: Activation(
            function="hard_sigmoid", alpha=node.number("alpha", 0.2), beta=node.number("beta", 0.5)
        ),
        "HardSwish": lambda: Activation(function="hard_swish", alpha=1 / 6, beta=0.5),
    }
    build.bind(node, build.emit(node, ops[node.op](), (build.data(node),)))


def clip(node: Node, build: Build) -> None:
    """Clip -> `Activation` clip."""
    source = build.data(node)
    low = _limit(node, build, 1, "min", -np.inf)
    high = _limit(node, build, 2, "max", np.inf)
    if not low <= high:
        raise Misfit(f"clips to {low}..{high}, expected a minimum not above the maximum")
    op = Activation(function="clip", low=low, high=high)
    build.bind(node, build.emit(node, op, (source,)))


def _limit(node: Node, build: Build, index: int, key: str, default: float) -> float:
    value = build.constant(node, index, f"{key} limit")
    limit = node.number(key, default) if value is None else _scalar(value, f"{key} limit")
    widest = float(np.finfo(np.float32).max)
    return default if abs(limit) >= shortest(widest) else limit


def _scalar(value: Array, what: str) -> float:
    if value.size != 1 or value.dtype.kind not in "fiu":
        raise Misfit(f"its {what} must be a single number")
    return shortest(float(value.reshape(())))


def pool(node: Node, build: Build) -> None:
    """MaxPool, AveragePool -> `Pool` with explicit padding."""
    source = build.data(node)
    size = map_size(source)
    if node.integers("kernel_shape") is None:
        raise Misfit("kernel_shape is missing")
    if pair(node, "dilations", (1, 1)) != (1, 1):
        raise Misfit(f"dilated pooling {node.integers('dilations')} is not supported")
    kernel, stride = pair(node, "kernel_shape", (1, 1)), pair(node, "strides", (1, 1))
    if min(*kernel, *stride) < 1:
        raise Misfit(f"kernel {kernel} and strides {stride} must be 1 or more")
    padding = padding_of(node, size, kernel, stride)
    op = Pool(
        function="average" if node.op == "AveragePool" else "max",
        kernel=kernel,
        stride=stride,
        padding=padding,
        ceil=bool(node.integer("ceil_mode", 0)),
        count_padding=bool(node.integer("count_include_pad", 0)),
    )
    build.bind(node, build.emit(node, op, (source,)))


def global_pool(node: Node, build: Build) -> None:
    """GlobalAveragePool, GlobalMaxPool -> `GlobalPool`."""
    function = GlobalPool(function="max" if node.op == "GlobalMaxPool" else "average")
    build.bind(node, build.emit(node, function, (build.data(node),)))


def reduce_mean(node: Node, build: Build) -> None:
    """ReduceMean over height and width -> `GlobalPool` (and a `Reshape` where the axes are dropped)."""
    source = build.data(node)
    rank = len(source.full_shape)
    axes = input_or_attribute(node, [None, build.constant(node, 1, "axes")], 1, "axes")
    if axes is None or rank != 4 or sorted(axis % rank for axis in axes) != [2, 3]:
        raise Misfit(f"mean over axes {axes} of shape {source.full_shape}: only the mean over the map is supported")
    result = build.emit(node, GlobalPool(function="average"), (source,))
    if not node.integer("keepdims", 1):
        result = build.emit(node, Reshape(), (result,), target=source.shape[:1])
    build.bind(node, result)


def local_response_norm(node: Node, build: Build) -> None:
    """LRN -> `LocalResponseNorm`."""
    op = LocalResponseNorm(
        size=node.integer("size", 0), alpha=node.number("alpha", 1e-4), beta=node.number("beta", 0.75),
        bias=node.number("bias", 1.0),
    )  # fmt: skip
    build.bind(node, build.emit(node, op, (build.data(node),)))


def pad(node: Node, build: Build) -> None:
    """Constant Pad of height and width -> `Pad`; one that adds nothing leaves no layer."""
    source = build.data(node)
    mode = node.text("mode", "constant")
    pads = input_or_attribute(node, [None, build.constant(node, 1, "pads")], 1, "pads")
    if mode != "constant" or pads is None:
        raise Misfit(f"pad mode '{mode}' with pads {pads}: only constant padding by given amounts is supported")
    fill = build.constant(node, 2, "value")
    value = node.number("value", 0.0) if fill is None else _scalar(fill, "value")
    before, after = _all_axes(pads, build.constant(node, 3, "axes"), len(source.full_shape))
    if not any(before + after):
        build.bind(node, source)
        return
    if any(before[:2] + after[:2]) or len(before) != 4 or min(before + after) < 0:
        raise Misfit(f"pads {pads}: only height and width can be padded, by 0 or more")
    op = Pad(padding=(before[2], before[3], after[2], after[3]), value=value)
    build.bind(node, build.emit(node, op, (source,)))


def _all_axes(pads: tuple[int, ...], axes: Array | None, rank: int) -> tuple[list[int], list[int]]:
    chosen = list(range(rank)) if axes is None else [int(axis) for axis in np.atleast_1d(axes)]
    if len(pads) != 2 * len(chosen) or any(not -rank <= axis < rank for axis in chosen):
        raise Misfit(f"pads {pads} do not fit axes {chosen} of a tensor of {rank} axes")
    before, after = [0] * rank, [0] * rank
    for position, axis in enumerate(chosen):
        before[axis % rank], after[axis % rank] = pads[position], pads[position + len(chosen)]
    return before, after


def softmax(node: Node, build: Build) -> None:
    """Softmax, LogSoftmax -> `Softmax`. Before operator set 13 all axes from `axis` on form one."""
    source = build.data(node)
    rank = len(source.full_shape)
    axis = node.integer("axis", 1 if node.opset < 13 else -1)
    if not -rank <= axis < rank or axis % rank == 0:
        raise Misfit(f"softmax along axis {axis} of shape {source.full_shape} must not touch the batch axis")
    axis = axis % rank - 1
    log = node.op == "LogSoftmax"
    if node.opset >= 13 or source.shape[axis + 1 :] == (1,) * (len(source.shape) - axis - 1):
        build.bind(node, build.emit(node, Softmax(axis=axis, log=log), (source,)))
        return
    flat = build.emit(node, Reshape(), (source,), target=(*source.shape[:axis], prod(source.shape[axis:])))
    result = build.emit(node, Softmax(axis=axis, log=log), (flat,))
    build.bind(node, build.emit(node, Reshape(), (result,), target=source.shape))
