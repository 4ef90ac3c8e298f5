"""Trained networks on real pictures: what 8-bit quantization must keep."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from archsim.function.inference.activity import Counting
from archsim.function.inference.compare import compare
from archsim.function.inference.infer import infer
from archsim.function.quantization.calibrate import calibrate
from archsim.function.quantization.network import Pixels, Precision
from archsim.function.quantization.quantize import quantize
from archsim.function.reference.run import run_float
from archsim.workload import Dataset, Preprocessing, load_data, load_workload, preprocessing_for
from archsim.workload.preprocessing import normalise

SHARED = Path(__file__).parents[2] / "../shared/data"


def preprocessing(name: str) -> Preprocessing:
    found = preprocessing_for(name, load_workload(name))
    assert found is not None
    return found


def pixels_of(data: Dataset) -> np.ndarray:
    return first_axes(data.pixels())


def first_axes(pixels: np.ndarray) -> np.ndarray:
    """[N, H, W, C] as [N, C, H, W]."""
    return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))


@pytest.mark.parametrize("weights", ["per_channel", "per_tensor"])
def test_squeezenet_on_the_cats(weights: str) -> None:
    graph = load_workload("squeezenet1.1")
    cats = load_data("cats", preprocessing("squeezenet1.1"))
    pixels = Pixels(mean=cats.preprocessing.mean, scale=cats.preprocessing.scale)
    network = quantize(graph, calibrate(graph, [cats.images()]), pixels=pixels, weights=weights)
    assert network.pixels is not None  # no padding in the first layer, so its fractional mean folds
    found = infer(network, pixels_of(cats), counting=Counting())
    logits = run_float(graph, cats.images(), [network.logits])[network.logits]
    report = compare(logits, found.logits, cats.labels)
    assert (report.top1_agreement, report.accuracy, report.float_accuracy) == (1.0, 1.0, 1.0)
    assert report.logit_snr_db >= 25
    if weights == "per_channel":
        layers = {layer.name: layer for layer in found.activity}
        # measured in float on other photographs: 0.49, 0.95, 0.18 to 0.45, 0.55
        assert layers["conv1"].activation_zero_fraction == pytest.approx(0.49, abs=0.05)
        assert layers["fire9/expand3x3"].output_zero_fraction == pytest.approx(0.95, abs=0.05)
        squeezed = [layer.output_zero_fraction for name, layer in layers.items() if "squeeze" in name]
        assert 0.18 - 0.05 <= min(squeezed) <= max(squeezed) <= 0.45 + 0.05
        assert np.mean([layer.output_zero_fraction for layer in layers.values()]) == pytest.approx(0.55, abs=0.05)


def test_squeezenet_in_sixteen_bits_is_the_float_network() -> None:
    graph = load_workload("squeezenet1.1")
    cats = load_data("cats", preprocessing("squeezenet1.1"), limit=1)
    pixels = Pixels(mean=cats.preprocessing.mean, scale=cats.preprocessing.scale)
    precision = Precision(input_bits=16, weight_bits=16)
    network = quantize(graph, calibrate(graph, [cats.images()]), pixels=pixels, precision=precision)
    logits = run_float(graph, cats.images(), [network.logits])[network.logits]
    assert compare(logits, infer(network, pixels_of(cats)).logits).logit_snr_db > 75


@pytest.mark.slow
def test_resnet8_keeps_its_accuracy_on_all_test_pictures() -> None:
    archive = SHARED / "cifar10_jpg.zip"
    if not archive.is_file():
        pytest.skip("the CIFAR-10 JPEG copies are not beside the checkout (they do not ship)")
    graph = load_workload("resnet8-cifar10")
    training = load_data(f"{archive}/train", preprocessing("resnet8-cifar10"), limit=1000)
    test = load_data(f"{archive}/test", preprocessing("resnet8-cifar10"))
    pixels = Pixels(mean=test.preprocessing.mean, scale=test.preprocessing.scale)
    network = quantize(graph, calibrate(graph, [training.images()]), pixels=pixels)
    decoded = test.pixels()
    logits = run_float(graph, normalise(decoded, test.preprocessing), [network.logits])[network.logits]
    report = compare(logits, infer(network, first_axes(decoded)).logits, test.labels)
    assert report.images == 10_000
    assert report.float_accuracy == pytest.approx(0.697, abs=0.002)
    assert report.accuracy is not None
    assert abs(report.accuracy - 0.697) <= 0.005 + 0.002
    assert report.float_accuracy - report.accuracy <= 0.005
    assert report.top1_agreement >= 0.97
    assert report.logit_snr_db >= 28
