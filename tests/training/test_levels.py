"""Training with fixed level sets: the integers are those of inference, levels stay, and the exported weights lie on
them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from archsim.errors import InputError
from archsim.function.inference.infer import infer
from archsim.function.quantization.calibrate import calibrate
from archsim.function.quantization.levels import LevelRule
from archsim.function.quantization.levels.seam import level_quantizer
from archsim.function.quantization.network import Pixels
from archsim.function.quantization.quantize import quantize
from archsim.training import integers
from archsim.training.document import read_study
from archsim.training.model import initial_state, trainable
from archsim.training.pictures import normalised
from archsim.training.prepared import prepare
from archsim.training.quantizers import Quantization, scheme_of
from archsim.training.recipe import Distillation, Recipe
from archsim.training.session import train_network
from tests.training.nets import GRAY, RGB, blobs, residual, sequential


@pytest.mark.parametrize("build", [sequential, residual])
@pytest.mark.parametrize("granularity", ["layer", "channel", "shared"])
@pytest.mark.parametrize("bits", [8, 4])
def test_the_integers_are_those_of_inference(build, granularity: str, bits: int) -> None:  # type: ignore[no-untyped-def]
    preprocessing = GRAY if build is sequential else RGB
    model = trainable(build(0))
    pictures = blobs(9, preprocessing, model.classes, seed=7)
    x = normalised(pictures.pixels, preprocessing)
    images = np.ascontiguousarray(x.swapaxes(0, 1))
    wanted = Quantization(weight_bits=3, activation_bits=bits, levels=LevelRule(granularity=granularity))
    scheme = scheme_of(model.graph, calibrate(model.graph, [images]), wanted, preprocessing)
    state = initial_state(model, 0)
    moved = {name: value * np.float32(1.07) for name, value in state.items()}
    levels = []
    for current in (state, moved):
        prepared = prepare(model, scheme, current)
        network = prepared.network
        levels.append([layer.levels.values for layer in network.matrices if layer.levels is not None])
        logits, tensors, _ = integers.forward(prepared, integers.input_codes(network, pictures.pixels, x))
        inputs = pictures.pixels if network.pixels is not None else images
        keep = [step.tensor for step in network.steps if step.format is not None]
        found = infer(network, inputs, keep=keep)
        for tensor in keep:
            np.testing.assert_array_equal(tensors[tensor].swapaxes(0, 1), found.tensors[tensor], err_msg=tensor)
        np.testing.assert_allclose(logits.T, found.logits, rtol=1e-6, atol=1e-9)
    assert len(levels[0]) == len(network.matrices)
    assert all((a == b).all() for a, b in zip(*levels, strict=True))


def test_only_weights_beyond_the_outer_levels_get_no_gradient() -> None:
    model = trainable(sequential(0))
    pictures = blobs(4, GRAY, model.classes)
    images = np.ascontiguousarray(normalised(pictures.pixels, GRAY).swapaxes(0, 1))
    wanted = Quantization(weight_bits=3, levels=LevelRule(quantizer="minmax"))
    scheme = scheme_of(model.graph, calibrate(model.graph, [images]), wanted, GRAY)
    state = initial_state(model, 0)
    assert all(weights.inside is None for weights in prepare(model, scheme, state).weights.values())
    weight = state["f2.weight"].copy()
    gap = np.ptp(weight) / 7
    weight[0, 0], weight[0, 1] = weight.max() + 0.45 * gap, weight.min() - 0.55 * gap
    inside = prepare(model, scheme, {**state, "f2.weight": weight}).weights["f2"].inside
    assert inside is not None
    assert np.argwhere(~inside).tolist() == [[0, 1]]


def test_distillation_keeps_levels_and_exports_weights_that_lie_on_them() -> None:
    graph = sequential(0)
    pictures = replace(blobs(64, GRAY, 5), labels=None)
    rule = LevelRule(granularity="channel")
    recipe = Recipe(
        epochs=3, batch=16, quantization=Quantization(weight_bits=2, levels=rule), distillation=Distillation()
    )
    trained = train_network(graph, pictures, recipe, teacher=graph)
    assert trained.history[-1].loss < trained.history[0].loss
    pixels = Pixels(mean=GRAY.mean, scale=GRAY.scale)
    assert recipe.quantization is not None
    options = {"precision": recipe.quantization.precision, "pixels": pixels, "weights": level_quantizer(rule)}
    first, last = (quantize(net, trained.ranges, **options) for net in (graph, trained.graph))  # type: ignore[arg-type]
    for before, after in zip(first.matrices, last.matrices, strict=True):
        assert before.levels is not None
        assert after.levels is not None
        sizes = [(layer.scale / layer.format.scale)[:, None] for layer in (before, after)]
        for output, used in enumerate(after.weight.transpose(0, 2, 1).reshape(len(before.scale), -1)):
            own = np.unique(used) * sizes[1][output]
            kept = before.levels.values[before.levels.of[output]] * sizes[0][output]
            assert np.abs(own[:, None] - kept).min(axis=1) == pytest.approx(0, abs=1e-4 * np.abs(kept).max())


def test_a_study_file_names_levels(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    quantization = "quantization:\n  weight_bits: 4\n  levels: {quantizer: NAME}\n"
    text = "workload: lenet5-mnist\ndata: digits\nepochs: 1\n" + quantization
    path.write_text(text.replace("NAME", "merge"))
    settings = read_study(path).recipe.quantization
    assert settings is not None
    assert settings.levels == LevelRule(quantizer="merge")
    path.write_text(text.replace("NAME", "mrge"))
    with pytest.raises(InputError, match="did you mean 'merge'"):
        read_study(path)
