"""The float reference: runs any workload graph, freeing each tensor after its last use.

Tensors are float32; products (im2col and BLAS) and means are summed in float64 and rounded once. So the reference does
not depend on the BLAS, its blocking or its threads: equal weights give equal outputs, whichever channel they belong to.
In float32, a softmax of large logits would show the difference.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from concurrent.futures import Executor
from functools import reduce
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from archsim.errors import InputError, Problem
from archsim.function import kernels
from archsim.function.parallel import available_threads, portions, spread, thread_pool
from archsim.function.reference import operations as digital
from archsim.function.unroll import Block, blocks, geometry_of, unroll, weight_matrix
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
    Pad,
    Parameters,
    Pool,
    Reshape,
    Slice,
    Softmax,
    Transpose,
)

Array = NDArray[Any]
Keep = Collection[str] | Literal["outputs", "all"]

BATCH_BYTES = 64 << 20
"""Activation memory a batch may take in each thread: all tensors of its images, were none freed."""

QUIET = np.errstate(over="ignore", invalid="ignore")
"""Values beyond float32 become infinite, as IEEE 754 says; `calibrate` refuses networks that produce them."""

NARROW_COLUMNS = 8
"""Groups with fewer columns than this go to the compiled loop: BLAS is slower on them."""

WIDENED = 1 << 22
"""Weights held in float64 at once."""


def run_float(
    graph: Graph, x: Array, keep: Keep = "outputs", *, batch: int | None = None, threads: int | None = None
) -> dict[str, Array]:
    """Outputs of a network, or of the layers named, in float32.

    Parameters
    ----------
    graph : with weights for every Conv, Linear and Affine layer and exactly one input.
    x : [N, C, H, W] (or [N, features]), preprocessed as the network expects.
    keep : layer names, "outputs" or "all".
    batch : images at a time in each thread; by default as many as BATCH_BYTES allows.
    threads : by default one for each processor.

    Returns
    -------
    dict of layer name to float32 [N, *layer shape].

    Raises
    ------
    InputError
        If weights are missing, the input has another shape, or a kept name is no layer.
    """
    names = _kept(graph, keep)
    check_runnable(graph, x.shape[1:])
    kept = {name: np.empty((len(x), *graph[name].shape), np.float32) for name in names}
    ranges, plenty = portions(len(x), batch or default_batch(graph), threads)
    with thread_pool(threads) as pool:

        def run(part: tuple[int, int]) -> None:
            for layer, values in walk(graph, x[part[0] : part[1]], None if plenty else pool):
                if layer.name in names:
                    kept[layer.name][part[0] : part[1]] = values

        for _ in spread(pool if plenty else None, run, ranges):
            pass
    return kept


def default_batch(graph: Graph) -> int:
    """Images whose tensors fit BATCH_BYTES, at least one."""
    return max(1, BATCH_BYTES // (4 * sum(layer.size for layer in graph.layers)))


def walk(graph: Graph, x: Array, pool: Executor | None = None) -> Iterator[tuple[Layer, Array]]:
    """Each layer with its float32 output [N, *shape], in graph order; a tensor is freed after its last consumer.

    Products are spread over `pool` by blocks of windows.
    """
    last = {name: layer.name for layer in graph.layers for name in layer.inputs}
    held: dict[str, Array] = {}
    for layer in graph.layers:
        sources = [held[name] for name in layer.inputs]
        if isinstance(layer.op, Input):
            values = np.ascontiguousarray(x, np.float32)
        else:
            values = compute(layer, sources, graph.parameters.get(layer.name), pool)
        sources.clear()  # while the caller has the output, a consumed input must be free
        for name in set(layer.inputs):
            if last[name] == layer.name:
                del held[name]
        if layer.name in last:
            held[layer.name] = values
        yield layer, values


def check_runnable(graph: Graph, shape: tuple[int, ...]) -> None:
    """Raise InputError naming everything that keeps the graph from running on images of a shape."""
    where = f"workload {graph.name}"
    problems = []
    inputs = graph.inputs()
    if len(inputs) != 1:
        problems.append(Problem(where, f"has {len(inputs)} inputs; one is supported"))
    elif tuple(shape) != inputs[0].shape:
        problems.append(Problem(where, f"takes inputs of shape {inputs[0].shape}, got {tuple(shape)}"))
    for layer in graph.layers:
        if isinstance(layer.op, Conv | Linear | Affine) and layer.name not in graph.parameters:
            problems.append(Problem(f"{where}, layer {layer.name}", "has no weights"))
        if isinstance(layer.op, Pool) and digital.reads_nothing(layer.op, graph[layer.inputs[0]].shape, layer.shape):
            problems.append(Problem(f"{where}, layer {layer.name}", "has pooling windows that lie wholly on padding"))
    if problems:
        raise InputError(problems)


def _kept(graph: Graph, keep: Keep) -> set[str]:
    if keep == "outputs":
        return set(graph.outputs)
    if keep == "all":
        return set(graph.by_name)
    names = {keep} if isinstance(keep, str) else set(keep)
    unknown = sorted(names - set(graph.by_name))
    if unknown:
        raise InputError([Problem(f"workload {graph.name}", f"has no layer {name!r}") for name in unknown])
    return names


def multiply(weight: Array, x: Array) -> Array:
    """Product float64 [groups, columns, windows] of weight [groups, rows, columns] and x [groups, rows, windows]."""
    groups, rows, columns = weight.shape
    out = np.empty((groups, columns, x.shape[2]), np.float64)
    if groups > 1 and columns < NARROW_COLUMNS:
        kernels.narrow_product(np.ascontiguousarray(weight), x, out)
        return out
    step = max(1, WIDENED // (groups * rows))
    wide = x.astype(np.float64)
    for start in range(0, columns, step):
        part = weight[:, :, start : start + step].transpose(0, 2, 1)
        np.matmul(part.astype(np.float64), wide, out=out[:, start : start + step])
    return out


def matrix_layer(layer: Layer, x: Array, parameters: Parameters, pool: Executor | None = None) -> Array:
    """Conv or Linear: float32 [N, *layer.shape], summed in float64 and rounded once."""
    geometry = geometry_of(layer, x.shape[1:])
    x = np.ascontiguousarray(x).reshape(len(x), geometry.channels, geometry.height, geometry.width)
    weight = weight_matrix(parameters.weight, geometry.groups)
    bias = np.zeros(geometry.outputs) if parameters.bias is None else parameters.bias.astype(np.float64)
    bias = bias.reshape(geometry.groups, geometry.columns, 1)
    out = np.empty((len(x), geometry.outputs, geometry.out_height, geometry.out_width), np.float32)
    pad = np.zeros(geometry.channels, np.float32)

    @QUIET
    def run(block: Block) -> None:
        product = multiply(weight, unroll(x, geometry, block, pad))
        product += bias
        lines = slice(block.first_row, block.first_row + block.rows)
        shape = (geometry.outputs, block.stop - block.start, block.rows, geometry.out_width)
        out[block.start : block.stop, :, lines] = product.reshape(shape).swapaxes(0, 1)

    for _ in spread(pool, run, blocks(geometry, len(x), 1 if pool is None else available_threads())):
        pass
    return out.reshape(len(x), *layer.shape)


@QUIET
def compute(layer: Layer, sources: list[Array], parameters: Parameters | None, pool: Executor | None = None) -> Array:
    """One layer's output [N, *layer.shape] from its inputs, as the docstrings of `archsim.workload.graph` define it."""
    x = sources[0]
    match layer.op:
        case Conv() | Linear():
            assert parameters is not None
            return matrix_layer(layer, x, parameters, pool)
        case Affine():
            assert parameters is not None
            return digital.affine(parameters, x)
        case Activation() as op:
            return digital.activate(op, x)
        case Pool(function="max") as op:
            return digital.max_pool(op, x, layer.shape)
        case Pool() as op:
            return digital.average_pool(op, x, layer.shape)
        case GlobalPool() as op:
            return digital.global_pool(op, x)
        case Add():
            return reduce(np.add, sources)
        case Mul():
            return reduce(np.multiply, sources)
        case Softmax() as op:
            return digital.softmax(op, x)
        case LocalResponseNorm() as op:
            return digital.local_response_norm(op, x)
        case Pad(value=value):
            return wire(layer, sources, value)
        case _:
            return wire(layer, sources, None)


def wire(layer: Layer, sources: list[Array], fill: Any) -> Array:
    """Operations that only move values, on arrays of any type; `fill` is what a Pad writes."""
    x = sources[0]
    match layer.op:
        case Concat(axis=axis):
            return np.concatenate(sources, axis=axis + 1)
        case Slice() as op:
            return x[(slice(None),) * (op.axis + 1) + (slice(op.start, op.stop),)]
        case Pad() as op:
            return digital.pad(op, x, fill)
        case Transpose(axes=axes):
            return x.transpose(0, *(axis + 1 for axis in axes))
        case Reshape():
            return x.reshape(len(x), *layer.shape)
        case op:
            raise TypeError(f"{layer.name}: no executor for {op.kind}")
