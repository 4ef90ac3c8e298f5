"""Quantization-aware training: the integers of inference, and gradients that pass straight through."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.errors import InputError
from archsim.function.inference.infer import infer
from archsim.function.quantization.calibrate import Ranges, calibrate
from archsim.training import integers
from archsim.training.chunks import Job, run_batch
from archsim.training.digital import FloatArithmetic, QuantizedArithmetic
from archsim.training.model import Model, initial_state, trainable
from archsim.training.pictures import normalised
from archsim.training.prepared import check_quantizable, prepare
from archsim.training.quantizers import ACTIVATION_QUANTIZERS, WEIGHT_QUANTIZERS, Quantization, Scheme, scheme_of
from archsim.training.recipe import Recipe
from archsim.workload import Preprocessing
from archsim.workload.graph import Affine, Linear, Reshape
from tests.function.nets import RELU, Builder, square

from .nets import GRAY, RGB, blobs, residual, sequential

NETS = {"sequential": (sequential, GRAY), "residual": (residual, RGB)}
SMOOTH = {  # without maximum pools, where rounding decides between nearly equal values
    "smooth sequential": (partial(sequential, first="average"), GRAY),
    "smooth residual": (partial(residual, first="average"), RGB),
}


def made(
    name: str, settings_: Quantization, seed: int = 0, preprocessing: Preprocessing | None = None
) -> tuple[Model, Scheme, Preprocessing]:
    build, usual = (NETS | SMOOTH)[name]
    prepared = preprocessing or usual
    model = trainable(build(seed))
    pictures = blobs(12, prepared, model.classes, seed=7)
    images = np.ascontiguousarray(normalised(pictures.pixels, prepared).swapaxes(0, 1))
    ranges = calibrate(model.graph, [images], method=settings_.calibration)
    return model, scheme_of(model.graph, ranges, settings_, prepared), prepared


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from(sorted(NETS | SMOOTH)),
    st.sampled_from([2, 3, 4, 8, 12, 16]),
    st.sampled_from([2, 3, 4, 8, 12, 16]),
    st.sampled_from(sorted(WEIGHT_QUANTIZERS)),
    st.sampled_from(sorted(ACTIVATION_QUANTIZERS)),
    st.integers(0, 5),
    st.booleans(),
)
def test_the_integers_are_those_of_inference(
    name: str, weight_bits: int, bits: int, weights: str, activations: str, seed: int, whole_mean: bool
) -> None:
    residuals = 16 if seed % 2 else None
    wanted = Quantization(
        weight_bits=weight_bits, activation_bits=bits, weights=weights, activations=activations, residual_bits=residuals
    )
    # a fractional mean cannot stand for the padding: the normalised picture is quantized instead of its pixels folded
    given_ = (
        None if whole_mean else replace((NETS | SMOOTH)[name][1], mean=(20.5,) * len((NETS | SMOOTH)[name][1].mean))
    )
    model, scheme, preprocessing = made(name, wanted, seed, given_)
    rng = np.random.default_rng(seed)
    state = initial_state(model, 0) | {
        key: (0.3 * rng.standard_normal(1)).astype(np.float32) for key in scheme.initial_steps()
    }
    prepared = prepare(model, scheme, state)
    network = prepared.network
    assert (network.pixels is not None) == (whole_mean and bits >= 8)
    pixels = blobs(9, preprocessing, model.classes, seed=seed).pixels
    x = normalised(pixels, preprocessing)
    logits, tensors, _ = integers.forward(prepared, integers.input_codes(network, pixels, x))
    keep = [network.input, *(step.tensor for step in network.steps)]
    images = pixels if network.pixels is not None else np.ascontiguousarray(x.swapaxes(0, 1))
    found = infer(network, images, keep=keep)
    for tensor in keep:
        if network.format_of(tensor) is not None:
            np.testing.assert_array_equal(tensors[tensor].swapaxes(0, 1), found.tensors[tensor], err_msg=tensor)
    np.testing.assert_allclose(logits.T, found.logits, rtol=1e-6, atol=1e-9)


def job_of(model: Model, preprocessing: Preprocessing, scheme: Scheme | None) -> Job:
    recipe = Recipe(epochs=1)
    if scheme is None:
        return Job(recipe=recipe, arithmetic=FloatArithmetic(model=model, recipe=recipe, preprocessing=preprocessing))
    arithmetic = QuantizedArithmetic(model=model, recipe=recipe, preprocessing=preprocessing, scheme=scheme)
    return Job(recipe=recipe, arithmetic=arithmetic)


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize(("bits", "share"), [(12, 0.06), (16, 0.01)])
def test_fine_steps_give_the_float_gradients(name: str, bits: int, share: float) -> None:
    """With many bits rounding vanishes, and the straight-through gradients are those of the float network."""
    model, scheme, preprocessing = made(name, Quantization(weight_bits=bits, activation_bits=bits))
    wider = {tensor: (1.1 * low, 1.1 * high) for tensor, (low, high) in scheme.ranges.items()}
    scheme = replace(scheme, ranges=wider)  # so that no rounding carries the largest values over the edge
    state = initial_state(model, 0)
    pictures = blobs(12, preprocessing, model.classes, seed=7)  # those it was calibrated on
    outcomes = [
        run_batch(
            job_of(model, preprocessing, chosen),
            state, pictures.pixels, pictures.labels, None,
        )
        for chosen in (None, scheme)
    ]  # fmt: skip
    assert outcomes[1].loss == pytest.approx(outcomes[0].loss, rel=share)
    for key, gradient in outcomes[0].gradients.items():
        gap = np.linalg.norm(outcomes[1].gradients[key] - gradient) / np.linalg.norm(gradient)
        assert gap < share, key


def test_a_clamped_activation_passes_no_gradient_and_a_clipped_weight_gets_none() -> None:
    net = Builder((1, 2, 2))
    net.add("flat", Reshape(), "x", target=(4,))
    net.add("f1", Linear(out=2), "flat")
    net.add("f1.r", RELU, "f1")
    net.add("f2", Linear(out=2), "f1.r")
    model = trainable(net.graph("f2"))
    values = {"x": (0.0, 1.0), "flat": (0.0, 1.0), "f1.r": (0.0, 0.5), "f2": (-1.0, 1.0)}
    one = Preprocessing(size=(2, 2), channels="gray", scale=(1 / 255,), source="test")
    scheme = scheme_of(model.graph, Ranges(values=values, origin="test"), Quantization(), one)
    state = initial_state(model, 0)
    state["f1.weight"][:] = [[1, 1, 1, 1], [0.1, 0.0, 0.0, 0.0]]  # f1 = (4, 0.1): the first is clamped at 0.5
    job = job_of(model, one, scheme)
    pixels, labels = np.full((3, 1, 2, 2), 255, np.uint8), np.array([0, 1, 1])
    found = run_batch(job, state, pixels, labels, None).gradients
    assert (found["f1.weight"][0] == 0).all()
    assert found["f1.bias"][0] == 0
    assert (found["f1.weight"][1] != 0).all()


@pytest.mark.parametrize("name", NETS)
def test_learned_steps_have_the_gradient_of_their_range(name: str) -> None:
    """Moving a step by so much that rounding averages out changes the loss as its gradient says."""
    wanted = Quantization(weight_bits=8, activation_bits=8, activations="learned")
    model, scheme, preprocessing = made(name, wanted)
    state = initial_state(model, 0) | scheme.initial_steps()
    pictures = blobs(300, preprocessing, model.classes, seed=3)
    job = job_of(model, preprocessing, scheme)

    def loss(key: str, at: float) -> tuple[float, float]:
        moved = state | {key: np.array([at], np.float32)}
        outcome = run_batch(job, moved, pictures.pixels, pictures.labels, None)
        return outcome.loss / 300, float(outcome.gradients[key][0])

    steps = sorted(scheme.initial_steps())
    assert all(scheme.groups[tensor] in steps for tensor in scheme.groups)
    formats = prepare(model, scheme, state).network.formats
    for key in steps:
        tensor = key.removesuffix(".step")
        # the ranges shrunk so far that many values are clamped, where the loss depends smoothly on the step
        points = np.linspace(-2.2, -1.8, 21)
        values, gradients = zip(*(loss(key, point) for point in points), strict=True)
        slope = np.polyfit(points, values, 1)[0]
        stored = [name for name, group in scheme.groups.items() if group == key]
        size = max(model.graph[name].size for name in stored)
        expected = np.mean(gradients) * np.sqrt(size * formats[tensor].high)
        assert slope == pytest.approx(expected, rel=0.2, abs=0.02), (key, slope, expected)


def test_tensors_that_share_integers_share_a_step() -> None:
    model, scheme, _ = made("sequential", Quantization(activations="learned"))
    assert scheme.groups["c1.r"] == scheme.groups["p1"] == "c1.r.step"
    assert scheme.groups["p2"] == scheme.groups["flat"]
    assert "x" not in scheme.groups
    assert "f2" not in scheme.groups
    state = initial_state(model, 0) | {"c1.r.step": np.array([np.log(2)], np.float32)}
    ranges = scheme.current_ranges(state)
    assert ranges["p1"][1] == pytest.approx(2 * scheme.ranges["p1"][1])
    assert ranges["f1.r"] == scheme.ranges["f1.r"]


def test_scales_that_nothing_absorbs_are_refused() -> None:
    net = Builder((1, 4, 4))
    net.add("bn", Affine(), "x")
    net.add("c", square(2), "bn")
    net.add("flat", Reshape(), "c", target=(32,))
    net.add("f", Linear(out=2), "flat")
    with pytest.raises(InputError, match="layer bn: scales per channel"):
        check_quantizable(trainable(net.graph("f")))
