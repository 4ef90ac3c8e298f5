"""Synthetic traffic on the network alone, as network simulators drive it: every tile makes packets at random, for goals
that a pattern names (Dally and Towles, Principles and Practices of Interconnection Networks, 2004, Secs. 3.2 and 23.1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from archsim.components import Chip, build_chip
from archsim.config import load_hardware
from archsim.mapping.kernels import write_routes
from archsim.mapping.network import Channels, Network, packet_times
from archsim.mapping.topology import EAST, SOUTH
from archsim.timing.compile import hop_latencies
from archsim.timing.kernel_engine import run_kernel
from archsim.timing.machine import Machine

from ..timing.building import Edge, Hops, Stage, build  # noqa: TID252

Ints = NDArray[np.int64]
FLIT_PS, FLIT_BITS = 1000, 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A network of `side` x `side` routers, each of `tiles` x `tiles` tiles, which take `router_cycles` a router and
    link; packets of `flits` flits."""

    topology: str
    side: int
    flits: int
    router_cycles: int = 4
    tiles: int = 1


def uniform(setting: Setting, random: np.random.Generator, packets: int) -> Ints:
    """Any tile, the sender among them."""
    count = (setting.side * setting.tiles) ** 2
    return random.integers(0, count, (count, packets))


def transpose(setting: Setting, random: np.random.Generator, packets: int) -> Ints:
    """From (x, y) to (y, x)."""
    del random
    return _fixed(setting, lambda place: place[:, ::-1], packets)


def neighbor(setting: Setting, random: np.random.Generator, packets: int) -> Ints:
    """One further in X and in Y, from the last to the first."""
    del random
    return _fixed(setting, lambda place: (place + 1) % setting.side, packets)


def _fixed(setting: Setting, goal: Callable[[Ints], Ints], packets: int) -> Ints:
    """Always the tile at the goal of the sender's (row, column), of one tile a router."""
    assert setting.tiles == 1
    place = Network.of(chip_of(replace(setting, topology="mesh"))).places
    tile = np.empty((setting.side, setting.side), np.int64)
    tile[tuple(place.T)] = np.arange(len(place))
    return np.repeat(tile[tuple(goal(place).T)][:, None], packets, axis=1)


PATTERNS: dict[str, Callable[[Setting, np.random.Generator, int], Ints]] = {
    "uniform": uniform,
    "transpose": transpose,
    "neighbor": neighbor,
}
"""Goal of each packet [tiles, packets], by pattern."""


@cache
def chip_of(setting: Setting) -> Chip:
    side = setting.side * setting.tiles
    return build_chip(
        load_hardware(
            "puma",
            {
                "tile.count": side**2,
                "tile.grid.columns": side,
                "tile.grid.rows": side,
                "tile.router.topology": setting.topology,
                "tile.router.shared_by": setting.tiles**2,
                "tile.router.flit_bits": FLIT_BITS,
                "tile.router.flit_rate": "1 GHz",
                "tile.router.latency": f"{setting.router_cycles} ns",
                "mapping.placement": "snake",
            },
        )
    )


@cache
def ways(setting: Setting, backwards: bool = False) -> tuple[tuple[Hops, ...], ...]:
    """Resource, hold and latency of each hop from every tile to every tile, as machines are compiled; `backwards` are
    those on which packets go the other way around a ring where both are equally long."""
    chip = chip_of(setting)
    network = Network.of(chip)
    channels = Channels(network=network, chips=1)
    port = _other_way_round(network) if backwards else network.topology.port
    home, goal = (index.ravel() for index in np.indices((channels.tiles, channels.tiles)))
    channel, offset, _ = write_routes(
        network.topology.neighbour, port, channels.routers, 1, home, goal,
        np.arange(channels.tiles), np.arange(channels.tiles + 1),
    )  # fmt: skip
    # what a tile sends to itself goes through its router too
    back = np.flatnonzero(home == goal)
    channel = np.insert(channel, np.repeat(offset[back], 2), np.stack([2 * home[back], 2 * home[back] + 1], 1).ravel())
    offset = offset + 2 * np.searchsorted(back, np.arange(len(offset)))
    hold = np.full(len(channel), packet_times(chip, setting.flits * FLIT_BITS)[0])
    latency = hop_latencies(chip, channels, channel, offset, hold)
    hops = list(zip(map(str, channel.tolist()), hold.tolist(), latency.tolist(), strict=True))
    found = [tuple(hops[low:high]) for low, high in zip(offset[:-1].tolist(), offset[1:].tolist(), strict=True)]
    return tuple(tuple(found[tile * channels.tiles : (tile + 1) * channels.tiles]) for tile in range(channels.tiles))


def _other_way_round(network: Network) -> NDArray[np.int8]:
    """The next-hop table with equally long ways around a ring exchanged."""
    port = network.topology.port.copy()
    place = network.places
    side = place.max(axis=0) + 1
    if network.family == "torus":
        for dimension, forwards in ((1, EAST), (0, SOUTH)):
            ahead = (place[None, :, dimension] - place[:, None, dimension]) % side[dimension]
            tie = (2 * ahead == side[dimension]) & (port // 2 == forwards // 2)
            port[tie] ^= 1
    return port


def machine_of(setting: Setting, pattern: str, load: float, packets: int, seed: int = 0) -> Machine:
    """Every tile makes so many packets, in a cycle with probability `load` / flits."""
    random = np.random.default_rng([seed, round(load * 1e6)])
    goals = PATTERNS[pattern](setting, random, packets)
    routes = [ways(setting, backwards) for backwards in (False, True)]
    stages, edges = [], []
    for tile, goal in enumerate(goals):
        gaps = random.geometric(load / setting.flits, packets) * FLIT_PS
        turn = random.integers(0, 2, packets)
        stages.append(Stage(f"t{tile}", windows=packets, crossbar=gaps.tolist(), slots=packets))
        chosen = (goal + len(goals) * turn).tolist()
        edges.append(Edge(f"t{tile}", f"k{tile}", routes=routes[0][tile] + routes[1][tile], route_of=chosen, sink=True))
    return build([*stages, *[Stage(f"k{tile}") for tile in range(len(goals))]], edges)


def latency(setting: Setting, pattern: str, load: float, packets: int) -> float:
    """Mean cycles from a packet's making to its tail's arrival, waiting at its source included, at `load` flits a tile
    and cycle; without the first and the last quarter of each tile's packets."""
    machine = machine_of(setting, pattern, load, packets)
    stamps = run_kernel(machine)
    made = stamps.write[: stamps.arrive.size].reshape(-1, packets)
    took = stamps.arrive.reshape(-1, packets) - made
    return float(took[:, packets // 4 : -(packets // 4)].mean()) / FLIT_PS
