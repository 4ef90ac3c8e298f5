"""The network against its own formulas, and against PUMA's latency curve (V33); `test_booksim` has the other one."""

from __future__ import annotations

from contextlib import suppress
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.components import Chip, build_chip
from archsim.config import load_hardware
from archsim.mapping.network import Channels, Hop, Network, packet_times
from archsim.timing.compile import hop_latencies
from archsim.timing.machine import Stamps
from archsim.timing.simpy_engine import run_simpy

from ..mapping.ways import Route, place_of, route, router_of  # noqa: TID252
from ..timing.building import Edge, Hops, Stage, build  # noqa: TID252
from .synthetic import Setting, latency

FLIT_PS, ROUTER_PS = 1000, 4000
TILES, PACKET_FLITS = 64, 16


@cache
def chip() -> Chip:
    """PUMA's network: 4 x 4 routers of 4 tiles, flits of 32 bits at 1 GHz, 4 ns a router."""
    changes = {"tile.count": TILES, "tile.grid.columns": 8, "tile.grid.rows": 8}
    return build_chip(load_hardware("puma").replace(changes))


@cache
def numbers(network: Network) -> dict[Hop, int]:
    """Channel numbers of two such chips, by what they stand for."""
    channels, found = Channels(network=network, chips=2), {}
    for number in range(channels.count):
        with suppress(KeyError):  # a link that leads nowhere
            found[channels.hop(number)] = number
    return found


def named(way: Route, bits: int, on: Chip | None = None) -> Hops:
    """Resource, hold and latency of each hop of a packet, as machines are compiled."""
    on = on or chip()
    channel = np.array([numbers(Network.of(on))[hop] for hop in way], np.int64)
    inside, between = packet_times(on, bits)
    hold = np.where([hop.kind == "chip" for hop in way], between, inside)
    channels, offset = Channels(network=Network.of(on), chips=2), np.array([0, len(way)])
    latency = hop_latencies(on, channels, channel, offset, hold)
    return tuple(zip(map(str, way), hold.tolist(), latency.tolist(), strict=True))


def one_packet(hops: Hops) -> int:
    """Time from a packet's setting out to its arrival, on an idle network."""
    stamps = run_simpy(build([Stage("a"), Stage("b")], [Edge("a", "b", routes=(hops,))]))
    return int(stamps.arrive[0] - stamps.write[0])


# ---------------------------------------------------------------------- formulas


@given(source=st.integers(0, 63), target=st.integers(0, 63), flits=st.integers(1, 64))
@settings(deadline=None, max_examples=80)
def test_unloaded_latency_is_routers_times_latency_plus_serialisation(source: int, target: int, flits: int) -> None:
    mesh = Network.of(chip())
    way = route(mesh, source, [target])
    if source == target:
        assert way == ()
        return
    a, b = (place_of(mesh)[router_of(mesh, tile)] for tile in (source, target))
    routers = abs(a[0] - b[0]) + abs(a[1] - b[1]) + 1
    assert one_packet(named(way, 32 * flits)) == routers * ROUTER_PS + flits * FLIT_PS


@pytest.mark.parametrize("bandwidth", ["6.4 GB/s", "1 GB/s"])
def test_unloaded_latency_between_chips(bandwidth: str) -> None:
    """Tile 0 of chip 0 to tile 0 of chip 1 in 512 bits: routers 4 ns, link 5 ns. A mesh link takes 16 ns for them, a
    link between chips 64 B / bandwidth; the last byte is there no sooner than the slowest hop lets it."""
    on = build_chip(load_hardware("puma").replace({"chip.links.bandwidth": bandwidth}))
    way = route(Network.of(on), 0, [on.tiles])
    assert [hop.kind for hop in way] == ["inject", "chip", "eject"]
    took = one_packet(named(way, 512, on))
    if bandwidth == "6.4 GB/s":
        # the link is faster (10 ns): it starts 6 ns after the head, so that it never runs dry; then 16 ns to the tile
        assert took == 4000 + 6000 + 5000 + 16_000
    else:
        # the link is slower (64 ns): the tile's port starts 48 ns after the head
        assert took == 4000 + 5000 + 48_000 + 16_000


def stream(hops: list[Hops], packets: int) -> Stamps:
    """Sources that send packet after packet, each over its own route, to a sink each."""
    names = [f"{number}" for number in range(len(hops))]
    stages = [Stage(f"s{name}", windows=packets, slots=packets) for name in names]
    edges = [Edge(f"s{name}", f"k{name}", routes=(way,), sink=True) for name, way in zip(names, hops, strict=True)]
    return run_simpy(build([*stages, *[Stage(f"k{name}") for name in names]], edges))


