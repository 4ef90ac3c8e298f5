"""The LeNet-5 that ships: accuracy on held-out digits, in float and in the integers of the crossbars; its script."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

from archsim.function.inference.compare import compare
from archsim.function.inference.infer import infer
from archsim.function.quantization.calibrate import Ranges
from archsim.function.quantization.network import Pixels
from archsim.function.quantization.quantize import quantize
from archsim.function.reference.run import run_float
from archsim.training.model import initial_state, trainable
from archsim.workload import load_data, load_workload, preprocessing_for, read_onnx

SCRIPT = Path(__file__).parents[2] / "scripts" / "train_lenet5"


def test_accuracy_on_the_held_out_digits() -> None:
    graph = load_workload("lenet5-mnist")
    assert graph.structure() == load_workload("lenet5").structure()
    prepared = preprocessing_for("lenet5-mnist", graph)
    digits = load_data("digits:test", prepared)
    logits = run_float(graph, digits.images())[graph.outputs[0]]
    assert len(digits) == 2000
    assert (logits.argmax(axis=1) == digits.labels).mean() >= 0.985
    means = MappingProxyType({name: np.asarray(values) for name, values in prepared.means.items()})
    network = quantize(
        graph,
        Ranges(values=prepared.ranges, means=means, origin="shipped"),
        pixels=Pixels(mean=prepared.mean, scale=prepared.scale),
    )
    assert network.pixels is not None
    found = infer(network, np.ascontiguousarray(digits.pixels().transpose(0, 3, 1, 2)))
    report = compare(logits, found.logits, digits.labels)
    assert report.accuracy is not None
    assert report.float_accuracy is not None
    assert abs(report.accuracy - report.float_accuracy) <= 0.005
    assert report.top1_agreement >= 0.995
    assert report.logit_snr_db >= 40


def test_the_shipped_ranges_are_those_of_training_pictures() -> None:
    graph = load_workload("lenet5-mnist")
    prepared = preprocessing_for("lenet5-mnist", graph)
    images = load_data("digits:train", prepared, limit=1000).images()
    outputs = run_float(graph, images, list(prepared.ranges))
    for name, (low, high) in prepared.ranges.items():
        assert (low, high) == pytest.approx((outputs[name].min(), outputs[name].max()), rel=1e-6)
    for name, means in prepared.means.items():
        flat = outputs[name].reshape(len(images), len(means), -1).mean(axis=(0, 2), dtype=np.float64)
        np.testing.assert_allclose(means, flat, rtol=1e-5, atol=1e-9)


def test_the_script_trains_it_from_drawn_weights(tmp_path: Path) -> None:
    words = [sys.executable, str(SCRIPT), "--quick", "-o", str(tmp_path / "run"), "--install", str(tmp_path / "kept")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len([line for line in done.stderr.splitlines() if line.startswith("epoch ")]) == 4
    assert sorted(path.name for path in (tmp_path / "kept").iterdir()) == [
        "lenet5-mnist.inputs.yaml",
        "lenet5-mnist.onnx",
    ]
    graph = read_onnx(tmp_path / "kept" / "lenet5-mnist.onnx")
    assert graph.structure() == load_workload("lenet5").structure()
    drawn = initial_state(trainable(load_workload("lenet5")), 0)
    assert not np.array_equal(graph.parameters["c1"].weight, drawn["c1.weight"])
    digits = load_data("digits:test", preprocessing_for("lenet5-mnist", graph), limit=500)
    logits = run_float(graph, digits.images())[graph.outputs[0]]
    assert (logits.argmax(axis=1) == digits.labels).mean() >= 0.85
