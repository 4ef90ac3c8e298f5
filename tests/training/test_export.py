"""Export: what is written is read back equal, and other runtimes compute the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import onnxruntime
import pytest

from archsim.errors import InputError
from archsim.function.quantization.calibrate import Ranges
from archsim.function.reference.run import run_float
from archsim.training.export import write_onnx, write_sidecar
from archsim.training.model import initial_state, parameters_of, trainable, trained_graph
from archsim.workload import Graph, load_workload, read_onnx
from archsim.workload.graph import Activation, Affine, GlobalPool, Linear, LocalResponseNorm, Pool, Reshape, Softmax
from archsim.workload.preprocessing import read_sidecar
from tests.function.nets import Builder, square

from .nets import RGB, residual, sequential


def shapes() -> Graph:
    """Layers that only the writer sees: scales, leaky functions, a reshape to a map, softmax, two outputs."""
    net = Builder((2, 6, 6))
    net.add("bn", Affine(), "x")
    net.add("lr", Activation(function="leaky_relu", alpha=0.1), "bn")
    pool = Pool(function="average", kernel=(3, 3), stride=(3, 3), padding=(1, 1, 0, 0), ceil=True, count_padding=True)
    net.add("up", pool, "lr")
    net.add("gm", GlobalPool(function="max"), "up")
    net.add("flat", Reshape(), "gm", target=(2,))
    net.add("f", Linear(out=12), "flat")
    net.add("map", Reshape(), "f", target=(3, 2, 2))
    net.add("c", square(4, kernel=1), "map")
    net.add("t", Activation(function="tanh"), "c")
    net.add("flat2", Reshape(), "t", target=(16,))
    net.add("p", Softmax(), "flat2")
    return net.graph("p", "t")


GRAPHS = {
    "sequential": sequential(),
    "residual": residual(),
    "shapes": shapes(),
    "resnet8": load_workload("resnet8-cifar10"),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_round_trip_and_another_runtime(name: str, tmp_path: Path) -> None:
    graph = GRAPHS[name]
    path = tmp_path / f"{graph.name}.onnx"
    write_onnx(graph, path)
    again = read_onnx(path)
    assert again.structure() == graph.structure()
    assert [layer.name for layer in again.layers] == [layer.name for layer in graph.layers]
    assert again.name == graph.name
    for layer, held in graph.parameters.items():
        np.testing.assert_array_equal(again.parameters[layer].weight, held.weight)
        if held.bias is not None:
            np.testing.assert_array_equal(again.parameters[layer].bias, held.bias)
    x = np.random.default_rng(0).standard_normal((3, *graph.inputs()[0].shape)).astype(np.float32)
    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    found = session.run(list(graph.outputs), {graph.inputs()[0].name: x})
    for output, values in zip(graph.outputs, found, strict=True):
        np.testing.assert_allclose(values, run_float(graph, x)[output], rtol=2e-4, atol=2e-5)
    first = path.read_bytes()
    write_onnx(graph, path)
    assert path.read_bytes() == first


def test_batch_norms_are_folded_away(tmp_path: Path) -> None:
    model = trainable(residual(), batch_norm=True)
    state = initial_state(model, 0)
    rng = np.random.default_rng(1)
    for name in model.norms:
        state[f"{name}.mean"][:] = rng.standard_normal(8)
        state[f"{name}.variance"][:] = rng.uniform(0.5, 2, 8)
        state[f"{name}.weight"][:] = rng.uniform(0.5, 2, 8)
    folded = trained_graph(model, state)
    assert not any(isinstance(layer.op, Affine) for layer in folded.layers)
    write_onnx(folded, tmp_path / "net.onnx")
    x = rng.standard_normal((4, 3, 8, 8)).astype(np.float32)
    unfolded = model.graph.with_parameters(parameters_of(model, state), "file")
    reference = run_float(unfolded, x)[unfolded.outputs[0]]
    found = run_float(read_onnx(tmp_path / "net.onnx"), x)[folded.outputs[0]]
    np.testing.assert_allclose(found, reference, rtol=1e-4, atol=1e-5)


def test_what_cannot_be_written_is_named(tmp_path: Path) -> None:
    net = Builder((3, 6, 6))
    net.add("n", LocalResponseNorm(size=3), "x")
    net.add("c", square(2), "n")
    graph = net.graph("c").with_parameters({}, "none")
    with pytest.raises(InputError) as caught:
        write_onnx(graph, tmp_path / "net.onnx")
    assert "layer n: localresponsenorm cannot be written" in str(caught.value)
    assert "layer c: has no weights to write" in str(caught.value)
    net = Builder((3, 6, 6))
    net.add("h", Activation(function="hard_swish"), "x")
    with pytest.raises(InputError, match="hard_swish cannot be written"):
        write_onnx(net.graph("h"), tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())


def test_the_sidecar_comes_back_as_it_was(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    values = {f"layer.{index}": (float(-rng.random()), float(rng.random() * 1e-5)) for index in range(4)}
    means = {"layer.0": rng.standard_normal(30), "layer.1": np.array([1e-7])}
    path = tmp_path / "net.inputs.yaml"
    named = replace(RGB, class_names=MappingProxyType({3: "cat", 0: "dog"}), crop=0.875)
    ranges = Ranges(values=values, origin="test", means=means)
    write_sidecar(path, named, ranges, title="How it wants its pictures", calibration="test")
    found = read_sidecar(path)
    assert found.ranges == values  # to the last bit
    assert found.class_names == named.class_names
    assert (found.size, found.channels, found.crop, found.mean, found.scale) == (
        named.size, named.channels, named.crop, named.mean, named.scale,
    )  # fmt: skip
    for name, row in means.items():
        np.testing.assert_allclose(found.means[name], row, rtol=1e-5)
    write_sidecar(path, replace(named, source="default: pixels / 255"), ranges, title="t", calibration="c")
    assert not read_sidecar(path).source.startswith("default")
