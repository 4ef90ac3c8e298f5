"""What weights that are levels cost in digital arithmetic, and what their tables hold.

A column of an `offset` encoding gives sum((q - q_min) x) in its own unit. The unit goes into the multiplier by which
every output is rescaled anyway; q_min times the sum of inputs is one multiplication for each level set that a window
meets, and one addition for each output; without a unit column the inputs themselves are added up, once a window.
ISAAC's uniform offset, a power of two, needs no multiplication. Differential pairs need nothing.
"""

from __future__ import annotations

from math import fsum

from archsim.mapping.plan import MappedStage, Plan


def level_actions(plan: Plan, mapped: MappedStage) -> list[tuple[str, str, float]]:
    """(component, action, count per image) of taking q_min * sum(x) off, for one crossbar stage."""
    block = plan.hardware.model.weight_levels
    if block is None or mapped.grid is None or plan.slicing.encoding == "differential":
        return []
    outputs = mapped.stage.values_out
    products = outputs if block.granularity == "channel" else 1
    summed = 0 if mapped.grid.unit_columns else mapped.input_values
    return [
        ("alu", "multiply", float(mapped.windows * products)),
        ("alu", "add", float(mapped.windows * (outputs + summed))),
    ]


def looked_up(plan: Plan, cells: int) -> float:
    """Energy [J] of looking up the conductances of so many cells while they are written."""
    tables = [unit for unit in plan.chip.tile.ima.overheads if unit.charge == "per_cell_written"]
    return fsum(cells * unit.actions["look_up"].energy_j for unit in tables)
