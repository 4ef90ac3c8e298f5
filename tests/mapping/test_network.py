from __future__ import annotations

from dataclasses import replace
from graphlib import TopologicalSorter
from itertools import pairwise, permutations
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.components import build_chip
from archsim.config import load_hardware
from archsim.config.model import Router
from archsim.mapper import map_network
from archsim.mapping.network import Channels, Network
from archsim.mapping.topology import TOPOLOGIES
from archsim.workload import load_workload

from .ways import Route, path, place_of, route, router_of, walk

MESH = Network(columns=7, routers_per_chip=42, tiles_per_chip=168, tiles_per_router=4)
RAGGED = Network(columns=4, routers_per_chip=10, tiles_per_chip=39, tiles_per_router=4)
BANDED = replace(MESH, band_rows=3)
RAGGED_BANDS = Network(columns=4, routers_per_chip=18, tiles_per_chip=72, tiles_per_router=4, band_rows=3)
# the last column of the last band is filled in part, where the snake goes up
RAGGED_COLUMN = Network(columns=4, routers_per_chip=19, tiles_per_chip=19, tiles_per_router=1, band_rows=3)
MESHES = [MESH, RAGGED, BANDED, RAGGED_BANDS, replace(RAGGED, band_rows=2), RAGGED_COLUMN]
TORI = [replace(mesh, family="torus") for mesh in MESHES]
RINGS = Network(columns=6, routers_per_chip=30, tiles_per_chip=30, tiles_per_router=1, family="torus")
IDEAL = Network(columns=1, routers_per_chip=1, tiles_per_chip=39, tiles_per_router=39, family="ideal")
NETWORKS = [*MESHES, *TORI, RINGS, replace(RINGS, columns=2, routers_per_chip=7, tiles_per_chip=7), IDEAL]
networks = pytest.mark.parametrize("network", NETWORKS, ids=lambda one: f"{one.family}-{one.routers_per_chip}")


def adjacent(network: Network, here: int, there: int) -> bool:
    """Whether two routers of a chip are to be joined."""
    (row, column), (next_row, next_column) = place_of(network)[here], place_of(network)[there]
    if abs(row - next_row) + abs(column - next_column) == 1:
        return True
    if network.family != "torus" or (row != next_row and column != next_column) or here == there:
        return False
    same = column == next_column
    line = [r if same else c for r, c in place_of(network) if (c == column if same else r == row)]
    ends = {row, next_row} if same else {column, next_column}
    return len(line) > 2 and ends == {min(line), max(line)}


def by_table(network: Network, start: int, end: int) -> list[int]:
    """Routers that the next-hop table names one after the other, on one chip."""
    topology, found = network.topology, [start]
    while found[-1] != end:
        found.append(int(topology.neighbour[found[-1], topology.port[found[-1], end]]))
    return found


@given(network=st.sampled_from(NETWORKS), data=st.data())
def test_routes_are_connected_and_reach_every_tile(network: Network, data: st.DataObject) -> None:
    tiles = 3 * network.tiles_per_chip
    source = data.draw(st.integers(0, tiles - 1))
    targets = data.draw(st.lists(st.integers(0, tiles - 1), min_size=1, max_size=6))
    taken = route(network, source, targets)
    away = {tile for tile in targets if tile != source}
    if not away:
        assert taken == ()
        return
    assert taken[0].kind == "inject"
    assert taken[0].start == source
    assert taken[-1].kind == "eject"
    assert sorted(hop.end for hop in taken if hop.kind == "eject") == sorted(away)
    here = router_of(network, source)
    visited = {here}
    for hop in taken[1:]:
        if hop.kind == "eject":
            assert hop.start == here == router_of(network, hop.end)
        elif hop.kind == "chip":
            assert here == hop.start * network.routers_per_chip
            assert abs(hop.start - hop.end) == 1
            here = hop.end * network.routers_per_chip
        else:
            assert hop.start == here
            chips, places = zip(*(divmod(end, network.routers_per_chip) for end in (hop.start, hop.end)), strict=True)
            assert chips[0] == chips[1]
            assert adjacent(network, *places)
            here = hop.end
        visited.add(here)
    assert {router_of(network, tile) for tile in away} <= visited


@networks
def test_the_next_hop_table_is_the_rule(network: Network) -> None:
    """Every pair of routers: the same way as the oracle's, of as many hops as `hops_from` says."""
    for start in range(network.routers_per_chip):
        ways = [by_table(network, start, end) for end in range(network.routers_per_chip)]
        assert ways == [walk(network, start, end) for end in range(network.routers_per_chip)]
        assert network.topology.hops_from(start).tolist() == [len(way) - 1 for way in ways]


def distances(network: Network) -> np.ndarray:
    """Fewest links between any two routers of a chip."""
    count = network.routers_per_chip
    found = np.full((count, count), count)
    np.fill_diagonal(found, 0)
    for here, there in permutations(range(count), 2):
        if adjacent(network, here, there):
            found[here, there] = 1
    for middle in range(count):
        found = np.minimum(found, found[:, [middle]] + found[[middle], :])
    return found


@pytest.mark.parametrize("network", [*MESHES, TORI[0], RINGS, IDEAL])
def test_ways_are_shortest(network: Network) -> None:
    """On every mesh, however ragged, on full tori and on one router."""
    hops = [network.topology.hops_from(router).tolist() for router in range(network.routers_per_chip)]
    assert hops == distances(network).tolist()


