"""Conversions by the number of decisions they made, and what the circuits that shorten them cost."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from archsim.components.adc import FITTED, short_conversion
from archsim.config.sparsity import SHORTENING
from archsim.mapping.plan import MappedStage, Plan
from archsim.mapping.reads import ArrayReads

Entry = tuple[str, str, float]
"""(component, action, count per image)."""


def conversion_actions(done: ArrayReads) -> list[Entry]:
    """ADC conversions per image: of full length, and of each shorter length that was met; those left out cost
    nothing."""
    lengths = done.conversions.tolist()
    names = [*(short_conversion(bits) for bits in range(1, len(lengths) - 1)), "convert"]
    made = [(name, count) for name, count in zip(names, lengths[1:], strict=True) if count or name == "convert"]
    return [("adc", name, done.mean(count)) for name, count in reversed(made)]


def sensing_actions(plan: Plan, mapped: MappedStage, done: ArrayReads) -> list[Entry]:
    """What finding active rows costs per image, for converters or for row activation: every IMA that holds arrays of a
    row set looks at the set's rows once an input digit; with limits by column, each converted column's is looked up in
    every read too."""
    grid, ima = mapped.grid, plan.chip.tile.ima
    units = [unit for unit in ima.overheads if unit.charge == "per_input_cycle"]
    if not units or grid is None or not senses_rows(plan):
        return []
    place = np.arange(grid.crossbars) // ima.crossbars
    _, first = np.unique(place * (int(grid.row_set.max()) + 1) + grid.row_set, return_index=True)
    once = np.zeros(grid.crossbars, np.int64)
    once[first] = 1
    found: list[Entry] = []
    for unit in units:
        found.append((unit.name, "row", done.mean(done.digits * once * grid.rows)))
        found.append((unit.name, "sense", done.mean(done.digits * once)))
        if ima.adc.sparsity is not None and ima.adc.sparsity.policy == "column_bound" and "column" in unit.actions:
            found.append((unit.name, "column", done.mean(done.sampled)))
    return found


def senses_rows(plan: Plan) -> bool:
    """Whether converters or row activation look for active rows."""
    ima = plan.chip.tile.ima
    return ima.crossbar.activation != "dense" or (ima.adc.sparsity is not None and ima.adc.sparsity.needs_inputs)


def sparsity_notes(plan: Plan, measured: bool) -> Iterator[str]:
    """What a user should know about conversions that are left out or shortened."""
    adc, ima = plan.chip.tile.ima.adc, plan.chip.tile.ima
    block = adc.sparsity
    if block is None or not block.needs_inputs:
        return
    if not measured:
        yield (
            f"ADC sparsity ({block.policy}) follows the inputs and none were given: every conversion is of full length "
            "here (expected --input)"
        )
    units = [unit for unit in ima.overheads if unit.charge == "per_input_cycle"]
    if block.policy == "oracle":
        yield "ADC sparsity policy oracle knows each sum before it is converted: a limit, not a circuit"
    elif not units:
        yield "no ima.overheads entry with charge: per_input_cycle: sensing active rows costs nothing here"
    elif block.policy == "column_bound" and all("column" not in unit.actions for unit in units):
        yield "no ima.overheads entry has actions.column: looking up the limits of columns costs nothing here"
    fitted = FITTED.get(adc.scaling)
    if measured and block.policy in SHORTENING and fitted is not None:
        outside = f"below {fitted[0]}" + (f" and above {fitted[1]}" if adc.bits > fitted[1] else "")
        yield (
            f"energy of shorter searches by the law {adc.scaling}, fitted over {fitted[0]} to {fitted[1]} bits: "
            f"decisions {outside} are extrapolated"
        )
    device = plan.hardware.model.device
    if measured and block.policy in SHORTENING and device is not None:
        yield (
            "cells that are not as programmed can exceed the bound that shortens a search; here conversions give what "
            "full searches give"
        )
