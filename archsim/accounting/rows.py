"""What a user should know about arrays that open a few rows at a time."""

from __future__ import annotations

from collections.abc import Iterator

from archsim.mapping.plan import Plan


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
        yield f"rows of {name} stand {held}; what an indirection table costs is not in the energies"
