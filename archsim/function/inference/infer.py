"""Quantized inference: integers through the crossbars (any engine) and through the digital units, with counts of what
happened."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.errors import InputError, Problem
from archsim.function import kernels
from archsim.function.crossbars.engines import ENGINES, Engine
from archsim.function.crossbars.integer import Multiply
from archsim.function.crossbars.noise import of_block, starting_at
from archsim.function.crossbars.openings.counting import Opening
from archsim.function.inference.activity import (
    Counting,
    Counts,
    LayerActivity,
    drives_by_row,
    input_counts,
    merge,
    zero_groups,
    zeros_per_image,
)
from archsim.function.inference.collect import Collector, LayerReads, layer_reads
from archsim.function.inference.digital_steps import Operand, apply_fused, finish
from archsim.function.parallel import available_threads, portions, spread, thread_pool
from archsim.function.precision.stream import Streaming
from archsim.function.quantization.fixedpoint import clamps_of, dyadic, store
from archsim.function.quantization.network import MatrixLayer, QuantizedNetwork, QuantizedStep
from archsim.function.sparsity.search import Searching
from archsim.function.unroll import Block, blocks, unroll

Array = NDArray[Any]
Progress = Callable[[int], None]

NO_GROUPS = np.zeros(0, np.int64)
NO_READS: Mapping[str, LayerReads] = MappingProxyType({})

BATCH_BYTES = 16 << 20
"""Stored activations a batch may take in each thread: all tensors of the images in it, were none freed."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Inference:
    """Outcome of `infer` on N images.

    Attributes
    ----------
    outputs : network outputs by name, real values float64 [N, *shape].
    logits : float64 [N, *shape], before any softmax.
    predictions : int64 [N], the largest logit's index.
    activity : per matrix layer; empty when nothing was counted.
    tensors : stored integers by name, for the names asked for.
    """

    outputs: Mapping[str, Array]
    logits: Array
    predictions: NDArray[np.int64]
    activity: tuple[LayerActivity, ...]
    tensors: Mapping[str, Array]


