"""The `training` block of a hardware file: what a chip needs besides inference to train where its weights are stored.

Forward reads use the arrays and converters of `ima`; errors pass the same arrays in the other direction (transposed
reads); weight gradients are products of activations and errors in SRAM compute arrays. Without the block a chip only
infers. How the parts are used (`dataflow`, `update`) is a policy like `mapping.replication`, and stands here so that
overrides, sweeps and comparisons reach it; each has named presets whose single choices can be changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from pydantic import model_validator

from archsim.config.blocks import AdcCost, Component, Model, Sourced
from archsim.config.types import (
    AdcBits,
    Bandwidth,
    Bytes,
    Count,
    Cycle,
    Lines,
    OperandBits,
    OperationRate,
    Proportion,
    SampleRate,
    SumBits,
    Text,
    Truth,
    WireBits,
)

if TYPE_CHECKING:
    from archsim.config.model import HardwareFile

NAIVE: Mapping[str, object] = MappingProxyType(
    {
        "stack_images": "false",
        "activation_fetch": "each_shift",
        "errors_in": "dram",
        "error_writes": "each_shift",
        "gradients": "spilled",
        "spill_bits": "16",
    }
)

DATAFLOWS: Mapping[str, Mapping[str, object]] = MappingProxyType(
    {
        "optimised": {},
        "naive": NAIVE,
        "naive_a": NAIVE,
        "naive_b": {**NAIVE, "spill_bits": "30"},
        "naive_c": {**NAIVE, "activation_fetch": "each_array"},
        "naive_d": {**NAIVE, "activation_fetch": "once"},
        "naive_e": {**NAIVE, "gradients": "accumulated"},
    }
)
"""Choices of each named dataflow where they differ from the fields' defaults. A reconstruction: Huang et al. (2022) do
not publish theirs. `naive` is `naive_a`; b moves the 30 bits per weight and image that DNN+NeuroSim V2.1's off-chip
memory was seen to move, c fetches activations for every array of error bits, d spills gradients only, e fetches
activations only."""

RULES: Mapping[str, Mapping[str, object]] = MappingProxyType(
    {
        "sgd": {},
        "momentum": {},
        "momentum_rising": {},
        "momentum_v21": {},
        "accumulate": {"pulsed_cells": "1 %"},
        "mixed_precision": {"pulsed_cells": "1 %", "state_bits": "16"},
        "tiki_taka": {"pulsed_cells": "1 %", "state_bits": "16"},
    }
)
"""Choices of each update rule where they differ from the fields' defaults; what a rule keeps and computes is
`archsim.training.insitu.kept`."""


def _preset(values: Any, key: str, presets: Mapping[str, Mapping[str, object]]) -> Any:
    """Block values on top of the preset that they name."""
    if not isinstance(values, dict):
        return values
    return {**presets.get(str(values.get(key)), {}), **values}


class TrainingAdc(Component):
    """Converters of which each serves `lines_per_adc` lines, one after the other; bits, rate and cost as in
    `ima.adc`."""

    ACTIONS = ("convert",)
    lines_per_adc: Count
    bits: AdcBits
    rate: SampleRate
    scaling: Literal["sar", "exponential", "linear", "none"] = "none"
    cost: AdcCost


class GradientArray(Component):
    """SRAM arrays with one bit of an error in each cell. `cell_read`: one cell that conducts for one read cycle;
    `write`: one bit."""

    ACTIONS = ("cell_read", "write")


class GradientDriver(Component):
    """Row drivers; `drive` is one driven row of one array for one read cycle."""

    ACTIONS = ("drive",)


class GradientShiftAdd(Component):
    """`add` goes with one conversion."""

    ACTIONS = ("add",)


class GradientRegister(Component):
    """Registers that hold the inputs and the sums of an array; `bit` is one bit written."""

    ACTIONS = ("bit",)


class GradientArrays(Sourced):
    """SRAM compute arrays for weight gradients, `count` in a tile. Rows stand for output positions, columns for the
    bits of the errors of output channels; activations enter bit by bit."""

    count: Count
    rows: Lines
    columns: Lines
    cycle: Cycle
    array: GradientArray
    driver: GradientDriver
    adc: TrainingAdc
    shift_add: GradientShiftAdd
    registers: GradientRegister


class GradientMac(Component):
    """Digital multiply-accumulate units for gradients, `count` in a tile, each doing `rate` products per second."""

    ACTIONS = ("mac",)
    count: Count
    rate: OperationRate


class Accumulator(Component):
    """On-chip memory in which gradients add up: `count` memories of `size`, sums of `bits`. One `access` moves
    `access_bits`."""

    ACTIONS = ("access",)
    count: Count
    size: Bytes
    bits: SumBits
    access_bits: WireBits


class Dram(Component):
    """Off-chip memory for the activations of a batch and what does not stay on the chip."""

    ACTIONS = ("bit",)
    bandwidth: Bandwidth


class Assumed(Sourced):
    """What is assumed of the data: shares of ones among the bits of activations and of errors."""

    input_ones: Proportion
    error_ones: Proportion


class Dataflow(Model):
    """How data of a batch move; `name` is a preset, every other field changes one of its choices.

    `gradient_in`: SRAM arrays, or digital units (`training.gradient_mac`). `stack_images`: positions of several images
    share the rows of a gradient array where one image has fewer than rows. `activation_fetch`: layer inputs come to the
    gradient `once`, at `each_shift` of the kernel and fold of the output channels (K K ceil(Cout / columns)), or for
    `each_array` of error bits (K K ceil(bits Cout / columns)); more than once means from off-chip memory.
    `activations_in`, `errors_in`: where the batch's layer inputs and errors wait for the gradient. `error_writes`:
    errors are written into the gradient arrays `once`, or again at `each_shift`. `gradients` are `accumulated` on the
    chip over the batch, or `spilled` for every image, which moves `spill_bits` per weight.
    """

    name: Literal["optimised", "naive", "naive_a", "naive_b", "naive_c", "naive_d", "naive_e"] = "optimised"
    gradient_in: Literal["arrays", "mac"] = "arrays"
    stack_images: Truth = True
    activation_fetch: Literal["once", "each_shift", "each_array"] = "once"
    activations_in: Literal["dram", "chip"] = "dram"
    errors_in: Literal["dram", "chip"] = "chip"
    error_writes: Literal["once", "each_shift"] = "once"
    gradients: Literal["accumulated", "spilled"] = "accumulated"
    spill_bits: SumBits = 16
    source: Text | None = None
    notes: Text | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_preset(cls, values: Any) -> Any:
        return _preset(values, "name", DATAFLOWS)


class Update(Model):
    """The update rule, and where what it keeps lies.

    `state_bits`: width of the velocity, residual or hidden weight. `state_in`: off chip, or in memory like the
    accumulator's. `gradient_read`: the rule reads the batch's gradient back from off-chip memory (else it uses the sums
    as they leave the accumulator). `pulsed_cells`: share of the weights' cells that take a pulse per update;
    `fast_pulsed_cells`: of the second array of tiki_taka.
    """

    rule: Literal[
        "sgd", "momentum", "momentum_rising", "momentum_v21", "accumulate", "mixed_precision", "tiki_taka"
    ] = "momentum"
    state_bits: OperandBits = 8
    state_in: Literal["dram", "chip"] = "dram"
    gradient_read: Truth = False
    pulsed_cells: Proportion = 0.1
    fast_pulsed_cells: Proportion = 0.1
    source: Text | None = None
    notes: Text | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_preset(cls, values: Any) -> Any:
        return _preset(values, "rule", RULES)


class Training(Sourced):
    """Parts and policies of training. `batch` images make one update; the phases follow one another without overlap.
    `gradient_bits` is the width of a finished gradient."""

    batch: Count
    error_bits: OperandBits
    gradient_bits: OperandBits
    transposed_adc: TrainingAdc
    gradient: GradientArrays
    gradient_mac: GradientMac | None = None
    accumulator: Accumulator
    dram: Dram
    assumed: Assumed
    dataflow: Dataflow = Dataflow()
    update: Update = Update()


_STATED = (
    ("gradient.array", ("cell_read", "write")),
    ("gradient.driver", ("drive",)),
    ("gradient.shift_add", ("add",)),
    ("gradient.registers", ("bit",)),
    ("accumulator", ("access",)),
    ("dram", ("bit",)),
)


def training_findings(hardware: HardwareFile) -> Iterator[tuple[str, str]]:
    """(path, what is wrong) where the rest of the chip does not go with training."""
    block = hardware.training
    if block is None:
        return
    for path, actions in _STATED:
        part: Any = block
        for name in path.split("."):
            part = getattr(part, name)
        for action in actions:
            if action not in part.actions:
                yield f"training.{path}", f"actions.{action} is missing; expected an energy such as 1.5 pJ"
    for path, adc in (("transposed_adc", block.transposed_adc), ("gradient.adc", block.gradient.adc)):
        if "convert" not in adc.actions and adc.cost.power is None:
            yield (
                f"training.{path}",
                "has neither cost.power nor actions.convert; expected one, else its energy is unknown",
            )
    if block.gradient.columns < block.error_bits:
        columns = block.gradient.columns
        yield "training.gradient.columns", f"{columns} columns do not hold the {block.error_bits} bits of an error"
    mac = block.gradient_mac
    if block.dataflow.gradient_in == "mac" and mac is None:
        yield "training.dataflow.gradient_in", "is mac; expected a block training.gradient_mac with such units"
    if mac is not None and "mac" not in mac.actions:
        yield "training.gradient_mac", "actions.mac is missing; expected an energy such as 0.3 pJ"
    yield from _contradictions(hardware)


def _contradictions(hardware: HardwareFile) -> Iterator[tuple[str, str]]:
    if hardware.device is None or hardware.device.write is None:
        yield "training", "needs device.write; updates are charged by it"
    elif hardware.device.write.voltage is None and hardware.device.write.energy is None:
        yield "device.write", "expected exactly one of voltage and energy (of a pulse)"
    if hardware.mapping.replication != "none":
        yield (
            "mapping.replication",
            (
                f"is {hardware.mapping.replication}; expected none with training, where every copy of a weight would "
                "have to be written alike at every update"
            ),
        )
    if hardware.precision.weight_bits > hardware.ima.cell.bits and hardware.ima.crossbar.slices != "arrays":
        yield (
            "ima.crossbar.slices",
            (
                "is columns; expected arrays with training: a transposed read adds up neighbouring columns, which must "
                "not be slices of one weight with different place values"
            ),
        )
    if hardware.precision.encoding == "differential":
        yield (
            "precision.encoding",
            "is differential; expected offset or flip with training (transposed reads add up both)",
        )
    blocks = (
        ("activation_precision", hardware.activation_precision),
        ("weight_levels", hardware.weight_levels),
        ("ima.adc.sparsity", hardware.ima.adc.sparsity),
        ("ima.crossbar.row_activation", hardware.ima.crossbar.row_activation),
    )
    for path, other in blocks:
        if other is not None:
            yield path, "is for inference; expected none with training, whose phases do not count it"
