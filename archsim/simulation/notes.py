"""What a user should know about a run beyond its numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from archsim.accounting import row_notes, sparsity_notes
from archsim.components import notes as chip_notes
from archsim.function.crossbars.devices import StoredCells
from archsim.function.inference.evaluate import Evaluation
from archsim.mapping import Plan
from archsim.simulation.computing import Computed
from archsim.workload import Dataset, Graph, trained_operands, unit_note

FEW_BITS = 5
"""Operands so narrow that networks must be trained for them."""


def run_notes(plan: Plan, computed: Computed, stored: Mapping[str, StoredCells] | None, seed: int) -> Iterator[str]:
    """All notes of a run: the chip's, the plan's, those of the pictures and of what was decided on the fly."""
    yield from chip_notes(plan.chip)
    yield from plan.notes
    if computed.data is not None and computed.evaluation is not None:
        yield from _picture_notes(plan, computed.data, computed.evaluation, seed)
        yield from _operand_notes(plan, computed)
    yield from _precision_notes(plan, computed)
    yield from _level_notes(plan, stored)
    yield from sparsity_notes(plan, computed.data is not None)
    yield from row_notes(plan, computed.data is not None)


def _picture_notes(plan: Plan, data: Dataset, evaluation: Evaluation, seed: int) -> Iterator[str]:
    """How pictures were prepared, ranges found and converters set."""
    yield from data.notes
    yield from _output_notes(plan.graph)
    if (unit := unit_note(data.preprocessing)) is not None:
        yield unit
    if data.preprocessing.source.startswith("default"):
        yield f"pictures prepared by {data.preprocessing.source}"
    if evaluation.calibration == "self":
        yield (
            "activation ranges come from the very pictures that were computed (calibration: self), which flatters the "
            "quality; --calibrate DATA takes others"
        )
    transfer = plan.chip.tile.ima.adc.transfer
    if transfer is not None and transfer.observes:
        yield f"converters of each layer were set by column sums observed on the first pictures ({evaluation.observed})"
    if plan.graph.weights == "none":
        yield f"the network has no weights: they were drawn with seed {seed}, so no accuracy is reported"


def _output_notes(graph: Graph) -> Iterator[str]:
    """Which output quality is read from, where there is a choice, and what cannot be read from it."""
    judged, count = graph.judged, len(graph.outputs)
    if count > 1:
        others = ", ".join(name for name in graph.outputs if name != judged.name)
        yield f"quality is that of output '{judged.name}'; the network has {count} (--judge takes another: {others})"
    if graph.classes is None:
        extents = " x ".join(map(str, judged.shape))
        values = "a single value" if judged.size == 1 else f"a map of {extents} values"
        yield f"output '{judged.name}' is {values} and names no class: neither agreement nor accuracy is reported"


def _operand_notes(plan: Plan, computed: Computed) -> Iterator[str]:
    """Narrow operands, and pictures that were calibrated on."""
    if computed.seen and computed.data is not None:
        yield f"{computed.seen} of {len(computed.data)} pictures were calibrated on: quality on them says little"
    weight_bits, input_bits = plan.slicing.weight_bits, plan.slicing.input_bits
    trained = trained_operands(plan.graph)
    if trained is not None and (trained.weight_bits, trained.activation_bits) != (weight_bits, input_bits):
        yield (
            f"the network was trained for {trained.weight_bits}-bit weights and {trained.activation_bits}-bit "
            f"activations; this chip computes with {weight_bits} and {input_bits} bits"
        )
    if trained is None and min(weight_bits, input_bits) <= FEW_BITS:
        yield (
            f"{weight_bits}-bit weights and {input_bits}-bit activations: a network that was not trained for operands "
            "this narrow loses accuracy here, which says little about the chip (archsim train trains for them)"
        )


def _precision_notes(plan: Plan, computed: Computed) -> Iterator[str]:
    """Activation precision that is decided on the fly."""
    block = plan.chip.activation_precision
    if block is None:
        return
    if block.needs_inputs and computed.data is None:
        yield (
            f"activation precision ({block.policy}) is decided from inputs and none were given: every group "
            f"streams all {plan.slicing.input_bits} bits here (expected --input)"
        )
    if block.needs_inputs and all(unit.charge != "per_decision" for unit in plan.chip.tile.ima.overheads):
        yield "no ima.overheads entry with charge: per_decision: deciding activation precision costs nothing here"


def _level_notes(plan: Plan, stored: Mapping[str, StoredCells] | None) -> Iterator[str]:
    """How weights are stored, where they are levels."""
    block = plan.hardware.model.weight_levels
    if block is None:
        return
    held = {"layer": "a set for each layer", "channel": "a set for each output channel", "shared": "one set a layer"}
    scaled = f", scaled by each channel's {block.scale}" if block.granularity == "shared" else ""
    yield f"weights are {2**plan.slicing.weight_bits} levels ({block.quantizer}), {held[block.granularity]}{scaled}"
    held_cells = {} if stored is None else stored
    gaps = {name: float(item.gaps.min()) for name, item in held_cells.items() if item.gaps is not None}
    if gaps:
        worst = min(gaps, key=lambda name: gaps[name])
        middle = sorted(gaps.values())[len(gaps) // 2]
        yield (
            f"smallest gap between two levels: {gaps[worst]:.2f} standard deviations of the programming error "
            f"({worst}); in the middle layer {middle:.2f}"
        )
