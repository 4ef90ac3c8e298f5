"""The quantized network forward, on the tape: the integers of `archsim.function`, with straight-through gradients.

Tensors hold the stored integers as float32 [C, n, ...]; gradients are those of real values (integer times scale). A
product of integers is exact: in float32 while no sum can exceed 2**24, else in float64. What a step stores is computed
as inference does (`archsim.function.inference.infer`), so training and the crossbars see the same integers; the
gradient of rounding is taken as one, that of clamping as zero (Bengio et al., arXiv:1308.3432; Jacob et al., CVPR
2018, section 3).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.function.inference.digital_steps import Operand, compute
from archsim.function.quantization.fixedpoint import clamps_of, dyadic
from archsim.function.quantization.network import MatrixLayer, QuantizedNetwork, QuantizedStep, TensorFormat
from archsim.training import kernels, ops
from archsim.training.prepared import Prepared, Weights
from archsim.training.quantizers import ACTIVATION_QUANTIZERS
from archsim.training.recorders import RECORDERS
from archsim.training.tape import Entry, Pulled
from archsim.workload.graph import Activation, Layer

Array = NDArray[Any]
Back = Callable[[Array], Pulled]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Wide:
    """Result of an operation before it is stored: real value = scale * (sums + bias), per channel; `back` takes its
    gradient [C, n, ...] to the inputs and parameters."""

    sums: Array
    bias: Array
    scale: Array
    back: Back


def input_codes(network: QuantizedNetwork, pixels: Array, normalised: Array) -> Array:
    """What the network stores of a chunk of pictures, float32 [C, n, H, W]: the pixels uint8 [n, C, H, W] where they
    drive the crossbars, else `normalised` [C, n, H, W] rounded to the input's format."""
    if network.pixels is not None:
        return pixels.swapaxes(0, 1).astype(np.float32)
    form = network.formats[network.input]
    return np.clip(np.rint(normalised.astype(np.float64) / form.scale), form.low, form.high).astype(np.float32)


def forward(prepared: Prepared, codes: Array) -> tuple[Array, dict[str, Array], list[Entry]]:
    """Logits [classes, n] (real values, float32), all tensors by name, and the tape, for a chunk of input codes."""
    network = prepared.network
    tensors: dict[str, Array] = {network.input: codes}
    tape: list[Entry] = []
    for step in network.steps:
        sources = [tensors[name] for name in step.step.inputs]
        tensors[step.tensor], entry = run_step(prepared, step, sources)
        if step.tensor in prepared.learns:
            tape.append(entry)
    return tensors[network.logits], tensors, tape


def run_step(prepared: Prepared, step: QuantizedStep, sources: list[Array]) -> tuple[Array, Entry]:
    """What a step stores of its inputs [C, n, ...], and its entry on the tape."""
    formats = [prepared.network.format_of(name) for name in step.step.inputs]
    if step.step.keeps_integers:
        return _hand_on(step, sources, formats)
    if step.matrix is not None:
        wide = _product(prepared, step, step.matrix, sources[0])
    else:
        wide = _digital(step, sources, formats)
    fused = step.step.fused
    if isinstance(step.step.layer.op, Activation):
        fused = (step.step.layer, *fused)
    if step.format is None:
        return _read_out(step, wide, fused)
    return _store(prepared, step, step.format, wide, fused)


def _hand_on(step: QuantizedStep, sources: list[Array], formats: list[TensorFormat | None]) -> tuple[Array, Entry]:
    """Wiring and max pools: integers as they stand, or real values where the host reads them."""
    if step.format is None:
        scales = [1.0 if form is None else form.scale for form in formats]
        sources = [source * np.float32(scale) for source, scale in zip(sources, scales, strict=True)]
    out, back = RECORDERS[type(step.step.layer.op)](step.step.layer, sources)
    return out, Entry(output=step.tensor, inputs=step.step.inputs, back=lambda gradient, _: (back(gradient), {}))


def _product(prepared: Prepared, step: QuantizedStep, layer: MatrixLayer, x: Array) -> _Wide:
    weights, shape = prepared.weights[step.tensor], x.shape
    unrolled = ops.patches(x, layer.geometry, layer.pad)
    exact = unrolled.astype(weights.codes.dtype, copy=False)
    out = step.step.layer.shape
    sums = ops.matrix_forward(weights.codes, None, exact).reshape(out[0], x.shape[1], *out[1:])
    wants = step.step.inputs[0] in prepared.learns

    def back(gradient: Array) -> Pulled:
        flat = np.ascontiguousarray(gradient, np.float32).reshape(len(weights.real), -1)
        found = _weight_gradients(layer.name, weights, flat, unrolled)
        return (ops.matrix_backward(flat, weights.real, layer.geometry, shape) if wants else None,), found

    return _Wide(sums=sums, bias=layer.bias.astype(np.float64), scale=layer.scale, back=back)


