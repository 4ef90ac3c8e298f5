"""The ways of all packets of a placed network, channel by channel: timing arbitrates them, accounting counts them, the
mapper compares placements by them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from archsim.mapping.fanout import Fanout
from archsim.mapping.kernels import tile_sets, write_routes
from archsim.mapping.network import Channels, mesh_arrays
from archsim.mapping.placement import Placement

Ints = NDArray[np.int64]


class Ends(Protocol):
    """The stages, by number, that an edge connects."""

    @property
    def source(self) -> int: ...
    @property
    def target(self) -> int: ...


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Routes:
    """R routes of E edges, edge by edge (`first` [E + 1]), over H hops, route by route (`offset` [R + 1]).

    `channel` [H] is what each hop holds, by its number in `channels`; a route without hops stays in its tile. `stops`
    [R] is how many tiles a route delivers to, `shares` [R] how many producer windows of an image take it, and
    `route_of` [producer windows of all edges] the route of each window.
    """

    channels: Channels
    first: Ints
    offset: Ints
    channel: Ints
    stops: Ints
    shares: Ints
    route_of: Ints

    @property
    def edge_of_hop(self) -> Ints:
        """Edge of every hop [H]."""
        edge = np.repeat(np.arange(len(self.first) - 1), np.diff(self.first))
        return np.repeat(edge, np.diff(self.offset))

    def per_route(self, hops: NDArray[np.bool_]) -> Ints:
        """How many of these hops [H] each route has."""
        before = np.concatenate([[0], np.cumsum(hops)])
        return np.asarray(before[self.offset[1:]] - before[self.offset[:-1]], np.int64)

    def per_edge(self, values: Ints) -> Ints:
        """Sum of values [R] over the routes of each edge [E]."""
        before = np.concatenate([[0], np.cumsum(values)])
        return np.asarray(before[self.first[1:]] - before[self.first[:-1]], np.int64)


def route_all(
    edges: Sequence[Ends], fanouts: Sequence[Fanout], placements: Sequence[Placement], channels: Channels
) -> Routes:
    """Routes of every edge's packets between placed stages, by `archsim.mapping.network.Mesh.route`.

    One route for each tile that sends and set of copies that receive, by tile, then by set.
    """
    sources = _offsets([len(placement.home) for placement in placements])
    home, first_tile = (
        np.concatenate([getattr(placement, name) for placement in placements]) for name in ("home", "first_tile")
    )
    kinds, sets = _offsets([len(one.lane) for one in fanouts]), _offsets([len(one.offset) - 1 for one in fanouts])
    edge = np.repeat(np.arange(len(edges)), np.diff(kinds))
    sender = home[_joined([sources[end.source] + one.lane for end, one in zip(edges, fanouts, strict=True)])]
    choice = _joined([one.choice for one in fanouts]) + sets[edge]
    # sets of different edges are different, so a key of tile and set orders by edge only together with it
    found, route_of_kind = np.unique((edge * channels.tiles + sender) * (sets[-1] + 1) + choice, return_inverse=True)
    place, choice = np.divmod(found, sets[-1] + 1)
    edge, sender = np.divmod(place, channels.tiles)
    receivers = _joined([sources[end.target] + one.lanes for end, one in zip(edges, fanouts, strict=True)])
    tiles, bounds = tile_sets(
        receivers, _offsets(_joined([np.diff(one.offset) for one in fanouts])), first_tile, home, channels.tiles
    )
    mesh, number = channels.mesh, np.arange(channels.tiles)
    router_of = number // mesh.tiles_per_chip * mesh.routers_per_chip
    router_of += number % mesh.tiles_per_chip // mesh.tiles_per_router
    channel, offset, stops = write_routes(
        *mesh_arrays(mesh), router_of, mesh.routers_per_chip, channels.chips, sender, choice, tiles, bounds
    )
    shares = np.zeros(len(found), np.int64)
    np.add.at(shares, route_of_kind, _joined([one.shares for one in fanouts]))
    windows = _joined([kinds[number] + one.kind_of for number, one in enumerate(fanouts)])
    return Routes(
        channels=channels,
        first=np.searchsorted(edge, np.arange(len(edges) + 1)),
        offset=offset,
        channel=channel,
        stops=stops,
        shares=shares,
        route_of=route_of_kind[windows],
    )


def _joined(arrays: Sequence[Ints]) -> Ints:
    return np.concatenate([*arrays, np.zeros(0, np.int64)])


def _offsets(lengths: Sequence[int] | Ints) -> Ints:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
