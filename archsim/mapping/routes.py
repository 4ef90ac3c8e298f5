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
from archsim.mapping.network import Channels
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
    """Routes of every edge's packets between placed stages (`archsim.mapping.network`).

    Of each edge, one route for each tile that sends and set of copies that receive, by tile, then by set.
    """
    copies = _offsets([len(placement.home) for placement in placements])
    home = np.concatenate([placement.home for placement in placements])
    first_tile = np.concatenate([placement.first_tile for placement in placements])
    receivers = _joined([copies[end.target] + one.lanes for end, one in zip(edges, fanouts, strict=True)])
    bounds = _offsets(_joined([np.diff(one.offset) for one in fanouts]))
    tiles, tile_bounds = tile_sets(receivers, bounds, first_tile, home, channels.tiles + 1)
    lanes = _joined([copies[end.source] + one.lane for end, one in zip(edges, fanouts, strict=True)])
    sent = _merge(fanouts, home[lanes], channels.tiles + 1)
    channel, offset, stops = _ways(channels, sent.sender, sent.choice, tiles, tile_bounds)
    return Routes(
        channels=channels,
        first=np.searchsorted(sent.edge, np.arange(len(edges) + 1)),
        offset=offset,
        channel=channel,
        stops=stops,
        shares=sent.shares,
        route_of=sent.route_of,
    )


def straight_ways(start: Ints, end: Ints, channels: Channels) -> tuple[Ints, Ints]:
    """Channels of the ways from one tile to another [ways], and where each way's begin [ways + 1]."""
    each = np.arange(len(start) + 1)
    channel, offset, _ = _ways(channels, start, each[:-1], end, each)
    return channel, offset


def _ways(channels: Channels, sender: Ints, choice: Ints, tiles: Ints, bounds: Ints) -> tuple[Ints, Ints, Ints]:
    topology = channels.network.topology
    found: tuple[Ints, Ints, Ints] = write_routes(
        topology.neighbour, topology.port, channels.routers, channels.chips, sender, choice, tiles, bounds
    )
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Sent:
    """Distinct packets of all edges [R], and which of them each producer window sends."""

    edge: Ints
    sender: Ints
    choice: Ints
    shares: Ints
    route_of: Ints


def _merge(fanouts: Sequence[Fanout], sender: Ints, tiles: int) -> _Sent:
    """Kinds of packets from copies that stand on the same tile `sender` [kinds of all edges] made one; sets of
    receivers are numbered through all edges."""
    kinds = _offsets([len(one.lane) for one in fanouts])
    sets = _offsets([len(one.offset) - 1 for one in fanouts])
    edge = np.repeat(np.arange(len(fanouts)), np.diff(kinds))
    choice = _joined([one.choice for one in fanouts]) + sets[edge]
    keys, merged = np.unique((edge * tiles + sender) * (sets[-1] + 1) + choice, return_inverse=True)
    place, choice = np.divmod(keys, sets[-1] + 1)
    shares = np.zeros(len(keys), np.int64)
    np.add.at(shares, merged, _joined([one.shares for one in fanouts]))
    windows = _joined([first + one.kind_of for first, one in zip(kinds[:-1], fanouts, strict=True)])
    return _Sent(*np.divmod(place, tiles), choice, shares, merged[windows])


def _joined(arrays: Sequence[Ints]) -> Ints:
    return np.concatenate([*arrays, np.zeros(0, np.int64)])


def _offsets(lengths: Sequence[int] | Ints) -> Ints:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
