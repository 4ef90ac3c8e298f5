from __future__ import annotations

from dataclasses import replace
from itertools import pairwise, permutations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from archsim.mapping.network import Channels, Mesh

MESH = Mesh(columns=7, routers_per_chip=42, tiles_per_chip=168, tiles_per_router=4)
RAGGED = Mesh(columns=4, routers_per_chip=10, tiles_per_chip=39, tiles_per_router=4)
BANDED = replace(MESH, band_rows=3)
RAGGED_BANDS = Mesh(columns=4, routers_per_chip=18, tiles_per_chip=72, tiles_per_router=4, band_rows=3)
MESHES = [MESH, RAGGED, BANDED, RAGGED_BANDS, replace(RAGGED, band_rows=2)]


def adjacent(mesh: Mesh, here: int, there: int) -> bool:
    (row, column), (next_row, next_column) = mesh.coordinates(here), mesh.coordinates(there)
    return abs(row - next_row) + abs(column - next_column) == 1


@given(mesh=st.sampled_from(MESHES), data=st.data())
def test_routes_are_connected_and_reach_every_tile(mesh: Mesh, data: st.DataObject) -> None:
    tiles = 3 * mesh.tiles_per_chip
    source = data.draw(st.integers(0, tiles - 1))
    targets = data.draw(st.lists(st.integers(0, tiles - 1), min_size=1, max_size=6))
    route = mesh.route(source, targets)
    away = {tile for tile in targets if tile != source}
    if not away:
        assert route == ()
        return
    assert route[0].kind == "inject"
    assert route[0].start == source
    assert route[-1].kind == "eject"
    assert sorted(hop.end for hop in route if hop.kind == "eject") == sorted(away)
    visited = {mesh.router_of(source)}
    here = mesh.router_of(source)
    for hop in route[1:]:
        if hop.kind == "eject":
            assert hop.start == here == mesh.router_of(hop.end)
        elif hop.kind == "chip":
            assert here == hop.start * mesh.routers_per_chip
            assert abs(hop.start - hop.end) == 1
            here = hop.end * mesh.routers_per_chip
        else:
            assert hop.start == here
            assert adjacent(mesh, hop.start, hop.end)
            assert 0 <= hop.end % mesh.routers_per_chip < mesh.routers_per_chip
            here = hop.end
        visited.add(here)
    assert {mesh.router_of(tile) for tile in away} <= visited


def test_unicast_takes_the_shortest_way() -> None:
    for source, target in ((0, 167), (5, 100), (60, 61), (0, 4)):
        a, b = MESH.coordinates(MESH.router_of(source)), MESH.coordinates(MESH.router_of(target))
        distance = abs(a[0] - b[0]) + abs(a[1] - b[1])
        route = MESH.route(source, [target])
        assert len(route) == distance + 2
        assert sum(hop.kind != "eject" for hop in route) == distance + 1


def test_snake_neighbours_are_mesh_neighbours() -> None:
    for mesh in (MESH, RAGGED, BANDED):
        for here, there in pairwise(range(mesh.routers_per_chip)):
            assert adjacent(mesh, here, there)


def test_bands_make_patches() -> None:
    """Nine routers in a row of numbers: a 3 x 3 patch, or more than one line of seven."""
    assert [BANDED.coordinates(router) for router in range(4)] == [(0, 0), (1, 0), (2, 0), (2, 1)]
    assert {BANDED.coordinates(router) for router in range(9)} == {
        (row, column) for row in range(3) for column in range(3)
    }
    for mesh in MESHES:
        places = [mesh.coordinates(router) for router in range(mesh.routers_per_chip)]
        assert len(set(places)) == mesh.routers_per_chip
        assert [mesh.at(0, *place) for place in places] == list(range(mesh.routers_per_chip))


def test_packets_cross_every_chip_on_their_way() -> None:
    assert [hop.end for hop in MESH.route(0, [168 * 2 + 3]) if hop.kind == "chip"] == [1, 2]
    assert all(hop.kind != "chip" for hop in MESH.route(0, [100]))


@given(mesh=st.sampled_from(MESHES), chips=st.integers(1, 3))
def test_every_channel_has_one_number(mesh: Mesh, chips: int) -> None:
    channels, hops = Channels(mesh=mesh, chips=chips), {}
    for number in range(channels.count):
        try:
            hops[channels.hop(number)] = number
        except KeyError:
            assert channels.links <= number < channels.chip_links  # no router on that side
    numbers = np.array(list(hops.values()))
    kinds = [hop.kind for hop in hops]
    assert channels.routers.tolist() == [mesh.router_of(tile) for tile in range(channels.tiles)]
    assert channels.ejects(numbers).tolist() == [kind == "eject" for kind in kinds]
    assert channels.between_chips(numbers).tolist() == [kind == "chip" for kind in kinds]
    assert kinds.count("inject") == kinds.count("eject") == chips * mesh.tiles_per_chip == channels.tiles
    links = [hop for hop in hops if hop.kind == "link"]
    assert all(adjacent(mesh, hop.start, hop.end) for hop in links)
    assert len(links) == chips * sum(adjacent(mesh, a, b) for a, b in permutations(range(mesh.routers_per_chip), 2))
