"""Seeded weights, workload hash and folding."""

from __future__ import annotations

import numpy as np
import pytest

from archsim.workload import Graph, Parameters, load_workload, read_onnx, seeded_weights, workload_hash
from archsim.workload.fold import fold_affine, prune
from archsim.workload.graph import Activation, Affine, Conv, Input, Layer, Linear
from archsim.workload.views import collapse, scale_rows, to_float32


def test_seeded_weights_are_reproducible_and_he_scaled() -> None:
    graph = load_workload("vgg8")
    first, again, other = seeded_weights(graph, 3), seeded_weights(graph, 3), seeded_weights(graph, 4)
    assert first.weights == "seeded"
    assert set(first.parameters) == {layer.name for layer in graph.layers if isinstance(layer.op, Conv | Linear)}
    for name, found in first.parameters.items():
        np.testing.assert_array_equal(found.weight, again.parameters[name].weight)
        assert not np.array_equal(found.weight, other.parameters[name].weight)
        assert found.weight.dtype == np.float32
    conv = first.parameters["conv4"].weight  # 256 x 256 x 3 x 3: the estimate of a deviation is good to 0.1 %
    assert conv.std() == pytest.approx(np.sqrt(2 / 2304), rel=0.005)
    assert abs(conv.mean()) < 1e-3


def test_seeded_weights_of_a_layer_do_not_depend_on_later_layers() -> None:
    graph = load_workload("lenet5")
    shorter = Graph(name="head", layers=graph.layers[:3], outputs=(graph.layers[2].name,))
    np.testing.assert_array_equal(
        seeded_weights(graph, 1).parameters["c1"].weight, seeded_weights(shorter, 1).parameters["c1"].weight
    )


def test_seeded_affine_is_near_the_identity() -> None:
    found = seeded_weights(load_workload("densenet121"), 0).parameters["conv5_blk_bn"]
    assert found.bias is not None
    assert found.weight.mean() == pytest.approx(1, abs=0.02)
    assert found.weight.std() == pytest.approx(0.1, rel=0.1)
    assert found.bias.mean() == pytest.approx(0, abs=0.02)


def test_hash_follows_structure_and_weights_but_not_names() -> None:
    graph = load_workload("resnet8-cifar10")
    renamed = {layer.name: f"other{i}" for i, layer in enumerate(graph.layers)}
    layers = tuple(
        Layer(name=renamed[x.name], op=x.op, inputs=tuple(renamed[n] for n in x.inputs), shape=x.shape)
        for x in graph.layers
    )
    parameters = {renamed[name]: found for name, found in graph.parameters.items()}
    same = Graph(name="z", layers=layers, outputs=tuple(renamed[n] for n in graph.outputs), parameters=parameters)
    assert workload_hash(same) == workload_hash(graph)
    name, found = next(iter(graph.parameters.items()))
    weight = found.weight.copy()
    weight.flat[-1] += 1e-3
    changed = graph.with_parameters({**graph.parameters, name: Parameters(weight, found.bias)}, "file")
    assert workload_hash(changed) != workload_hash(graph)
    assert workload_hash(load_workload("resnet18")) != workload_hash(load_workload("resnet34"))


def test_hash_ignores_memory_layout() -> None:
    layers = (
        Layer(name="x", op=Input(), inputs=(), shape=(4,)),
        Layer(name="fc", op=Linear(out=3), inputs=("x",), shape=(3,)),
    )
    view = np.broadcast_to(np.float32(0.5), (3, 4))
    graphs = [
        Graph(name="n", layers=layers, outputs=("fc",), parameters={"fc": Parameters(weight)})
        for weight in (view, view.copy(), np.asfortranarray(view.copy()))
    ]
    assert len({workload_hash(graph) for graph in graphs}) == 1


def test_hash_of_a_large_constant_network_does_not_copy_it(light: object) -> None:
    import tracemalloc
    from pathlib import Path

    graph = read_onnx(Path(str(light)) / "light_zfnet512.onnx")
    tracemalloc.start()
    try:
        workload_hash(graph)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 5e6


def chain(*ops: tuple[str, object]) -> tuple[Layer, ...]:
    layers = [Layer(name="x", op=Input(), inputs=(), shape=(2,))]
    for name, op in ops:
        layers.append(Layer(name=name, op=op, inputs=(layers[-1].name,), shape=(2,)))  # type: ignore[arg-type]
    return tuple(layers)


def vector(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)


def test_affines_fold_into_a_linear_layer_by_hand() -> None:
    graph = Graph(
        name="n",
        layers=chain(("fc", Linear(out=2)), ("a", Affine()), ("b", Affine()), ("r", Activation(function="relu"))),
        outputs=("r",),
        parameters={
            "fc": Parameters(np.array([[1, 2], [3, 4]], np.float32)),
            "a": Parameters(vector(2, -1), vector(10, 20)),
            "b": Parameters(vector(3, 5)),
        },
    )
    folded = fold_affine(graph)
    assert [layer.name for layer in folded.layers] == ["x", "fc", "r"]
    found = folded.parameters["fc"]
    np.testing.assert_array_equal(found.weight, [[6, 12], [-15, -20]])
    np.testing.assert_array_equal(found.bias, [30, 100])
    assert folded["r"].inputs == ("fc",)
    assert set(folded.parameters) == {"fc"}


def test_an_affine_that_is_the_output_hands_its_place_on() -> None:
    parameters = {"fc": Parameters(np.eye(2, dtype=np.float32)), "a": Parameters(vector(2, 2))}
    graph = Graph(name="n", layers=chain(("fc", Linear(out=2)), ("a", Affine())), outputs=("a",), parameters=parameters)
    assert fold_affine(graph).outputs == ("fc",)


def test_prune_removes_what_no_output_needs() -> None:
    layers = (*chain(("r", Activation(function="relu"))), Layer(name="z", op=Affine(), inputs=("x",), shape=(2,)))
    graph = Graph(name="n", layers=layers, outputs=("r",), parameters={"z": Parameters(vector(1, 1))})
    pruned = prune(graph)
    assert [layer.name for layer in pruned.layers] == ["x", "r"]
    assert not pruned.parameters


def test_views_stay_views() -> None:
    view = np.broadcast_to(np.float64(0.5), (3, 4, 5))
    single = to_float32(view)
    assert single.dtype == np.float32
    assert collapse(single).size == 1
    scaled = scale_rows(single, np.array([1.0, 2.0, 4.0]))
    assert collapse(scaled).shape == (3, 1, 1)
    np.testing.assert_array_equal(scaled[:, 3, 2], [0.5, 1.0, 2.0])
    dense = to_float32(np.arange(6.0).reshape(2, 3).T)
    assert dense.flags.c_contiguous
    np.testing.assert_array_equal(dense, [[0, 3], [1, 4], [2, 5]])
