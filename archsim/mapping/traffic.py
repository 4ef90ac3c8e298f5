"""What moves per window: bits over buses and eDRAM ports, packets over the network. Timing takes durations from it,
accounting counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.mapping.buffers import Edge
from archsim.mapping.network import flits_of, packet_times
from archsim.mapping.plan import MappedStage, Plan
from archsim.mapping.stages import Stage, window_positions
from archsim.mapping.windows import inside
from archsim.workload.graph import Conv

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTraffic:
    """Bits a stage moves per window. `read` [1, or windows of an image where some of them lie in padding] is on the
    busiest tile (it sets the time), `loaded` [as `read`] over all tiles (it sets the energy); `partial` are partial
    sums between IMAs of a tile (those between tiles are packets: `archsim.mapping.gather`).

    Padding is put in where inputs enter the crossbars' registers: its zeros are neither stored nor read. A copy that
    spreads over several tiles is taken to have its padding evenly among them.
    """

    read_bits: Ints
    loaded_bits: NDArray[np.float64]
    partial_bits: float
    output_bits: int
    remote_bits: NDArray[np.float64]
    """Of `loaded_bits`, what comes from other tiles' eDRAM."""


def stage_traffic(plan: Plan, mapped: MappedStage) -> StageTraffic:
    """Bits per window of one stage."""
    wide = plan.chip.precision.partial_sum_bits
    place = mapped.placement
    if mapped.stage.port:
        read, loaded = np.zeros(1, np.int64), np.zeros(1)
    elif mapped.grid is None:
        read = _operand_bits(plan, mapped.stage)
        loaded = read.astype(float)
    else:
        share, bits = _share_inside(mapped.stage), plan.slicing.input_bits
        read = np.ceil(np.round(share * (place.read_rows * bits), 6)).astype(np.int64)
        loaded = share * (place.loaded_rows * bits)
    return StageTraffic(
        read_bits=read,
        loaded_bits=loaded,
        partial_bits=place.ima_transfers * place.partial_values * wide,
        remote_bits=loaded * mapped.remote_share,
        output_bits=mapped.stage.values_out * stored_bits(plan, mapped.stage),
    )


def stored_bits(plan: Plan, stage: Stage) -> int:
    """Width in which a stage's output is stored and travels."""
    return plan.chip.residual_bits if stage.residual else plan.slicing.input_bits


def _operand_bits(plan: Plan, stage: Stage) -> Ints:
    """Bits a digital stage reads per window [1 or windows]: every operand at the width it is stored in."""
    narrow, wide = plan.slicing.input_bits, plan.chip.residual_bits
    read = np.zeros(1, np.int64)
    for source in stage.sources:
        found = inside(stage, source)
        positions = np.array([window_positions(stage)]) if found is None else found
        read = read + positions * (source.values * (wide if source.residual else narrow))
    return _shortest(read)


def _share_inside(stage: Stage) -> NDArray[np.float64]:
    """Share of a crossbar stage's unrolled inputs that are no padding [1 or windows]."""
    op = stage.layer.op
    area = op.kernel[0] * op.kernel[1] if isinstance(op, Conv) else 1
    counts = [(source.values, inside(stage, source)) for source in stage.sources]
    total = area * sum(values for values, _ in counts)
    read = np.zeros(1)
    for values, found in counts:
        read = read + values * (np.array([area]) if found is None else found)
    return _shortest(read / total)


def _shortest(values: NDArray[Any]) -> NDArray[Any]:
    """One value where all are equal."""
    return values[:1] if (values == values[0]).all() else values


def edge_bits(plan: Plan, edge: Edge) -> int:
    """Bits of one producer window on its way to one consumer."""
    return edge.values * stored_bits(plan, plan.stages[edge.source].stage)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Packets:
    """All packets of a plan, hop by hop [hops]: those between stages, edge by edge, then those by which stages gather.

    `channel` is what a hop holds, `size` the place in `sizes` [bits, ascending] of what goes over it, for `source`, the
    stage that sends; `shares` packets of an image take the hop's route. `offset` [routes + 1] is where each route's
    hops begin.
    """

    channel: Ints
    sizes: Ints
    size: Ints
    source: Ints
    shares: Ints
    offset: Ints


def packets(plan: Plan) -> Packets:
    """The packets of a plan."""
    sent, gathered = plan.routes, plan.gathers.routes
    bits = np.array([edge_bits(plan, edge) for edge in plan.edges], np.int64)
    sizes = np.unique(np.concatenate([bits, plan.gathers.bits]))
    size = np.searchsorted(sizes, bits)
    edge = sent.edge_of_hop
    source = np.array([edge.source for edge in plan.edges], np.int64)
    offset = np.concatenate([sent.offset, sent.offset[-1] + gathered.offset[1:]])
    return Packets(
        channel=np.concatenate([sent.channel, gathered.channel]),
        sizes=sizes,
        size=np.concatenate([size[edge], np.searchsorted(sizes, plan.gathers.bits)]),
        source=np.concatenate([source[edge], plan.gathers.stage[gathered.edge_of_hop]]),
        shares=np.repeat(np.concatenate([sent.shares, gathered.shares]), np.diff(offset)),
        offset=offset,
    )


def hop_holds(plan: Plan, sent: Packets) -> Ints:
    """How long a packet holds each hop [hops, ps]."""
    times = np.array([packet_times(plan.chip, bits) for bits in sent.sizes.tolist()], np.int64).reshape(-1, 2)
    return times[sent.size, plan.routes.channels.between_chips(sent.channel).astype(np.int64)]


def flits(plan: Plan, bits: float) -> int:
    """Flits of a packet of so many bits."""
    return flits_of(plan.chip, bits)