@pytest.mark.parametrize("network", MESHES)
def test_packets_to_one_tile_cannot_deadlock_on_a_mesh(network: Network) -> None:
    """No cycle of links of which each is followed by the next on some way; `TopologicalSorter` raises on one."""
    waits = TopologicalSorter()
    for ends in permutations(range(network.routers_per_chip), 2):
        links = list(pairwise(by_table(network, *ends)))
        for one, following in pairwise(links):
            waits.add(one, following)
    waits.prepare()


def test_links_of_a_ring_carry_the_same() -> None:
    """Uniform traffic on a torus of 4 x 4: each router sends 15 packets of 2 links and more, over 4 links each."""
    torus = Network(columns=4, routers_per_chip=16, tiles_per_chip=16, tiles_per_router=1, family="torus")
    load = np.zeros_like(torus.topology.neighbour)
    for start, end in permutations(range(16), 2):
        for here in by_table(torus, start, end)[:-1]:
            load[here, torus.topology.port[here, end]] += 1
    assert (load == 8).all()


def test_snake_neighbours_are_mesh_neighbours() -> None:
    for mesh in (MESH, RAGGED, BANDED):
        for here, there in pairwise(range(mesh.routers_per_chip)):
            assert adjacent(mesh, here, there)


def test_bands_make_patches() -> None:
    """Nine routers in a row of numbers: a 3 x 3 patch, or more than one line of seven."""
    assert BANDED.places[:4].tolist() == [[0, 0], [1, 0], [2, 0], [2, 1]]
    assert set(place_of(BANDED)[:9]) == {(row, column) for row in range(3) for column in range(3)}


@pytest.mark.parametrize("band_rows", [1, 2, 3, 4])
def test_rows_and_columns_have_no_gaps(band_rows: int) -> None:
    for columns in range(1, 7):
        for routers in range(1, 40):
            network = Network(
                columns=columns, routers_per_chip=routers, tiles_per_chip=routers, tiles_per_router=1,
                band_rows=band_rows,
            )  # fmt: skip
            places = set(place_of(network))
            assert len(places) == routers
            for row, column in places:
                assert row == 0 or (row - 1, column) in places
                assert 0 <= column < columns
                assert {(row, c) for c in range(column) if (row, c) in places} in (
                    {(row, c) for c in range(low, column)} for low in range(column + 1)
                )


def test_packets_cross_every_chip_on_their_way() -> None:
    assert [hop.end for hop in route(MESH, 0, [168 * 2 + 3]) if hop.kind == "chip"] == [1, 2]
    assert all(hop.kind != "chip" for hop in route(MESH, 0, [100]))
    assert path(IDEAL, 0, 2) == [0, 1, 2]


@given(network=st.sampled_from(NETWORKS), chips=st.integers(1, 3))
def test_every_channel_has_one_number(network: Network, chips: int) -> None:
    channels, hops = Channels(network=network, chips=chips), {}
    for number in range(channels.count):
        try:
            hop = channels.hop(number)
        except KeyError:
            assert channels.downstream[number] == -1
            assert channels.links <= number  # no router, or no chip, on that side
            continue
        assert hop not in hops
        hops[hop] = number
    numbers = np.array(list(hops.values()))
    kinds = [hop.kind for hop in hops]
    assert channels.routers[:-1].tolist() == [router_of(network, tile) for tile in range(channels.tiles)]
    assert channels.ejects(numbers).tolist() == [kind == "eject" for kind in kinds]
    assert channels.between_chips(numbers).tolist() == [kind == "chip" for kind in kinds]
    assert kinds.count("inject") == kinds.count("eject") == chips * network.tiles_per_chip == channels.tiles
    assert kinds.count("chip") == 2 * chips  # the host is one more at the near end
    links = [hop for hop in hops if hop.kind == "link"]
    per_chip = network.routers_per_chip
    assert all(adjacent(network, hop.start % per_chip, hop.end % per_chip) for hop in links)
    joined = sum(adjacent(network, *ends) for ends in permutations(range(per_chip), 2))
    assert len(links) == chips * joined == chips * network.topology.links


@given(network=st.sampled_from(NETWORKS), data=st.data())
def test_a_channel_leads_to_the_router_that_the_next_one_leaves(network: Network, data: st.DataObject) -> None:
    channels = Channels(network=network, chips=2)
    tile = st.integers(0, channels.tiles - 1)
    numbers = {channels.hop(number): number for number in np.flatnonzero(channels.downstream >= 0).tolist()}
    taken: Route = route(network, data.draw(tile), [data.draw(tile)])
    for hop, following in pairwise(taken):
        start = following.start * (network.routers_per_chip if following.kind == "chip" else 1)
        assert channels.downstream[numbers[hop]] == start


def test_the_network_of_a_chip_follows_its_file() -> None:
    def of(**changes: object) -> Network:
        at = {f"tile.router.{name}": value for name, value in changes.items()}
        return Network.of(build_chip(load_hardware("isaac-ce", at)))

    assert of() == BANDED
    assert of(topology="torus") == replace(BANDED, family="torus")
    assert of(shared_by=1).routers_per_chip == 168
    assert of(topology="ideal").topology.links == 0
    assert of(topology="ideal").routers_per_chip == 1


def test_every_topology_can_be_chosen() -> None:
    assert set(get_args(Router.model_fields["topology"].annotation)) == set(TOPOLOGIES)


@pytest.mark.parametrize("family", list(TOPOLOGIES))
def test_a_plan_says_that_an_ideal_network_is_none(family: str) -> None:
    plan = map_network(load_workload("lenet5"), load_hardware("isaac-8bit", {"tile.router.topology": family}))
    assert any("ideal is a bound" in note for note in plan.notes) == (family == "ideal")
