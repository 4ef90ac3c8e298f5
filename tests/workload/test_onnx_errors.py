"""Bad ONNX input: one `InputError` that names the place, never another exception."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

from archsim.errors import InputError
from archsim.workload import read_onnx

Write = Callable[..., Path]
node = helper.make_node
W = np.ones((4, 3, 3, 3), np.float32)


def complaint(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_onnx(path)
    text = str(caught.value)
    assert text.startswith(str(path))
    assert "Traceback" not in text
    return text


def test_unknown_operators_are_all_named_at_once(write_model: Write) -> None:
    nodes = [
        node("Einsum", ["x"], ["a"], name="first", equation="i"),
        node("Relu", ["a"], ["b"]),
        node("MyOp", ["b"], ["c"], domain="com.example"),
        node("Resize", ["c", "", "k"], ["y"], name="last"),
    ]
    text = complaint(write_model(nodes, {"k": np.ones(4, np.float32)}))
    assert "node 'first' (Einsum): this operator is not supported" in text
    assert "node 'c' (com.example:MyOp): this operator is not supported" in text
    assert "node 'last' (Resize): this operator is not supported" in text
    assert "Relu" in text.splitlines()[-1]
    assert "Conv, " in text.splitlines()[-1]
    assert len(text.splitlines()) == 4


def test_missing_file(tmp_path: Path) -> None:
    assert complaint(tmp_path / "none.onnx").endswith("no such file")


def test_directory(tmp_path: Path) -> None:
    assert "directory" in complaint(tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "is empty"), (b"hello, this is no model\n" * 9, "no ONNX"), (b"\x7fELF" + bytes(100), "no ONNX")],
)
def test_other_files(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "other.onnx"
    path.write_bytes(content)
    assert said in complaint(path)


def test_every_truncation_is_refused(write_model: Write) -> None:
    path = write_model([node("Conv", ["x", "w"], ["c"]), node("Relu", ["c"], ["y"])], {"w": W})
    whole = path.read_bytes()
    read_onnx(path)
    for length in range(0, len(whole) - 8, 7):  # the last 8 bytes are the operator set version
        path.write_bytes(whole[:length])
        complaint(path)


def test_damaged_bytes_never_give_another_exception(light: Path, tmp_path: Path) -> None:
    whole = (light / "light_bvlc_alexnet.onnx").read_bytes()
    draw = random.Random(5)
    path = tmp_path / "damaged.onnx"
    refused = 0
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(draw.randint(1, 4)):
            damaged[draw.randrange(len(damaged))] = draw.randrange(256)
        path.write_bytes(damaged)
        try:
            read_onnx(path)
        except InputError:
            refused += 1
    assert refused > 100


CASES: dict[str, tuple[list[Any], dict[str, Any], dict[str, Any], str]] = {
    "dangling name": (
        [node("Conv", ["x", "nowhere"], ["y"], name="c")],
        {},
        {},
        "node 'c' (Conv): its input 'nowhere' is made by no node",
    ),
    "dangling output": ([node("Relu", ["x"], ["z"])], {}, {}, "output 'y': is made by no node"),
    "defined twice": (
        [node("Relu", ["x"], ["y"], name="a"), node("Tanh", ["x"], ["y"], name="b")],
        {},
        {},
        "node 'b' (Tanh): its output 'y' is defined twice",
    ),
    "cycle": (
        [
            node("Add", ["x", "b"], ["a"], name="first"),
            node("Relu", ["a"], ["b"], name="second"),
            node("Relu", ["b"], ["y"]),
        ],
        {},
        {},
        "is part of a cycle",
    ),
    "symbolic size": (
        [node("Relu", ["x"], ["y"])],
        {},
        {"shape": ("N", 3, "H", "W")},
        "input 'x': has shape [N, 3, H, W], expected a fixed size",
    ),
    "fixed batch": ([node("Relu", ["x"], ["y"])], {}, {"shape": (8, 3, 4, 4)}, "batch 1 or a symbolic batch"),
    "constant output": (
        [node("Identity", ["w"], ["y"])],
        {"w": W},
        {},
        "output 'y': does not depend on the network input",
    ),
    "channels": (
        [node("Conv", ["x", "w"], ["y"], name="c")],
        {"w": np.ones((4, 5, 3, 3), np.float32)},
        {},
        "node 'c' (Conv): weight (4, 5, 3, 3) in 1 groups does not fit 3 input channels",
    ),
    "kernel larger than the map": (
        [node("Conv", ["x", "w"], ["y"])],
        {"w": np.ones((4, 3, 11, 11), np.float32)},
        {},
        "a window of (11, 11) does not fit a map of (8, 8)",
    ),
    "one-dimensional convolution": (
        [node("Conv", ["x", "w"], ["y"])],
        {"w": np.ones((4, 3, 3), np.float32)},
        {"shape": (1, 3, 8)},
        "only two-dimensional convolution",
    ),
    "dynamic weight": (
        [node("Conv", ["x", "x"], ["y"])],
        {},
        {},
        "its weight depends on the network input, expected a constant",
    ),
    "nan weight": ([node("Conv", ["x", "w"], ["y"])], {"w": W * np.float32("nan")}, {}, "holds NaN"),
    "bias length": (
        [node("Conv", ["x", "w", "c"], ["y"])],
        {"w": W, "c": np.ones(3, np.float32)},
        {},
        "bias of shape (3,) does not fit 4 outputs",
    ),
    "constant map added": (
        [node("Add", ["x", "c"], ["y"])],
        {"c": np.ones((1, 3, 8, 8), np.float32)},
        {},
        "no per-channel constant",
    ),
    "division by zero": ([node("Div", ["x", "c"], ["y"])], {"c": np.zeros(1, np.float32)}, {}, "divides by zero"),
    "batch axis reshaped": (
        [node("Reshape", ["x", "s"], ["y"])],
        {"s": np.array([3, 64])},
        {},
        "moves the batch axis",
    ),
    "batch axis transposed": ([node("Transpose", ["x"], ["y"], perm=[1, 0, 2, 3])], {}, {}, "batch axis first"),
    "bad reshape": (
        [node("Reshape", ["x", "s"], ["y"])],
        {"s": np.array([1, 77])},
        {},
        "cannot reshape (1, 3, 8, 8) to (1, 77)",
    ),
    "channel padding": (
        [node("Pad", ["x", "p"], ["y"])],
        {"p": np.array([0, 1, 0, 0, 0, 0, 0, 0])},
        {},
        "only height and width can be padded",
    ),
    "reflection": (
        [node("Pad", ["x", "p"], ["y"], mode="reflect")],
        {"p": np.array([0, 0, 1, 1, 0, 0, 1, 1])},
        {},
        "only constant padding",
    ),
    "second output used": (
        [node("MaxPool", ["x"], ["p", "where"], kernel_shape=[2, 2]), node("Add", ["p", "where"], ["y"])],
        {},
        {},
        "its output 'where' is used, only the first output is supported",
    ),
    "training batch norm": (
        [node("BatchNormalization", ["x", *"sbmv"], ["y"], training_mode=1)],
        {key: np.ones(3, np.float32) for key in "sbmv"},
        {"opset": 15},
        "is in training form, whose statistics are those of the batch",
    ),
    "training batch norm by its outputs": (
        [node("BatchNormalization", ["x", *"sbmv"], ["y", "m2", "v2", "m3", "v3"])],
        {key: np.ones(3, np.float32) for key in "sbmv"},
        {"opset": 9},
        "is in training form, whose statistics are those of the batch",
    ),
    "training batch norm before operator set 7": (
        [node("BatchNormalization", ["x", *"sbmv"], ["y"])],
        {key: np.ones(3, np.float32) for key in "sbmv"},
        {"opset": 6},
        "is in training form, whose statistics are those of the batch",
    ),
    "statistics at every position": (
        [node("BatchNormalization", ["x", *"sbmv"], ["y"], spatial=0)],
        {key: np.ones(3, np.float32) for key in "sbmv"},
        {"opset": 7},
        "expected one per channel",
    ),
    "training dropout": (
        [node("Dropout", ["x", "r", "t"], ["y"])],
        {"r": np.float32(0.5), "t": np.bool_(True)},
        {},
        "is in training form, which drops values at random",
    ),
    "training dropout before operator set 7": (
        [node("Dropout", ["x"], ["y"], is_test=0)],
        {},
        {"opset": 6},
        "is in training form, which drops values at random",
    ),
    "negative variance": (
        [node("BatchNormalization", ["x", *"sbmv"], ["y"])],
        {key: -np.ones(3, np.float32) for key in "sbmv"},
        {},
        "variance + epsilon must be positive",
    ),
    "mean over channels": ([node("ReduceMean", ["x"], ["y"], axes=[1])], {}, {}, "only the mean over the map"),
    "slice with step": (
        [node("Slice", ["x", "s", "e", "a", "t"], ["y"])],
        {"s": np.array([0]), "e": np.array([8]), "a": np.array([2]), "t": np.array([2])},
        {},
        "only step 1",
    ),
    "huge constant": (
        [node("ConstantOfShape", ["n"], ["big"]), node("Sqrt", ["big"], ["w"]), node("Conv", ["x", "w"], ["y"])],
        {"n": np.array([10**6, 10**6, 3, 3])},
        {},
        "too large to fold",
    ),
    "gather out of order": (
        [node("Gather", ["x", "i"], ["y"], axis=1)],
        {"i": np.array([2, 0])},
        {},
        "no contiguous run",
    ),
    "huge input": ([node("Relu", ["x"], ["y"])], {}, {"shape": (1, 3, 2**40, 4)}, "lengths up to 1000000"),
    "transA": (
        [node("Flatten", ["x"], ["f"]), node("Gemm", ["f", "w"], ["y"], transA=1)],
        {"w": np.ones((1, 4), np.float32)},
        {},
        "transA=1",
    ),
}


@pytest.mark.parametrize(("nodes", "constants", "how", "said"), CASES.values(), ids=CASES)
def test_refused(
    write_model: Write, nodes: list[Any], constants: dict[str, Any], how: dict[str, Any], said: str
) -> None:
    assert said in complaint(write_model(nodes, constants, **how))


def test_several_problems_are_reported_together(write_model: Write) -> None:
    nodes = [
        node("Conv", ["x", "w"], ["a"], name="one"),
        node("Conv", ["x", "w"], ["b"], name="two"),
        node("Add", ["a", "b"], ["y"], name="three"),
    ]
    text = complaint(write_model(nodes, {"w": np.ones((4, 9, 3, 3), np.float32)}))
    assert "'one'" in text
    assert "'two'" in text
    assert "'three'" not in text  # follows from the others


def external(path: Path, **fields: str) -> Path:
    model = onnx.load_model_from_string(path.read_bytes())
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in fields.items():
        tensor.external_data.add(key=key, value=value)
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"location": "../secret.bin"}, "outside the folder"),
        ({"location": "/etc/passwd"}, "outside the folder"),
        ({"location": "missing.bin"}, "cannot be read"),
        ({"location": "short.bin", "offset": "2", "length": "432"}, "end at byte 10"),
        ({"location": "short.bin", "offset": "x"}, "no usable location"),
        ({"location": "short.bin"}, "do not match its shape"),
        ({}, "no usable location"),
    ],
)
def test_external_data_stays_in_its_folder(
    write_model: Write, tmp_path: Path, fields: dict[str, str], said: str
) -> None:
    (tmp_path / "short.bin").write_bytes(bytes(10))
    path = external(write_model([node("Conv", ["x", "w"], ["y"])], {"w": W}), **fields)
    assert said in complaint(path)


def test_external_data_through_a_symbolic_link(write_model: Write, tmp_path: Path) -> None:
    outside = tmp_path / "elsewhere.bin"
    outside.write_bytes(W.tobytes())
    path = write_model([node("Conv", ["x", "w"], ["y"])], {"w": W})
    inner = tmp_path / "inner"
    inner.mkdir()
    moved = path.rename(inner / "net.onnx")
    (inner / "link.bin").symlink_to(outside)
    assert "outside the folder" in complaint(external(moved, location="link.bin"))
