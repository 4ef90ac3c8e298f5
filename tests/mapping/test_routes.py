"""Routes of whole plans, and the kernels behind them, against packets sent one by one."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.config import load_hardware
from archsim.mapper import map_network
from archsim.mapping.kernels import distinct_rows, pair_up, rows_loaded, tile_sets, write_routes
from archsim.mapping.network import Channels, Network
from archsim.workload import load_workload

from .test_network import NETWORKS
from .ways import packets_of, route, router_of


@settings(deadline=None, max_examples=150)
@given(network=st.sampled_from(NETWORKS), chips=st.integers(1, 3), data=st.data())
def test_packets_go_as_the_network_routes_them(network: Network, chips: int, data: st.DataObject) -> None:
    channels = Channels(network=network, chips=chips)
    tile = st.integers(0, channels.tiles - 1)
    sets = data.draw(st.lists(st.sets(tile, max_size=12).map(sorted), min_size=1, max_size=4))
    sets.append([channels.host])  # pictures come from the host, results go to it
    packets = data.draw(
        st.lists(st.tuples(tile | st.just(channels.host), st.integers(0, len(sets) - 1)), min_size=1, max_size=6)
    )
    home, choice = np.array(packets, np.int64).T.copy()
    offset = np.cumsum([0, *map(len, sets)])
    tiles = np.array([tile for one in sets for tile in one], np.int64)
    routers = np.array([*(router_of(network, number) for number in range(channels.tiles)), -network.routers_per_chip])
    topology = network.topology
    channel, bounds, delivered = write_routes(
        topology.neighbour, topology.port, routers, chips, home, choice, tiles, offset
    )
    for number, (source, chosen) in enumerate(packets):
        hops = tuple(channels.hop(c) for c in channel[bounds[number] : bounds[number + 1]].tolist())
        assert hops == route(network, source, sets[chosen], channels.host)
        assert delivered[number] == len(set(sets[chosen]) - {source})


SMALL = {"tile.count": 8, "tile.grid.columns": 4, "tile.grid.rows": 2}


@pytest.mark.parametrize(
    ("hardware", "net", "changes"),
    [
        ("isaac-ce", "resnet8-cifar10", {}),
        ("isaac-8bit", "vgg8", {"mapping.placement": "banded"}),
        ("isaac-8bit", "resnet8-cifar10", SMALL),
        ("puma", "lenet5", {"mapping.placement": "snake"}),
        ("isaac-8bit", "vgg8", {"tile.router.topology": "torus"}),
        ("isaac-8bit", "resnet8-cifar10", {"tile.router.topology": "torus", "tile.router.shared_by": 1, **SMALL}),
        ("isaac-8bit", "resnet8-cifar10", {"tile.router.topology": "ideal", **SMALL}),
    ],
)
def test_every_window_takes_its_route(hardware: str, net: str, changes: dict[str, object]) -> None:
    plan = map_network(load_workload(net), load_hardware(hardware, changes))
    routes = plan.routes
    hops = [routes.channels.hop(number) for number in routes.channel.tolist()]
    taken = [tuple(hops[low:high]) for low, high in zip(routes.offset[:-1], routes.offset[1:], strict=True)]
    expected = list(packets_of(plan))
    flat = [route for packets in expected for route in packets]
    assert [taken[route] for route in routes.route_of.tolist()] == flat
    assert routes.shares.tolist() == np.bincount(routes.route_of, minlength=len(taken)).tolist()
    bounds = zip(routes.first[:-1].tolist(), routes.first[1:].tolist(), strict=True)
    for (low, high), packets in zip(bounds, expected, strict=True):
        assert Counter(taken[low:high]).keys() == Counter(packets).keys()


@given(data=st.data(), most=st.integers(1, 5), width=st.integers(1, 4))
@settings(deadline=None)
def test_distinct_rows_are_those_of_numpy(data: st.DataObject, most: int, width: int) -> None:
    value = st.integers(-1, most - 1)
    rows = np.array(data.draw(st.lists(st.lists(value, min_size=width, max_size=width), min_size=1, max_size=20)))
    found, chosen = distinct_rows(rows, most)
    wanted, inverse = np.unique(rows, axis=0, return_inverse=True)
    assert found.tolist() == wanted.tolist()
    assert chosen.tolist() == inverse.ravel().tolist()


@given(choice=st.lists(st.integers(0, 3), min_size=1, max_size=30), lanes=st.integers(1, 40))
@settings(deadline=None)
def test_windows_pair_up_with_their_lanes(choice: list[int], lanes: int) -> None:
    lane, chosen, shares, pair_of = pair_up(np.array(choice), 4, lanes)
    pairs = [(window % lanes, which) for window, which in enumerate(choice)]
    kinds = list(zip(lane.tolist(), chosen.tolist(), strict=True))
    assert [kinds[pair] for pair in pair_of.tolist()] == pairs
    assert dict(zip(kinds, shares.tolist(), strict=True)) == Counter(pairs)


@given(data=st.data(), copies=st.integers(1, 8))
@settings(deadline=None)
def test_tiles_under_sets_of_copies(data: st.DataObject, copies: int) -> None:
    first = np.array(data.draw(st.lists(st.integers(0, 20), min_size=copies, max_size=copies)))
    last = first + np.array(data.draw(st.lists(st.integers(0, 30), min_size=copies, max_size=copies)))
    sets = data.draw(st.lists(st.sets(st.integers(0, copies - 1)).map(sorted), min_size=1, max_size=5))
    flat = np.array([copy for one in sets for copy in one], np.int64)
    tiles, bounds = tile_sets(flat, np.cumsum([0, *map(len, sets)]), first, last, 51)
    for number, one in enumerate(sets):
        wanted = {tile for copy in one for tile in range(first[copy], last[copy] + 1)}
        assert tiles[bounds[number] : bounds[number + 1]].tolist() == sorted(wanted)


@given(data=st.data(), copies=st.integers(1, 4), arrays=st.integers(1, 10))
@settings(deadline=None)
def test_tiles_load_each_row_set_once(data: st.DataObject, copies: int, arrays: int) -> None:
    row_set = np.array(data.draw(st.lists(st.integers(0, 3), min_size=arrays, max_size=arrays)))
    rows = np.array(data.draw(st.lists(st.integers(1, 9), min_size=4, max_size=4)))
    steps = data.draw(st.lists(st.integers(0, 1), min_size=copies * arrays, max_size=copies * arrays))
    tile = np.cumsum(steps).reshape(copies, arrays)
    loads = [
        sum(int(rows[group]) for group in set(row_set[tile[copy] == number].tolist()))
        for copy in range(copies)
        for number in set(tile[copy].tolist())
    ]
    assert rows_loaded(tile, row_set, rows[row_set]) == (max(loads), sum(loads))
