"""The scales of integer training: every stored tensor holds the integers 0 .. 2**b - 1 as they are, and between two
layers there is only a shift.

Layer l stores clamp(round(2**-k_l * sum of integer inputs times signs)); k_l is a property of the layer that training
does not change. It is found on training pictures, layer by layer behind the layers before it, as the shift whose stored
integers stand for the rectified sums with the least squared error. Logits are 2**-k times the raw integer sums of the
last layer: k, the output scale, does not change a prediction, only what the loss makes of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import log2
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.errors import InputError, Problem
from archsim.function.quantization.calibrate import Ranges
from archsim.function.quantization.fixedpoint import clamps_of
from archsim.function.quantization.network import QuantizedNetwork
from archsim.function.quantization.steps import plan_steps, read_out
from archsim.function.quantization.weights import Grid, WeightQuantizer, WeightRequest, sign_grid
from archsim.training import integers, ops
from archsim.training.model import Model, State
from archsim.training.prepared import Prepared, prepare
from archsim.training.quantizers import ACTIVATION_QUANTIZERS, Quantization, Scheme, scheme_of
from archsim.workload import Preprocessing
from archsim.workload.graph import Activation, Conv, Graph, Linear

Array = NDArray[Any]
Exponents = Mapping[str, int]
"""k of each matrix layer by name."""

SHIFTS = range(-2, 21)
"""Shifts tried."""

PIXEL = 255


def is_integer(settings: Quantization) -> bool:
    """Whether stored integers are the real values."""
    return ACTIVATION_QUANTIZERS[settings.activations].unit


def check_integer(model: Model, preprocessing: Preprocessing) -> None:
    """Raise `InputError` where tensors would be stored with a sign, or pictures are not pixels as they come."""
    problems = []
    if any(preprocessing.mean):
        what = f"have means {preprocessing.mean}; integer training takes pixels as they are, expected means of 0"
        problems.append(Problem("training pictures", what))
    rectified = {model.graph.inputs()[0].name}
    steps = plan_steps(model.graph)
    for step in steps:
        ops_ = [layer.op for layer in (step.layer, *step.fused)]
        limits = [op for op in ops_ if isinstance(op, Activation)]
        keeps = not isinstance(step.layer.op, Conv | Linear) and rectified.issuperset(step.inputs)
        if keeps or any(op.function == "relu" or op.low >= 0 for op in limits):
            rectified.add(step.tensor)
        elif step.tensor not in read_out(steps):
            what = "is stored with a sign; integer training needs a ReLU behind it"
            problems.append(Problem(f"workload {model.graph.name}, layer {step.tensor}", what))
    if problems:
        raise InputError(problems)


def integer_pixels(preprocessing: Preprocessing, bits: int) -> Preprocessing:
    """Preprocessing after which a stored integer is the real value: pixels times (2**bits - 1) / 255."""
    scale = (2**bits - 1) / PIXEL
    return replace(preprocessing, scale=(scale,) * len(preprocessing.scale))


def integer_scheme(
    model: Model, state: State, settings: Quantization, preprocessing: Preprocessing, pixels: Array
) -> Scheme:
    """The scheme of a network with these starting weights, calibrated on pixels uint8 [n, C, H, W]; `preprocessing` is
    that of `integer_pixels`."""
    first = scheme_of(model.graph, _ranges(model, settings.activation_bits), settings, preprocessing)
    prepared = prepare(model, replace(first, quantizer=fixed_scales({})), state)
    found = _exponents(prepared, pixels, preprocessing)
    if settings.output_shift is not None:
        found[prepared.network.logits] = settings.output_shift
    layers = {step.tensor: step.matrix.name for step in prepared.network.steps if step.matrix is not None}
    shifts = MappingProxyType({layers[tensor]: k for tensor, k in found.items()})
    return replace(first, quantizer=fixed_scales(shifts), shifts=shifts)


def fixed_scales(exponents: Exponents) -> WeightQuantizer:
    """Signs times 2**-k, k by layer (0 where it is not named), whatever the weights are."""

    def quantizer(request: WeightRequest) -> Grid:
        return sign_grid(len(request.weight), 2.0 ** -exponents.get(request.name, 0))

    return quantizer


def _ranges(model: Model, bits: int) -> Ranges:
    """Every tensor from 0 to its largest integer."""
    top = float(2**bits - 1)
    names = [*(layer.name for layer in model.graph.inputs()), *(step.tensor for step in plan_steps(model.graph))]
    return Ranges(values=dict.fromkeys(names, (0.0, top)), origin="integers")


def signed_graph(graph: Graph, network: QuantizedNetwork) -> Graph:
    """The network with the weights that its integers stand for: signs times 2**-k.

    Quantizer `binary` finds the same integers and scales in it again.
    """
    found = dict(graph.parameters)
    for layer in network.matrices:
        weight = graph.parameters[layer.name].weight
        size = (layer.scale / layer.format.scale).reshape(-1, *(1,) * (weight.ndim - 1))
        signs = np.where(weight < 0, -1.0, 1.0)
        found[layer.name] = replace(graph.parameters[layer.name], weight=(signs * size).astype(np.float32))
    return graph.with_parameters(found, graph.weights)


def _exponents(prepared: Prepared, pixels: Array, preprocessing: Preprocessing) -> dict[str, int]:
    """k by tensor, found from the first layer to the last."""
    network = prepared.network
    normal = pixels.swapaxes(0, 1) * np.asarray(preprocessing.scale, np.float32).reshape(-1, 1, 1, 1)
    tensors = {network.input: integers.input_codes(network, pixels, normal)}
    found: dict[str, int] = {}
    for step in network.steps:
        sources = [tensors[name] for name in step.step.inputs]
        if step.matrix is None:
            tensors[step.tensor] = integers.run_step(prepared, step, sources)[0]
            continue
        weights, out = prepared.weights[step.tensor], step.step.layer.shape
        unrolled = ops.patches(sources[0], step.matrix.geometry, step.matrix.pad).astype(weights.codes.dtype)
        sums = ops.matrix_forward(weights.codes, None, unrolled).reshape(out[0], len(pixels), *out[1:])
        if step.format is None:
            found[step.tensor] = round(log2(max(1.0, float(sums.std()))))
            tensors[step.tensor] = sums
            continue
        limits = clamps_of(step.step.fused, step.format)
        assert limits is not None
        found[step.tensor] = least_error_shift(sums, limits[1])
        tensors[step.tensor] = np.clip(np.rint(np.ldexp(sums, -found[step.tensor])), *limits).astype(np.float32)
    return found


def least_error_shift(sums: Array, top: int) -> int:
    """k for which clamp(round(2**-k * sums)) * 2**k is nearest to the sums above zero, in squared error."""
    above = np.maximum(sums, 0).astype(np.float64)

    def error(k: int) -> float:
        stored = np.minimum(np.rint(np.ldexp(above, -k)), top)
        return float(((np.ldexp(stored, k) - above) ** 2).sum())

    return min(SHIFTS, key=error)
