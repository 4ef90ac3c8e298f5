"""Pictures that come from a host over the chip's links, and results that go back."""

from __future__ import annotations

import pytest

import archsim
from archsim.mapping.load import network_load
from archsim.mapping.stages import build_stages
from archsim.simulation import simulate

from .ways import packets_of


def run(net: str, hardware: str, **changes: object) -> archsim.Result:
    chip = archsim.load_hardware(hardware).replace({"chip.input": "links", "mapping.timings": 0, **changes})
    return simulate(archsim.map_network(archsim.load_workload(net), chip), engine="kernel")


def test_a_row_is_a_window_of_the_host() -> None:
    graph = archsim.load_workload("resnet18")
    stages = build_stages(graph, ports=True)
    first, last = stages[0], stages[-1]
    assert (first.kind, first.windows, first.values_out) == ("input", 224, 3 * 224)
    assert (last.kind, last.windows, last.values_out) == ("output", 1, 0)
    assert [stage.name for stage in stages[1:-1]] == [
        stage.name for stage in build_stages(archsim.load_workload("resnet18"))
    ]


@pytest.mark.parametrize("hardware", ["isaac-ce", "isaac-8bit", "puma"])
def test_the_hosts_link_carries_the_picture_and_the_result(hardware: str) -> None:
    """A picture's bytes at the link's bandwidth, row by row (Shafiee 2016, Table I: 6.4 GB/s)."""
    graph = archsim.load_workload("resnet18")
    chip = archsim.load_hardware(hardware).replace({"chip.input": "links", "mapping.timings": 0})
    plan = archsim.map_network(graph, chip)
    load, width = network_load(plan).by_name(), plan.slicing.input_bits
    bandwidth = plan.chip.links.bandwidth
    assert load["chip host->0"] * 1e-12 == pytest.approx(3 * 224 * 224 * width / 8 / bandwidth, rel=1e-4)
    assert load["chip 0->host"] * 1e-12 == pytest.approx(1000 * width / 8 / bandwidth, rel=1e-4)


def test_packets_of_the_host_go_as_the_rule_says() -> None:
    hardware = archsim.load_hardware("isaac-8bit").replace({"chip.input": "links", "mapping.timings": 0})
    plan = archsim.map_network(archsim.load_workload("resnet8-cifar10"), hardware)
    for number, (edge, expected) in enumerate(zip(plan.edges, packets_of(plan), strict=True)):
        routes = plan.routes
        before = sum(plan.stages[one.source].windows for one in plan.edges[:number])
        for window, way in enumerate(expected):
            route = int(routes.route_of[before + window])
            hops = routes.channel[routes.offset[route] : routes.offset[route + 1]]
            assert tuple(routes.channels.hop(int(hop)) for hop in hops) == way, (edge, window)


def test_first_windows_wait_for_their_rows() -> None:
    waiting, there = run("lenet5", "isaac-ce"), run("lenet5", "isaac-ce", **{"chip.input": "on_chip"})
    first = {layer.name: layer.start_s for layer in waiting.layers}
    # the first window lies in two rows of padding and three of 28 pixels of 2 bytes, which come one after the other
    assert first["c1"] >= 3 * 28 * 2 / 6.4e9 + 5e-9
    assert {layer.name: layer.start_s for layer in there.layers}["c1"] == 0
    assert waiting.totals.latency_s > there.totals.latency_s
    assert waiting.totals.macs == there.totals.macs


def test_engines_agree_where_pictures_arrive() -> None:
    chip = archsim.load_hardware("isaac-ce").replace({"chip.input": "links", "mapping.timings": 0})
    plan = archsim.map_network(archsim.load_workload("lenet5"), chip)
    one, two = (simulate(plan, engine=engine, images=3) for engine in ("simpy", "kernel"))
    assert one.totals.latency_s == two.totals.latency_s
    assert [layer.end_s for layer in one.layers] == [layer.end_s for layer in two.layers]
