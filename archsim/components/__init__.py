"""The machine that a hardware file describes, its cost table, roll-ups and derived figures."""

from archsim.components.build import build_chip
from archsim.components.cost import CostTable, cost_table
from archsim.components.figures import figures, notes, settings_notes
from archsim.components.rollup import AreaRow, PowerRow, StaticRow, area_rows, power_rows, static_rows
from archsim.components.tree import ActionCost, Chip

__all__ = [
    "ActionCost",
    "AreaRow",
    "Chip",
    "CostTable",
    "PowerRow",
    "StaticRow",
    "area_rows",
    "build_chip",
    "cost_table",
    "figures",
    "notes",
    "power_rows",
    "settings_notes",
    "static_rows",
]
