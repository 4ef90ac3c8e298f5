"""Quantization: formats, weight integers, biases, and what a folded mean and a bias correction owe to rounding."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from archsim.errors import InputError
from archsim.function.inference.compare import compare
from archsim.function.inference.infer import infer
from archsim.function.quantization import quantize as module
from archsim.function.quantization.calibrate import Ranges, calibrate
from archsim.function.quantization.network import Pixels, Precision
from archsim.function.quantization.quantize import WEIGHT_QUANTIZERS, quantize, takes_pixels, tensor_format
from archsim.function.reference.run import run_float
from archsim.workload.graph import Graph, Linear, Parameters, Reshape
from tests.function.nets import RELU, Builder, everything, pictures, plain, square

PIXELS = Pixels(mean=(120.0, 130.0, 125.0), scale=(1 / 60, 1 / 58, 1 / 55))


def ranges_of(graph: Graph) -> Ranges:
    return calibrate(graph, [PIXELS.normalise(pictures(5, graph.inputs()[0].shape[1]))])


def test_tensor_formats() -> None:
    assert tensor_format(0.0, 51.0, 8) == module.TensorFormat(bits=8, signed=False, scale=0.2)
    assert tensor_format(-2.54, 1.0, 8) == module.TensorFormat(bits=8, signed=True, scale=2.54 / 127)
    assert tensor_format(0.0, 65535.0, 16).scale == 1.0
    assert tensor_format(0.0, 0.0, 8).scale == 1.0


@pytest.mark.parametrize("name", sorted(set(WEIGHT_QUANTIZERS) - {"binary"}))
@pytest.mark.parametrize("bits", [4, 8, 16])
def test_weights_round_to_the_nearest_integer_and_use_the_range(name: str, bits: int) -> None:
    graph = everything()
    network = quantize(graph, replace(ranges_of(graph), means={}), precision=Precision(weight_bits=bits), weights=name)
    top = 2 ** (bits - 1) - 1
    for layer in network.matrices:
        g = layer.geometry
        real = graph.parameters[layer.name].weight.reshape(g.groups, g.columns, -1, *g.kernel)
        real = real.transpose(0, 3, 4, 2, 1).reshape(g.groups, g.rows, g.columns)
        unit = (layer.scale / layer.format.scale).reshape(g.groups, 1, g.columns)
        assert np.abs(layer.weight * unit - real).max() <= 0.5001 * unit.max()
        assert np.abs(layer.weight * unit - real) == pytest.approx(np.zeros(real.shape), abs=0.5001 * unit.max())
        largest = np.abs(layer.weight.astype(int)).max(axis=1)
        assert largest.max() == top
        assert (largest == top).all() == (name == "per_channel")
        assert layer.weight.dtype == (np.int8 if bits <= 8 else np.int16)


def test_slabs_do_not_change_the_integers(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = everything()
    ranges = ranges_of(graph)
    whole = quantize(graph, ranges, pixels=PIXELS)
    monkeypatch.setattr(module, "SLAB", 60)
    for layer, other in zip(whole.matrices, quantize(graph, ranges, pixels=PIXELS).matrices, strict=True):
        assert (layer.weight == other.weight).all()
        assert (layer.bias == other.bias).all()


def test_folding_the_mean_with_rounded_weights_keeps_the_signal() -> None:
    """Folding with the exact weights would let the rounding error of each weight meet the whole pixel."""
    graph = plain()
    images = pictures(5, 8)
    precision = Precision(input_bits=12, weight_bits=6)
    network = quantize(graph, replace(ranges_of(graph), means={}), pixels=PIXELS, precision=precision)
    wanted = run_float(graph, PIXELS.normalise(images), ["c1.r"])["c1.r"]
    first = network.matrices[0]
    weight = graph.parameters["c1"].weight.astype(np.float64) * np.array(PIXELS.scale)[:, None, None]
    exact = -(weight * np.array(PIXELS.mean)[:, None, None]).sum(axis=(1, 2, 3)) / first.scale
    assert np.abs(first.bias - exact).max() > 10  # accumulator units
    naive = replace(first, bias=np.rint(exact).astype(np.int64))
    steps = tuple(replace(step, matrix=naive if step.matrix is first else step.matrix) for step in network.steps)
    noise = []
    for candidate in (network, replace(network, steps=steps)):
        found = infer(candidate, images, keep=["c1.r"]).tensors["c1.r"] * network.formats["c1.r"].scale
        noise.append(np.square(found - wanted).sum())
    assert noise[1] > 2 * noise[0]


def test_bias_correction_removes_the_mean_error_of_rounded_weights() -> None:
    graph = plain(seed=5)
    images = pictures(40, 8, seed=9)
    x = PIXELS.normalise(images)
    precision = Precision(input_bits=16, weight_bits=4)
    ranges = calibrate(graph, [x])
    wanted = run_float(graph, x)["fc"]
    shift = {}
    for name, given in (("corrected", ranges), ("plain", replace(ranges, means={}))):
        network = quantize(graph, given, precision=precision, pixels=PIXELS)
        shift[name] = np.abs((infer(network, images).logits - wanted).mean(axis=0)).max()
    assert shift["corrected"] < 0.5 * shift["plain"]


def test_a_channel_without_weights_and_one_with_a_huge_bias() -> None:
    graph = plain()
    weight, bias = graph.parameters["c2"].weight.copy(), np.zeros(12, np.float32)
    weight[0] = 0.0
    bias[0] = 0.75
    weight[1] *= 1e-12
    bias[1] = 0.5
    graph = graph.with_parameters({**graph.parameters, "c2": Parameters(weight, bias)}, "file")
    images = pictures(4, 8)
    x = PIXELS.normalise(images)
    network = quantize(graph, calibrate(graph, [x]), pixels=PIXELS)
    layer = network.matrices[1]
    assert np.abs(layer.bias).max() <= 2**30
    # without weights a channel has the coarsest unit of its layer, so its bias is known to half of that
    assert layer.bias[:2] * layer.scale[:2] == pytest.approx([0.75, 0.5], abs=float(layer.scale.max()))
    found = infer(network, images, keep=["c2.r"]).tensors["c2.r"][:, :2] * network.formats["c2.r"].scale
    assert np.abs(found - np.array([0.75, 0.5])[None, :, None, None]).max() <= network.formats["c2.r"].scale


def test_pixels_are_taken_only_where_that_is_exact() -> None:
    def graph_of(*layers: str) -> Graph:
        net = Builder((3, 8, 8))
        if "relu" in layers:
            net.add("r", RELU, "x")
        if "flat" in layers:
            net.add("f", Reshape(), "x", target=(192,))
            net.add("fc", Linear(out=4), "f")
        if "conv" in layers:
            net.add("c", square(4), "x")
        return net.graph(net.layers[-1].name)

    uniform = Pixels(mean=(127.0,), scale=(1 / 128,))
    assert takes_pixels(graph_of("conv"), PIXELS)
    assert not takes_pixels(graph_of("conv"), Pixels(mean=(103.9,), scale=(1.0,)))
    assert not takes_pixels(graph_of("conv"), Pixels(mean=(-1.0,), scale=(1.0,)))
    assert takes_pixels(graph_of("flat"), uniform)
    assert not takes_pixels(graph_of("flat"), PIXELS)
    assert not takes_pixels(graph_of("relu", "conv"), PIXELS)
    graph = graph_of("flat")
    images = pictures(6, 8)
    x = uniform.normalise(images)
    network = quantize(graph, calibrate(graph, [x]), pixels=uniform, precision=Precision(input_bits=16, weight_bits=16))
    assert network.pixels == uniform
    assert compare(run_float(graph, x)["fc"], infer(network, images).logits).logit_snr_db > 70


def test_problems_are_named_all_at_once() -> None:
    graph = plain()
    with pytest.raises(InputError) as caught:
        quantize(graph, ranges_of(graph), precision=Precision(input_bits=1, weight_bits=17), weights="best")
    assert len(caught.value.problems) == 3
    partial = Ranges(values={"x": (0.0, 1.0), "c1.r": (0.0, 1.0)}, origin="shipped")
    with pytest.raises(InputError) as caught:
        quantize(graph, partial)
    named = [problem.where.rpartition(" ")[2] for problem in caught.value.problems]
    assert named == ["c2.r", "flat", "gp"]
    assert "shipped" in str(caught.value)
