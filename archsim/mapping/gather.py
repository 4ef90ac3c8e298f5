"""Sums that tiles hold for each other: what the tiles of a copy send to its home tile for every window.

A copy's arrays follow each other column group by column group. Where a column group ends in a later tile than it
begins in, its running sum goes from tile to tile, wide, and each tile adds what it holds; from the tile where it is
complete its values go to the home tile as they are stored. Column groups of the same first and last tile share a
packet. A tile adds and passes on as the flits of a packet come by; activation is counted at the home tile.

This is a reconstruction: ISAAC says how a tile reduces what its IMAs produce, and of layers that span tiles only that
their results are aggregated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archsim.mapping.network import Channels
from archsim.mapping.placement import Placement
from archsim.mapping.routes import Routes, straight_ways
from archsim.mapping.slicing import CrossbarGrid

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Gathers:
    """G edges on which stages gather, each from a stage to itself: `stage` [G] is whose, `routes` the ways that the
    windows of its copies take, `bits` [hops of the routes] what goes over each hop. `passed_on` [G] are the values of
    running sums that an image's packets bring to tiles that add to them."""

    stage: Ints
    routes: Routes
    bits: Ints
    passed_on: Ints


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Summing:
    """What a stage's sums are made of: its grid and where it stands, and the bits of a value while it is summed up and
    once it is stored. `windows` are those of an image."""

    stage: int
    grid: CrossbarGrid
    placement: Placement
    windows: int
    wide: int
    stored: int


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Packets:
    """Packets of every window [P], by copy: from the `first` tile by all up to the `last` to `home`, so many values."""

    copy: Ints
    first: Ints
    last: Ints
    home: Ints
    values: Ints


def gather(parts: Sequence[Summing], per_tile: int, channels: Channels) -> Gathers:
    """The packets by which stages gather; `per_tile` arrays stand in a tile."""
    stages, first, shares, route_of, passed_on = [], [0], [], [], []
    sent = [np.zeros((6, 0), np.int64)]
    for part in parts:
        found = _packets(part, per_tile)
        copies = len(part.placement.home)
        place = np.arange(len(found.copy)) - np.searchsorted(found.copy, found.copy)
        turns = (part.windows - np.arange(copies) + copies - 1) // copies
        for number in range(int(place.max(initial=-1)) + 1):
            here = np.flatnonzero(place == number)
            # the first route of an edge has no hops: of copies with fewer packets
            taken = first[-1] + 1 + np.arange(len(here))
            route = np.full(copies, first[-1])
            route[found.copy[here]] = taken
            values = found.values[here]
            ends = found.first[here], found.last[here], found.home[here]
            sent.append(np.stack([taken, *ends, values * part.wide, values * part.stored]))
            passed_on.append((values * (found.last[here] - found.first[here]) * turns[found.copy[here]]).sum())
            stages.append(part.stage)
            shares += [part.windows - turns[found.copy[here]].sum(), *turns[found.copy[here]]]
            route_of.append(route[np.arange(part.windows) % copies])
            first.append(first[-1] + 1 + len(here))
    hops, offset, bits, stops = _ways(np.concatenate(sent, axis=1), first[-1], channels)
    routes = Routes(
        channels=channels,
        first=np.array(first, np.int64),
        offset=offset,
        channel=hops,
        stops=stops,
        shares=np.array(shares, np.int64),
        route_of=np.concatenate([*route_of, np.zeros(0, np.int64)]).astype(np.int64),
    )
    return Gathers(stage=np.array(stages, np.int64), routes=routes, bits=bits, passed_on=np.array(passed_on, np.int64))


def _packets(part: Summing, per_tile: int) -> _Packets:
    """Column groups of each copy that do not lie in its home tile alone, those of the same tiles together."""
    grid, tile = part.grid, part.placement.slots // per_tile
    begins = np.flatnonzero(np.diff(grid.reduction, prepend=-1))
    ends = np.append(begins[1:], grid.crossbars) - 1
    values = grid.columns[begins] // grid.slicing.columns_per_weight
    copy, group = np.nonzero(tile[:, begins] != part.placement.home[:, None])
    first, last = tile[copy, begins[group]], tile[copy, ends[group]]
    span = int(tile.max()) + 1
    keys, member = np.unique((copy * span + first) * span + last, return_inverse=True)
    total = np.bincount(member, weights=values[group], minlength=len(keys)).astype(np.int64)
    rest, last = np.divmod(keys, span)
    copy, first = np.divmod(rest, span)
    return _Packets(copy=copy, first=first, last=last, home=part.placement.home[copy], values=total)


def _ways(packets: Ints, routes: int, channels: Channels) -> tuple[Ints, Ints, Ints, Ints]:
    """(channel of every hop, where each route's begin, bits on every hop, tiles each route visits) of packets [6, P]:
    their route, first, last and home tile, bits while they are summed up and once they are stored. Routes without a
    packet have no hops."""
    route, first, last, home, wide, stored = packets
    # legs from tile to tile up to the last, then the one home
    legs = last - first + (last != home)
    leg_bounds = np.cumsum(legs)
    packet = np.repeat(np.arange(len(route)), legs)
    start = first[packet] + np.arange(len(packet)) - (leg_bounds - legs)[packet]
    final = start == last[packet]
    end = np.where(final, home[packet], start + 1)
    pairs, leg_of = np.unique(start * channels.tiles + end, return_inverse=True)
    channel, bounds = straight_ways(*np.divmod(pairs, channels.tiles), channels)
    lengths = np.diff(bounds)[leg_of]
    place = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    hops = channel[np.repeat(bounds[:-1][leg_of], lengths) + place]
    bits = np.repeat(np.where(final, stored[packet], wide[packet]), lengths)
    of_route = np.bincount(route[packet], weights=lengths, minlength=routes).astype(np.int64)
    offset = np.concatenate([[0], np.cumsum(of_route)]).astype(np.int64)
    return hops, offset, bits, np.bincount(route[packet], minlength=routes).astype(np.int64)
