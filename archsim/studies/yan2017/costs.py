"""What levels cost and save on hardware: cells, density, energy, and the tables that granularity asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import fsum
from typing import Any

from archsim.components import build_chip
from archsim.components.rollup import area_rows, total_area
from archsim.config import load_hardware
from archsim.mapper import map_network
from archsim.simulation import simulate
from archsim.studies.claims import Table
from archsim.studies.request import Request
from archsim.workload import load_workload

NETWORK = "resnet8-cifar10"
MACHINES: tuple[tuple[str, str, Mapping[str, object]], ...] = (
    ("isaac-8bit", "8-bit weights, 4 cells", {}),
    ("isaac-8bit", "4-bit weights, 2 cells", {"precision.weight_bits": 4}),
    ("mlc-rram-16", "a level set for each layer", {"weight_levels.granularity": "layer"}),
    ("mlc-rram-16", "one set, channels scale it", {"weight_levels.granularity": "shared"}),
    ("mlc-rram-16", "a level set for each column", {"weight_levels.granularity": "channel"}),
    ("mlc-rram-16", "for each layer, pairs of cells",
     {"weight_levels.granularity": "layer", "precision.encoding": "differential"}),
    ("stt-mram-4", "2-bit weights, 1 cell", {}),
)  # fmt: skip
"""Hardware file, what is changed, and how."""


def cost_table_rows(request: Request) -> list[dict[str, Any]]:
    """Every machine with one picture of NETWORK (inputs assumed: half of the rows driven)."""
    graph, rows = load_workload(NETWORK), []
    for name, what, changes in MACHINES:
        request.told(f"{name}, {what}")
        hardware = load_hardware(name, changes)
        chip = build_chip(hardware)
        run = simulate(map_network(graph, hardware), engine="kernel")
        event: dict[str, float] = {}
        for row in run.actions:
            if row.action != "static":
                event[row.component] = event.get(row.component, 0.0) + row.energy_j
        ima = chip.tile.ima
        crossbar = ima.crossbar
        weights = chip.crossbars // chip.arrays_per_weight * crossbar.rows * chip.weights_per_row
        tables = [unit for unit in ima.overheads if unit.name == "level_table"]
        area = fsum(unit.count * unit.area_m2 for unit in tables)
        programming = run.programming
        rows.append(
            {
                "hardware": name,
                "what": what,
                "cells_per_weight": chip.columns_per_weight * chip.arrays_per_weight,
                "weights_per_mm2": weights / (total_area(area_rows(chip)) * 1e6),
                "table_entries": sum(unit.count for unit in tables),
                "table_area_um2": area * 1e12,
                "ima_area_um2": 1e12
                * fsum(getattr(ima, part).count * getattr(ima, part).area_m2 for part in IMA_PARTS),
                "crossbar_uj": 1e6 * event.get("crossbar", 0.0),
                "adc_uj": 1e6 * event.get("adc", 0.0),
                "alu_uj": 1e6 * event.get("alu", 0.0),
                "event_uj": 1e6 * fsum(event.values()),
                "load_uj": None if programming is None else 1e6 * programming.energy_j,
            }
        )
    return rows


IMA_PARTS = ("crossbar", "dac", "sample_hold", "adc", "shift_add", "input_register", "output_register")
"""Components of an IMA beside its tables."""


def costs_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Cells, density, tables and energy."""
    columns = (
        ("hardware", "hardware", ""),
        ("what", "weights", ""),
        ("cells_per_weight", "cells", ""),
        ("weights_per_mm2", "weights/mm2", ",.0f"),
        ("table_entries", "table entries an IMA", ",d"),
        ("table_area_um2", "tables [um2]", ",.0f"),
        ("ima_area_um2", "rest of the IMA [um2]", ",.0f"),
        ("crossbar_uj", "crossbar [uJ]", ".3f"),
        ("adc_uj", "ADC [uJ]", ".3f"),
        ("alu_uj", "ALU [uJ]", ".3f"),
        ("event_uj", "dynamic [uJ]", ".3f"),
        ("load_uj", "loading [uJ]", ".2f"),
    )
    return Table(
        title=f"cost: cells a weight, weights per chip area, level tables, and energy of one picture of {NETWORK}",
        rows=tuple(rows),
        columns=columns,
    )
