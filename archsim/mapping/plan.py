"""The plan: one mapping of one network on one chip, from which time, energy, area and function all follow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

import numpy as np

from archsim.components import Chip, build_chip
from archsim.config import Hardware
from archsim.errors import InputError, Problem
from archsim.mapping.buffers import Edge, build_edges
from archsim.mapping.placement import Placement, place_digital, place_grid
from archsim.mapping.replication import POLICIES, Demand, imas_for
from archsim.mapping.slicing import CrossbarGrid, Slicing, grid_for
from archsim.mapping.stages import Stage, build_stages, channels, positions, window_positions
from archsim.workload.graph import Conv, Graph, Linear


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class MappedStage:
    """One stage with its hardware. Digital stages have no grid; their replication is the number of tiles they work
    on."""

    stage: Stage
    macs: int
    grid: CrossbarGrid | None
    replication: int
    placement: Placement
    input_values: int
    """Values of the unrolled input of one window (rows of the product, operands of a digital stage)."""

    @property
    def name(self) -> str:
        """The layer's name."""
        return self.stage.name

    @property
    def windows(self) -> int:
        """Output positions per image."""
        return self.stage.windows


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Plan:
    """A mapped network. `notes` are things a user should know (full buffers, unused replication policy, ...)."""

    graph: Graph
    chip: Chip
    slicing: Slicing
    stages: tuple[MappedStage, ...]
    edges: tuple[Edge, ...]
    chips: int
    notes: tuple[str, ...]

    def __iter__(self) -> Iterator[MappedStage]:
        return iter(self.stages)

    @property
    def hardware(self) -> Hardware:
        """The hardware file the plan was made for."""
        return self.chip.hardware

    @property
    def crossbars(self) -> int:
        """Arrays that hold weights, all copies."""
        return sum(mapped.placement.crossbars for mapped in self.stages)

    @property
    def crossbar_utilization(self) -> float:
        """Cells that hold a weight bit over all cells of the arrays in use."""
        grids = [(mapped.grid, mapped.replication) for mapped in self.stages if mapped.grid is not None]
        return sum(grid.used_cells * n for grid, n in grids) / sum(grid.cells * n for grid, n in grids)

    @property
    def tiles(self) -> int:
        """Tiles in use."""
        return len(np.unique(np.concatenate([mapped.placement.tiles for mapped in self.stages])))


def map_network(graph: Graph, hardware: Hardware) -> Plan:
    """Map a network on a chip.

    Raises `InputError` when the network does not fit and the hardware file says `overflow: refuse`.
    """
    chip = build_chip(hardware)
    slicing = Slicing.of(chip)
    stages = build_stages(graph)
    grids = [_grid(stage, slicing) for stage in stages]
    chips = _chips_needed(graph, grids, chip)
    copies = _replicate(stages, grids, chips, chip)
    placements = _place(stages, grids, copies, chip)
    mapped = tuple(
        MappedStage(
            stage=stage,
            macs=graph.macs(stage.layer),
            grid=grid,
            replication=len(placement.home),
            placement=placement,
            input_values=_input_values(stage),
        )
        for stage, grid, placement in zip(stages, grids, placements, strict=True)
    )
    edges = build_edges(stages, chip.buffer_slack_rows)
    notes = _buffer_notes(mapped, edges, chip)
    return Plan(graph=graph, chip=chip, slicing=slicing, stages=mapped, edges=edges, chips=chips, notes=notes)


def unrolled(stage: Stage) -> tuple[int, int, int]:
    """(input rows, output columns, groups) of a crossbar stage's products."""
    op = stage.layer.op
    if isinstance(op, Conv):
        rows = channels(stage.operand_shapes[0]) // op.groups * op.kernel[0] * op.kernel[1]
        return rows, op.out // op.groups, op.groups
    assert isinstance(op, Linear)
    height, width = positions(stage.operand_shapes[0])
    return channels(stage.operand_shapes[0]) * height * width, op.out, 1


def _grid(stage: Stage, slicing: Slicing) -> CrossbarGrid | None:
    return grid_for(*unrolled(stage), slicing) if stage.on_crossbars else None


def _input_values(stage: Stage) -> int:
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


def _replicate(stages: tuple[Stage, ...], grids: list[CrossbarGrid | None], chips: int, chip: Chip) -> list[int]:
    """Copies per stage (1 for digital stages, whose lanes follow from placement)."""
    interval = chip.input_cycles * chip.tile.ima.bit_cycle_ps * 1e-12
    demands = [
        Demand(
            name=stage.name,
            windows=stage.windows,
            crossbars=grid.crossbars,
            interval_s=interval,
            replicable=isinstance(stage.layer.op, Conv),
        )
        for stage, grid in zip(stages, grids, strict=True)
        if grid is not None
    ]
    budget = chips * chip.tiles * chip.tile.imas
    chosen = iter(POLICIES[chip.replication](demands, budget, chip.tile.ima.crossbars))
    return [next(chosen) if grid is not None else 1 for grid in grids]


def _place(
    stages: tuple[Stage, ...], grids: list[CrossbarGrid | None], copies: list[int], chip: Chip
) -> list[Placement]:
    per_ima = chip.tile.ima.crossbars
    next_ima = 0
    placed: dict[str, Placement] = {}
    for stage, grid, count in zip(stages, grids, copies, strict=True):
        if grid is None:
            continue
        placed[stage.name] = place_grid(grid, count, next_ima * per_ima, chip)
        next_ima += imas_for(count, grid.crossbars, per_ima)
    first_tile = np.zeros(1, np.int64)
    for stage in stages:
        if stage.name in placed:
            continue
        producers = [placed[source.stage].home for source in stage.sources if source.stage is not None]
        tiles = np.unique(producers[0]) if producers else first_tile
        placed[stage.name] = place_digital(tiles, _input_values(stage))
    return [placed[stage.name] for stage in stages]


def _buffer_notes(mapped: tuple[MappedStage, ...], edges: tuple[Edge, ...], chip: Chip) -> tuple[str, ...]:
    """Say which stages' input buffers exceed the eDRAM of the tiles they work on, and by how much."""
    stored = np.zeros(len(mapped))
    for edge in edges:
        bits = chip.residual_bits if mapped[edge.source].stage.residual else chip.precision.input_bits
        stored[edge.target] += edge.capacity * edge.values * bits / 8
    load: dict[int, float] = {}
    for item, size in zip(mapped, stored, strict=True):
        for tile in item.placement.tiles:
            load[int(tile)] = load.get(int(tile), 0.0) + size / len(item.placement.tiles)
    over = [tile for tile, size in load.items() if size > chip.tile.edram.size_bytes]
    if not over:
        return ()
    worst = max(over, key=lambda tile: load[tile])
    kib = 1024.0
    return (
        f"input buffers exceed the tile eDRAM of {chip.tile.edram.size_bytes / kib:.0f} KiB on {len(over)} of "
        f"{len(load)} tiles in use (worst: tile {worst} with {load[worst] / kib:.0f} KiB); the run goes on as if they "
        "fitted",
    )
