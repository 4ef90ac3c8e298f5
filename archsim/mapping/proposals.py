"""Ways to map a network on a chip: copies within the crossbars there are, layouts, and who stands with whom. Which of
them is taken is decided above (`archsim.mapper`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from math import ceil

import numpy as np

from archsim.components import Chip
from archsim.config.suggest import did_you_mean
from archsim.errors import InputError, Problem
from archsim.mapping.buffers import Edge, build_edges, matched_slack
from archsim.mapping.fanout import Fanout, fan_out
from archsim.mapping.gather import Gathers, Summing, gather
from archsim.mapping.hosting import Hosts, host_choices
from archsim.mapping.layout import POLICIES, Footprint, Layout
from archsim.mapping.memory import Buffer, Held, hold
from archsim.mapping.network import Channels, Network
from archsim.mapping.placement import Placement, lay, place_digital, place_grid
from archsim.mapping.plan import MappedStage, Plan, unrolled
from archsim.mapping.replication import POLICIES as REPLICATION
from archsim.mapping.replication import Demand, imas_for
from archsim.mapping.routes import route_all
from archsim.mapping.rows.plan import RowPlan
from archsim.mapping.slicing import CrossbarGrid, Slicing, grid_for
from archsim.mapping.stages import Stage, build_stages, channels, positions, window_positions
from archsim.mapping.topology import TOPOLOGIES
from archsim.units import format_quantity
from archsim.workload.graph import Conv, Graph

FIRST_TILE = np.zeros(1, np.int64)
FIRST_ROW = 1
"""Rows of slack that buffers get in any case where the mapper chooses how many."""
PARTS = {1: "all", 2: "half", 4: "a quarter"}
"""Of the machine's IMAs, what copies may fill: a larger chip is also used as a smaller one would be."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Proposal:
    """One way to lay a network out. `work_ps` is the least time of an image on its crossbars."""

    name: str
    copies: tuple[int, ...]
    layout: Layout
    hosts: Hosts
    work_ps: int


