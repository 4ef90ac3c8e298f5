"""How busy a placement keeps every shared resource, before anything is simulated.

One image keeps a resource busy for a fixed time, whatever the order of events, so the busiest one bounds the steady
interval from below. The network's part is exact: a run's `resource_busy_s` of links and ports is this times the images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from math import ceil

import numpy as np
from numpy.typing import NDArray

from archsim.mapping.digital import digital_time_ps
from archsim.mapping.kernels import add_loads
from archsim.mapping.network import Mesh, packet_times
from archsim.mapping.plan import Plan
from archsim.mapping.traffic import Known, edge_bits, edge_packets, stage_traffic

Loads = NDArray[np.int64]
DIRECTIONS = ((0, 1), (0, -1), (1, 0), (-1, 0))
"""(rows, columns) of a step east, west, south, north: the columns of `NetworkLoad.links`."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class NetworkLoad:
    """Time [ps] for which one image keeps busy: `ports` [tiles, (inject, eject)], `links` [routers, direction] and
    `chips` [chips, (to the next, to the one before)]."""

    ports: Loads
    links: Loads
    chips: Loads

    def busiest_ps(self) -> int:
        """Of the busiest link or port."""
        return max(int(part.max(initial=0)) for part in (self.ports, self.links, self.chips))

    def by_name(self, mesh: Mesh) -> dict[str, int]:
        """Loads above 0 by the names that runs give the resources ("link 3->4", "inject 0->0", ...)."""
        found = {}
        for tile in np.flatnonzero(self.ports.any(axis=1)).tolist():
            router = mesh.router_of(tile)
            found[f"inject {tile}->{router}"], found[f"eject {router}->{tile}"] = self.ports[tile].tolist()
        for router, direction in np.argwhere(self.links).tolist():
            row, column = mesh.coordinates(router)
            down, right = DIRECTIONS[direction]
            there = mesh.at(router // mesh.routers_per_chip, row + down, column + right)
            found[f"link {router}->{there}"] = int(self.links[router, direction])
        for chip, back in np.argwhere(self.chips).tolist():
            found[f"chip {chip}->{chip - 1 if back else chip + 1}"] = int(self.chips[chip, back])
        return {name: load for name, load in found.items() if load}


def network_load(plan: Plan, known: Known | None = None) -> NetworkLoad:
    """What one image's packets keep busy. `known` keeps what other placements of the same network share."""
    mesh = Mesh.of(plan.chip)
    row, column = np.array([mesh.coordinates(router) for router in range(mesh.routers_per_chip)], np.int64).T.copy()
    number = np.full((row.max() + 1, column.max() + 1), -1, np.int64)
    number[row, column] = np.arange(mesh.routers_per_chip)
    ports = np.zeros((plan.chips * mesh.tiles_per_chip, 2), np.int64)
    links = np.zeros((plan.chips * mesh.routers_per_chip, len(DIRECTIONS)), np.int64)
    chips = np.zeros((plan.chips, 2), np.int64)
    geometry = row, column, number, mesh.routers_per_chip, mesh.tiles_per_chip, mesh.tiles_per_router
    for edge, sent in zip(plan.edges, edge_packets(plan, {} if known is None else known), strict=True):
        hold, chip_hold = packet_times(plan.chip, edge_bits(plan, edge))
        offset = np.array([0, *accumulate(len(tiles) for tiles in sent.targets)], np.int64)
        tiles = np.fromiter(chain.from_iterable(sent.targets), np.int64, int(offset[-1]))
        busy = sent.shares * hold, sent.shares * chip_hold
        add_loads(*geometry, sent.home, sent.choice, *busy, tiles, offset, ports, links, chips)
    return NetworkLoad(ports=ports, links=links, chips=chips)


def work_bound_ps(plan: Plan) -> float:
    """The least time [ps] an image can take at the busiest lane (crossbars or digital units) or tile bus."""
    tile = plan.chip.tile
    lanes = 0.0
    bus = np.zeros(plan.chips * plan.chip.tiles)
    for mapped in plan.stages:
        traffic = stage_traffic(plan, mapped)
        grid = mapped.grid
        window = digital_time_ps(mapped, plan.chip) if grid is None else grid.window_reads * tile.ima.bit_cycle_ps
        lanes = max(lanes, ceil(mapped.windows / mapped.replication) * window)
        moved = traffic.read_bits + traffic.output_bits + traffic.partial_bits / mapped.placement.span
        share = mapped.windows / mapped.replication * moved / 8 / tile.edram.bytes_per_cycle * tile.cycle_ps
        np.add.at(bus, mapped.placement.home, share)
    return max(lanes, float(bus.max()))


def least_loaded(plans: Sequence[Plan]) -> Plan:
    """Of several placements of one network the one of least cost; of equals the first.

    Cost is the load of the busiest resource, which bounds the interval, plus the mean load of the mesh's links, which
    grows with every hop of every packet: a bound that is a little lower is not worth a multiple of the traffic.
    """
    if len(plans) == 1:
        return plans[0]
    known: Known = {}
    links = mesh_links(Mesh.of(plans[0].chip)) * plans[0].chips

    def cost(plan: Plan) -> float:
        load = network_load(plan, known)
        return max(float(load.busiest_ps()), work_bound_ps(plan)) + float(load.links.sum()) / max(1, links)

    return min(plans, key=cost)


def mesh_links(mesh: Mesh) -> int:
    """Directed links between the routers of one chip."""
    places = {mesh.coordinates(router) for router in range(mesh.routers_per_chip)}
    return sum((row + down, column + right) in places for row, column in places for down, right in DIRECTIONS)
