"""The digital units of a quantized network: pools, additions, products and functions between stored tensors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.function.quantization.fixedpoint import clamps_of, dyadic, store
from archsim.function.quantization.network import QuantizedStep, TensorFormat
from archsim.function.reference import operations as digital
from archsim.function.reference.run import wire
from archsim.workload.graph import (
    Activation,
    Add,
    Affine,
    GlobalPool,
    Layer,
    LocalResponseNorm,
    Mul,
    Op,
    Pad,
    Pool,
    Softmax,
)

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Operand:
    """A tensor [N, *shape]: integers in `format`, or real values (float64) when it is read out at accumulator
    precision."""

    name: str
    values: Array
    format: TensorFormat | None

    @property
    def scale(self) -> float:
        """Real value of one unit."""
        return 1.0 if self.format is None else self.format.scale

    def real(self) -> Array:
        """Real values, float64."""
        return self.values.astype(np.float64) * self.scale


def finish(step: QuantizedStep, sources: list[Operand]) -> Operand:
    """A step without crossbars: the tensor it leaves, requantized once.

    Wiring and max pools hand integers through (their tensors share one format); everything else computes a wide value.
    """
    if step.step.keeps_integers:
        return Operand(name=step.tensor, values=_select(step, sources), format=step.format)
    fused = step.step.fused
    if isinstance(step.step.layer.op, Activation):
        fused = (step.step.layer, *fused)
    limits = None if step.format is None else clamps_of(fused, step.format)
    if step.format is None or limits is None:
        values = apply_fused(step, compute(step, sources, 1.0))
        values = values if step.format is None else store(values / step.format.scale, step.format)
    else:
        values = store(compute(step, sources, step.format.scale), step.format, limits)
    return Operand(name=step.tensor, values=values, format=step.format)


def apply_fused(step: QuantizedStep, real: Array) -> Array:
    """A step's element-wise layers on real values."""
    layers: tuple[Layer, ...] = step.step.fused
    if isinstance(step.step.layer.op, Activation):
        layers = (step.step.layer, *layers)
    for layer in layers:
        op = layer.op
        real = (
            digital.activate(op, real)
            if isinstance(op, Activation)
            else digital.affine(step.parameters[layer.name], real)
        )
    return real


def _select(step: QuantizedStep, sources: list[Operand]) -> Array:
    """Outputs that are inputs: integers as they stand, or real values when the result is read out."""
    layer = step.step.layer
    values = [source.values if step.format is not None else source.real() for source in sources]
    match layer.op:
        case Pool() as op:
            return digital.max_pool(op, values[0], layer.shape)
        case GlobalPool() as op:
            return digital.global_pool(op, values[0])
        case Pad(value=value) if step.format is not None:
            return wire(layer, values, store(np.asarray(value / step.format.scale), step.format))
        case Pad(value=value):
            return wire(layer, values, value)
        case _:
            return wire(layer, values, None)


def compute(step: QuantizedStep, sources: list[Operand], unit: float) -> Array:
    """Wide value of a step's operation in multiples of `unit`, float64, before the fused layers.

    Integers meet only dyadic multipliers, so for 8-bit operands sums and products here are exact.
    """
    layer = step.step.layer
    first = sources[0]
    scale = first.scale / unit
    match layer.op:
        case Add():
            return reduce(np.add, (source.values * dyadic(source.scale / unit) for source in sources))
        case Mul():
            factor = dyadic(scale * sources[1].scale)
            return first.values.astype(np.float64) * sources[1].values * factor
        case Pool(function="max") as op:
            return digital.max_pool(op, first.values, layer.shape) * dyadic(scale)
        case Pool() as op:
            counts = digital.pool_counts(op, first.values.shape[2], first.values.shape[3], layer.shape)
            return digital.sum_pool(op, first.values, layer.shape) * dyadic(scale / counts)
        case GlobalPool(function="max") as op:
            return digital.global_pool(op, first.values) * dyadic(scale)
        case GlobalPool():
            axes = tuple(range(2, first.values.ndim))
            count = int(np.prod(first.values.shape[2:]))
            wide_type = np.int64 if first.format is not None else np.float64
            total = first.values.sum(axis=axes, keepdims=True, dtype=wide_type)
            return np.asarray(total * dyadic(scale / count))
        case Activation():
            return first.values * dyadic(scale)
        case op:
            return _real(op, step, first) / unit


def _real(op: Op, step: QuantizedStep, source: Operand) -> Array:
    """Operations that the digital units evaluate on real values."""
    x = source.real()
    match op:
        case Affine():
            return digital.affine(step.parameters[step.step.layer.name], x)
        case LocalResponseNorm():
            return digital.local_response_norm(op, x)
        case Softmax():
            return digital.softmax(op, x)
        case _:
            raise TypeError(f"{step.tensor}: no digital unit for {op.kind}")