class Proposals:
    """The ways to map one network on one chip, and the plan that follows from each.

    Raises `InputError` when the network does not fit and the hardware file says `overflow: refuse`, and for row plans
    that do not fit their layers.
    """

    def __init__(self, graph: Graph, chip: Chip, rows: Mapping[str, RowPlan] | None = None) -> None:
        self.graph, self.chip, self.rows = graph, chip, dict(rows or {})
        self.slicing = Slicing.of(chip)
        self.stages = build_stages(graph, ports=chip.input == "links")
        _check_rows(self.rows, self.stages, chip)
        self.grids = [_grid(stage, self.slicing, self.rows.get(stage.name)) for stage in self.stages]
        self.chips = _chips_needed(graph, self.grids, chip)
        self.channels = Channels(network=Network.of(chip), chips=self.chips)
        self.inputs = [_input_values(stage) for stage in self.stages]
        self.edges = build_edges(self.stages)
        self._sent = cache(self._fan_out)
        self.laid = cache(self._lay_out)
        self._slack = cache(lambda slack_rows: matched_slack(self.stages, self.edges, slack_rows))

    @cached_property
    def all(self) -> tuple[Proposal, ...]:
        """Every proposal: parts of the machine from all of it down, layouts, hosts."""
        found, seen = [], set()
        per_ima = self.chip.tile.ima.crossbars
        for divisor, part in PARTS.items():
            copies = tuple(_replicate(self.stages, self.grids, self.chips, self.chip, divisor))
            if copies in seen:
                continue
            seen.add(copies)
            layouts = POLICIES[self.chip.placement].propose(_footprints(self.stages, self.grids, copies), per_ima)
            hosts = host_choices(self.stages)
            ties = (
                [""] if len(hosts) == 1 else [", sums with their latest operand", ", sums with their earliest operand"]
            )
            for beside, choice in zip(ties, hosts, strict=True):
                for name, layout in layouts.items():
                    said = f"{name}{beside}" + (f", on {part} of the chip" if divisor > 1 else "")
                    work = self._work_ps(copies)
                    found.append(Proposal(name=said, copies=copies, layout=layout, hosts=choice, work_ps=work))
        return tuple(found)

    def plan(self, proposal: Proposal, slack_rows: int) -> Plan:
        """The plan of a proposal with buffers of so many rows of slack, as far as eDRAM goes."""
        laid = self.laid(proposal)
        wanted = self._slack(slack_rows)
        fixed = self.chip.buffer_slack_rows
        must = self._slack(min(slack_rows, FIRST_ROW) if fixed is None else fixed)
        buffers = [
            Buffer(
                window_bytes=edge.values * self._stored_bits(self.stages[edge.source]) / 8,
                least=edge.minimum,
                slack=slack,
                must=min(slack, sure),
                tiles=laid.stages[edge.target].placement.tiles,
            )
            for edge, slack, sure in zip(laid.edges, wanted, must, strict=True)
            if not self.stages[edge.target].port
        ]
        held = hold(buffers, self.chip, self.chips)
        got = iter(held.slack)
        edges = tuple(
            # the host's memory is no tile's
            replace(edge, capacity=edge.minimum + (slack if self.stages[edge.target].port else next(got)))
            for edge, slack in zip(laid.edges, wanted, strict=True)
        )
        stages = laid.stages
        if held.overflowing:
            stages = tuple(mapped if mapped.stage.port else _with_remote(mapped, held) for mapped in stages)
        asked = [buffer.slack for buffer in buffers]
        notes = (*TOPOLOGIES[self.chip.tile.router.topology].notes, *_buffer_notes(held, asked, self.chip))
        return replace(laid, stages=stages, edges=edges, slack_rows=slack_rows, notes=notes)

    def _stored_bits(self, stage: Stage) -> int:
        return self.chip.residual_bits if stage.residual else self.slicing.input_bits

    def _work_ps(self, copies: Sequence[int]) -> int:
        bit = self.chip.tile.ima.bit_cycle_ps
        return max(
            ceil(stage.windows / count) * grid.window_reads * bit
            for stage, grid, count in zip(self.stages, self.grids, copies, strict=True)
            if grid is not None
        )

    def _lay_out(self, proposal: Proposal) -> Plan:
        """The plan of a proposal with the least buffers, wherever they fit (cached as `laid`)."""
        placements = _place(
            self.stages, self.grids, proposal.copies, self.inputs, proposal.layout, proposal.hosts, self.chip,
            self.channels.host,
        )  # fmt: skip
        lanes = [len(placement.home) for placement in placements]
        fanouts = [
            self._sent(number, lanes[edge.source], lanes[edge.target], self._together(edge, proposal.hosts))
            for number, edge in enumerate(self.edges)
        ]
        mapped = tuple(
            MappedStage(
                stage=stage,
                macs=0 if stage.port else self.graph.macs(stage.layer),
                grid=grid,
                replication=len(placement.home),
                placement=placement,
                input_values=values,
            )
            for stage, grid, placement, values in zip(self.stages, self.grids, placements, self.inputs, strict=True)
        )
        return Plan(
            graph=self.graph,
            chip=self.chip,
            slicing=self.slicing,
            stages=mapped,
            edges=self.edges,
            routes=route_all(self.edges, fanouts, placements, self.channels),
            gathers=self._gather(placements),
            chips=self.chips,
            notes=(),
            layout=proposal.name,
            rows=self.rows,
        )

    def _gather(self, placements: Sequence[Placement]) -> Gathers:
        parts = [
            Summing(
                stage=number,
                grid=grid,
                placement=placement,
                windows=stage.windows,
                wide=self.chip.precision.partial_sum_bits,
                stored=self._stored_bits(stage),
            )
            for number, (stage, grid, placement) in enumerate(zip(self.stages, self.grids, placements, strict=True))
            if grid is not None and placement.span > 1
        ]
        return gather(parts, self.chip.tile.ima.crossbars * self.chip.tile.imas, self.channels)

    def _fan_out(self, number: int, senders: int, receivers: int, together: bool) -> Fanout:
        edge = self.edges[number]
        return fan_out(self.stages[edge.source], self.stages[edge.target], senders, receivers, together=together)

    def _together(self, edge: Edge, hosts: Hosts) -> bool:
        """Whether a digital stage stands on the tiles of this edge's producer."""
        return hosts.get(self.stages[edge.target].name) == self.stages[edge.source].name


def _with_remote(mapped: MappedStage, held: Held) -> MappedStage:
    """A stage with the part of its buffers that stands elsewhere."""
    share, hops = held.remote[mapped.placement.tiles], held.hops[mapped.placement.tiles]
    mean = float(share.mean())
    if mean == 0.0:
        return mapped
    return replace(mapped, remote_share=mean, remote_hops=float((share * hops).sum() / share.sum()))


def _grid(stage: Stage, slicing: Slicing, rows: RowPlan | None) -> CrossbarGrid | None:
    return grid_for(*unrolled(stage), slicing, rows) if stage.on_crossbars else None


def _check_rows(rows: Mapping[str, RowPlan], stages: tuple[Stage, ...], chip: Chip) -> None:
    """Raise `InputError` for every row plan that does not fit a layer or the chip."""
    products = {stage.name: unrolled(stage) for stage in stages if stage.on_crossbars}
    problems = []
    for name, plan in rows.items():
        inputs, _, groups = products.get(name, (0, 0, 0))
        if name not in products:
            problems.append(Problem(f"rows.{name}", f"is no layer on crossbars{did_you_mean(name, list(products))}"))
        elif groups > 1:
            problems.append(Problem(f"rows.{name}", f"has {groups} convolution groups; expected a layer of one group"))
        elif plan.logical_rows != inputs:
            problems.append(Problem(f"rows.{name}", f"has {plan.logical_rows} rows; expected the layer's {inputs}"))
    if rows and chip.activation_precision is not None:
        problems.append(Problem("rows", "do not go with activation_precision; expected a machine without it"))
    if problems:
        raise InputError(problems)


