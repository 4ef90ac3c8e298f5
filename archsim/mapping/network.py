"""The network that tiles are joined by: routers of a topology (`archsim.mapping.topology`), and links between chips.

`router.shared_by` tiles hang on one router (a concentrated mesh or torus where they are several; Balfour and Dally, ICS
2006). Routers are numbered along a snake through bands of a few rows, column by column inside a band, so tiles with
neighbouring numbers are neighbours on the mesh, and a stretch of numbers is a patch that many links cross; bands of one
row are the plain snake, whose stretches are lines. A last column that its band does not fill is filled from the top.

A packet to several tiles visits their routers one after the other (path-based multicast; Lin and Ni, ISCA 1991), by
number, from the end that is nearer to its own: at each it passes on once the ports of that router's tiles have begun to
take their copies. Chips stand in a row; a packet leaves and enters a chip at its router 0. The host, from which
pictures come and to which results go, stands at the near end of the row, one link from the first chip.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, isqrt
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from archsim.components import Chip
from archsim.mapping.layout import POLICIES
from archsim.mapping.topology import TOPOLOGIES, Topology

HOST = -1
"""Number of the host among the chips."""


@dataclass(frozen=True, slots=True, order=True)
class Hop:
    """One resource a packet holds: `inject` a tile's port into its router, `link` a directed link between routers of
    one chip, `chip` a directed link between chips, `eject` a router's port into a tile. `start` and `end` are tile,
    router or chip numbers."""

    kind: Literal["inject", "link", "chip", "eject"]
    start: int
    end: int

    def __str__(self) -> str:
        ends = ("host" if self.kind == "chip" and end == HOST else str(end) for end in (self.start, self.end))
        return f"{self.kind} {'->'.join(ends)}"


Ints = NDArray[np.int64]
PICOSECONDS = 1e12


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """Where tiles hang. Tile and router numbers run through all chips; routers stand in `columns`, and `band_rows` rows
    of them are numbered together."""

    columns: int
    routers_per_chip: int
    tiles_per_chip: int
    tiles_per_router: int
    band_rows: int = 1
    family: str = "mesh"
    """Its topology, by name in `TOPOLOGIES`."""

    @classmethod
    def of(cls, chip: Chip) -> Network:
        """The network of a chip: each router in the middle of a square of the tiles it serves."""
        family = chip.tile.router.topology
        shared = chip.tiles if TOPOLOGIES[family].one_router else chip.tile.router.shared_by
        return cls(
            columns=ceil(chip.tile.grid.columns / max(1, isqrt(shared))),
            routers_per_chip=ceil(chip.tiles / shared),
            tiles_per_chip=chip.tiles,
            tiles_per_router=shared,
            band_rows=POLICIES[chip.placement].band_rows,
            family=family,
        )

    def router_of(self, tile: Ints) -> Ints:
        """Routers that tiles hang on."""
        chip, local = np.divmod(tile, self.tiles_per_chip)
        return np.asarray(chip * self.routers_per_chip + local // self.tiles_per_router, np.int64)

    @property
    def places(self) -> Ints:
        """(row, column) of every router of a chip [routers, 2]."""
        return _places(self)

    @property
    def topology(self) -> Topology:
        """The links between a chip's routers, and how packets find their way."""
        return _topology(self)


@lru_cache(maxsize=64)
def _topology(network: Network) -> Topology:
    return TOPOLOGIES[network.family].build(network.places)


