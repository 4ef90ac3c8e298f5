"""Steps: what rides along, what shares a format, what the host reads."""

from __future__ import annotations

import pytest

from archsim.function.quantization.steps import plan_steps, read_out, shared_formats
from archsim.mapping.stages import build_stages
from archsim.workload import load_workload
from archsim.workload.graph import Activation, Add, Concat, GlobalPool, Pool, Reshape
from tests.function.nets import RELU, Builder, everything, square


def test_element_wise_layers_ride_along_only_when_nobody_else_reads_the_raw_value() -> None:
    net = Builder((3, 8, 8))
    net.add("a", square(4), "x")
    net.add("a.r", RELU, "a")
    net.add("b", square(4), "a.r")
    net.add("b.r", RELU, "b")
    net.add("s", Add(), "b", "b.r")  # reads the raw value too
    net.add("s.r", RELU, "s")
    steps = {step.tensor: step for step in plan_steps(net.graph("s.r"))}
    assert list(steps) == ["a.r", "b", "b.r", "s.r"]
    assert [layer.name for layer in steps["a.r"].fused] == ["a.r"]
    assert steps["b"].fused == ()
    assert steps["b.r"].layer.op == Activation(function="relu")


def test_a_network_output_is_never_hidden_inside_a_step() -> None:
    net = Builder((3, 8, 8))
    net.add("a", square(4), "x")
    net.add("a.r", RELU, "a")
    assert [step.tensor for step in plan_steps(net.graph("a", "a.r"))] == ["a", "a.r"]


@pytest.mark.parametrize("name", ["resnet8-cifar10", "squeezenet1.1", "densenet121", "googlenet", "mobilenetv2"])
def test_fusion_is_the_mappings(name: str) -> None:
    graph = load_workload(name)
    computing = [(step.layer.name, step.tensor) for step in plan_steps(graph) if not step.is_wiring]
    assert sorted(computing) == sorted((stage.name, stage.tensor) for stage in build_stages(graph))


def test_wiring_and_max_pools_share_formats() -> None:
    net = Builder((3, 8, 8))
    net.add("a", square(4), "x")
    net.add("b", square(4), "x")
    net.add("cat", Concat(), "a", "b")
    net.add("mp", Pool(function="max", kernel=(2, 2)), "cat")
    net.add("c", square(4), "mp")
    net.add("d", square(4), "c")
    sets = shared_formats(plan_steps(net.graph("d")), ["x"])
    assert set(sets) == {frozenset({"x"}), frozenset({"a", "b", "cat", "mp"}), frozenset({"c"})}
    sets = shared_formats(plan_steps(everything()), ["x"])
    # a scale rides along with everything's max pool, so its output has a format of its own
    assert frozenset({"e1.r", "e3", "cat"}) in sets
    assert frozenset({"x"}) in sets
    assert sum(len(members) for members in sets) == len(frozenset().union(*sets))


def test_what_only_the_host_reads_is_read_out_wide() -> None:
    assert read_out(plan_steps(everything())) == {"fc", "prob"}
    net = Builder((3, 8, 8))
    net.add("a", square(4), "x")
    net.add("p", GlobalPool(function="average"), "a")
    net.add("f", Reshape(), "p", target=(4,))
    assert read_out(plan_steps(net.graph("f"))) == {"p", "f"}
    net.add("q", square(4), "a")
    net.add("m", Pool(function="max", kernel=(2, 2)), "q")
    net.add("c", Concat(), "m", "m")
    # an integer operation (a maximum) reads q
    assert read_out(plan_steps(net.graph("f", "c"))) == {"p", "f", "m", "c"}
