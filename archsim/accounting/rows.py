"""Rows that stand elsewhere: what their indirection tables cost, and what a user should know about arrays that open a
few rows at a time."""

from __future__ import annotations

from collections.abc import Iterator

from archsim.components import ActionCost, CostTable
from archsim.mapping.plan import MappedStage, Plan
from archsim.mapping.rows.plan import NOT_STORED
from archsim.mapping.rows.table import memory_of, table_cost

TABLE = "row_table"
"""Component of the indirection tables: action `bit` is one bit of an entry looked up, all entries once a window."""
SOURCE = "as input_register: {}"


def _bits(plan: Plan, mapped: MappedStage) -> int:
    """Bits of the table that one copy of a stage needs, 0 where its rows stand in their order."""
    rows = plan.rows.get(mapped.name)
    return 0 if rows is None else table_cost(rows, memory_of(plan.chip)).bits


def lookup_actions(plan: Plan, mapped: MappedStage) -> list[tuple[str, str, float]]:
    """Look-ups of a stage per image."""
    bits = _bits(plan, mapped)
    return [(TABLE, "bit", bits * mapped.windows)] if bits else []


def table_costs(plan: Plan) -> CostTable:
    """Energy of a looked-up bit, where some rows need a table: that of the input registers' memory."""
    if not table_bits(plan):
        return {}
    memory = memory_of(plan.chip)
    return {(TABLE, "bit"): ActionCost(energy_j=memory.energy_j, source=SOURCE.format(memory.source))}


def table_bits(plan: Plan) -> int:
    """Bits of all tables; every copy has its own."""
    return sum(_bits(plan, mapped) * mapped.replication for mapped in plan.stages)


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
        gone = int((rows.physical == NOT_STORED).sum())
        lost = f"; {gone} inputs have no row and count as 0 even where they are active" if gone else ""
        yield f"rows of {name} stand {held}{lost}"
