"""What follows for whole networks from ISAAC's published rules, simulated with links, buses and buffers as they are.

ISAAC's per-network throughputs are figures that could not be read, so there is no published images per second to meet.
What is published: a window enters a copy every 16 cycles of 100 ns (Fig. 4b); transfers are statically scheduled on
links of 32 bits at 1 GHz that suffice, and no more than 3.2 GB/s is needed between tiles (Sec. VIII-A), read here as
what one tile sends or receives. It follows that the pipeline's interval is that of its slowest layer, windows / copies
x 1.6 us, and that this is what a machine with real links must reach. Copy counts are archsim's own (both policies); the
networks are chains of the VGG kind that the paper evaluates, without residual adds, for which ISAAC has no unit.
"""

from __future__ import annotations

from functools import cache
from math import ceil

import pytest

import archsim
from archsim.mapping import Plan
from archsim.mapping.load import network_load
from archsim.result import Result

WINDOW_S = 16 * 100e-9
OFF_TILE = 3.2e9
"""Bytes per second between tiles at most (Sec. VIII-A)."""
CASES = [
    ("vgg8", "balanced"),
    ("vgg8", "isaac"),
    ("vgg16", "balanced"),
    ("vgg16", "isaac"),
    ("vgg19", "balanced"),
    ("alexnet", "balanced"),
]


@cache
def mapped(net: str, policy: str) -> tuple[Plan, Result]:
    hardware = archsim.load_hardware("isaac-ce", {"mapping.replication": policy})
    plan = archsim.map_network(archsim.load_workload(net), hardware)
    return plan, archsim.simulate(plan, images=4, engine="kernel")


@pytest.mark.parametrize(("net", "policy"), CASES)
def test_the_slowest_layer_sets_the_pace_and_the_network_keeps_up(net: str, policy: str) -> None:
    """0.1 %: the interval is a mean over the images in flight of a stream of four."""
    plan, run = mapped(net, policy)
    slowest = max(ceil(mapped.windows / mapped.replication) for mapped in plan if mapped.grid is not None)
    assert run.totals.interval_s == pytest.approx(slowest * WINDOW_S, rel=1e-3)
    assert run.bottleneck.kind == "crossbars"
    router = plan.chip.tile.router
    bytes_per_ps = router.flit_rate * router.flit_bits / 8 * 1e-12
    rates = network_load(plan).ports * bytes_per_ps / (slowest * WINDOW_S)
    assert 0.2e9 < rates.max() <= OFF_TILE


def test_layer_after_layer_the_claim_does_not_hold() -> None:
    """On a plain snake, VGG-16's first mesh link alone needs twice the time."""
    hardware = archsim.load_hardware("isaac-ce", {"mapping.placement": "snake"})
    run = archsim.simulate(archsim.map_network(archsim.load_workload("vgg16"), hardware), images=4, engine="kernel")
    assert run.bottleneck.kind == "link"
    balanced = mapped("vgg16", "balanced")[1].totals.interval_s
    assert run.totals.interval_s is not None
    assert balanced is not None
    assert run.totals.interval_s > 2 * balanced
