"""What training stores beyond the weights: bits, and silicon where they lie on the chip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal

from archsim.accounting.training.update import RuleState
from archsim.components import Chip
from archsim.mapping.plan import Plan
from archsim.workload.backward import GradientProduct


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageRow:
    """`bits` of one kind of data; `area_m2` of the memories or arrays it needs on the chip (0 off the chip)."""

    name: str
    where: Literal["accumulator", "dram", "array"]
    bits: int
    area_m2: float


def storage_rows(
    plan: Plan, products: Sequence[GradientProduct], states: Sequence[RuleState]
) -> tuple[StorageRow, ...]:
    """Running sums, the rule's state, and what waits off the chip for the gradient phase."""
    chip = plan.chip
    assert chip.training is not None
    block, batch = chip.training.block, chip.training.block.batch
    weights = sum(product.weights for product in products)
    rows: list[StorageRow] = []
    if block.dataflow.gradients == "accumulated":
        largest = max(product.weights for product in products)
        rows.append(_on_chip(chip, "gradient sums, all layers", weights * block.accumulator.bits))
        rows.append(_on_chip(chip, "gradient sums, largest layer alone", largest * block.accumulator.bits))
    for state in states:
        if state.where == "array":
            arrays = sum(mapped.placement.crossbars for mapped in plan.stages)
            area = arrays * chip.tile.ima.crossbar.area_m2
            bits = weights * plan.slicing.weight_slices * chip.tile.ima.crossbar.cell.bits
            rows.append(StorageRow(name=f"{state.name} array", where="array", bits=bits, area_m2=area))
        elif block.update.state_in == "chip":
            rows.append(_on_chip(chip, state.name, weights * state.bits))
        else:
            rows.append(StorageRow(name=state.name, where="dram", bits=weights * state.bits, area_m2=0.0))
    if block.dataflow.activations_in == "dram":
        kept = sum({product.source: product.inputs for product in products}.values())
        rows.append(_off_chip("activations of a batch", kept * chip.precision.input_bits * batch))
    if block.dataflow.errors_in == "dram":
        errors = sum(product.errors for product in products)
        rows.append(_off_chip("errors of a batch", errors * block.error_bits * batch))
    return tuple(rows)


def _on_chip(chip: Chip, name: str, bits: int) -> StorageRow:
    assert chip.training is not None
    memory, size = chip.training.accumulator, int(chip.training.block.accumulator.size)
    return StorageRow(name=name, where="accumulator", bits=bits, area_m2=ceil(bits / 8 / size) * memory.area_m2)


def _off_chip(name: str, bits: int) -> StorageRow:
    return StorageRow(name=name, where="dram", bits=bits, area_m2=0.0)
