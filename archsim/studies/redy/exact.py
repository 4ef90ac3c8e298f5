"""Proof on real inputs: shortened streams give what integer arithmetic on the rounded inputs gives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.function.crossbars.circuit import Circuit
from archsim.function.crossbars.converter import Sums, converter_for
from archsim.function.crossbars.select import Machine
from archsim.function.inference.infer import infer
from archsim.function.precision.literal import stream_literally
from archsim.function.precision.offline import plan_streaming
from archsim.function.precision.stream import LayerStream, Streaming
from archsim.function.quantization.network import QuantizedNetwork
from archsim.function.unroll import Block, unroll
from archsim.studies.claims import Claim
from archsim.studies.redy.measure import Bench, Setting, with_precision
from archsim.studies.redy.plan import RANGE, REDY

Array = NDArray[Any]

WINDOWS = 8
"""Windows of each layer whose streams are played out bit by bit."""


def exactness_claims(bench: Bench) -> Iterator[Claim]:
    """Range trimming changes no logit; shortened streams add up to the integer products."""
    name, method = bench.case.name, next(iter(bench.networks))
    network, static = bench.networks[method], bench.statics[method]
    few = bench.pictures[:16]
    found = infer(network, few, streaming=streaming_of(bench, RANGE))
    off = float(np.abs(found.logits - static.logits[: len(few)]).max())
    note = "largest difference of a logit, range against static 8 bit"
    yield Claim(id=f"exact.range.{name}", paper=None, measured=off, low=0, high=0, status="derived", note=note)
    difference = stream_difference(bench, network)
    note = "largest difference of a sum, shortened streams of redy_var against integer products of the rounded inputs"
    yield Claim(id=f"exact.stream.{name}", paper=None, measured=difference, low=0, high=0, status="derived", note=note)


def streaming_of(bench: Bench, setting: Setting) -> Streaming:
    """How a setting streams the bench's network."""
    streaming = plan_streaming(with_precision(bench.plans[setting.rows], setting.block()))
    assert streaming is not None
    return streaming


def stream_difference(bench: Bench, network: QuantizedNetwork) -> float:
    """Largest difference over the first windows of every convolution of the first picture."""
    circuit = circuit_of(bench)
    names = {step.matrix.name: step.step.inputs[0] for step in network.steps if step.matrix is not None}
    found = infer(network, bench.pictures[:1], keep=set(names.values()))
    return max(
        _layer_difference(stream, circuit, found.tensors[names[name]])
        for name, stream in streaming_of(bench, REDY).layers(network).items()
    )


def circuit_of(bench: Bench) -> Circuit:
    """The chip's arrays and converters."""
    machine = Machine.of(bench.plans[128])
    return machine.circuit(converter_for(machine.transfer, Sums(largest=machine.largest_sum)))


def _layer_difference(stream: LayerStream, circuit: Circuit, x: Array) -> float:
    """One layer: bits played out against a product of what `stream` makes of the inputs."""
    layer, geometry = stream.layer, stream.layer.geometry
    maps = np.ascontiguousarray(x).reshape(len(x), geometry.channels, geometry.height, geometry.width)
    lines = min(geometry.out_height, -(-WINDOWS // geometry.out_width))
    block = Block(start=0, stop=1, first_row=0, rows=lines)
    inputs = np.ascontiguousarray(unroll(maps, geometry, block, layer.pad)[:, :, :WINDOWS])
    bits, shift = stream.decide(inputs.reshape(-1, inputs.shape[2]))
    sums = stream_literally(layer, circuit, inputs.reshape(-1, inputs.shape[2]), bits, shift)
    rounded = stream.stream(inputs)[0].astype(np.int64)
    product = np.einsum("grw,grc->gcw", rounded, layer.weight.astype(np.int64))
    return float(np.abs(sums - product.reshape(sums.shape)).max())