def _weight_gradients(name: str, weights: Weights, gradient: Array, unrolled: Array) -> dict[str, Array]:
    """Gradients of the trained weight and bias: inputs count as gain * (integer - zero)."""
    on_codes, on_bias = ops.matrix_gradients(gradient, unrolled)
    on_codes = on_codes.reshape(weights.real.shape)
    if weights.zero.any():
        on_codes = on_codes - weights.zero * on_bias.reshape(-1, *(1,) * (on_codes.ndim - 1))
    on_weight = on_codes * weights.gain
    if weights.inside is not None:
        on_weight = on_weight * weights.inside
    return {f"{name}.weight": on_weight.astype(np.float32), f"{name}.bias": on_bias}


def _digital(step: QuantizedStep, sources: list[Array], formats: list[TensorFormat | None]) -> _Wide:
    """The digital units' own arithmetic (`archsim.function.inference.digital_steps`), which has the batch first."""
    unit = 1.0 if step.format is None else step.format.scale
    operands = [
        Operand(name=name, values=_batch_first(source, form), format=form)
        for name, source, form in zip(step.step.inputs, sources, formats, strict=True)
    ]
    sums = np.ascontiguousarray(compute(step, operands, unit).swapaxes(0, 1))
    if isinstance(step.step.layer.op, Activation):

        def back(gradient: Array) -> Pulled:
            return (gradient,), {}
    else:
        _, routed = RECORDERS[type(step.step.layer.op)](step.step.layer, sources)

        def back(gradient: Array) -> Pulled:
            return routed(gradient), {}

    return _Wide(sums=sums, bias=np.zeros(len(sums)), scale=np.full(len(sums), unit), back=back)


def _batch_first(codes: Array, form: TensorFormat | None) -> Array:
    return np.ascontiguousarray(codes.swapaxes(0, 1), np.float64 if form is None else form.dtype)


def _read_out(step: QuantizedStep, wide: _Wide, fused: tuple[Layer, ...]) -> tuple[Array, Entry]:
    """Real values at accumulator precision, float32."""
    along = (-1,) + (1,) * (wide.sums.ndim - 1)
    real = ((wide.sums + wide.bias.reshape(along)) * wide.scale.reshape(along)).astype(np.float32)
    backs = []
    for layer in fused:
        real, clip_back = RECORDERS[Activation](layer, [real])
        backs.append(clip_back)

    def back(gradient: Array, _: Array | None) -> Pulled:
        for clip_back in reversed(backs):
            passed = clip_back(gradient)[0]
            assert passed is not None
            gradient = passed
        return wide.back(gradient)

    return real, Entry(output=step.tensor, inputs=step.step.inputs, back=back)


def _store(
    prepared: Prepared, step: QuantizedStep, form: TensorFormat, wide: _Wide, fused: tuple[Layer, ...]
) -> tuple[Array, Entry]:
    """Stored integers, with the gradient of the step size where it is learned."""
    clamps = clamps_of(fused, form)
    if clamps is None:
        raise TypeError(f"{step.tensor}: only ReLU and clip can be fused in training")
    low, high = map(float, clamps)
    shape, flat = wide.sums.shape, (len(wide.sums), -1)
    codes, before = np.empty(shape, np.float32), np.empty(shape, np.float32)
    factor = dyadic(wide.scale / form.scale)
    kernels.store(wide.sums.reshape(flat), wide.bias, factor, low, high, codes.reshape(flat), before.reshape(flat))
    name = prepared.scheme.groups.get(step.tensor)
    rule = ACTIVATION_QUANTIZERS[prepared.scheme.settings.activations].learned

    def back(gradient: Array, _: Array | None) -> Pulled:
        passed = np.empty(shape, np.float32)
        gradient = np.ascontiguousarray(gradient, np.float32)
        on_step = kernels.store_gradient(gradient.reshape(-1), before.reshape(-1), low, high, passed.reshape(-1))
        inputs, parameters = wide.back(passed)
        if rule is None or name is None:
            return inputs, parameters
        elements = codes[:, 0].size
        return inputs, {**parameters, name: np.array([rule(on_step, form, elements)], np.float32)}

    return codes, Entry(output=step.tensor, inputs=step.step.inputs, back=back)
