"""What moves per window: bits over buses and eDRAM ports, packets over the network. Timing takes durations from it,
accounting counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archsim.mapping.buffers import Edge
from archsim.mapping.network import flits_of, packet_times
from archsim.mapping.plan import MappedStage, Plan
from archsim.mapping.stages import Stage, window_positions

Ints = NDArray[np.int64]


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
        read = _operand_bits(plan, mapped.stage)
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


def _operand_bits(plan: Plan, stage: Stage) -> int:
    """Bits a digital stage reads per window: every operand at the width it is stored in."""
    narrow, wide = plan.slicing.input_bits, plan.chip.residual_bits
    values = sum(source.values * (wide if source.residual else narrow) for source in stage.sources)
    return values * window_positions(stage)


def edge_bits(plan: Plan, edge: Edge) -> int:
    """Bits of one producer window on its way to one consumer."""
    return edge.values * stored_bits(plan, plan.stages[edge.source].stage)


def hop_holds(plan: Plan) -> Ints:
    """How long a packet holds each hop of the plan's routes [hops, ps]."""
    routes = plan.routes
    times = np.array([packet_times(plan.chip, edge_bits(plan, edge)) for edge in plan.edges], np.int64).reshape(-1, 2)
    return times[routes.edge_of_hop, routes.channels.between_chips(routes.channel).astype(np.int64)]


def flits(plan: Plan, bits: float) -> int:
    """Flits of a packet of so many bits."""
    return flits_of(plan.chip, bits)