@lru_cache(maxsize=64)
def _places(network: Network) -> Ints:
    """Down and up the columns of a band, bands in turns from left to right and back."""
    rows = ceil(network.routers_per_chip / network.columns)
    found: list[tuple[int, int]] = []
    for band, first in enumerate(range(0, rows, network.band_rows)):
        across = range(network.columns)
        for turn, column in enumerate(across if band % 2 == 0 else reversed(across)):
            left = network.routers_per_chip - len(found)
            inside = range(first, min(first + network.band_rows, rows, first + left))
            found += [(row, column) for row in (inside if turn % 2 == 0 else reversed(inside))]
    return np.array(found, np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Channels:
    """All that packets hold on a machine of `chips` chips, by number: first the ports of each tile (`inject`, `eject`),
    then the links of each router, then those of the host and of each chip (to the next one, to the one before)."""

    network: Network
    chips: int

    @property
    def tiles(self) -> int:
        """Tiles of the machine."""
        return self.chips * self.network.tiles_per_chip

    @property
    def host(self) -> int:
        """Number that stands for the host where tiles are named."""
        return self.tiles

    @property
    def routers(self) -> Ints:
        """Router that each tile of the machine hangs on, then the host's place: router 0 of the chip before the
        first."""
        return np.append(self.network.router_of(np.arange(self.tiles)), HOST * self.network.routers_per_chip)

    @property
    def links(self) -> int:
        """Number of the first link between routers; those below are ports."""
        return 2 * self.tiles

    @property
    def chip_links(self) -> int:
        """Number of the first link between chips."""
        return self.links + self.chips * self.network.topology.neighbour.size

    @property
    def count(self) -> int:
        """Channels of the machine."""
        return self.chip_links + 2 * (self.chips + 1)

    def ejects(self, channel: Ints) -> NDArray[np.bool_]:
        """Which of these are ports into tiles."""
        return np.asarray((channel < self.links) & (channel % 2 == 1))

    def between_chips(self, channel: Ints) -> NDArray[np.bool_]:
        """Which of these are links between chips."""
        return np.asarray(channel >= self.chip_links)

    @property
    def downstream(self) -> Ints:
        """Router whose input each channel fills [channels]; -1 for ports into tiles and for links that lead nowhere."""
        return _downstream(self)

    def hop(self, channel: int) -> Hop:
        """What a number stands for. Raises `KeyError` for a link that leads nowhere."""
        network, into = self.network, int(self.downstream[channel])
        if channel < self.links:
            tile, out = divmod(channel, 2)
            return Hop("eject", int(network.router_of(np.array(tile))), tile) if out else Hop("inject", tile, into)
        if channel == self.chip_links + 3:
            return Hop("chip", 0, HOST)
        if into < 0:
            raise KeyError(channel)
        if channel < self.chip_links:
            ports = network.topology.neighbour.shape[1]
            return Hop("link", (channel - self.links) // ports, into)
        return Hop("chip", (channel - self.chip_links) // 2 + HOST, into // network.routers_per_chip)


@lru_cache(maxsize=8)
def _downstream(channels: Channels) -> Ints:
    network, chips = channels.network, np.arange(channels.chips)
    ports = np.stack([channels.routers[:-1], np.full(channels.tiles, -1)], axis=1)
    neighbour = network.topology.neighbour
    links = np.where(neighbour >= 0, chips[:, None, None] * network.routers_per_chip + neighbour, -1)
    ends = np.arange(HOST, channels.chips)
    gates = np.stack([ends + 1, ends - 1], axis=1) * network.routers_per_chip
    gates[(gates < 0) | (gates >= channels.chips * network.routers_per_chip)] = -1
    return np.concatenate([ports.ravel(), links.ravel(), gates.ravel()])


def packet_times(chip: Chip, bits: float) -> tuple[int, int]:
    """How long a packet of so many bits holds a link or port of the network, and a link between chips [ps]."""
    inside = flits_of(chip, bits) / chip.tile.router.flit_rate * PICOSECONDS
    between = bits / 8 / chip.links.bandwidth * PICOSECONDS
    return max(1, ceil(round(inside, 6))), max(1, ceil(round(between, 6)))


def flits_of(chip: Chip, bits: float) -> int:
    """Flits of a packet of so many bits."""
    return ceil(bits / chip.tile.router.flit_bits)