@pytest.mark.parametrize("kind", ["inject", "link", "eject"])
def test_peak_throughput_of_a_port_and_of_a_link_is_one_flit_a_cycle(kind: str) -> None:
    """Alone on its way, or two sources that share only the last port or one link: 16 ns a packet in all."""
    mesh = Network.of(chip())
    ways = {"inject": [(0, 8)], "link": [(0, 4), (1, 5)], "eject": [(0, 8), (12, 8)]}[kind]
    routes = [named(route(mesh, a, [b]), 512) for a, b in ways]
    stamps = stream(routes, 40)
    arrivals = np.sort(stamps.arrive)
    assert (np.diff(arrivals)[5:] == PACKET_FLITS * FLIT_PS).all()
    first = [name for name, _, _ in routes[0] if name.startswith(kind)]
    assert all(first[-1] in [name for name, _, _ in way] for way in routes)


def test_peak_throughput_between_chips_is_the_bandwidth() -> None:
    """Four tiles of one router feed the link faster than it goes: 64 B in 10 ns are 6.4 GB/s."""
    on = build_chip(load_hardware("puma"))
    mesh = Network.of(on)
    stamps = stream([named(route(mesh, tile, [on.tiles + tile]), 512, on) for tile in range(4)], 20)
    assert (np.diff(np.sort(stamps.arrive))[5:-5] == 10_000).all()


def test_a_multicast_passes_each_link_once_and_every_port() -> None:
    mesh = Network.of(chip())
    targets = [4, 5, 8, 17]
    way = route(mesh, 0, targets)
    links = [hop for hop in way if hop.kind == "link"]
    assert len(links) == len(set(links))
    assert sorted(hop.end for hop in way if hop.kind == "eject") == targets
    # complete at the last tile after all links, and a picosecond for each port that took a copy on the way
    assert one_packet(named(way, 512)) == (1 + len(links)) * ROUTER_PS + 3 + PACKET_FLITS * FLIT_PS


# ---------------------------------------------------------------------- V33


PUMA_LATENCY = {0.001: 29, 0.005: 31, 0.01: 34, 0.02: 54, 0.025: 115}
"""puma-simulator (commit 626ed38), include/constants.py, noc_lat_dict: mean packet latency in cycles by injection rate
in packets per cycle and tile; n = 2 dimensions, k = 4, c = 4 tiles a router. A packet is 16 values ("1 packet - 16
neurons", "16*2 Bytes" there) of 16 bits."""
PUMA_FLITS = 16 * 16 // 32
"""In flits of 32 bits, ISAAC's (Table I), from which PUMA takes its network."""


def puma(rate: float, flits: int = PUMA_FLITS, packets: int = 1000) -> float:
    """Mean latency [cycles] at so many packets a cycle and tile.

    6 cycles a router and link are the defaults of BookSim 2, which PUMA names as its tool: 4 a router, 2 a link of a
    concentrated mesh.
    """
    setting = Setting(topology="mesh", side=4, tiles=2, flits=flits, router_cycles=6)
    return latency(setting, "uniform", rate * flits, packets)


@pytest.mark.parametrize("rate", [0.001, 0.005, 0.01])
def test_latency_is_pumas_up_to_a_third_of_the_bisection(rate: float) -> None:
    """V33, tolerance 10 %. At zero load 3.5 routers of 6 cycles and 8 flits give PUMA's 29 cycles."""
    assert puma(rate) == pytest.approx(PUMA_LATENCY[rate], rel=0.1)


def test_a_mesh_saturates_at_its_bisection_and_pumas_rates_lie_below() -> None:
    """Half of all packets of the 8 tiles left of a row's middle cross its one link: 4 x flits x rate flits a cycle, so
    packets of 8 flits saturate the mesh at 1/32, and PUMA's five rates are below. Packets of 16 flits, as which its 16
    values could be read, would at 1/64, and two of its rates lie above."""
    for flits in (8, 16):
        bound = 1 / (4 * flits)
        assert puma(0.9 * bound, flits) < 250
        assert puma(1.25 * bound, flits, 800) > 1.5 * puma(1.25 * bound, flits, 400) > 2 * puma(0.9 * bound, flits)
    assert max(PUMA_LATENCY) < 1 / 32
    assert sum(rate > 1 / 64 for rate in PUMA_LATENCY) == 2


def test_near_saturation_unlimited_queues_wait_less_than_pumas_routers() -> None:
    """At 0.02 and 0.025, 64 % and 80 % of the bound, PUMA's 54 and 115 cycles are of routers whose buffers it does not
    publish; packets in unlimited queues take 0.73 and 0.42 times as long. The curve bends upwards as PUMA's does."""
    curve = [puma(rate) for rate in PUMA_LATENCY]
    slopes = np.diff(curve) / np.diff(list(PUMA_LATENCY))
    assert (np.diff(slopes) > 0).all()
    assert 0.65 < curve[-2] / PUMA_LATENCY[0.02] < 0.8
    assert 0.35 < curve[-1] / PUMA_LATENCY[0.025] < 0.5
