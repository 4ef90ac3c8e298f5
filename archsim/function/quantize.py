"""Static post-training quantization: a float graph and calibrated ranges become a network of integers.

Activations have one scale per tensor, unsigned when no value is negative and symmetric signed otherwise; weights are
symmetric, with one scale per output channel or per tensor; biases have the accumulator's precision (Jacob et al., CVPR
2018, Sec. 2, without zero points).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.errors import InputError, Problem
from archsim.function.calibrate import Ranges
from archsim.function.executor import check_runnable
from archsim.function.network import MatrixLayer, Pixels, Precision, QuantizedNetwork, QuantizedStep, TensorFormat
from archsim.function.steps import Step, plan_steps, read_out, residuals, shared_formats
from archsim.function.unroll import Geometry, geometry_of, inside_fraction, weight_matrix
from archsim.workload.graph import Conv, Graph, Linear, Parameters, Reshape, Softmax

Array = NDArray[Any]


def _largest(weight: Array) -> NDArray[np.float64]:
    flat = weight.reshape(len(weight), -1)
    return np.asarray(np.maximum(flat.max(axis=1), -flat.min(axis=1)), np.float64)


WEIGHT_QUANTIZERS: dict[str, Callable[[Array], NDArray[np.float64]]] = {
    "per_channel": _largest,
    "per_tensor": lambda weight: np.full(len(weight), _largest(weight).max()),
}
"""Real magnitude that the largest weight integer stands for: weight [outputs, ...] to [outputs], by name."""

SLAB = 1 << 22
"""Weights rounded at once: what bounds the memory of a large fully connected layer."""

HEADROOM = {8: 2.0**30, 16: 2.0**46}
"""Largest bias integer by operand width: half of a 32-bit and of a 48-bit accumulator. A channel whose weights are so
small beside its bias that it would need more gets a coarser weight scale."""


def quantize(
    graph: Graph,
    ranges: Ranges,
    *,
    precision: Precision | None = None,
    pixels: Pixels | None = None,
    weights: str = "per_channel",
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
    weights : a name in WEIGHT_QUANTIZERS.

    Raises
    ------
    InputError
        Missing weights or ranges, unknown quantizer, bits outside 2..16.
    """
    precision = precision or Precision()
    inputs = graph.inputs()
    check_runnable(graph, inputs[0].shape if len(inputs) == 1 else ())
    _check_options(precision, weights)
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
                matrix=_matrix(graph, step, formats, precision, fold, WEIGHT_QUANTIZERS[weights], ranges.means),
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
        weights=graph.weights,
    )


def logit_layer(graph: Graph) -> str:
    """The tensor predictions are read from: the first output, before its softmax if it ends in one."""
    layer = graph[graph.outputs[0]]
    while isinstance(layer.op, Softmax | Reshape) and _softmax_behind(graph, layer.name):
        layer = graph[layer.inputs[0]]
    return layer.name


def _softmax_behind(graph: Graph, name: str) -> bool:
    layer = graph[name]
    while isinstance(layer.op, Reshape):
        layer = graph[layer.inputs[0]]
    return isinstance(layer.op, Softmax)


def _check_options(precision: Precision, weights: str) -> None:
    problems = []
    for name, bits in (("input_bits", precision.input_bits), ("weight_bits", precision.weight_bits)):
        if not 2 <= bits <= 16:
            problems.append(Problem(f"precision.{name}", f"must be 2 to 16, got {bits}"))
    if weights not in WEIGHT_QUANTIZERS:
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
    magnitude: Callable[[Array], NDArray[np.float64]],
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
    weight = parameters.weight
    if pixels is not None:
        zero, gain = _pixel_channels(graph, pixels, geometry.channels)
        weight = weight * _per_output(gain, weight, geometry, slice(None))
    bias = np.zeros(len(weight)) if parameters.bias is None else parameters.bias.astype(np.float64)
    levels = 2 ** (precision.weight_bits - 1) - 1
    width = max(precision.input_bits, precision.weight_bits)
    size = _weight_scale(magnitude(weight) / levels, bias, source.scale, width)
    channels = _Channels(zero=zero, gain=gain, mean=means.get(layer.inputs[0]))
    integers, offset, drift = _round_weights(weight, size, levels, geometry, channels)
    return MatrixLayer(
        name=layer.name,
        geometry=geometry,
        weight=np.ascontiguousarray(weight_matrix(integers, geometry.groups)),
        weight_bits=precision.weight_bits,
        bias=np.rint((bias - drift) / (size * source.scale) - offset).astype(np.int64),
        scale=size * source.scale,
        pad=np.rint(zero).astype(source.dtype),
        format=source,
    )


def _round_weights(
    weight: Array, size: NDArray[np.float64], levels: int, geometry: Geometry, channels: _Channels
) -> tuple[Array, NDArray[np.float64], NDArray[np.float64]]:
    """Weight integers [outputs, ...], and per output what the bias owes to them.

    `offset` (accumulator units): a folded mean times the *rounded* weights. Then the rounding error of a weight meets
    (pixel - mean), as in the float network, and not the pixel itself. `drift` (real): the mean output error of the
    rounded weights, where the channel means of the input are known (bias correction: Nagel et al., ICCV 2019, Sec.
    4.2).
    """
    outputs = len(weight)
    integers = np.empty(weight.shape, np.int8 if levels < 128 else np.int16)
    offset, drift = np.zeros(outputs), np.zeros(outputs)
    inside = inside_fraction(geometry, weight.ndim)
    together = max(1, SLAB * outputs // weight.size)
    for start in range(0, outputs, together):
        part = slice(start, start + together)
        scale = size[part].reshape(-1, *(1,) * (weight.ndim - 1))
        exact = weight[part].astype(np.float64)
        rounded = np.clip(np.rint(exact / scale), -levels, levels)
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


def _weight_scale(scale: NDArray[np.float64], bias: Array, input_scale: float, bits: int) -> NDArray[np.float64]:
    """Weight scales fit for use: none zero, and none so small that the bias overflows the accumulator (HEADROOM)."""
    largest = scale.max() or 1.0
    usable = np.where(scale > 0, scale, largest)
    return np.maximum(usable, np.abs(bias) / (input_scale * HEADROOM[8 if bits <= 8 else 16]))
