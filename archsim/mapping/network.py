"""Routes over the on-chip network: a concentrated mesh with XY routing, and links between chips.

`router.shared_by` tiles hang on one router; routers form a mesh. They are numbered along a snake through bands of a
few rows, column by column inside a band, so tiles with neighbouring numbers are neighbours on the mesh, and a stretch
of numbers is a patch that many links cross; bands of one row are the plain snake, whose stretches are lines.

A packet to several tiles visits their routers one after the other (path-based multicast; Lin and Ni, ISCA 1991): at
each it passes on once the ports of that router's tiles have begun to take their copies. Chips stand in a row; a packet
leaves and enters a chip at its router 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import ceil, isqrt
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from archsim.components import Chip
from archsim.mapping.layout import POLICIES


@dataclass(frozen=True, slots=True, order=True)
class Hop:
    """One resource a packet holds: `inject` a tile's port into its router, `link` a directed link between routers of
    one chip, `chip` a directed link between chips, `eject` a router's port into a tile. `start` and `end` are tile,
    router or chip numbers."""

    kind: Literal["inject", "link", "chip", "eject"]
    start: int
    end: int

    def __str__(self) -> str:
        return f"{self.kind} {self.start}->{self.end}"


Route = tuple[Hop, ...]
Ints = NDArray[np.int64]
PICOSECONDS = 1e12
DIRECTIONS = ((0, 1), (0, -1), (1, 0), (-1, 0))
"""(rows, columns) of a step east, west, south, north."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mesh:
    """Geometry of the routers. Tile and router numbers run through all chips; `band_rows` rows of routers are numbered
    together."""

    columns: int
    routers_per_chip: int
    tiles_per_chip: int
    tiles_per_router: int
    band_rows: int = 1

    @classmethod
    def of(cls, chip: Chip) -> Mesh:
        """The mesh of a chip: each router in the middle of a square of the tiles it serves."""
        shared = chip.tile.router.shared_by
        routers = ceil(chip.tiles / shared)
        columns = ceil(chip.tile.grid.columns / max(1, isqrt(shared)))
        return cls(
            columns=columns,
            routers_per_chip=routers,
            tiles_per_chip=chip.tiles,
            tiles_per_router=shared,
            band_rows=POLICIES[chip.placement].band_rows,
        )

    def chip_of(self, tile: int) -> int:
        """Chip of a tile."""
        return tile // self.tiles_per_chip

    def router_of(self, tile: int) -> int:
        """Router a tile hangs on."""
        chip, local = divmod(tile, self.tiles_per_chip)
        return chip * self.routers_per_chip + local // self.tiles_per_router

    def coordinates(self, router: int) -> tuple[int, int]:
        """(row, column) of a router on its chip."""
        return _places(self)[router % self.routers_per_chip]

    def at(self, chip: int, row: int, column: int) -> int:
        """Router at a place of a chip. Raises `KeyError` where there is none (the end of a ragged last band)."""
        return chip * self.routers_per_chip + _numbers(self)[row, column]

    def walk(self, start: int, end: int) -> Iterator[int]:
        """Routers of the XY path between two routers of one chip, both included. X first; where the corner is
        missing because the last band is ragged, Y first."""
        chip = start // self.routers_per_chip
        (row, column), (last_row, last_column) = self.coordinates(start), self.coordinates(end)
        x_first = (row, last_column) in _numbers(self)
        yield start
        for axis in ("x", "y") if x_first else ("y", "x"):
            goal = last_column if axis == "x" else last_row
            while (column if axis == "x" else row) != goal:
                here = column if axis == "x" else row
                step = 1 if goal > here else -1
                row, column = (row, column + step) if axis == "x" else (row + step, column)
                yield self.at(chip, row, column)

    def path(self, start: int, end: int) -> list[int]:
        """Routers from one router to another, through the chips between them."""
        chip, last_chip = start // self.routers_per_chip, end // self.routers_per_chip
        routers = [start]
        while chip != last_chip:
            gate = chip * self.routers_per_chip
            routers += list(self.walk(routers[-1], gate))[1:]
            chip += 1 if last_chip > chip else -1
            routers.append(chip * self.routers_per_chip)
        return routers + list(self.walk(routers[-1], end))[1:]

    def route(self, source: int, targets: Sequence[int]) -> Route:
        """Hops from a tile to all of `targets`; empty when the data stay in the tile.

        This is the rule, packet by packet; `archsim.mapping.routes` follows it for all packets of a plan at once.
        """
        away = sorted({int(tile) for tile in targets} - {int(source)})
        if not away:
            return ()
        stops = sorted({self.router_of(tile) for tile in away})
        start = self.router_of(source)
        if abs(stops[-1] - start) < abs(stops[0] - start):
            stops.reverse()
        hops, here = [Hop("inject", int(source), start)], start
        for stop in stops:
            hops += [self._between(*step) for step in pairwise(self.path(here, stop))]
            hops += [Hop("eject", stop, tile) for tile in away if self.router_of(tile) == stop]
            here = stop
        return tuple(hops)

    def _between(self, here: int, there: int) -> Hop:
        chips = here // self.routers_per_chip, there // self.routers_per_chip
        return Hop("link", here, there) if chips[0] == chips[1] else Hop("chip", *chips)


