"""Each operator of the ONNX reader: what it becomes, and that the graph computes what onnxruntime computes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from archsim.function.reference.run import run_float
from archsim.workload import Graph, read_onnx
from archsim.workload.graph import (
    Activation,
    Add,
    Affine,
    Concat,
    Conv,
    GlobalPool,
    Input,
    Linear,
    LocalResponseNorm,
    Mul,
    Op,
    Pad,
    Pool,
    Reshape,
    Slice,
    Softmax,
    Transpose,
)

Write = Callable[..., Path]
node = helper.make_node
random = np.random.default_rng(7)


def draw(*shape: int) -> NDArray[np.float32]:
    return random.standard_normal(shape, dtype=np.float32)


def integers(*values: int) -> NDArray[np.int64]:
    return np.array(values, dtype=np.int64)


def ops(graph: Graph) -> list[Op]:
    return [layer.op for layer in graph.layers if not isinstance(layer.op, Input)]


def agree(path: Path) -> Graph:
    """The graph of a model, after comparing all its outputs with onnxruntime on random input."""
    graph = read_onnx(path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    x = draw(1, *graph.inputs()[0].shape)
    expected = session.run(None, {"x": x})
    found = run_float(graph, x)
    for name, wanted in zip(graph.outputs, expected, strict=True):
        np.testing.assert_allclose(found[name].ravel(), wanted.ravel(), rtol=1e-4, atol=1e-5)
    return graph


BN = {"s": np.abs(draw(4)) + 0.5, "b": draw(4), "m": draw(4), "v": np.abs(draw(4)) + 0.1}
BN_INPUTS = ["s", "b", "m", "v"]
W = draw(4, 3, 3, 3)

CASES: dict[str, tuple[list[Any], dict[str, Any], list[Op], dict[str, Any]]] = {
    "conv with asymmetric pads, dilation and stride": (
        [node("Conv", ["x", "w", "c"], ["y"], pads=[0, 1, 2, 3], dilations=[2, 1], strides=[2, 1])],
        {"w": W, "c": draw(4)},
        [Conv(out=4, kernel=(3, 3), padding=(0, 1, 2, 3), dilation=(2, 1), stride=(2, 1))],
        {},
    ),
    "depthwise conv, same upper": (
        [node("Conv", ["x", "w"], ["y"], auto_pad="SAME_UPPER", strides=[2, 2], group=3)],
        {"w": draw(6, 1, 3, 3)},
        [Conv(out=6, kernel=(3, 3), stride=(2, 2), padding=(0, 0, 1, 1), groups=3)],
        {},
    ),
    "conv, same lower": (
        [node("Conv", ["x", "w"], ["y"], auto_pad="SAME_LOWER", strides=[2, 2])],
        {"w": W},
        [Conv(out=4, kernel=(3, 3), stride=(2, 2), padding=(1, 1, 0, 0))],
        {},
    ),
    "conv, valid": (
        [node("Conv", ["x", "w"], ["y"], auto_pad="VALID")],
        {"w": W},
        [Conv(out=4, kernel=(3, 3))],
        {},
    ),
    "conv weight behind shape arithmetic": (
        [
            node("Concat", ["a", "b"], ["shape"], axis=0),
            node("Reshape", ["flat", "shape"], ["w"]),
            node("Conv", ["x", "w"], ["y"]),
        ],
        {"flat": W.reshape(-1), "a": integers(4, 3), "b": integers(3, -1)},
        [Conv(out=4, kernel=(3, 3))],
        {},
    ),
    "batch norm folds into the conv": (
        [node("Conv", ["x", "w"], ["c"]), node("BatchNormalization", ["c", *BN_INPUTS], ["y"])],
        {"w": W, **BN},
        [Conv(out=4, kernel=(3, 3))],
        {},
    ),
    "batch norm before a conv stays": (
        [
            node("BatchNormalization", ["x", *BN_INPUTS], ["n"], epsilon=1e-3),
            node("Conv", ["n", "w"], ["y"], pads=[1, 1, 1, 1]),
        ],
        {"w": draw(2, 4, 3, 3), **BN},
        [Affine(), Conv(out=2, kernel=(3, 3), padding=(1, 1, 1, 1))],
        {"shape": (1, 4, 8, 8)},
    ),
    "batch norm of a conv with another reader stays": (
        [
            node("Conv", ["x", "w"], ["c"]),
            node("BatchNormalization", ["c", *BN_INPUTS], ["n"]),
            node("Add", ["c", "n"], ["y"]),
        ],
        {"w": W, **BN},
        [Conv(out=4, kernel=(3, 3)), Affine(), Add()],
        {},
    ),
    "caffe scale layers fold into the conv": (
        [
            node("Conv", ["x", "w", "c"], ["r0"]),
            node("BatchNormalization", ["r0", *BN_INPUTS], ["r1"]),
            node("Unsqueeze", ["g"], ["gu"], axes=[1, 2]),
            node("Mul", ["r1", "gu"], ["r2"]),
            node("Unsqueeze", ["t"], ["tu"], axes=[1, 2]),
            node("Add", ["tu", "r2"], ["r3"]),
            node("Relu", ["r3"], ["y"]),
        ],
        {"w": W, "c": draw(4), "g": draw(4), "t": draw(4), **BN},
        [Conv(out=4, kernel=(3, 3)), Activation(function="relu")],
        {"opset": 9},
    ),
    "input normalisation becomes one affine": (
        [
            node("Sub", ["x", "mean"], ["a"]),
            node("Div", ["a", "std"], ["b"]),
            node("Conv", ["b", "w"], ["y"], pads=[1, 1, 1, 1]),
        ],
        {"mean": draw(1, 3, 1, 1), "std": np.abs(draw(3, 1, 1)) + 1, "w": W},
        [Affine(), Conv(out=4, kernel=(3, 3), padding=(1, 1, 1, 1))],
        {},
    ),
    "constant minus data": (
        [node("Sub", ["one", "x"], ["y"])],
        {"one": np.float32(1)},
        [Affine()],
        {},
    ),
    "difference of two maps": (
        [node("Relu", ["x"], ["r"]), node("Sub", ["r", "x"], ["y"])],
        {},
        [Activation(function="relu"), Affine(), Add()],
        {},
    ),
    "gemm with alpha and beta": (
        [node("Flatten", ["x"], ["f"]), node("Gemm", ["f", "w", "c"], ["y"], alpha=0.5, beta=2.0)],
        {"w": draw(192, 5), "c": draw(5)},
        [Reshape(), Linear(out=5)],
        {},
    ),
    "gemm with transposed weight behind a reshape and a scalar bias": (
        [
            node("Reshape", ["x", "keep"], ["f"]),
            node("Reshape", ["w4", "two"], ["w"]),
            node("Gemm", ["f", "w", "c"], ["y"], transB=1),
        ],
        {"w4": draw(1, 1, 5, 192), "two": integers(5, 192), "keep": integers(0, -1), "c": np.float32(3)},
        [Reshape(), Linear(out=5)],
        {},
    ),
    "matmul and add": (
        [
            node("Flatten", ["x"], ["f"]),
            node("MatMul", ["f", "w"], ["m"]),
            node("Add", ["c", "m"], ["y"]),
        ],
        {"w": draw(192, 5), "c": draw(5)},
        [Reshape(), Linear(out=5)],
        {},
    ),
    "matmul on a vector with extra axes": (
        [
            node("GlobalAveragePool", ["x"], ["g"]),
            node("Reshape", ["g", "r"], ["v"]),
            node("MatMul", ["v", "w"], ["y"]),
        ],
        {"w": draw(3, 5), "r": integers(1, 1, 1, 3)},
        [GlobalPool(function="average"), Reshape(), Reshape(), Linear(out=5), Reshape()],
        {},
    ),
    "clip by attributes": (
        [node("Clip", ["x"], ["y"], min=-0.5, max=0.25)],
        {},
        [Activation(function="clip", low=-0.5, high=0.25)],
        {"opset": 9},
    ),
    "clip by inputs": (
        [node("Clip", ["x", "lo", "hi"], ["y"])],
        {"lo": np.float32(0), "hi": np.float32(6)},
        [Activation(function="clip", low=0.0, high=6.0)],
        {},
    ),
    "clip from zero upwards is a relu": (
        [node("Clip", ["x", "lo"], ["y"])],
        {"lo": np.float32(0)},
        [Activation(function="relu")],
        {},
    ),
    "leaky relu": (
        [node("LeakyRelu", ["x"], ["y"], alpha=0.1)],
        {},
        [Activation(function="leaky_relu", alpha=0.1)],
        {},
    ),
    "hard sigmoid": (
        [node("HardSigmoid", ["x"], ["y"])],
        {},
        [Activation(function="hard_sigmoid", alpha=0.2, beta=0.5)],
        {},
    ),
    "hard swish": (
        [node("HardSwish", ["x"], ["y"])],
        {},
        [Activation(function="hard_swish", alpha=1 / 6, beta=0.5)],
        {"opset": 14},
    ),
    "hard swish in pieces": (
        [
            node("Add", ["x", "three"], ["a"]),
            node("Clip", ["a", "lo", "six"], ["c"]),
            node("Div", ["c", "six"], ["d"]),
            node("Mul", ["x", "d"], ["y"]),
        ],
        {"three": np.float32(3), "lo": np.float32(0), "six": np.float32(6)},
        [Affine(), Activation(function="clip", low=0.0, high=6.0), Affine(), Mul()],
        {},
    ),
    "swish": (
        [node("Sigmoid", ["x"], ["s"]), node("Mul", ["x", "s"], ["y"])],
        {},
        [Activation(function="sigmoid"), Mul()],
        {},
    ),
    "squeeze and excitation": (
        [
            node("GlobalAveragePool", ["x"], ["g"]),
            node("Conv", ["g", "w"], ["c"]),
            node("Tanh", ["c"], ["t"]),
            node("Mul", ["t", "x"], ["y"]),
        ],
        {"w": draw(3, 3, 1, 1)},
        [GlobalPool(function="average"), Conv(out=3, kernel=(1, 1)), Activation(function="tanh"), Mul()],
        {},
    ),
    "sum of three with a constant": (
        [node("Relu", ["x"], ["a"]), node("Tanh", ["x"], ["b"]), node("Sum", ["a", "c", "b", "x"], ["y"])],
        {"c": draw(3, 1, 1)},
        [Activation(function="relu"), Activation(function="tanh"), Affine(), Add()],
        {},
    ),
    "max pool with ceil": (
        [node("MaxPool", ["x"], ["y"], kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)],
        {},
        [Pool(function="max", kernel=(3, 3), stride=(2, 2), ceil=True)],
        {},
    ),
    "ceil that makes no difference": (
        [node("MaxPool", ["x"], ["y"], kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)],
        {},
        [Pool(function="max", kernel=(2, 2), stride=(2, 2))],
        {},
    ),
    "average pool with counted padding": (
        [node("AveragePool", ["x"], ["y"], kernel_shape=[3, 3], pads=[1, 0, 1, 2], count_include_pad=1)],
        {},
        [Pool(function="average", kernel=(3, 3), padding=(1, 0, 1, 2), count_padding=True)],
        {},
    ),
    "average pool, same upper": (
        [node("AveragePool", ["x"], ["y"], kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER")],
        {},
        [Pool(function="average", kernel=(3, 3), stride=(2, 2), padding=(0, 0, 1, 1))],
        {},
    ),
    "global max pool": ([node("GlobalMaxPool", ["x"], ["y"])], {}, [GlobalPool(function="max")], {}),
    "mean over the map": (
        [node("ReduceMean", ["x"], ["y"], axes=[-1, 2], keepdims=0)],
        {},
        [GlobalPool(function="average"), Reshape()],
        {},
    ),
    "mean with axes as input": (
        [node("ReduceMean", ["x", "axes"], ["y"])],
        {"axes": integers(2, 3)},
        [GlobalPool(function="average")],
        {"opset": 18},
    ),
    "local response normalisation": (
        [node("LRN", ["x"], ["y"], size=3, alpha=0.01, beta=0.5, bias=2.0)],
        {},
        [LocalResponseNorm(size=3, alpha=0.01, beta=0.5, bias=2.0)],
        {},
    ),
    "pad by attribute": (
        [node("Pad", ["x"], ["y"], pads=[0, 0, 1, 2, 0, 0, 3, 0], value=1.5)],
        {},
        [Pad(padding=(1, 2, 3, 0), value=1.5)],
        {"opset": 10},
    ),
    "pad by input": (
        [node("Pad", ["x", "p"], ["y"])],
        {"p": integers(0, 0, 1, 1, 0, 0, 1, 1)},
        [Pad(padding=(1, 1, 1, 1))],
        {},
    ),
    "pad with axes": (
        [node("Pad", ["x", "p", "", "axes"], ["y"])],
        {"p": integers(1, 2), "axes": integers(-1)},
        [Pad(padding=(0, 1, 0, 2))],
        {"opset": 18},
    ),
    "concat and split": (
        [
            node("Split", ["x"], ["a", "b", "c"], axis=1),
            node("Concat", ["c", "a", "b"], ["y"], axis=-3),
        ],
        {},
        [
            Slice(axis=0, start=0, stop=1),
            Slice(axis=0, start=1, stop=2),
            Slice(axis=0, start=2, stop=3),
            Concat(axis=0),
        ],
        {},
    ),
    "uneven split by input": (
        [node("Split", ["x", "sizes"], ["a", "b"], axis=2), node("Concat", ["b", "a"], ["y"], axis=2)],
        {"sizes": integers(3, 5)},
        [Slice(axis=1, start=0, stop=3), Slice(axis=1, start=3, stop=8), Concat(axis=1)],
        {},
    ),
    "slice with negative bounds": (
        [node("Slice", ["x", "s", "e", "a"], ["y"])],
        {"s": integers(-3, 0), "e": integers(2**62, 100), "a": integers(-1, 1)},
        [Slice(axis=2, start=5, stop=8)],
        {},
    ),
    "gather of one channel": (
        [node("Gather", ["x", "i"], ["g"], axis=1), node("Unsqueeze", ["g", "axes"], ["y"])],
        {"i": np.int64(-2), "axes": integers(1)},
        [Slice(axis=0, start=1, stop=2), Reshape(), Reshape()],
        {},
    ),
    "gather of a run": (
        [node("Gather", ["x", "i"], ["y"], axis=2)],
        {"i": integers(3, 4, 5)},
        [Slice(axis=1, start=3, stop=6)],
        {},
    ),
    "channel shuffle": (
        [
            node("Reshape", ["x", "five"], ["a"]),
            node("Transpose", ["a"], ["b"], perm=[0, 2, 1, 3, 4]),
            node("Reshape", ["b", "four"], ["y"]),
        ],
        {"five": integers(0, 2, 3, 8, 8), "four": integers(1, 6, 8, 8)},
        [Reshape(), Transpose(axes=(1, 0, 2, 3)), Reshape()],
        {"shape": ("N", 6, 8, 8)},
    ),
    "flatten by shape arithmetic folds away": (
        [
            node("Shape", ["x"], ["s"]),
            node("Gather", ["s", "zero"], ["n"], axis=0),
            node("Unsqueeze", ["n", "first"], ["nu"]),
            node("Constant", [], ["rest"], value=helper.make_tensor("t", TensorProto.INT64, [1], [-1])),
            node("Concat", ["nu", "rest"], ["target"], axis=0),
            node("Reshape", ["x", "target"], ["y"]),
        ],
        {"zero": np.int64(0), "first": integers(0)},
        [Reshape()],
        {"shape": ("N", 3, 8, 8)},
    ),
    "squeeze": (
        [node("GlobalAveragePool", ["x"], ["g"]), node("Squeeze", ["g"], ["y"], axes=[2, 3])],
        {},
        [GlobalPool(function="average"), Reshape()],
        {"opset": 11},
    ),
    "unsqueeze of data": (
        [
            node("GlobalAveragePool", ["x"], ["g"]),
            node("Flatten", ["g"], ["f"]),
            node("Unsqueeze", ["f", "axes"], ["y"]),
        ],
        {"axes": integers(2, 3)},
        [GlobalPool(function="average"), Reshape(), Reshape()],
        {},
    ),
    "softmax before operator set 13 over all trailing axes": (
        [node("Softmax", ["x"], ["y"])],
        {},
        [Reshape(), Softmax(axis=0), Reshape()],
        {"opset": 11},
    ),
    "softmax along channels": ([node("Softmax", ["x"], ["y"], axis=1)], {}, [Softmax(axis=0)], {}),
    "log softmax": (
        [node("Flatten", ["x"], ["f"]), node("LogSoftmax", ["f"], ["y"])],
        {},
        [Reshape(), Softmax(axis=0, log=True)],
        {},
    ),
    "nodes that leave no layer": (
        [
            node("Dropout", ["x"], ["a", "mask"]),
            node("Identity", ["a"], ["b"]),
            node("Cast", ["b"], ["c"], to=TensorProto.FLOAT),
            node("Transpose", ["c"], ["d"], perm=[0, 1, 2, 3]),
            node("Pad", ["d", "p"], ["e"]),
            node("Concat", ["e"], ["f"], axis=1),
            node("Relu", ["f"], ["y"]),
        ],
        {"p": integers(*[0] * 8)},
        [Activation(function="relu")],
        {},
    ),
    "dropout that says it does not train": (
        [node("Dropout", ["x", "r", "t"], ["d"]), node("Relu", ["d"], ["y"])],
        {"r": np.float32(0.5), "t": np.bool_(False)},
        [Activation(function="relu")],
        {},
    ),
    "half precision weights": (
        [node("Cast", ["h"], ["w"], to=TensorProto.FLOAT), node("Conv", ["x", "w"], ["y"])],
        {"h": W.astype(np.float16)},
        [Conv(out=4, kernel=(3, 3))],
        {},
    ),
    "dead branch": (
        [node("Relu", ["x"], ["y"]), node("Tanh", ["x"], ["unused"])],
        {},
        [Activation(function="relu")],
        {},
    ),
}


@pytest.mark.parametrize(("nodes", "constants", "expected", "how"), CASES.values(), ids=CASES)
def test_operator(
    write_model: Write, nodes: list[Any], constants: dict[str, Any], expected: list[Op], how: dict[str, Any]
) -> None:
    assert ops(agree(write_model(nodes, constants, **how))) == expected


def test_folded_batch_norm_by_hand(write_model: Write) -> None:
    weight = np.full((1, 1, 1, 1), 3.0, np.float32)
    numbers = {"s": 2.0, "b": 5.0, "m": 7.0, "v": 15.0}
    constants = {key: np.array([value], np.float32) for key, value in numbers.items()}
    nodes = [
        node("Conv", ["x", "w", "c"], ["r"], name="conv"),
        node("BatchNormalization", ["r", "s", "b", "m", "v"], ["y"], epsilon=1.0),
    ]
    path = write_model(nodes, {"w": weight, "c": np.array([11], np.float32), **constants}, shape=(1, 1, 4, 4))
    found = read_onnx(path).parameters["conv"]
    assert found.weight.item() == 1.5  # 3 * 2 / sqrt(15 + 1)
    assert found.bias is not None
    assert found.bias.item() == 7.0  # (11 - 7) * 2 / 4 + 5


def test_folding_stops_at_a_network_output(write_model: Write) -> None:
    nodes = [
        node("Conv", ["x", "w"], ["c"], name="conv"),
        node("BatchNormalization", ["c", *BN_INPUTS], ["y"], name="norm"),
    ]
    graph = agree(write_model(nodes, {"w": W, **BN}, outputs=("c", "y")))
    assert graph.outputs == ("conv", "norm")
    assert ops(graph) == [Conv(out=4, kernel=(3, 3)), Affine()]


def test_broadcast_axis_of_old_operator_sets(write_model: Write) -> None:
    nodes = [node("Conv", ["x", "w"], ["c"], name="conv"), node("Add", ["c", "t"], ["y"], axis=1, broadcast=1)]
    shift = draw(4)
    found = read_onnx(write_model(nodes, {"w": W, "t": shift}, opset=6)).parameters["conv"]
    assert found.bias is not None
    np.testing.assert_array_equal(found.bias, shift)


def test_nodes_may_stand_in_any_order(write_model: Write) -> None:
    nodes = [node("Relu", ["c"], ["y"]), node("Conv", ["x", "w"], ["c"])]
    assert [layer.op.kind for layer in read_onnx(write_model(nodes, {"w": W})).layers] == [
        "input",
        "conv",
        "activation",
    ]


def test_layers_of_equal_node_names_stay_apart(write_model: Write) -> None:
    nodes = [node("Relu", ["x"], ["a"], name="same"), node("Tanh", ["a"], ["y"], name="same")]
    assert [layer.name for layer in read_onnx(write_model(nodes)).layers] == ["x", "same", "y"]


def test_external_data_beside_the_model(write_model: Write, tmp_path: Path) -> None:
    import onnx

    path = write_model([node("Conv", ["x", "w"], ["y"])], {"w": W})
    inside = read_onnx(path).parameters["y"].weight
    model = onnx.load(path)
    onnx.save(model, tmp_path / "outside.onnx", save_as_external_data=True, location="weights.bin", size_threshold=0)
    assert (tmp_path / "weights.bin").stat().st_size >= W.nbytes
    np.testing.assert_array_equal(read_onnx(tmp_path / "outside.onnx").parameters["y"].weight, inside)


def test_test_form_before_operator_set_7(write_model: Write) -> None:
    nodes = [
        node("BatchNormalization", ["x", *"sbmv"], ["n"], is_test=1),
        node("Dropout", ["n"], ["d"], is_test=1),
        node("Relu", ["d"], ["y"]),
    ]
    graph = read_onnx(write_model(nodes, {key: np.ones(3, np.float32) for key in "sbmv"}, opset=6))
    assert ops(graph) == [Affine(), Activation(function="relu")]
