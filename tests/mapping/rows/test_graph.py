"""A row order moved into the columns of the layer before leaves the network as it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from archsim.errors import InputError
from archsim.function.inference.infer import infer
from archsim.function.quantization.calibrate import calibrate
from archsim.function.quantization.network import Precision
from archsim.function.quantization.quantize import quantize
from archsim.function.reference.run import run_float
from archsim.mapping.rows import permute_producer, producer_of
from archsim.workload import Graph, load_workload, seeded_weights
from archsim.workload.graph import Conv, Linear, Pool, Reshape
from tests.function.nets import RELU, Builder, square


def chain() -> Graph:
    net = Builder((3, 4, 4))
    net.add("c1", square(6), "x")
    net.add("c1.r", RELU, "c1")
    net.add("c2", square(5, kernel=1, padding=0), "c1.r")
    net.add("c2.r", RELU, "c2")
    net.add("p", Pool(function="average", kernel=(4, 4), stride=(4, 4)), "c2.r")
    net.add("flat", Reshape(), "p", target=(5,))
    net.add("f1", Linear(out=7), "flat")
    net.add("f1.r", RELU, "f1")
    net.add("f2", Linear(out=4), "f1.r")
    return net.graph("f2", seed=3)


@pytest.mark.parametrize(("layer", "before"), [("f2", "f1"), ("f1", "c2"), ("c2", "c1")])
def test_the_permuted_network_is_the_same_network(layer: str, before: str) -> None:
    graph = chain()
    way = producer_of(graph, layer)
    assert way[0] == before
    rows = graph.parameters[before].weight.shape[0]
    order = np.random.default_rng(0).permutation(rows)
    moved = permute_producer(graph, layer, order)
    assert not np.array_equal(moved.parameters[layer].weight, graph.parameters[layer].weight)
    np.testing.assert_array_equal(moved.parameters[layer].weight, graph.parameters[layer].weight[:, order])
    x = np.random.default_rng(1).standard_normal((3, 3, 4, 4)).astype(np.float32)
    plain, after = (run_float(item, x, [before, "f2"]) for item in (graph, moved))
    np.testing.assert_allclose(after["f2"], plain["f2"], rtol=1e-5, atol=1e-6)  # sums in another order
    np.testing.assert_array_equal(after[before], plain[before][:, order])


def test_layers_whose_rows_are_no_columns_are_refused() -> None:
    lenet = seeded_weights(load_workload("lenet5"), 0)
    assert producer_of(lenet, "output")[0] == "f6"
    assert producer_of(lenet, "c5") == ()  # rows are channels times positions
    assert producer_of(lenet, "c3") == ()  # kernels of 5x5
    resnet = seeded_weights(load_workload("resnet8-cifar10"), 0)
    shortcut = next(layer.name for layer in resnet.layers if isinstance(layer.op, Conv) and layer.op.kernel == (1, 1))
    assert producer_of(resnet, shortcut) == ()  # its input has another reader
    with pytest.raises(InputError, match="indirection table"):
        permute_producer(lenet, "c5", np.arange(400))


def test_in_integers_the_permuted_network_is_the_same_bit_for_bit() -> None:
    graph = chain()
    x = np.random.default_rng(1).standard_normal((20, 3, 4, 4)).astype(np.float32)
    ranges = calibrate(graph, [x])
    moved = permute_producer(graph, "f2", np.random.default_rng(0).permutation(7))
    precision = Precision(input_bits=2, weight_bits=1)
    plain, after = (
        infer(quantize(item, replace(ranges, means={}), precision=precision, weights="binary"), x, keep=["f1.r"])
        for item in (graph, moved)
    )
    np.testing.assert_array_equal(after.logits, plain.logits)
    assert not np.array_equal(after.tensors["f1.r"], plain.tensors["f1.r"])
