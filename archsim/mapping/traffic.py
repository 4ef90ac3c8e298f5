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
    """Routes of every edge, in the plan's order.

    A producer window goes to the tiles of those copies whose windows use it, in one packet. A digital stage works
    where its first operand is produced, which costs nothing to reach (halos between its tiles are not modelled).
    """
    mesh = Mesh.of(plan.chip)
    known = cache(mesh.route)
    found = []
    for edge in plan.edges:
        producer, consumer = plan.stages[edge.source], plan.stages[edge.target]
        homes = producer.placement.home[np.arange(producer.windows) % producer.replication]
        if consumer.grid is None and consumer.stage.sources[0].stage == producer.name:
            targets, chosen = _NOWHERE, np.zeros(producer.windows, np.int64)
        else:
            targets, chosen = _targets(producer, consumer)
        pairs, route_of = np.unique(np.stack([homes, chosen]), axis=1, return_inverse=True)
        routes = tuple(known(int(home), targets[choice]) for home, choice in pairs.T)
        stops = tuple(len(set(targets[choice]) - {int(home)}) for home, choice in pairs.T)
        found.append(EdgeRoutes(edge=edge, route_of=route_of.astype(np.int64).ravel(), routes=routes, stops=stops))
    return tuple(found)


def _targets(producer: MappedStage, consumer: MappedStage) -> tuple[list[tuple[int, ...]], NDArray[np.int64]]:
    """Distinct sets of tiles that producer windows go to, and which set each window takes."""
    everywhere = tuple(int(tile) for tile in consumer.placement.tiles)
    sources = [source for source in consumer.stage.sources if source.stage == producer.name]
    lists = [users(consumer.stage, source, producer.stage.shape) for source in sources]
    if len(everywhere) == 1 or any(windows is None for windows in lists):
        return [everywhere], np.zeros(producer.windows, np.int64)
    window = np.concatenate([windows for windows in lists if windows is not None], axis=1)
    lanes = np.sort(np.where(window < 0, -1, window % consumer.replication), axis=1)
    distinct, chosen = np.unique(lanes, axis=0, return_inverse=True)
    tiles = consumer.placement.lane_tiles
    sets = [tuple(sorted({tile for lane in row if lane >= 0 for tile in tiles[lane]})) for row in distinct.tolist()]
    return sets, chosen.astype(np.int64).ravel()


def edge_bits(plan: Plan, edge: Edge) -> int:
    """Bits of one producer window on its way to one consumer."""
    return edge.values * stored_bits(plan, plan.stages[edge.source].stage)


def flits(plan: Plan, bits: float) -> int:
    """Flits of a packet of so many bits."""
    return flits_of(plan.chip, bits)
