"""What moves per window: bits over buses and eDRAM ports, packets over the network. Timing takes durations from it,
accounting counts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from archsim.mapping.buffers import Edge
from archsim.mapping.network import Mesh, Route, flits_of
from archsim.mapping.plan import MappedStage, Plan
from archsim.mapping.stages import Stage, window_positions
from archsim.mapping.windows import users

_NOWHERE: list[tuple[int, ...]] = [()]
"""Targets of data that stay where they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTraffic:
    """Bits a stage moves per window. `read` is on the busiest tile (it sets the time), `loaded` over all tiles (it
    sets the energy); `partial` are partial sums between IMAs of a tile, `gathered` partial sums between tiles."""

    read_bits: int
    loaded_bits: float
    partial_bits: float
    gathered_bits: float
    output_bits: int


def stage_traffic(plan: Plan, mapped: MappedStage) -> StageTraffic:
    """Bits per window of one stage."""
    wide = plan.chip.precision.partial_sum_bits
    place = mapped.placement
    read, loaded = place.read_rows * plan.slicing.input_bits, place.loaded_rows * plan.slicing.input_bits
    if mapped.grid is None:
        read = _operand_bits(plan, mapped)
        loaded = float(read)
    return StageTraffic(
        read_bits=read,
        loaded_bits=loaded,
        partial_bits=place.ima_transfers * place.partial_values * wide,
        gathered_bits=place.tile_transfers * place.partial_values * wide,
        output_bits=mapped.stage.values_out * stored_bits(plan, mapped.stage),
    )


def stored_bits(plan: Plan, stage: Stage) -> int:
    """Width in which a stage's output is stored and travels."""
    return plan.chip.residual_bits if stage.residual else plan.slicing.input_bits


def _operand_bits(plan: Plan, mapped: MappedStage) -> int:
    """Bits a digital stage reads per window: every operand at the width it is stored in."""
    producers = {other.name: other.stage for other in plan.stages}
    reach = window_positions(mapped.stage)
    return sum(
        source.values
        * reach
        * (stored_bits(plan, producers[source.stage]) if source.stage else plan.slicing.input_bits)
        for source in mapped.stage.sources
    )


def _stays(producer: MappedStage, consumer: MappedStage) -> bool:
    """Whether a stage's output is used where it is made."""
    first = consumer.stage.sources[0].stage == producer.name
    return consumer.grid is None and first and window_positions(consumer.stage) == 1


LaneSets = tuple[list[tuple[int, ...]], NDArray[np.int64]]
"""Distinct sets of consumer lanes, and which of them each producer window goes to."""
Known = dict[tuple[int, int, int], LaneSets | None]
"""Lane sets by edge and lanes at both ends: they do not depend on where the lanes are."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Packets:
    """Packets of one edge and image, by kind: from tile `home` to the tiles `targets[choice]`, `shares` times.
    `kind_of` [producer windows] says which kind each window sends."""

    home: NDArray[np.int64]
    choice: NDArray[np.int64]
    shares: NDArray[np.int64]
    kind_of: NDArray[np.int64]
    targets: list[tuple[int, ...]]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class EdgeRoutes:
    """Routes of one edge: producer window q takes `routes[route_of[q]]`; `stops` is how many tiles a route delivers
    to."""

    edge: Edge
    route_of: NDArray[np.int64]
    routes: tuple[Route, ...]
    stops: tuple[int, ...]

    @property
    def shares(self) -> NDArray[np.int64]:
        """How many producer windows of one image take each route."""
        return np.bincount(self.route_of, minlength=len(self.routes)).astype(np.int64)


def edge_routes(plan: Plan) -> tuple[EdgeRoutes, ...]:
    """Routes of every edge, in the plan's order."""
    mesh = Mesh.of(plan.chip)
    known = cache(mesh.route)
    found = []
    for edge, sent in zip(plan.edges, edge_packets(plan, {}), strict=True):
        pairs = list(zip(sent.home.tolist(), (sent.targets[choice] for choice in sent.choice), strict=True))
        routes = tuple(known(home, tiles) for home, tiles in pairs)
        stops = tuple(len(set(tiles) - {home}) for home, tiles in pairs)
        found.append(EdgeRoutes(edge=edge, route_of=sent.kind_of, routes=routes, stops=stops))
    return tuple(found)


def edge_packets(plan: Plan, known: Known) -> tuple[Packets, ...]:
    """Packets of every edge, in the plan's order; `known` keeps what other placements of the network share.

    A producer window goes to the tiles of those copies whose windows use it, in one packet. A digital stage that takes
    one position of each operand (sums, products, functions) works where its first operand is produced, which costs
    nothing to reach; pools gather their positions from wherever those were made.
    """
    found = []
    for number, edge in enumerate(plan.edges):
        producer, consumer = plan.stages[edge.source], plan.stages[edge.target]
        homes = producer.placement.home[np.arange(producer.windows) % producer.replication]
        key = number, producer.replication, consumer.replication
        if key not in known:
            known[key] = _lane_sets(producer.stage, consumer.stage, consumer.replication)
        sets, tiles = known[key], consumer.placement.lane_tiles
        if _stays(producer, consumer):
            targets, chosen = _NOWHERE, np.zeros(producer.windows, np.int64)
        elif sets is None:
            targets, chosen = [tuple(consumer.placement.tiles.tolist())], np.zeros(producer.windows, np.int64)
        else:
            targets = [tuple(sorted({tile for lane in lanes for tile in tiles[lane]})) for lanes in sets[0]]
            chosen = sets[1]
        kinds, kind_of, shares = np.unique(homes * len(targets) + chosen, return_inverse=True, return_counts=True)
        home, choice = np.divmod(kinds, len(targets))
        found.append(Packets(home=home, choice=choice, shares=shares, kind_of=kind_of.ravel(), targets=targets))
    return tuple(found)


def _lane_sets(producer: Stage, consumer: Stage, lanes: int) -> LaneSets | None:
    """Sets of the consumer's lanes that producer windows go to; None when every window goes to all of them."""
    lists = [users(consumer, source, producer.shape) for source in consumer.sources if source.stage == producer.name]
    if any(windows is None for windows in lists):
        return None
    window = np.concatenate([windows for windows in lists if windows is not None], axis=1)
    rows = np.sort(np.where(window < 0, -1, window % lanes), axis=1)
    distinct, chosen = np.unique(rows, axis=0, return_inverse=True)
    sets = [tuple(sorted({lane for lane in row if lane >= 0})) for row in distinct.tolist()]
    return sets, chosen.astype(np.int64).ravel()


def edge_bits(plan: Plan, edge: Edge) -> int:
    """Bits of one producer window on its way to one consumer."""
    return edge.values * stored_bits(plan, plan.stages[edge.source].stage)


def flits(plan: Plan, bits: float) -> int:
    """Flits of a packet of so many bits."""
    return flits_of(plan.chip, bits)
