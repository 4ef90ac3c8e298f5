"""Counts of the forward and the error phase: those of inference on their plans, and what goes to off-chip memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from archsim.accounting.counts import Count, count_actions
from archsim.config.training import Training
from archsim.mapping.plan import Plan
from archsim.mapping.reads import ArrayReads, planned_reads
from archsim.workload.backward import Errors, GradientProduct

if TYPE_CHECKING:
    from archsim.timing.summary import Timing

TRANSPOSED: Mapping[str, str] = {"adc": "transposed_adc"}
"""Components of the error phase that are not those of the forward phase."""


def forward_counts(plan: Plan, timing: Timing, block: Training, products: Sequence[GradientProduct]) -> list[Count]:
    """Forward phase: inference, with every layer's input written to off-chip memory for the gradient."""
    counts = count_actions(plan, timing, assumed_reads(plan, block.assumed.input_ones))
    if block.dataflow.activations_in == "dram":
        bits = {product.source: product.inputs * plan.slicing.input_bits for product in reversed(products)}
        first = {product.source: product.layer for product in reversed(products)}
        counts += [Count(first[source], "dram", "bit", size * timing.images) for source, size in bits.items()]
    return counts


def error_counts(
    plan: Plan, timing: Timing, block: Training, products: Sequence[GradientProduct], errors: Errors
) -> list[Count]:
    """Error phase of the plan of `errors`: transposed products and the sums over overlapping windows, under their
    layers' names; errors written to off-chip memory where they wait there for the gradient."""
    raw = count_actions(plan, timing, assumed_reads(plan, block.assumed.error_ones))
    overlapping = {product.layer: product.positions * product.rows for product in products}
    counts = [_of_layer(count, errors) for count in raw if not _is_pooling(count, errors)]
    added = [errors.layers[stage.name] for stage in plan.stages if stage.name in errors.overlaps]
    counts += [Count(layer, "alu", "add", overlapping[layer] * timing.images) for layer in added]
    if block.dataflow.errors_in == "dram":
        counts += [
            Count(product.layer, "dram", "bit", product.errors * block.error_bits * timing.images)
            for product in products
        ]
    return counts


def _is_pooling(count: Count, errors: Errors) -> bool:
    """The arithmetic of an average pool, which stands for the sum over windows: that adds every product once, without
    padding, and does not divide."""
    return count.layer in errors.overlaps and count.component == "alu" and count.action in ("add", "multiply")


def _of_layer(count: Count, errors: Errors) -> Count:
    component = TRANSPOSED.get(count.component, count.component)
    return replace(count, layer=errors.layers[count.layer], component=component)


def assumed_reads(plan: Plan, ones: float) -> dict[str, ArrayReads]:
    """Reads of every crossbar stage with this share of ones among all input bits, so of rows driven."""
    return {mapped.name: planned_reads(plan, mapped, ones) for mapped in plan.stages if mapped.grid is not None}
