"""From network and chip to plan: copies within the crossbars there are, then the placement whose busiest resource is
least loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache, partial
from math import ceil

import numpy as np

from archsim.components import Chip, build_chip
from archsim.config import Hardware
from archsim.config.suggest import did_you_mean
from archsim.errors import InputError, Problem
from archsim.keeping import Keep
from archsim.mapping.buffers import Edge, build_edges
from archsim.mapping.fanout import Fanout, fan_out
from archsim.mapping.hosting import Hosts, host_choices
from archsim.mapping.layout import POLICIES, Footprint, Layout
from archsim.mapping.load import least_loaded
from archsim.mapping.network import Channels, Mesh
from archsim.mapping.placement import Placement, lay, place_digital, place_grid
from archsim.mapping.plan import MappedStage, Plan, unrolled
from archsim.mapping.replication import POLICIES as REPLICATION
from archsim.mapping.replication import Demand, imas_for
from archsim.mapping.routes import route_all
from archsim.mapping.rows.plan import RowPlan
from archsim.mapping.slicing import CrossbarGrid, Slicing, grid_for
from archsim.mapping.stages import Stage, build_stages, channels, positions, window_positions
from archsim.mapping.view import mapping_view
from archsim.workload.graph import Conv, Graph

FIRST_TILE = np.zeros(1, np.int64)


def map_network(
    graph: Graph, hardware: Hardware, rows: Mapping[str, RowPlan] | None = None, *, reuse: Keep | None = None
) -> Plan:
    """Map a network on a chip.

    Parameters
    ----------
    rows : by layer name, where its rows stand and which share a place (`archsim.mapping.rows`); others stand in the
        order of the unrolled inputs.
    reuse : keeps the mapping for chips that differ in nothing that mapping reads (`archsim.simulation.Reuse`); the plan
        is the same with and without.

    Raises `InputError` when the network does not fit and the hardware file says `overflow: refuse`, and for row plans
    that do not fit their layers.
    """
    chip = build_chip(hardware)
    if reuse is None:
        return map_on(graph, chip, rows)
    # made from nothing but what it is kept by
    view, bare = mapping_view(chip), graph.with_parameters({}, "none")
    found = reuse("mapping", (view, bare, rows), lambda: map_on(bare, view, rows))
    return replace(found, graph=graph, chip=chip)


def map_on(graph: Graph, chip: Chip, rows: Mapping[str, RowPlan] | None = None) -> Plan:
    """The same on a chip as built, such as one whose arrays are read in the other direction
    (`archsim.components.training`)."""
    slicing = Slicing.of(chip)
    stages = build_stages(graph)
    _check_rows(rows or {}, stages, chip)
    grids = [_grid(stage, slicing, (rows or {}).get(stage.name)) for stage in stages]
    chips = _chips_needed(graph, grids, chip)
    copies, inputs = _replicate(stages, grids, chips, chip), [_input_values(stage) for stage in stages]
    edges = build_edges(stages, chip.buffer_slack_rows)
    channels, sent = Channels(mesh=Mesh.of(chip), chips=chips), cache(partial(_fan_out, stages, edges))

    def plan(layout: Layout, hosts: Hosts) -> Plan:
        placements = _place(stages, grids, copies, inputs, layout, hosts, chip)
        lanes = [len(placement.home) for placement in placements]
        fanouts = [
            sent(number, lanes[edge.source], lanes[edge.target], _together(stages, edge, hosts))
            for number, edge in enumerate(edges)
        ]
        mapped = tuple(
            MappedStage(
                stage=stage,
                macs=graph.macs(stage.layer),
                grid=grid,
                replication=len(placement.home),
                placement=placement,
                input_values=values,
            )
            for stage, grid, placement, values in zip(stages, grids, placements, inputs, strict=True)
        )
        return Plan(
            graph=graph,
            chip=chip,
            slicing=slicing,
            stages=mapped,
            edges=edges,
            routes=route_all(edges, fanouts, placements, channels),
            chips=chips,
            notes=(),
            rows=dict(rows or {}),
        )

    layouts = POLICIES[chip.placement].propose(_footprints(stages, grids, copies), chip.tile.ima.crossbars)
    best = least_loaded([plan(layout, hosts) for layout in layouts for hosts in host_choices(stages)])
    return replace(best, notes=_buffer_notes(best.stages, edges, chip))


def _fan_out(
    stages: tuple[Stage, ...], edges: tuple[Edge, ...], number: int, senders: int, receivers: int, together: bool
) -> Fanout:
    edge = edges[number]
    return fan_out(stages[edge.source], stages[edge.target], senders, receivers, together=together)


def _together(stages: tuple[Stage, ...], edge: Edge, hosts: Hosts) -> bool:
    """Whether a digital stage stands on the tiles of this edge's producer."""
    return hosts.get(stages[edge.target].name) == stages[edge.source].name


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
    budget = chips * chip.tiles * chip.tile.imas
    chosen = iter(REPLICATION[chip.replication](demands, budget, chip.tile.ima.crossbars))
    return [next(chosen) if grid is not None else 1 for grid in grids]


def _footprints(
    stages: tuple[Stage, ...], grids: list[CrossbarGrid | None], copies: list[int]
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
    copies: list[int],
    inputs: list[int],
    layout: Layout,
    hosts: Hosts,
    chip: Chip,
) -> list[Placement]:
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
        placed[stage.name] = place_digital(beside, values)
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
