"""How busy a placement keeps every shared resource, before anything is simulated.

One image keeps a resource busy for a fixed time, whatever the order of events, so the busiest one bounds the steady
interval from below. The network's part is exact: a run's `resource_busy_s` of links and ports is this times the images.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archsim.mapping.network import Channels
from archsim.mapping.plan import Plan
from archsim.mapping.traffic import hop_holds, packets

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
        """Of links between routers [chips * links of a chip], by number; 0 of those that lead nowhere."""
        return self.busy[self.channels.links : self.channels.chip_links]

    def busiest_ps(self) -> int:
        """Of the busiest link or port."""
        return int(self.busy.max())

    def by_name(self) -> dict[str, int]:
        """Loads above 0 by the names that runs give the resources ("link 3->4", "inject 0->0", ...)."""
        return {str(self.channels.hop(number)): int(self.busy[number]) for number in np.flatnonzero(self.busy).tolist()}


def network_load(plan: Plan) -> NetworkLoad:
    """What one image's packets keep busy."""
    sent, channels = packets(plan), plan.routes.channels
    busy = np.zeros(channels.count, np.int64)
    np.add.at(busy, sent.channel, hop_holds(plan, sent) * sent.shares)
    return NetworkLoad(channels=channels, busy=busy)


def mean_link_ps(load: NetworkLoad) -> float:
    """Mean load of the links between routers, which grows with every hop of every packet."""
    channels = load.channels
    return float(load.links.sum()) / max(1, channels.network.topology.links * channels.chips)
