"""Quantized inference: every step rounds its exact value once, and the result depends on nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import pytest

from archsim.errors import InputError
from archsim.function.crossbars.engines import ENGINES
from archsim.function.inference.activity import Counting
from archsim.function.inference.compare import compare
from archsim.function.inference.fidelity import layer_snr
from archsim.function.inference.infer import infer
from archsim.function.quantization.calibrate import calibrate
from archsim.function.quantization.network import MatrixLayer, Pixels, Precision, QuantizedNetwork
from archsim.function.quantization.quantize import quantize
from archsim.function.reference.operations import activate
from archsim.function.reference.run import compute, run_float
from archsim.workload.graph import Activation, Add, Concat, Conv, Graph, Linear, Pad, Parameters, Pool
from tests.function.nets import RELU, Builder, everything, pictures, plain, square

PIXELS = Pixels(mean=(120.0, 130.0, 125.0), scale=(1 / 60, 1 / 58, 1 / 55))


def quantized(
    graph: Graph, pixels: Pixels | None = PIXELS, bits: int = 8, **options: str
) -> tuple[QuantizedNetwork, np.ndarray]:
    images = pictures(5, graph.inputs()[0].shape[1])
    ranges = calibrate(graph, [PIXELS.normalise(images)])
    precision = Precision(input_bits=bits, weight_bits=bits)
    network = quantize(graph, ranges, precision=precision, pixels=pixels, **options)
    return network, images if network.pixels is not None else PIXELS.normalise(images)


def real_parameters(layer: MatrixLayer, op: Conv | Linear, pixels: Pixels | None) -> Parameters:
    """Weights [out, in / groups, kh, kw] and bias, real, that the integers stand for (on normalised inputs)."""
    g = layer.geometry
    matrix = layer.weight.astype(np.float64)
    zero, gain = np.zeros(g.channels), np.full(g.channels, layer.format.scale)
    if pixels is not None:
        zero, gain = pixels.per_channel(g.channels)
    shape = (g.groups, *g.kernel, g.channels // g.groups, g.columns)
    per_row = np.broadcast_to(zero.reshape(g.groups, 1, 1, -1, 1), shape)
    bias = layer.bias + (matrix.reshape(shape) * per_row).sum(axis=(1, 2, 3)).ravel()
    weight = matrix.reshape(shape) / gain.reshape(g.groups, 1, 1, -1, 1)
    weight = weight.transpose(0, 4, 3, 1, 2).reshape(g.outputs, -1, *g.kernel) * layer.scale[:, None, None, None]
    if isinstance(op, Linear):
        weight = weight[:, :, 0, 0]
    return Parameters(weight, bias * layer.scale)


def check_each_step(graph: Graph, network: QuantizedNetwork, tensors: Mapping[str, np.ndarray]) -> int:
    """Each stored tensor is the float layers' result on its stored sources, rounded once: within half a unit."""
    checked = 0
    real = {}
    for name, values in tensors.items():
        form = network.format_of(name)
        real[name] = values.astype(np.float64) * (1.0 if form is None else form.scale)
    if network.pixels is not None:
        real[network.input] = network.pixels.normalise(tensors[network.input]).astype(np.float64)
    for step in network.steps:
        sources = [real[name] for name in step.step.inputs]
        parameters = graph.parameters.get(step.step.layer.name)
        if step.matrix is not None:
            first = network.pixels if step.step.inputs[0] == network.input else None
            op = step.step.layer.op
            assert isinstance(op, Conv | Linear)
            parameters = real_parameters(step.matrix, op, first)
        value = compute(step.step.layer, [source.astype(np.float32) for source in sources], parameters).astype(
            np.float64
        )
        for layer in step.step.fused:
            value = compute(layer, [value], graph.parameters.get(layer.name))
        if step.format is None:
            assert np.allclose(tensors[step.tensor], value, rtol=1e-5, atol=1e-5 * np.abs(value).max())
            continue
        limit = step.format.high * step.format.scale
        value = np.clip(value, step.format.low * step.format.scale, limit)
        error = np.abs(real[step.tensor] - value).max() / step.format.scale
        assert error <= 0.5 + 0.02, (step.tensor, error)
        checked += 1
    return checked


@pytest.mark.parametrize("bits", [8, 16, 5])
@pytest.mark.parametrize("weights", ["per_channel", "per_tensor"])
def test_each_step_rounds_its_exact_value_once(bits: int, weights: str) -> None:
    graph = everything(seed=3)
    network, images = quantized(graph, bits=bits, weights=weights)
    assert (network.pixels is not None) == (bits >= 8)
    names = [step.tensor for step in network.steps]
    found = infer(network, images, keep=[network.input, *names])
    assert check_each_step(graph, network, found.tensors) == len(names) - 2


@pytest.mark.parametrize("pixels", [None, PIXELS, Pixels(mean=(103.939,), scale=(1 / 50,))])
@pytest.mark.parametrize("padding", [0, 1])
def test_first_layer_takes_pixels_only_where_that_is_exact(pixels: Pixels | None, padding: int) -> None:
    graph = plain(padding=padding)
    network, images = quantized(graph, pixels)
    fractional = pixels is not None and pixels.mean == (103.939,)
    assert (network.pixels is not None) == (pixels is not None and not (fractional and padding))
    if pixels in (None, PIXELS):
        names = [step.tensor for step in network.steps]
        check_each_step(graph, network, infer(network, images, keep=[network.input, *names]).tensors)


