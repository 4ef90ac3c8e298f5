"""Predicted load of the network: against routes summed hop by hop, and against what runs count."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.config import load_hardware
from archsim.mapper import map_network
from archsim.mapping import Plan
from archsim.mapping.digital import UNITS
from archsim.mapping.load import mean_link_ps, network_load
from archsim.mapping.network import packet_times
from archsim.mapping.topology import TOPOLOGIES
from archsim.mapping.traffic import edge_bits
from archsim.timing.compile import compile_machine
from archsim.timing.kernel_engine import run_kernel
from archsim.workload import load_workload

from .nets import fire, residual
from .ways import packets_of, sums_of


def by_routes(plan: Plan) -> dict[str, int]:
    """Oracle: every packet on its way, hop by hop."""
    found: Counter[str] = Counter()
    for edge, packets in zip(plan.edges, packets_of(plan), strict=True):
        on_mesh, between = packet_times(plan.chip, edge_bits(plan, edge))
        for route, share in Counter(packets).items():
            for hop in route:
                found[str(hop)] += share * (between if hop.kind == "chip" else on_mesh)
    for _, _, legs in sums_of(plan):
        for route, bits in legs:
            on_mesh, between = packet_times(plan.chip, bits)
            for hop in route:
                found[str(hop)] += between if hop.kind == "chip" else on_mesh
    return dict(found)


PLACEMENTS = ["snake", "banded", "interleaved"]


@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize(
    ("hardware", "net"), [("isaac-ce", "vgg8"), ("isaac-ce", "vgg16"), ("isaac-8bit", "resnet18"), ("puma", "resnet18")]
)
def test_load_is_the_sum_over_all_routes(hardware: str, net: str, placement: str) -> None:
    plan = map_network(load_workload(net), load_hardware(hardware, {"mapping.placement": placement}))
    assert network_load(plan).by_name() == by_routes(plan)


@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_runs_count_what_the_placement_predicts(data: st.DataObject) -> None:
    """Small chips, most of them ragged, so that nets spread over several of them."""
    graph = data.draw(st.sampled_from([residual(8), residual(5), fire(6)]))
    images = data.draw(st.integers(1, 3))
    columns, rows = data.draw(st.sampled_from([(5, 1), (2, 2), (6, 1), (5, 3)]))
    hardware = load_hardware(
        "isaac-8bit",
        {
            "tile.grid.columns": columns,
            "tile.grid.rows": rows,
            "tile.count": columns * rows,
            "ima.count": 1,
            "ima.crossbar.count": 1,
            "ima.dac.count": 128,
            "ima.sample_hold.count": 128,
            "ima.adc.count": 1,
            "mapping.replication": data.draw(st.sampled_from(["balanced", "none"])),
            "tile.router.shared_by": data.draw(st.sampled_from([1, 4])),
            "tile.router.topology": data.draw(st.sampled_from(list(TOPOLOGIES))),
            "mapping.placement": data.draw(st.sampled_from(PLACEMENTS)),
        },
    )
    plan = map_network(graph, hardware)
    expected = {name: load * images for name, load in network_load(plan).by_name().items()}
    machine = compile_machine(plan, images)
    stamps = run_kernel(machine)
    counted = {
        name: int(busy)
        for name, busy in zip(machine.resource_names, stamps.resource_busy, strict=True)
        if busy and name.split()[0] not in ("bus", *UNITS)
    }
    assert counted == expected


@pytest.mark.parametrize(("topology", "links"), [("mesh", 2 * (6 * 6 + 7 * 5)), ("torus", 4 * 42), ("ideal", 0)])
def test_mean_load_is_over_the_links_there_are(topology: str, links: int) -> None:
    """7 x 6 routers: 6 x 6 links across and 7 x 5 down, both ways; on a torus four a router."""
    plan = map_network(load_workload("vgg8"), load_hardware("isaac-ce", {"tile.router.topology": topology}))
    load = network_load(plan)
    total = sum(busy for name, busy in load.by_name().items() if name.startswith("link"))
    assert (total > 0) == (links > 0)
    assert mean_link_ps(load) == pytest.approx(total / max(1, plan.chips * links))
