"""A plan as plain data: what `archsim map --json` prints and the terminal table shows."""

from __future__ import annotations

from typing import Any

from archsim.mapping import Plan


def map_rows(plan: Plan) -> list[dict[str, Any]]:
    """One plain row per stage of a plan."""
    rows = []
    for mapped in plan.stages:
        grid, tiles = mapped.grid, mapped.placement.tiles
        rows.append(
            {
                "name": mapped.name,
                "kind": mapped.stage.kind,
                "macs": mapped.macs,
                "windows": mapped.windows,
                "replication": mapped.replication,
                "rows": mapped.input_values if grid else 0,
                "columns": mapped.stage.values_out if grid else 0,
                "row_groups": grid.row_groups if grid else 0,
                "column_groups": grid.column_groups if grid else 0,
                "packed_groups": grid.packed_groups if grid else 0,
                "weight_slices": plan.slicing.weight_slices if grid else 0,
                "crossbars": mapped.placement.crossbars,
                "wasted_cells": grid.wasted_cells * mapped.replication if grid else 0,
                "utilization": grid.utilization if grid else 0.0,
                "first_tile": int(tiles[0]),
                "last_tile": int(tiles[-1]),
                "first_chip": int(tiles[0]) // plan.chip.tiles,
                "last_chip": int(tiles[-1]) // plan.chip.tiles,
            }
        )
    return rows


def map_totals(plan: Plan) -> dict[str, Any]:
    """Totals of a plan, as `archsim map --json` prints them."""
    return {
        "macs": plan.graph.total_macs(),
        "chips": plan.chips,
        "tiles": plan.tiles,
        "crossbars": plan.crossbars,
        "crossbar_utilization": plan.crossbar_utilization,
    }