def test_more_bits_follow_the_float_network_more_closely() -> None:
    graph = everything(seed=1)
    snr = []
    for bits in (6, 8, 12, 16):
        network, images = quantized(graph, bits=bits)
        normal = PIXELS.normalise(pictures(5, 12))
        snr.append(compare(run_float(graph, normal, ["fc"])["fc"], infer(network, images).logits).logit_snr_db)
    assert snr[1] > 15
    assert snr[3] > 60
    assert all(later > earlier + 5 for earlier, later in pairwise(snr))


@pytest.mark.parametrize("engine", sorted(ENGINES))
def test_results_do_not_depend_on_engine_batch_or_threads(engine: str) -> None:
    network, images = quantized(everything())
    counting = Counting(crossbar_rows=32, dac_bits=2)
    whole = infer(network, images, batch=5, threads=1, counting=counting)
    for batch, threads in ((1, 1), (2, 2), (None, None), (5, 9)):
        other = infer(network, images, engine=engine, batch=batch, threads=threads, counting=counting)
        assert (other.logits == whole.logits).all()
        assert (other.outputs["prob"] == whole.outputs["prob"]).all()
        for found, wanted in zip(other.activity, whole.activity, strict=True):
            for name in type(found).__slots__:
                assert np.array_equal(getattr(found, name), getattr(wanted, name)), name
    assert (infer(network, images[3:4]).logits == whole.logits[3:4]).all()


def test_an_engine_may_be_a_function() -> None:
    network, images = quantized(plain())
    seen: list[str] = []

    def engine(layer: MatrixLayer):  # type: ignore[no-untyped-def]
        seen.append(layer.name)
        return ENGINES["oracle"](layer)

    assert (infer(network, images, engine=engine).logits == infer(network, images).logits).all()
    assert seen == ["c1", "c2", "fc"]


def test_concatenation_is_wiring_and_residual_adds_requantize() -> None:
    net = Builder((3, 8, 8))
    net.add("a", square(4), "x")
    net.add("a.r", RELU, "a")
    net.add("b", square(4), "a.r")
    net.add("cat", Concat(), "a.r", "b")
    net.add("mp", Pool(function="max", kernel=(2, 2)), "cat")
    net.add("pad", Pad(padding=(1, 1, 0, 0), value=0.25), "mp")
    net.add("s", Add(), "pad", "pad")
    net.add("c", square(4), "s")
    graph = net.graph("c")
    network, images = quantized(graph)
    found = infer(network, images, keep=["a.r", "b", "cat", "mp", "pad", "s"]).tensors
    formats = {network.formats[name] for name in ("a.r", "b", "cat", "mp", "pad")}
    assert len(formats) == 1
    scale = formats.pop().scale
    assert (found["cat"] == np.concatenate([found["a.r"], found["b"]], axis=1)).all()
    assert (found["pad"][:, :, 0, 0] == round(0.25 / scale)).all()
    expected = 2 * found["pad"].astype(np.int64) * scale / network.formats["s"].scale
    assert np.abs(found["s"] - expected).max() <= 0.5 + 1e-3


def test_layer_snr_falls_with_depth_and_ends_at_the_logits() -> None:
    graph = everything()
    network, images = quantized(graph)
    found = layer_snr(graph, network, images)
    assert list(found) == [step.tensor for step in network.steps]
    logits = run_float(graph, PIXELS.normalise(images), ["fc"])["fc"]
    assert found["fc"] == pytest.approx(compare(logits, infer(network, images).logits).logit_snr_db, abs=1e-3)
    assert found["c1.r"] > found["fc"]


def test_progress_counts_images() -> None:
    network, images = quantized(plain())
    seen: list[int] = []
    infer(network, images, batch=2, threads=1, progress=seen.append)
    assert seen == [2, 4, 5]


def test_function_between_layers_is_evaluated_on_the_wide_value() -> None:
    net = Builder((3, 8, 8))
    net.add("a", square(4), "x")
    net.add("a.l", Activation(function="leaky_relu", alpha=0.1), "a")
    net.add("b", square(2), "a.l")
    graph = net.graph("b")
    network, images = quantized(graph)
    found = infer(network, images, keep=["x", "a.l"]).tensors
    layer = network.steps[0].matrix
    assert layer is not None
    op = graph["a"].op
    assert isinstance(op, Conv)
    real = compute(graph["a"], [PIXELS.normalise(found["x"])], real_parameters(layer, op, network.pixels))
    expected = np.rint(
        activate(Activation(function="leaky_relu", alpha=0.1), real.astype(np.float64)) / network.formats["a.l"].scale
    )
    assert np.abs(found["a.l"] - expected).max() <= 1
    assert (found["a.l"] == expected).mean() > 0.999


def test_wrong_requests_are_named_all_at_once() -> None:
    network, _ = quantized(plain())
    with pytest.raises(InputError) as caught:
        infer(network, np.zeros((2, 3, 9, 9), np.float32), engine="quantum", keep=["nothing"])
    text = str(caught.value)
    assert len(caught.value.problems) == 4
    assert all(part in text for part in ("'nothing'", "'quantum'", "(2, 3, 9, 9)", "raw pixels (uint8), got float32"))
    with pytest.raises(InputError, match="N > 0"):
        infer(network, np.zeros((0, 3, 8, 8), np.uint8))
