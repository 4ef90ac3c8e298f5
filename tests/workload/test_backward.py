"""Errors and gradients as products: shapes, counts, and networks whose branches meet."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.errors import InputError
from archsim.workload import load_workload
from archsim.workload.backward import error_graph, gradient_products
from archsim.workload.graph import Add, Conv, Graph, Input, Layer, Linear, LocalResponseNorm, Pool


def one_after_another(first: Conv, second: Conv, size: int) -> Graph:
    """Two convolutions of 4 channels on maps of `size`."""

    def out(op: Conv, extent: int) -> int:
        return (extent + op.padding[0] + op.padding[2] - (op.kernel[0] - 1) * op.dilation[0] - 1) // op.stride[0] + 1

    middle = out(first, size)
    last = out(second, middle)
    layers = (
        Layer(name="x", op=Input(), inputs=(), shape=(4, size, size)),
        Layer(name="a", op=first, inputs=("x",), shape=(first.out, middle, middle)),
        Layer(name="b", op=second, inputs=("a",), shape=(second.out, last, last)),
    )
    return Graph(name="two", layers=layers, outputs=("b",))


def test_vgg8_counts() -> None:
    graph = load_workload("vgg8")
    products = gradient_products(graph)
    assert sum(product.weights for product in products) == 12_973_440
    assert sum(product.macs for product in products) == graph.total_macs() == 615_917_568
    assert sum(product.inputs for product in products) == 290_816
    errors = error_graph(graph)
    assert errors is not None
    back = errors.graph
    assert back.total_macs() == 615_917_568 - graph.macs(graph["conv1"])
    assert 2 * (2 * graph.total_macs() + back.total_macs()) == 3_688_427_520


@given(
    kernel=st.integers(1, 5),
    padding=st.integers(0, 4),
    stride=st.integers(1, 3),
    dilation=st.integers(1, 2),
    out=st.sampled_from([4, 8]),
    groups=st.sampled_from([1, 2, 4]),
)
def test_the_error_of_a_convolution(
    kernel: int, padding: int, stride: int, dilation: int, out: int, groups: int
) -> None:
    op = Conv(
        out=out,
        kernel=(kernel, kernel),
        padding=(padding,) * 4,
        stride=(stride, stride),
        dilation=(dilation, dilation),
        groups=groups,
    )
    graph = one_after_another(Conv(out=4, kernel=(1, 1)), op, 12)
    errors = error_graph(graph)
    assert errors is not None
    back = errors.graph
    product = back["b"]
    assert product.shape == (4 * kernel * kernel, *graph["b"].shape[1:])
    # the same products, from Cout to K K Cin, group by group
    assert back.macs(product) == graph.macs(graph["b"])
    end = back[back.outputs[0]]
    assert end.shape == graph["a"].shape
    if kernel > 1:
        (name,) = errors.overlaps
        assert errors.layers[name] == "b"
        overlap = back[name]
        assert isinstance(overlap.op, Pool)
        assert overlap.op.kernel == (kernel, kernel)
        rows = product.shape[1] + overlap.op.padding[0] + overlap.op.padding[2] - kernel + 1
        assert rows == overlap.shape[1]


@pytest.mark.parametrize(
    "name",
    ["lenet5", "resnet8-cifar10", "resnet18", "squeezenet1.1", "densenet121", "mobilenetv2", "efficientnet-lite0"],
)
def test_shipped_networks_have_a_way_back(name: str) -> None:
    graph = load_workload(name)
    errors = error_graph(graph)
    assert errors is not None
    back = errors.graph
    assert set(errors.layers) == {layer.name for layer in back.layers}
    assert set(errors.layers.values()) <= {layer.name for layer in graph.layers}
    matrices = [layer.name for layer in graph.layers if isinstance(layer.op, Conv | Linear)]
    missing = set(matrices) - {layer.name for layer in back.layers}
    # only layers that read the network's input propagate no error
    assert missing == {name for name in matrices if graph.macs(graph[name]) and not _depends(graph, name)}
    assert back.total_macs() == graph.total_macs() - sum(graph.macs(graph[name]) for name in missing)
    defined: set[str] = set()
    for layer in back.layers:
        assert set(layer.inputs) <= defined, layer.name
        assert layer.name not in defined
        defined.add(layer.name)


def _depends(graph: Graph, name: str) -> bool:
    """Whether a layer's input comes from other weights."""
    todo = [*graph[name].inputs]
    while todo:
        layer = graph[todo.pop()]
        if isinstance(layer.op, Conv | Linear):
            return True
        todo += layer.inputs
    return False


def test_errors_of_a_branch_add_up() -> None:
    errors = error_graph(load_workload("resnet8-cifar10"))
    assert errors is not None
    assert sum(isinstance(layer.op, Add) for layer in errors.graph.layers) >= 3


def test_one_layer_propagates_nothing() -> None:
    layers = (
        Layer(name="x", op=Input(), inputs=(), shape=(8,)),
        Layer(name="f", op=Linear(out=3), inputs=("x",), shape=(3,)),
    )
    graph = Graph(name="one", layers=layers, outputs=("f",))
    assert error_graph(graph) is None
    (product,) = gradient_products(graph)
    assert (product.vectors, product.outputs, product.positions, product.weights) == (8, 3, 1, 24)


def test_no_way_back_is_said() -> None:
    conv = Conv(out=4, kernel=(1, 1))
    base = one_after_another(conv, conv, 4)
    norm = Layer(name="n", op=LocalResponseNorm(size=3), inputs=("a",), shape=(4, 4, 4))
    last = Layer(name="b", op=conv, inputs=("n",), shape=(4, 4, 4))
    graph = Graph(name="lrn", layers=(*base.layers[:2], norm, last), outputs=("b",))
    with pytest.raises(InputError, match="n: has no way back here"):
        error_graph(graph)
