"""The YAML reader: every kind of layer, references between layers, and its messages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.config.shipped import shipped
from archsim.errors import InputError
from archsim.workload import Graph, read_yaml, workload_schema
from archsim.workload.graph import (
    Activation,
    Add,
    Affine,
    Concat,
    Conv,
    GlobalPool,
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
from archsim.workload.yamlentries import ENTRIES

HEAD = "layers:\n  - input: {name: x, shape: [4, 8, 8]}\n"


@pytest.fixture
def read(tmp_path: Path) -> Any:
    def read(layers: str, head: str = HEAD, tail: str = "") -> Graph:
        path = tmp_path / "net.yaml"
        path.write_text(head + "".join(f"  - {line}\n" for line in layers.strip().splitlines()) + tail)
        return read_yaml(path)

    return read


KINDS: dict[str, tuple[str, Op]] = {
    "conv": (
        "conv: {out: 6, kernel: [3, 1], stride: [2, 1], padding: [0, 1, 2, 3], dilation: 2, groups: 2}",
        Conv(out=6, kernel=(3, 1), stride=(2, 1), padding=(0, 1, 2, 3), dilation=(2, 2), groups=2),
    ),
    "conv same": (
        "conv: {out: 6, kernel: 3, stride: 2, padding: same, bias: false, batchnorm: true}",
        Conv(out=6, kernel=(3, 3), stride=(2, 2), padding=(0, 0, 1, 1)),
    ),
    "conv valid": ("conv: {out: 6, kernel: 3, padding: valid}", Conv(out=6, kernel=(3, 3))),
    "affine": ("affine", Affine()),
    "activation": ("activation: {function: relu6}", Activation(function="clip", low=0.0, high=6.0)),
    "activation with parameters": (
        "activation: {function: {function: leaky_relu, alpha: 0.2}}",
        Activation(function="leaky_relu", alpha=0.2),
    ),
    "pool": (
        "pool: {function: average, kernel: 3, stride: 2, padding: 1, ceil: true, count_padding: true}",
        Pool(function="average", kernel=(3, 3), stride=(2, 2), padding=(1, 1, 1, 1), ceil=True, count_padding=True),
    ),
    "globalpool": ("globalpool: {function: max}", GlobalPool(function="max")),
    "add": ("add: {inputs: [x, x]}", Add()),
    "mul": ("mul: {inputs: [x, x]}", Mul()),
    "concat": ("concat: {inputs: [x, x], axis: 2}", Concat(axis=2)),
    "slice": ("slice: {axis: 0, start: 1, stop: 3}", Slice(axis=0, start=1, stop=3)),
    "pad": ("pad: {padding: 1, value: -1.5}", Pad(padding=(1, 1, 1, 1), value=-1.5)),
    "reshape": ("reshape: {shape: [2, 2, 8, 8]}", Reshape()),
    "flatten": ("flatten: {}", Reshape()),
    "transpose": ("transpose: {axes: [1, 2, 0]}", Transpose(axes=(1, 2, 0))),
    "softmax": ("softmax: {axis: 0, log: true}", Softmax(axis=0, log=True)),
    "localresponsenorm": (
        "localresponsenorm: {size: 3, alpha: 0.1, beta: 1, bias: 2}",
        LocalResponseNorm(size=3, alpha=0.1, beta=1.0, bias=2.0),
    ),
}


@pytest.mark.parametrize(("line", "op"), KINDS.values(), ids=KINDS)
def test_each_kind_of_layer(read: Any, line: str, op: Op) -> None:
    assert read(line).layers[-1].op == op


def test_every_operation_has_an_entry() -> None:
    """A new operation of the graph must get a YAML spelling and a case above."""
    kinds = {op.__name__.lower() for op in Op.__subclasses__() if op.__module__ == Op.__module__}
    assert set(ENTRIES) == kinds | {"flatten"}
    assert set(ENTRIES) - {"input", "linear"} == {name.split()[0] for name in KINDS}


def test_linear_on_a_vector(read: Any) -> None:
    graph = read("flatten\nlinear: {out: 10, name: fc}")
    assert graph.layers[-1].op == Linear(out=10)
    assert graph.total_macs() == 4 * 8 * 8 * 10


def test_an_activation_belongs_to_the_name(read: Any) -> None:
    graph = read("conv: {name: a, out: 4, kernel: 1, activation: relu}\nadd: {name: s, inputs: [a, x]}")
    assert [layer.name for layer in graph.layers] == ["x", "a", "a.relu", "s"]
    assert graph["s"].inputs == ("a.relu", "x")


def test_default_input_is_the_layer_above_and_inputs_make_any_graph(read: Any) -> None:
    graph = read("conv: {out: 4, kernel: 1}\nconv: {out: 4, kernel: 1, inputs: x}\nadd: {inputs: [conv1, conv2]}")
    assert [layer.inputs for layer in graph.layers] == [(), ("x",), ("x",), ("conv1", "conv2")]


def test_several_inputs_and_outputs(read: Any) -> None:
    head = HEAD + "  - input: {name: z, shape: [4, 8, 8]}\n"
    graph = read("add: {name: s, inputs: [x, z]}\nmul: {name: p, inputs: [x, z]}", head, "outputs: [p, s]\n")
    assert graph.outputs == ("p", "s")
    assert [layer.name for layer in graph.inputs()] == ["x", "z"]


def test_name_of_the_graph(read: Any) -> None:
    assert read("affine").name == "net"
    assert read("affine", "name: other\n" + HEAD).name == "other"


MESSAGES: dict[str, tuple[str, str]] = {
    "unknown kind": ("cnov: {out: 3}", "net.yaml:3: 'cnov' is no kind of layer; expected input | conv"),
    "suggested kind": ("cnov: {out: 3}", "did you mean 'conv'?"),
    "unknown field": (
        "conv: {out: 3, kernel: 1, strid: 2}",
        "net.yaml:3: conv.strid: unknown key; did you mean 'stride'?",
    ),
    "missing field": ("conv: {out: 3}", "net.yaml:3: conv.kernel: is missing"),
    "no number": ("conv: {out: three, kernel: 1}", "net.yaml:3: conv.out: "),
    "leading zero": ("conv: {out: 010, kernel: 1}", "starts with a zero"),
    "fraction": ("conv: {out: 2.5, kernel: 1}", "whole number"),
    "negative": ("conv: {out: -2, kernel: 1}", "out of range; expected 1 to 1000000"),
    "huge": ("conv: {out: 99999999, kernel: 1}", "out of range; expected 1 to 1000000"),
    "padding word": ("conv: {out: 2, kernel: 1, padding: full}", "expected a number, [top, left, bottom, right], same"),
    "padding list": ("conv: {out: 2, kernel: 1, padding: [1, 1]}", "conv.padding: has 2 entries"),
    "kernel list": ("conv: {out: 2, kernel: [1, 1, 1]}", "conv.kernel: has 3 entries"),
    "groups": ("conv: {out: 6, kernel: 1, groups: 3}", "conv 'conv1': conv in 3 groups divides"),
    "window": ("conv: {name: c, out: 6, kernel: 9}", "net.yaml:3: conv 'c': a window of (9, 9) does not fit"),
    "activation": ("affine: {activation: rellu}", "did you mean 'relu'?"),
    "activation parameter": ("activation: {function: {function: relu, low: 1}}", "'low' does not belong to relu"),
    "clip limits": ("activation: {function: {function: clip, low: 1}}", "clip needs high"),
    "clip order": ("activation: {function: {function: clip, low: 1, high: 0}}", "expected low not above high"),
    "unknown input": (
        "add: {inputs: [x, xx]}",
        "net.yaml:3: add.inputs: no layer 'xx' above this line; did you mean 'x'?",
    ),
    "one input for add": ("add: {inputs: [x]}", "add has 1 inputs, expected 2 or more"),
    "name taken": ("affine: {name: x}", "net.yaml:3: affine: the name 'x' is taken by line 2"),
    "map to linear": ("linear: {out: 3}", "linear needs a vector, its input has shape (4, 8, 8); flatten it first"),
    "unused layer": ("affine: {name: dead}\naffine: {inputs: x}", "net.yaml:3: layer 'dead' is read by no other layer"),
    "pool function": ("pool: {function: maxx, kernel: 2}", "is not one of max | average; did you mean 'max'?"),
    "flag": ("pool: {function: max, kernel: 2, ceil: yes}", "expected true or false"),
    "two kinds in one entry": (
        "{conv: {out: 1, kernel: 1}, affine: {}}",
        "net.yaml:3: is no layer; expected one 'kind: {...}'",
    ),
    "a list for a body": ("add: [x, x]", "net.yaml:3: add: is no block; expected 'add: {...}'"),
    "same for pad": ("pad: {padding: same}", "needs a kernel"),
    "duplicate key": ("conv: {out: 1, out: 2, kernel: 1}", "net.yaml:3: repeats the key 'out'"),
}


@pytest.mark.parametrize(("line", "said"), MESSAGES.values(), ids=MESSAGES)
def test_message(read: Any, line: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        read(line)
    assert said in str(caught.value)


def test_all_problems_at_once_with_their_lines(read: Any) -> None:
    with pytest.raises(InputError) as caught:
        read("cnov: {}\nconv: {out: x, kernel: 3}\nconv: {out: 2, kernel: 33, inputs: x}", tail="outputs: [nothing]\n")
    lines = [problem.where.rpartition(":")[2] for problem in caught.value.problems]
    assert lines == ["3", "4", "5", "6"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("- a\n- b\n", "is no mapping"),
        ("name: a\n", "layers: is missing"),
        ("layers: []\n", "layers: is empty"),
        ("layers: 3\n", "layers: "),
        ("layerz:\n  - affine\n", "did you mean 'layers'?"),
        ("layers:\n  - affine\n", "there is no layer above it to read; begin with an input"),
        ("layers:\n  - input: {name: x, shape: [0, 3]}\n", "input.shape: "),
        ("layers: [{input: {shape: &a [3]}}]\n", "anchor"),
    ],
)
def test_files_as_a_whole(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_yaml(path)
    assert said in str(caught.value)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_damaged_text_never_gives_another_exception(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    lines = (Path(__file__).parent / "data" / "resnet8-cifar10.yaml").read_text().splitlines()
    text = "\n".join(lines[: data.draw(st.integers(4, len(lines)))])
    position = data.draw(st.integers(0, len(text)))
    length = data.draw(st.integers(0, 12))
    text = text[:position] + data.draw(st.text(max_size=6)) + text[position + length :]
    path = tmp_path_factory.mktemp("damaged") / "net.yaml"
    path.write_text(text, encoding="utf-8", newline="")
    problems = []
    try:
        assert read_yaml(path).layers
    except InputError as error:
        problems = [*error.problems]
    assert all(problem.where.startswith(str(path)) for problem in problems)


def test_schema_covers_every_kind_and_the_shipped_copy_is_current() -> None:
    schema = workload_schema()
    assert set(ENTRIES) <= set(schema["$defs"])
    shipped_copy = json.loads((shipped("workloads") / "workload.schema.json").read_text())
    assert shipped_copy == json.loads(json.dumps(schema)), "regenerate workloads/workload.schema.json"


def allowed(schema: dict[str, Any], kind: str) -> set[str]:
    return set(schema["$defs"][kind]["properties"])


@pytest.mark.parametrize("path", sorted(shipped("workloads").glob("*.yaml")), ids=lambda path: path.name)
def test_shipped_files_use_only_keys_of_the_schema(path: Path) -> None:
    if path.name.endswith(".inputs.yaml"):
        return
    schema = workload_schema()
    document = yaml.safe_load(path.read_text())
    assert set(document) <= set(schema["properties"])
    for entry in document["layers"]:
        ((kind, body),) = entry.items()
        assert set(body) <= allowed(schema, kind)
        assert set(schema["$defs"][kind].get("required", ())) <= set(body)


def test_a_repeated_name_is_among_all_problems_at_once(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(
        "colour: red\nlayers:\n  - input: {name: x, shape: [3, 8, 8]}\n  - conv: {name: c1, out: 4, kernel: 3}\n"
        "  - conv: {name: c1, out: 4, kernal: 3}\n  - conv: {name: c1, out: 4, kernel: 3}\n"
    )
    with pytest.raises(InputError) as caught:
        read_yaml(path)
    said = str(caught.value)
    assert said.count("the name 'c1' is taken by line 4") == 2
    for fragment in ("colour: unknown key", "net.yaml:5", "net.yaml:6", "did you mean"):
        assert fragment in said
