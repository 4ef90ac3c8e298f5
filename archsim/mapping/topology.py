"""Topologies of a chip's network: which links its routers have, and by which of them a packet goes on.

A topology is two tables; routes, loads, names and distances follow from these alone. Routing is deterministic and
knows no past: where a packet leaves a router depends on that router and its goal. All links take the same time (on a
torus that of a folded layout).

`mesh` and `torus` go in dimension order, X before Y. The last rows of routers may be shorter than the others, but
every row and column hangs together. Where the corner of a packet's way, in its own row and its goal's column, is
missing, it takes a step in Y first and looks again; so every way on a mesh is a shortest one. A torus closes each row
and column of three or more routers to a ring (over the routers that are there; two have their link already) and goes
the shorter way around; where both are equally long, routers at even places of the ring go forwards (east, south), those
at odd ones backwards, which loads the links of rings of 4n routers evenly.

Deadlock (Dally and Seitz, IEEE Trans. Computers C-36(5), 1987: none, if no cycle of channels waits for itself). Packets
to one tile cannot deadlock on a mesh, whatever buffers it has: after a link south a packet goes south only, and links
in X and north alone lead back to no row. On a torus a ring waits for itself, so finite buffers need a second virtual
channel from the wrap-around link on (a dateline). A packet to several tiles goes leg after leg, in X again after Y,
which can close a cycle on either. With unlimited queues no packet waits for room, and none of this can happen.

`ideal` is a crossbar of full bandwidth between all tiles: one router, no links, only the tiles' own ports, which every
network has. So it bounds what a better network can bring to a layout. Its cost is that of the routers in the file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
EAST, WEST, SOUTH, NORTH = range(4)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Topology:
    """R routers of a chip with up to P links each, by number.

    `neighbour` [R, P] is the router that each link leads to, -1 where there is no link. `port` [R, R] is the link by
    which a packet at the first router goes on to the second, -1 where it is there.
    """

    neighbour: Ints
    port: NDArray[np.int8]

    @property
    def links(self) -> int:
        """Directed links between routers."""
        return int((self.neighbour >= 0).sum())

    def hops_from(self, router: int) -> Ints:
        """Links between a router and every router [R]."""
        goal = np.arange(len(self.port))
        here, hops = np.full(len(goal), router, np.int64), np.zeros(len(goal), np.int64)
        while (away := np.flatnonzero(here != goal)).size:
            here[away] = self.neighbour[here[away], self.port[here[away], goal[away]]]
            hops[away] += 1
        return hops


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """How a topology is built from the (row, column) of its routers [R, 2]; with `one_router` all tiles of a chip hang
    on the same. `notes` are what a user of it should know."""

    build: Callable[[Ints], Topology]
    one_router: bool = False
    notes: tuple[str, ...] = ()


def grid(places: Ints, *, rings: bool) -> Topology:
    """A mesh of routers, or with `rings` a torus. Every column begins in row 0; rows and columns have no gaps."""
    row, column = places.T
    number = np.full(places.max(axis=0) + 1, -1, np.int64)
    number[row, column] = np.arange(len(places))
    taken = number >= 0
    across = _Line(at=column - taken.argmax(axis=1)[row], length=taken.sum(axis=1)[row], ring=rings)
    down = _Line(at=row, length=taken.sum(axis=0)[column], ring=rings)
    router = np.arange(len(places))
    neighbour = np.full((len(places), 4), -1, np.int64)
    for line, forwards, backwards, step in ((across, EAST, WEST, (0, 1)), (down, SOUTH, NORTH, (1, 0))):
        ends = line.next_one()
        here = router[ends != line.at]
        first = places[here] - line.at[here, None] * step
        there = number[tuple((first + ends[here, None] * step).T)]
        neighbour[here, forwards], neighbour[there, backwards] = there, here
    corner = taken[row[:, None], column]
    in_x = corner & (column[:, None] != column)
    x = np.where(across.forwards(across.at[:, None] + column - column[:, None]), EAST, WEST)
    y = np.where(down.forwards(row[None, :]), SOUTH, NORTH)
    port = np.where(in_x, x, y).astype(np.int8)
    np.fill_diagonal(port, -1)
    return Topology(neighbour=neighbour, port=port)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Line:
    """The row or column that each router [R] stands in: its place `at` there, how many routers there are, and whether
    the last is joined to the first."""

    at: Ints
    length: Ints
    ring: bool

    def next_one(self) -> Ints:
        """Place of each router's neighbour forwards [R]; its own where it has none."""
        last = self.at == self.length - 1
        return np.where(last, np.where(self._closed, 0, self.at), self.at + 1)

    def forwards(self, goal: Ints) -> NDArray[np.bool_]:
        """Whether each router goes forwards to places `goal` [R or 1, goals] of its line [R, goals]."""
        at, length = self.at[:, None], self.length[:, None]
        ahead = (goal - at) % length
        shorter = (2 * ahead < length) | ((2 * ahead == length) & (at % 2 == 0))
        return np.where(self._closed[:, None], shorter, goal > at)

    @property
    def _closed(self) -> NDArray[np.bool_]:
        return self.ring & (self.length > 2)


def crossbar(places: Ints) -> Topology:
    """One router, no links."""
    del places
    return Topology(neighbour=np.zeros((1, 0), np.int64), port=np.full((1, 1), -1, np.int8))


TOPOLOGIES: dict[str, Family] = {
    "mesh": Family(build=partial(grid, rings=False)),
    "torus": Family(build=partial(grid, rings=True)),
    "ideal": Family(
        build=crossbar,
        one_router=True,
        notes=(
            "tile.router.topology: ideal is a bound, not a machine: a crossbar joins all tiles of a chip in the "
            "latency of one router, at the area and power of the file's routers",
        ),
    ),
}