def _input_values(stage: Stage) -> int:
    if stage.port:
        return 0
    if stage.on_crossbars:
        rows, _, groups = unrolled(stage)
        return rows * groups
    return sum(channels(shape) for shape in stage.operand_shapes) * window_positions(stage)


def _chips_needed(graph: Graph, grids: list[CrossbarGrid | None], chip: Chip) -> int:
    per_ima = chip.tile.ima.crossbars
    imas = sum(imas_for(1, grid.crossbars, per_ima) for grid in grids if grid is not None)
    chips = max(1, ceil(imas / (chip.tiles * chip.tile.imas)))
    if chips > 1 and chip.overflow == "refuse":
        crossbars = sum(grid.crossbars for grid in grids if grid is not None)
        raise InputError(
            [
                Problem(
                    f"workload {graph.name} on {chip.name}",
                    f"needs {crossbars} crossbars in {imas} IMAs, {chips} chips in all; one chip has {chip.crossbars} "
                    f"crossbars in {chip.tiles * chip.tile.imas} IMAs and the hardware file says chip.overflow: refuse "
                    "(expected: spread, more tiles, or a smaller network)",
                )
            ]
        )
    return chips


def _replicate(
    stages: tuple[Stage, ...], grids: list[CrossbarGrid | None], chips: int, chip: Chip, divisor: int
) -> list[int]:
    """Copies per stage (1 for digital stages, whose lanes follow from placement), in a part of the machine's IMAs."""
    demands = [
        Demand(
            name=stage.name,
            windows=stage.windows,
            crossbars=grid.crossbars,
            interval_s=grid.window_reads * chip.tile.ima.bit_cycle_ps * 1e-12,
            replicable=isinstance(stage.layer.op, Conv),
        )
        for stage, grid in zip(stages, grids, strict=True)
        if grid is not None
    ]
    budget = chips * chip.tiles * chip.tile.imas // divisor
    chosen = iter(REPLICATION[chip.replication](demands, budget, chip.tile.ima.crossbars))
    return [next(chosen) if grid is not None else 1 for grid in grids]


def _footprints(
    stages: tuple[Stage, ...], grids: list[CrossbarGrid | None], copies: Sequence[int]
) -> tuple[Footprint, ...]:
    """What placement policies see of the crossbar stages, in order."""
    return tuple(
        Footprint(
            name=stage.name,
            copies=count,
            crossbars=grid.crossbars,
            windows=stage.windows,
            columns=positions(stage.shape)[1],
        )
        for stage, grid, count in zip(stages, grids, copies, strict=True)
        if grid is not None
    )


def _place(
    stages: tuple[Stage, ...],
    grids: list[CrossbarGrid | None],
    copies: Sequence[int],
    inputs: list[int],
    layout: Layout,
    hosts: Hosts,
    chip: Chip,
    host: int,
) -> list[Placement]:
    """Where every stage stands; `host` is the number of the host among tiles."""
    slots = iter(lay(_footprints(stages, grids, copies), layout, chip.tile.ima.crossbars))
    placed = {
        stage.name: place_grid(grid, next(slots), chip)
        for stage, grid in zip(stages, grids, strict=True)
        if grid is not None
    }
    for stage, values in zip(stages, inputs, strict=True):
        if stage.name in placed:
            continue
        beside = placed[hosts[stage.name]].home if stage.name in hosts else FIRST_TILE
        if stage.port:
            beside = np.array([host])
        placed[stage.name] = place_digital(beside, values)
    return [placed[stage.name] for stage in stages]


def _buffer_notes(held: Held, wanted: Sequence[int], chip: Chip) -> tuple[str, ...]:
    """Say which buffers do not fit where they are read, and what is done about it."""
    size = f"the tile eDRAM of {format_quantity(chip.tile.edram.size_bytes, 'B')}"
    found = []
    if held.overflowing:
        away = float(held.hops[held.remote > 0].mean())
        tiles = "1 tile" if held.overflowing == 1 else f"{held.overflowing} tiles"
        found.append(
            f"{format_quantity(held.spilled, 'B')} of buffers exceed {size} on {tiles}: they stand in tiles "
            f"around, {away:.1f} hops away in the mean, and are fetched from there (over links that are not arbitrated)"
        )
    less = sum(got < asked for got, asked in zip(held.slack, wanted, strict=True))
    if less:
        found.append(f"{less} of {len(wanted)} buffers hold less slack than asked for, as {size} is full")
    return tuple(found)
