"""Rows that stand elsewhere: what their indirection tables cost, and what a user should know about arrays that open a
few rows at a time."""

from __future__ import annotations

from collections.abc import Iterator

from archsim.components import ActionCost, CostTable
from archsim.mapping.plan import MappedStage, Plan
from archsim.mapping.rows.table import TableCost, memory_of, table_cost

TABLE = "row_table"
"""Component of the indirection tables: action `bit` is one bit of an entry looked up, all entries once a window."""


SOURCE = "as input_register: {}"


def _tables(plan: Plan) -> Iterator[tuple[MappedStage, TableCost]]:
    """Stages whose rows need a table; every copy has its own."""
    if plan.rows:
        memory = memory_of(plan.chip)
        for mapped in plan.stages:
            rows = plan.rows.get(mapped.name)
            if rows is not None and (table := table_cost(rows, memory)).bits:
                yield mapped, table


def lookup_actions(plan: Plan, mapped: MappedStage) -> list[tuple[str, str, float]]:
    """Look-ups of a stage per image."""
    return [(TABLE, "bit", table.bits * mapped.windows) for stage, table in _tables(plan) if stage is mapped]


def table_costs(plan: Plan) -> CostTable:
    """Energy of a looked-up bit, where some rows need a table: that of the input registers' memory."""
    if not table_bits(plan):
        return {}
    memory = memory_of(plan.chip)
    return {(TABLE, "bit"): ActionCost(energy_j=memory.energy_j, source=SOURCE.format(memory.source))}


def table_bits(plan: Plan) -> int:
    """Bits of all tables."""
    return sum(table.bits * mapped.replication for mapped, table in _tables(plan))


def row_notes(plan: Plan, measured: bool) -> Iterator[str]:
    """Notes on row activation and on rows that stand elsewhere."""
    ima = plan.chip.tile.ima
    policy = ima.crossbar.activation
    if policy != "dense":
        if not measured:
            yield (
                f"row activation ({policy}) follows the inputs and none were given: every row is opened for every "
                "digit here (expected --input)"
            )
        if all(unit.charge != "per_input_cycle" for unit in ima.overheads):
            yield "no ima.overheads entry with charge: per_input_cycle: finding active rows costs nothing here"
    for name, rows in plan.rows.items():
        shared = rows.logical_rows - rows.physical_rows
        held = f"{rows.physical_rows} rows for {rows.logical_rows} inputs" if shared else "in another order"
        yield f"rows of {name} stand {held}"
