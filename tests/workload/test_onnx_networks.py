"""Whole networks through the ONNX reader: multiply-accumulates, equality with the YAML description, memory."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from archsim.config.shipped import shipped
from archsim.function.reference.run import run_float
from archsim.workload import Graph, load_workload, read_onnx, read_yaml
from archsim.workload.graph import Affine, Conv, Linear
from archsim.workload.shapes import infer_shape, parameter_shapes

DATA = Path(__file__).parent / "data"

LIGHT_MACS = {  # exact counts; in agreement with the rounded counts published for these networks
    "bvlc_alexnet": 654_560_384,
    "densenet121": 2_834_161_664,
    "inception_v1": 1_431_556_352,
    "inception_v2": 2_018_851_840,
    "resnet50": 4_089_184_256,
    "shufflenet": 124_664_528,
    "squeezenet": 349_151_936,
    "vgg19": 19_632_062_464,
    "zfnet512": 1_481_727_008,
}


def check_consistent(graph: Graph) -> None:
    """Shapes follow from the operations, parameters fit them, every weighted layer has some."""
    for layer in graph.layers:
        inputs = [graph[name].shape for name in layer.inputs]
        assert layer.shape == infer_shape(layer.op, inputs, layer.shape)
        shapes = parameter_shapes(layer.op, inputs)
        assert (shapes is None) == (layer.name not in graph.parameters)
        if shapes is not None:
            found = graph.parameters[layer.name]
            assert found.weight.shape == shapes[0]
            assert found.weight.dtype == np.float32
            assert found.bias is None or (found.bias.shape == shapes[1] and found.bias.dtype == np.float32)


@pytest.mark.parametrize(("name", "macs"), LIGHT_MACS.items())
def test_light_networks_have_the_published_multiply_accumulates(light: Path, name: str, macs: int) -> None:
    graph = read_onnx(light / f"light_{name}.onnx")
    assert graph.total_macs() == macs
    assert graph.weights == "file"
    check_consistent(graph)


@pytest.mark.parametrize(
    ("shipped_name", "light_name"),
    [
        ("alexnet", "bvlc_alexnet"),
        ("vgg19", "vgg19"),
        ("googlenet", "inception_v1"),
        ("resnet50", "resnet50"),
        ("densenet121", "densenet121"),
    ],
)
def test_yaml_and_onnx_of_one_network_are_equal(light: Path, shipped_name: str, light_name: str) -> None:
    by_hand, from_file = load_workload(shipped_name), read_onnx(light / f"light_{light_name}.onnx")
    assert by_hand.structure() == from_file.structure()
    assert by_hand.total_macs() == from_file.total_macs()


def test_light_squeezenet_is_version_1_1(light: Path) -> None:
    assert (
        read_onnx(light / "light_squeezenet.onnx").structure() == read_yaml(DATA / "light_squeezenet.yaml").structure()
    )


@pytest.mark.parametrize("name", ["resnet8-cifar10", "squeezenet1.1"])
def test_shipped_onnx_equals_its_description_by_hand(name: str) -> None:
    graph = load_workload(name)
    assert graph.weights == "file"
    assert graph.structure() == read_yaml(DATA / f"{name}.yaml").structure()
    check_consistent(graph)


def test_efficientnet_lite0_equals_the_shipped_topology(shared_models: Path) -> None:
    graph = read_onnx(shared_models / "efficientnet-lite0.onnx")
    assert graph.structure() == load_workload("efficientnet-lite0").structure()
    assert round(graph.total_macs() / 1e6) == 385
    check_consistent(graph)


@pytest.mark.parametrize(("name", "macs"), [("resnet8-cifar10", 12_501_632), ("squeezenet1.1", 352_540_352)])
def test_shipped_onnx_multiply_accumulates(name: str, macs: int) -> None:
    assert load_workload(name).total_macs() == macs


def test_one_changed_attribute_changes_the_structure(tmp_path: Path) -> None:
    text = (DATA / "resnet8-cifar10.yaml").read_text()
    changed = tmp_path / "changed.yaml"
    changed.write_text(text.replace("kernel: 3, stride: 2", "kernel: 5, stride: 2", 1))
    assert changed.read_text() != text
    assert read_yaml(changed).structure() != read_yaml(DATA / "resnet8-cifar10.yaml").structure()


def test_constant_weights_cost_no_memory(light: Path) -> None:
    tracemalloc.start()
    try:
        graph = read_onnx(light / "light_vgg19.onnx")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sum(found.weight.size for found in graph.parameters.values()) > 143_000_000
    assert peak < 20e6


def test_batch_norm_folding_keeps_constant_weights_small(light: Path) -> None:
    graph = read_onnx(light / "light_resnet50.onnx")
    assert not any(isinstance(layer.op, Affine) for layer in graph.layers)
    assert all(0 in found.weight.strides for found in graph.parameters.values())


def test_densenet_keeps_one_affine_for_each_norm_after_a_concatenation(light: Path) -> None:
    graph = read_onnx(light / "light_densenet121.onnx")
    kinds = [type(layer.op) for layer in graph.layers]
    assert kinds.count(Affine) == 58 + 4  # dense layers and ends of the four blocks
    assert kinds.count(Conv) == 121


@pytest.mark.parametrize("name", ["squeezenet", "densenet121", "shufflenet"])
def test_light_network_computes_its_reference_output(light: Path, name: str) -> None:
    graph = read_onnx(light / f"light_{name}.onnx")
    tensor = onnx.TensorProto.FromString((light / f"light_{name}_output_0.pb").read_bytes())
    expected = onnx.numpy_helper.to_array(tensor)
    shape = graph.inputs()[0].shape
    ramp = np.arange(np.prod(shape), dtype=np.float32).reshape(1, *shape)
    session = onnxruntime.InferenceSession(light / f"light_{name}.onnx", providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: ramp / ramp.size}
    wanted = session.run(None, feed)[0]
    assert wanted.shape == expected.shape
    found = run_float(graph, ramp / np.float32(ramp.size))[graph.outputs[0]]
    np.testing.assert_allclose(found.reshape(wanted.shape), wanted, rtol=0, atol=1e-4 * np.abs(wanted).max())


def test_names_are_unique_and_come_from_the_nodes(light: Path) -> None:
    graph = load_workload("squeezenet1.1")
    assert len(graph.by_name) == len(graph.layers)
    assert "fire2/squeeze1x1" in graph.by_name
    assert "fire2" in graph.by_name  # a concat without node name goes by its output
    assert isinstance(read_onnx(light / "light_bvlc_alexnet.onnx")["n16"].op, Linear)


def test_shipped_names_resolve_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_workload("lenet5").name == "lenet5"
    assert load_workload(shipped("workloads") / "lenet5.yaml").structure() == load_workload("lenet5").structure()