@lru_cache(maxsize=64)
def _places(mesh: Mesh) -> tuple[tuple[int, int], ...]:
    """(row, column) of every router of a chip, by number: down and up the columns of a band, bands in turns from left
    to right and back."""
    rows = ceil(mesh.routers_per_chip / mesh.columns)
    found: list[tuple[int, int]] = []
    for band, first in enumerate(range(0, rows, mesh.band_rows)):
        inside = range(first, min(first + mesh.band_rows, rows))
        across = range(mesh.columns)
        for turn, column in enumerate(across if band % 2 == 0 else reversed(across)):
            found += [(row, column) for row in (inside if turn % 2 == 0 else reversed(inside))]
    return tuple(found[: mesh.routers_per_chip])


@lru_cache(maxsize=64)
def mesh_arrays(mesh: Mesh) -> tuple[Ints, Ints, Ints]:
    """Row and column of every router of a chip, and the router at every (row, column), -1 where there is none."""
    row, column = np.array(_places(mesh), np.int64).T.copy()
    number = np.full((row.max() + 1, column.max() + 1), -1, np.int64)
    number[row, column] = np.arange(mesh.routers_per_chip)
    return row, column, number


@lru_cache(maxsize=64)
def _numbers(mesh: Mesh) -> dict[tuple[int, int], int]:
    return {place: number for number, place in enumerate(_places(mesh))}


@dataclass(frozen=True, slots=True, kw_only=True)
class Channels:
    """All that packets hold on a machine of `chips` chips, by number: first the ports of each tile (`inject`, `eject`),
    then the links of each router (`DIRECTIONS`), then those of each chip (to the next one, to the one before).
    """

    mesh: Mesh
    chips: int

    @property
    def tiles(self) -> int:
        """Tiles of the machine."""
        return self.chips * self.mesh.tiles_per_chip

    @property
    def routers(self) -> Ints:
        """Router that each tile of the machine hangs on."""
        chip, local = np.divmod(np.arange(self.tiles), self.mesh.tiles_per_chip)
        return np.asarray(chip * self.mesh.routers_per_chip + local // self.mesh.tiles_per_router, np.int64)

    @property
    def links(self) -> int:
        """Number of the first link between routers; those below are ports."""
        return 2 * self.tiles

    @property
    def chip_links(self) -> int:
        """Number of the first link between chips."""
        return self.links + len(DIRECTIONS) * self.chips * self.mesh.routers_per_chip

    @property
    def count(self) -> int:
        """Channels of the machine."""
        return self.chip_links + 2 * self.chips

    def ejects(self, channel: Ints) -> NDArray[np.bool_]:
        """Which of these are ports into tiles."""
        return np.asarray((channel < self.links) & (channel % 2 == 1))

    def between_chips(self, channel: Ints) -> NDArray[np.bool_]:
        """Which of these are links between chips."""
        return np.asarray(channel >= self.chip_links)

    def hop(self, channel: int) -> Hop:
        """What a number stands for. Raises `KeyError` for a link that leads off the mesh."""
        mesh = self.mesh
        if channel < self.links:
            tile, out = divmod(channel, 2)
            router = mesh.router_of(tile)
            return Hop("eject", router, tile) if out else Hop("inject", tile, router)
        if channel < self.chip_links:
            router, direction = divmod(channel - self.links, len(DIRECTIONS))
            (row, column), (down, right) = mesh.coordinates(router), DIRECTIONS[direction]
            return Hop("link", router, mesh.at(router // mesh.routers_per_chip, row + down, column + right))
        chip, back = divmod(channel - self.chip_links, 2)
        return Hop("chip", chip, chip - 1 if back else chip + 1)


def packet_times(chip: Chip, bits: float) -> tuple[int, int]:
    """How long a packet of so many bits holds a link or port of the mesh, and a link between chips [ps]."""
    on_mesh = flits_of(chip, bits) / chip.tile.router.flit_rate * PICOSECONDS
    between = bits / 8 / chip.links.bandwidth * PICOSECONDS
    return max(1, ceil(round(on_mesh, 6))), max(1, ceil(round(between, 6)))


def flits_of(chip: Chip, bits: float) -> int:
    """Flits of a packet of so many bits."""
    return ceil(bits / chip.tile.router.flit_bits)
