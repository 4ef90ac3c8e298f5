"""How busy a placement keeps every shared resource, before anything is simulated.

One image keeps a resource busy for a fixed time, whatever the order of events, so the busiest one bounds the steady
interval from below. The network's part is exact: a run's `resource_busy_s` of links and ports is this times the images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from archsim.mapping.digital import UNITS, unit_times_ps
from archsim.mapping.network import DIRECTIONS, Channels, Mesh
from archsim.mapping.plan import Plan
from archsim.mapping.traffic import hop_holds, stage_traffic

Loads = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class NetworkLoad:
    """Time [ps] for which one image keeps each of the network's `channels` busy: `busy` [channels], by number."""

    channels: Channels
    busy: Loads

    @property
    def ports(self) -> Loads:
        """Of the tiles' ports [tiles, (inject, eject)]."""
        return self.busy[: self.channels.links].reshape(-1, 2)

    @property
    def links(self) -> Loads:
        """Of links between routers [routers, direction]."""
        return self.busy[self.channels.links : self.channels.chip_links].reshape(-1, len(DIRECTIONS))

    def busiest_ps(self) -> int:
        """Of the busiest link or port."""
        return int(self.busy.max())

    def by_name(self) -> dict[str, int]:
        """Loads above 0 by the names that runs give the resources ("link 3->4", "inject 0->0", ...)."""
        return {str(self.channels.hop(number)): int(self.busy[number]) for number in np.flatnonzero(self.busy).tolist()}


def network_load(plan: Plan) -> NetworkLoad:
    """What one image's packets keep busy."""
    routes = plan.routes
    busy = np.zeros(routes.channels.count, np.int64)
    np.add.at(busy, routes.channel, hop_holds(plan) * np.repeat(routes.shares, np.diff(routes.offset)))
    return NetworkLoad(channels=routes.channels, busy=busy)


def work_bound_ps(plan: Plan) -> float:
    """The least time [ps] an image can take at the busiest lane's crossbars, tile bus or tile's digital units."""
    tile, tiles = plan.chip.tile, plan.chips * plan.chip.tiles
    lanes, bus, units = 0.0, np.zeros(tiles), {name: np.zeros(tiles) for name in UNITS}
    for mapped in plan.stages:
        traffic = stage_traffic(plan, mapped)
        grid, home, turns = mapped.grid, mapped.placement.home, mapped.windows / mapped.replication
        if grid is not None:
            lanes = max(lanes, ceil(turns) * grid.window_reads * tile.ima.bit_cycle_ps)
        for name, held in unit_times_ps(mapped, plan.chip, fused=grid is not None).items():
            np.add.at(units[name], home, turns * held)
        moved = traffic.read_bits.mean() + traffic.output_bits + traffic.partial_bits / mapped.placement.span
        np.add.at(bus, home, turns * moved / 8 / tile.edram.bytes_per_cycle * tile.cycle_ps)
    return max(lanes, float(bus.max()), *(float(held.max()) for held in units.values()))


def least_loaded(plans: Sequence[Plan]) -> Plan:
    """Of several placements of one network the one of least cost; of equals the first.

    Cost is the load of the busiest resource, which bounds the interval, plus the mean load of the mesh's links, which
    grows with every hop of every packet: a bound that is a little lower is not worth a multiple of the traffic.
    """
    if len(plans) == 1:
        return plans[0]
    links = mesh_links(Mesh.of(plans[0].chip)) * plans[0].chips

    def cost(plan: Plan) -> float:
        load = network_load(plan)
        return max(float(load.busiest_ps()), work_bound_ps(plan)) + float(load.links.sum()) / max(1, links)

    return min(plans, key=cost)


def mesh_links(mesh: Mesh) -> int:
    """Directed links between the routers of one chip."""
    places = {mesh.coordinates(router) for router in range(mesh.routers_per_chip)}
    return sum((row + down, column + right) in places for row, column in places for down, right in DIRECTIONS)