def infer(
    network: QuantizedNetwork,
    images: Array,
    *,
    engine: str | Engine = "integer",
    counting: Counting | None = None,
    streaming: Streaming | None = None,
    searching: Searching | None = None,
    opening: Opening | None = None,
    keep: Collection[str] = (),
    batch: int | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Inference:
    """Run a quantized network.

    Parameters
    ----------
    images : uint8 pixels [N, *input shape] if `network.pixels` is set, else float, normalised.
    engine : a name in ENGINES or an engine.
    counting : count input activity, for crossbars of this kind.
    streaming : decide the precision of activations by this rule; None streams all bits.
    searching : with `counting`, also count the decisions that converters make under an ADC sparsity policy.
    opening : with `counting`, also count the reads of arrays that open a few rows at a time.
    keep : tensors to return as stored.
    batch : images at a time in each thread; by default bounded by memory.
    threads : by default one for each processor. Results do not depend on it.
    progress : called with the number of images done.

    Raises
    ------
    InputError
        Pictures of another shape or type, an unknown engine or tensor.
    """
    known = {network.input, *(step.tensor for step in network.steps)}
    check_request(network, images, engine, set(keep) - known)
    wanted = {network.logits, *network.outputs, *keep}
    dac_bits = 1 if counting is None else counting.dac_bits
    reads = layer_reads(network, dac_bits, streaming, *((None, None) if counting is None else (opening, searching)))
    parts = list(_batches(network, images, engine, counting, reads, wanted, batch, threads, progress))
    whole = {
        name: Operand(
            name=name, values=np.concatenate([found[name] for found, _ in parts]), format=network.format_of(name)
        )
        for name in wanted
    }
    logits = whole[network.logits].real()
    return Inference(
        outputs={name: whole[name].real() for name in network.outputs},
        logits=logits,
        predictions=logits.reshape(len(logits), -1).argmax(axis=1),
        activity=tuple(merge(counts) for counts in zip(*(counts for _, counts in parts), strict=True)),
        tensors={name: whole[name].values for name in keep},
    )


def _batches(
    network: QuantizedNetwork,
    images: Array,
    engine: str | Engine,
    counting: Counting | None,
    reads: Mapping[str, LayerReads],
    wanted: Collection[str],
    batch: int | None,
    threads: int | None,
    progress: Progress | None,
) -> Iterator[tuple[dict[str, Array], list[LayerActivity]]]:
    """Wanted tensors and counts, batch by batch: batches side by side, or the blocks of few images."""
    prepare = ENGINES[engine] if isinstance(engine, str) else engine
    ranges, plenty = portions(len(images), batch or default_batch(network), threads)
    with thread_pool(threads) as pool:
        products = {layer.name: prepare(layer) for layer in network.matrices}

        def run(part: tuple[int, int]) -> tuple[dict[str, Array], list[LayerActivity]]:
            found, counts = {}, []
            inner = None if plenty else pool
            placed = {name: starting_at(product, part[0]) for name, product in products.items()}
            few = images[slice(*part)]
            for operand, activity in walk_integers(network, few, placed, counting, inner, reads):
                if operand.name in wanted:
                    found[operand.name] = operand.values
                if activity is not None:
                    counts.append(activity)
            return found, counts

        outcomes = spread(pool if plenty else None, run, ranges)
        for (_, stop), outcome in zip(ranges, outcomes, strict=True):
            yield outcome
            if progress is not None:
                progress(stop)


def default_batch(network: QuantizedNetwork) -> int:
    """Images whose stored tensors fit BATCH_BYTES, at least one."""
    elements = sum(int(np.prod(step.shape)) for step in network.steps)
    return max(1, BATCH_BYTES // max(1, elements * network.formats[network.input].dtype.itemsize))


def check_request(network: QuantizedNetwork, images: Array, engine: str | Engine, unknown: set[str]) -> None:
    """Raise InputError naming all that is wrong with pictures, engine or tensor names (those `unknown`)."""
    where = f"workload {network.name}"
    problems = [Problem(where, f"stores no tensor {name!r}") for name in sorted(unknown)]
    if isinstance(engine, str) and engine not in ENGINES:
        problems.append(Problem("engine", f"unknown engine {engine!r}; known are {', '.join(ENGINES)}"))
    if images.shape[1:] != network.input_shape or len(images) == 0:
        problems.append(Problem(where, f"takes pictures [N, *{network.input_shape}] with N > 0, got {images.shape}"))
    if network.pixels is not None and images.dtype != np.uint8:
        problems.append(Problem(where, f"takes raw pixels (uint8), got {images.dtype}"))
    if network.pixels is None and images.dtype.kind != "f":
        problems.append(Problem(where, f"takes normalised pictures (float), got {images.dtype}"))
    if problems:
        raise InputError(problems)


def walk_integers(
    network: QuantizedNetwork,
    images: Array,
    products: Mapping[str, Multiply],
    counting: Counting | None = None,
    pool: Executor | None = None,
    reads: Mapping[str, LayerReads] = NO_READS,
) -> Iterator[tuple[Operand, LayerActivity | None]]:
    """Each stored tensor of a batch, the input first, with the counts of the matrix layer that made it."""
    last = {name: step.tensor for step in network.steps for name in step.step.inputs}
    form = network.formats[network.input]
    image = (
        images.astype(form.dtype) if network.pixels is not None else store(images.astype(np.float64) / form.scale, form)
    )
    operand = Operand(name=network.input, values=np.ascontiguousarray(image), format=form)
    held = {network.input: operand}
    yield operand, None
    for step in network.steps:
        sources = [held[name] for name in step.step.inputs]
        if step.matrix is None:
            operand, activity = finish(step, sources), None
        else:
            name = step.matrix.name
            operand, activity = run_matrix(
                step, step.matrix, sources[0].values, products[name], counting, pool, reads.get(name)
            )
        sources.clear()
        for name in set(step.step.inputs):
            if last[name] == step.tensor:
                del held[name]
        if step.tensor in last:
            held[step.tensor] = operand
        yield operand, activity


def run_matrix(
    step: QuantizedStep,
    layer: MatrixLayer,
    x: Array,
    product: Multiply,
    counting: Counting | None = None,
    pool: Executor | None = None,
    reads: LayerReads | None = None,
) -> tuple[Operand, LayerActivity | None]:
    """A convolution or fully connected layer: product, bias, fused layers, and the one rounding."""
    geometry = layer.geometry
    x = np.ascontiguousarray(x).reshape(len(x), geometry.channels, geometry.height, geometry.width)
    limits = None if step.format is None else clamps_of(step.step.fused, step.format)
    kind = np.float64 if step.format is None or limits is None else step.format.dtype
    out = np.empty((len(x), geometry.outputs, geometry.windows), kind)
    starts = None if counting is None else counting.row_groups(layer)
    collector = None if reads is None else Collector(reads, x, _starts(reads, starts))

    def run(block: Block) -> tuple[Block, Counts, Counts]:
        unrolled: Array = unroll(x, geometry, block, layer.pad)
        empty = NO_GROUPS if starts is None else zero_groups(unrolled, starts)
        unrolled, planes = (unrolled, None) if collector is None else collector.take(unrolled, block)
        found = of_block(product, unrolled.transpose(0, 2, 1), block, planes)
        accumulators = found.transpose(0, 2, 1).reshape(geometry.outputs, -1)
        return block, empty, _leave(step, layer, limits, accumulators, block, out)

    empty = NO_GROUPS if starts is None else np.zeros(len(starts) - 1, np.int64)
    zeros = np.zeros(len(x), np.int64)
    every = blocks(geometry, len(x), 1 if pool is None else available_threads())
    for block, groups, inactive in spread(pool, run, every):
        empty = empty + groups
        zeros[block.start : block.stop] += inactive
    values = out.reshape(len(x), *step.step.layer.shape)
    if limits is None:
        values, zeros = _finish_real(step, values)
    operand = Operand(name=step.tensor, values=values, format=step.format)
    if counting is None:
        return operand, None
    return operand, replace(
        _activity(layer, x, counting, empty, zeros, operand.values),
        reads=None if collector is None else collector.counts(),
    )


def _finish_real(step: QuantizedStep, values: Array) -> tuple[Array, Counts]:
    """Fused layers and the one rounding of real values, and the zeros of each image before it."""
    values = apply_fused(step, values)
    zeros = zeros_per_image(values)
    return values if step.format is None else store(values / step.format.scale, step.format), zeros


def _starts(reads: LayerReads, counted: Counts | None) -> Counts:
    """Row groups that reads are counted by."""
    if reads.stream is not None:
        return reads.stream.starts
    assert counted is not None
    return counted


def _leave(
    step: QuantizedStep,
    layer: MatrixLayer,
    limits: tuple[int, int] | None,
    accumulators: Array,
    block: Block,
    out: Array,
) -> Counts:
    """Write a block of accumulators [outputs, windows] to out: stored integers, or real values when more work follows.

    Returns the values of each image of the block that are zero before rounding (int64; zero where real values are
    left).
    """
    geometry = layer.geometry
    part, offset = out[block.start : block.stop], block.first_row * geometry.out_width
    zeros = np.zeros(len(part), np.int64)
    if step.format is not None and limits is not None:
        factor = dyadic(layer.scale / step.format.scale)
        low, high = map(float, limits)
        accumulators = np.ascontiguousarray(accumulators)
        kernels.requantize(accumulators, layer.bias, factor, low, high, part, offset, zeros)
        return zeros
    real = (accumulators + layer.bias[:, None]) * layer.scale[:, None]
    width = block.rows * geometry.out_width
    part[:, :, offset : offset + width] = real.reshape(geometry.outputs, len(part), width).swapaxes(0, 1)
    return zeros


def _activity(
    layer: MatrixLayer, x: Array, counting: Counting, empty: Counts, zeros: Counts, output: Array
) -> LayerActivity:
    counts = input_counts(x, layer, counting.dac_bits)
    geometry = layer.geometry
    return LayerActivity(
        name=layer.name,
        windows=geometry.windows,
        rows=geometry.rows * geometry.groups,
        input_bits=layer.format.bits,
        input_cycles=-(-layer.format.bits // counting.dac_bits),
        zero_inputs=counts[:, 0],
        one_bits=counts[:, 1],
        active_rows=counts[:, 2],
        stored_zeros=zeros_per_image(x),
        stored=x[0].size,
        zero_groups=empty,
        activation_zeros=zeros,
        output_zeros=zeros_per_image(output),
        outputs=output[0].size,
        row_drives=drives_by_row(x, layer, counting.dac_bits) if counting.by_row else None,
    )
