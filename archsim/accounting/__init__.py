"""Accounting: counters x cost table = energy; static power; area."""

from archsim.accounting.counts import CHIP, Count, count_actions
from archsim.accounting.crossbars import assumed_activity
from archsim.accounting.dynamic import mean_input_bits, timed_cycles
from archsim.accounting.energy import ActionRow, energy_by, price, total_energy
from archsim.accounting.programming import Programming, charged_by_level, programming_cost
from archsim.accounting.rows import row_notes, table_costs
from archsim.accounting.sparsity import sparsity_notes
from archsim.accounting.static import AreaRow, area_account, static_rows, total_area

__all__ = [
    "CHIP",
    "ActionRow",
    "AreaRow",
    "Count",
    "Programming",
    "area_account",
    "assumed_activity",
    "charged_by_level",
    "count_actions",
    "energy_by",
    "mean_input_bits",
    "price",
    "programming_cost",
    "row_notes",
    "sparsity_notes",
    "static_rows",
    "table_costs",
    "timed_cycles",
    "total_area",
    "total_energy",
]
