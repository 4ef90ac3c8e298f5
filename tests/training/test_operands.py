"""What a network was trained for reaches the chip through the file beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import archsim
from archsim.errors import InputError
from archsim.function.precision.offline import quantized_for
from archsim.function.quantization.calibrate import Ranges
from archsim.function.quantization.levels.seam import plan_weights
from archsim.training.quantizers import Quantization
from archsim.training.recipe import Recipe
from archsim.training.session import train_network, write_network
from archsim.workload import Dataset, load_data, preprocessing_for, trained_operands

from .nets import GRAY, blobs, sequential

WANTED = Quantization(weight_bits=4, activation_bits=4, weights="per_tensor")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    graph = sequential(0)
    pictures = blobs(32, GRAY, 5, seed=1)
    trained = train_network(graph, pictures, Recipe(epochs=1, batch=16, quantization=WANTED))
    return write_network(trained, tmp_path_factory.mktemp("trained"), "small")


def pictures_of(path: Path, graph: archsim.Graph, folder: Path) -> Dataset:
    pixels = blobs(4, GRAY, 5, seed=2).pixels
    np.savez(folder / "pictures.npz", x=np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))[..., 0])
    return load_data(folder / "pictures.npz", preprocessing_for(path, graph))


def hardware(bits: int) -> archsim.Hardware:
    return archsim.load_hardware("isaac-8bit", {"precision.weight_bits": bits, "precision.input_bits": bits})


def test_the_chip_rounds_weights_as_training_did(path: Path, tmp_path: Path) -> None:
    graph = archsim.load_workload(path)
    plan = archsim.map_network(graph, hardware(4))
    assert plan_weights(plan) == "per_tensor"
    prepared = preprocessing_for(path, graph)
    ranges = Ranges(values=prepared.ranges, origin="sidecar")
    network = quantized_for(plan, graph, ranges, pictures_of(path, graph, tmp_path))
    for layer in network.matrices:
        weight = graph.parameters[layer.name].weight
        expected = np.rint(weight / np.abs(weight).max() * 7)
        assert sorted(layer.weight.ravel().tolist()) == sorted(expected.astype(int).ravel().tolist())


def test_a_chip_of_other_operands_says_so(path: Path, tmp_path: Path) -> None:
    graph = archsim.load_workload(path)
    run = archsim.simulate(archsim.map_network(graph, hardware(8)), inputs=pictures_of(path, graph, tmp_path))
    assert any("trained for 4-bit weights and 4-bit activations" in note for note in run.notes)
    same = archsim.simulate(archsim.map_network(graph, hardware(4)), inputs=pictures_of(path, graph, tmp_path))
    assert not any("trained" in note for note in same.notes)


def test_an_unknown_quantizer_is_refused(path: Path, tmp_path: Path) -> None:
    moved = tmp_path / "small.onnx"
    moved.write_bytes(path.read_bytes())
    beside = path.with_name("small.inputs.yaml").read_text()
    moved.with_name("small.inputs.yaml").write_text(beside.replace("weights: per_tensor", "weights: per_row"))
    assert trained_operands(archsim.load_workload(moved)) is not None
    with pytest.raises(InputError, match=r"is 'per_row'; expected per_channel"):
        plan_weights(archsim.map_network(archsim.load_workload(moved), hardware(4)))
