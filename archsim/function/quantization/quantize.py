"""Static post-training quantization: a float graph and calibrated ranges become a network of integers.

Activations have one scale per tensor, unsigned when no value is negative and symmetric signed otherwise; weights are
symmetric, with one scale per output channel or per tensor, or take the values of level sets
(`archsim.function.quantization.weights`); biases have the accumulator's precision (Jacob et al., CVPR 2018, Sec. 2,
without zero points).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.errors import InputError, Problem
from archsim.function.quantization.calibrate import Ranges
from archsim.function.quantization.levels.fit import to_levels
from archsim.function.quantization.network import (
    MatrixLayer,
    Pixels,
    Precision,
    QuantizedNetwork,
    QuantizedStep,
    TensorFormat,
)
from archsim.function.quantization.steps import Step, plan_steps, read_out, residuals, shared_formats
from archsim.function.quantization.weights import WEIGHT_QUANTIZERS, Grid, WeightQuantizer, WeightRequest
from archsim.function.reference.run import check_runnable
from archsim.function.unroll import Geometry, geometry_of, inside_fraction, weight_matrix
from archsim.workload.graph import Conv, Graph, Linear, Parameters, Reshape, Softmax

Array = NDArray[Any]


SLAB = 1 << 22
"""Weights rounded at once: what bounds the memory of a large fully connected layer."""


def quantize(
    graph: Graph,
    ranges: Ranges,
    *,
    precision: Precision | None = None,
    pixels: Pixels | None = None,
    weights: str | WeightQuantizer = "per_channel",
) -> QuantizedNetwork:
    """Quantize a network.

    Parameters
    ----------
    graph : with weights and one input.
    ranges : (low, high) of every stored tensor, from `calibrate` or a preprocessing file; with channel means, biases
    are
        corrected.
    precision : bits of activations and weights; 8 and 8 by default.
    pixels : preprocessing of the pictures. When every reader of the input is a convolution or fully connected layer
    that
        can take raw pixels exactly, they drive the crossbars and mean and scale go into its weights and bias.
    weights : a name in WEIGHT_QUANTIZERS, or a quantizer.

    Raises
    ------
    InputError
        Missing weights or ranges, unknown quantizer, bits outside 2..16.
    """
    precision = precision or Precision()
    inputs = graph.inputs()
    check_runnable(graph, inputs[0].shape if len(inputs) == 1 else ())
    _check_options(precision, weights)
    quantizer = WEIGHT_QUANTIZERS[weights] if isinstance(weights, str) else weights
    steps = plan_steps(graph)
    wide = read_out(steps)
    folded = pixels if pixels is not None and precision.input_bits >= 8 and takes_pixels(graph, pixels) else None
    formats = _formats(graph, steps, ranges, precision, folded is not None)
    quantized = []
    for step in steps:
        fold = folded if folded is not None and _reads_pixels(graph, step) else None
        quantized.append(
            QuantizedStep(
                step=step,
                shape=graph[step.tensor].shape,
                format=None if step.tensor in wide else formats[step.tensor],
                matrix=_matrix(graph, step, formats, precision, fold, quantizer, ranges.means),
                parameters=_scalings(graph, step),
            )
        )
    return QuantizedNetwork(
        name=graph.name,
        input=inputs[0].name,
        input_shape=inputs[0].shape,
        precision=precision,
        pixels=folded,
        steps=tuple(quantized),
        formats=MappingProxyType(formats),
        outputs=graph.outputs,
        logits=logit_layer(graph),
        classes=graph.classes,
        weights=graph.weights,
    )


def logit_layer(graph: Graph) -> str:
    """The tensor predictions are read from: the judged output, before its softmax if it ends in one."""
    layer = graph.judged
    while isinstance(layer.op, Softmax | Reshape) and _softmax_behind(graph, layer.name):
        layer = graph[layer.inputs[0]]
    return layer.name


def _softmax_behind(graph: Graph, name: str) -> bool:
    layer = graph[name]
    while isinstance(layer.op, Reshape):
        layer = graph[layer.inputs[0]]
    return isinstance(layer.op, Softmax)


def _check_options(precision: Precision, weights: str | WeightQuantizer) -> None:
    problems = []
    for name, bits in (("input_bits", precision.input_bits), ("weight_bits", precision.weight_bits)):
        least = 1 if name == "weight_bits" and (weights == "binary" or not isinstance(weights, str)) else 2
        if not least <= bits <= 16:
            hint = "; 1-bit weights need the quantizer 'binary'" if bits == 1 and name == "weight_bits" else ""
            problems.append(Problem(f"precision.{name}", f"must be 2 to 16, got {bits}{hint}"))
    if isinstance(weights, str) and weights not in WEIGHT_QUANTIZERS:
        known = ", ".join(WEIGHT_QUANTIZERS)
        problems.append(Problem("weights", f"unknown weight quantizer {weights!r}; known are {known}"))
    if problems:
        raise InputError(problems)


def takes_pixels(graph: Graph, pixels: Pixels) -> bool:
    """Whether raw pixels can drive the first layers exactly.

    Every reader of the input must be a matrix layer, and one that pads must find the mean among the pixel values (the
    normalised zero of the padding is the pixel `mean`). A flattened input needs the same mean and scale for all
    channels.
    """
    name = graph.inputs()[0].name
    mean, scale = pixels.per_channel(graph[name].shape[0])
    uniform = bool(np.ptp(mean) == 0 and np.ptp(scale) == 0)
    whole = bool(np.all(mean == np.rint(mean)) and np.all((mean >= 0) & (mean <= 255)))
    consumers = graph.consumers()

    def takes(name: str) -> bool:
        if name in graph.outputs or not consumers[name]:
            return False
        for layer in consumers[name]:
            if isinstance(layer.op, Reshape):
                if not (uniform and takes(layer.name)):
                    return False
            elif not isinstance(layer.op, Conv | Linear) or (
                isinstance(layer.op, Conv) and any(layer.op.padding) and not whole
            ):
                return False
        return True

    return takes(name)


def _reads_pixels(graph: Graph, step: Step) -> bool:
    name = step.inputs[0]
    while isinstance(graph[name].op, Reshape):
        name = graph[name].inputs[0]
    return name == graph.inputs()[0].name


def _formats(
    graph: Graph, steps: Sequence[Step], ranges: Ranges, precision: Precision, pixels: bool
) -> dict[str, TensorFormat]:
    """Format of every stored tensor; tensors that share integers share the range that covers them all."""
    image = graph.inputs()[0].name
    formats: dict[str, TensorFormat] = {}
    problems = []
    added = residuals(steps, graph.outputs)
    for members in shared_formats(steps, [image]):
        if pixels and image in members:
            formats.update(dict.fromkeys(members, TensorFormat(bits=precision.input_bits, signed=False, scale=1.0)))
            continue
        missing = sorted(members - set(ranges.values))
        where = f"workload {graph.name}, layer "
        problems += [Problem(where + name, f"has no range ({ranges.origin} ranges)") for name in missing]
        known = [ranges.values[name] for name in members if name in ranges.values]
        if known:
            low, high = min(low for low, _ in known), max(high for _, high in known)
            bits = (precision.residual_bits if members <= added else None) or precision.input_bits
            formats.update(dict.fromkeys(members, tensor_format(low, high, bits)))
    if problems:
        raise InputError(problems)
    return formats


def tensor_format(low: float, high: float, bits: int) -> TensorFormat:
    """Format for real values low..high: unsigned when low >= 0, else symmetric signed."""
    signed = low < 0
    magnitude = max(abs(low), abs(high))
    levels = 2 ** (bits - signed) - 1
    # a tensor that is zero throughout has no scale of its own
    return TensorFormat(bits=bits, signed=signed, scale=magnitude / levels if magnitude > 0 else 1.0)


def _scalings(graph: Graph, step: Step) -> Mapping[str, Parameters]:
    """Parameters of the step's layers that scale per channel; a matrix layer's own are in its MatrixLayer."""
    layers = [layer for layer in (step.layer, *step.fused) if not isinstance(layer.op, Conv | Linear)]
    return {layer.name: graph.parameters[layer.name] for layer in layers if layer.name in graph.parameters}


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Channels:
    """Per input channel of a matrix layer: real = gain * (integer - zero) for folded pixels, and the real mean if
    known."""

    zero: NDArray[np.float64]
    gain: NDArray[np.float64]
    mean: NDArray[np.float64] | None


def _matrix(
    graph: Graph,
    step: Step,
    formats: Mapping[str, TensorFormat],
    precision: Precision,
    pixels: Pixels | None,
    quantizer: WeightQuantizer,
    means: Mapping[str, NDArray[np.float64]],
) -> MatrixLayer | None:
    """Integer weights and bias of a matrix layer (None for others)."""
    layer = step.layer
    if not isinstance(layer.op, Conv | Linear):
        return None
    parameters = graph.parameters[layer.name]
    geometry = geometry_of(layer, graph[layer.inputs[0]].shape)
    source = formats[layer.inputs[0]]
    zero, gain = np.zeros(geometry.channels), np.ones(geometry.channels)
    weight: Array = parameters.weight
    folded: Array = np.ones(1)
    if pixels is not None:
        zero, gain = _pixel_channels(graph, pixels, geometry.channels)
        folded = _per_output(gain, weight, geometry, slice(None))
        weight = weight * folded
    bias = np.zeros(len(weight)) if parameters.bias is None else parameters.bias.astype(np.float64)
    grid = quantizer(
        WeightRequest(
            name=layer.name,
            weight=weight,
            gain=folded,
            bits=precision.weight_bits,
            width=max(precision.input_bits, precision.weight_bits),
            bias=bias / source.scale,
            grouped=geometry.groups > 1,
        )
    )
    channels = _Channels(zero=zero, gain=gain, mean=means.get(layer.inputs[0]))
    integers, offset, drift = _round_weights(weight, grid, geometry, channels)
    size = grid.size
    return MatrixLayer(
        name=layer.name,
        geometry=geometry,
        weight=np.ascontiguousarray(weight_matrix(integers, geometry.groups)),
        weight_bits=precision.weight_bits,
        bias=np.rint((bias - drift) / (size * source.scale) - offset).astype(np.int64),
        scale=size * source.scale,
        pad=np.rint(zero).astype(source.dtype),
        format=source,
        levels=grid.levels,
    )


def _round_weights(
    weight: Array, grid: Grid, geometry: Geometry, channels: _Channels
) -> tuple[Array, NDArray[np.float64], NDArray[np.float64]]:
    """Weight integers [outputs, ...], and per output what the bias owes to them.

    `offset` (accumulator units): a folded mean times the *rounded* weights. Then the rounding error of a weight meets
    (pixel - mean), as in the float network, and not the pixel itself. `drift` (real): the mean output error of the
    rounded weights, where the channel means of the input are known (bias correction: Nagel et al., ICCV 2019, Sec.
    4.2).
    """
    outputs = len(weight)
    integers = np.empty(weight.shape, np.int8 if grid.top < 128 and grid.levels is None else np.int16)
    offset, drift = np.zeros(outputs), np.zeros(outputs)
    inside = inside_fraction(geometry, weight.ndim)
    together = max(1, SLAB * outputs // weight.size)
    for start in range(0, outputs, together):
        part = slice(start, start + together)
        scale = grid.size[part].reshape(-1, *(1,) * (weight.ndim - 1))
        exact = weight[part].astype(np.float64)
        if grid.levels is None:
            rounded = grid.round(exact / scale)
        else:
            rounded = to_levels(exact / scale, grid.levels, start).astype(np.float64)
        integers[part] = rounded
        if channels.zero.any():
            offset[part] = _sums(rounded * _per_output(channels.zero, weight, geometry, part))
        if channels.mean is not None:
            mean = _per_output(channels.mean / channels.gain, weight, geometry, part)
            drift[part] = _sums((rounded * scale - exact) * inside * mean)
    return integers, offset, drift


def _pixel_channels(graph: Graph, pixels: Pixels, channels: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and scale for each channel a layer sees; a flattened picture has one of each (`takes_pixels`)."""
    image = graph.inputs()[0].shape[0]
    mean, scale = pixels.per_channel(image)
    if channels == image:
        return mean, scale
    return np.full(channels, mean[0]), np.full(channels, scale[0])


def _per_output(values: NDArray[np.float64], weight: Array, geometry: Geometry, part: slice) -> Array:
    """Values of the input channels that weight[part] [outputs, channels / groups, ...] meets, broadcastable to it."""
    groups = np.arange(len(weight))[part] // geometry.columns
    met = values.reshape(geometry.groups, -1)[groups] if geometry.groups > 1 else values[None]
    return met.reshape(*met.shape, *(1,) * (weight.ndim - 2))


def _sums(terms: Array) -> NDArray[np.float64]:
    """Sum of terms [outputs, ...] for each output."""
    return np.asarray(terms.reshape(len(terms), -1).sum(axis=1))
