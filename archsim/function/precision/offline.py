"""Offline calibration of a network for a chip: activation ranges, and thresholds within a budget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from archsim.config.suggest import did_you_mean
from archsim.errors import InputError, Problem
from archsim.function.crossbars.converter import OBSERVED, Sums, converter_for
from archsim.function.crossbars.select import Machine
from archsim.function.inference.activity import Counting
from archsim.function.precision.calibration import Calibration, picture_digests
from archsim.function.precision.rule import Rule, rule_of
from archsim.function.precision.search import Budget, Trials, search
from archsim.function.precision.stream import Streaming
from archsim.function.quantization.calibrate import Ranges, calibrate
from archsim.function.quantization.levels.seam import plan_weights
from archsim.function.quantization.network import Pixels, Precision, QuantizedNetwork
from archsim.function.quantization.quantize import quantize
from archsim.mapping.plan import Plan
from archsim.mapping.reads import converted_columns
from archsim.workload import Dataset, Graph, workload_hash

BATCH = 64
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to calibrate: the range rule (a name in CALIBRATORS), and with a budget also the policy's thresholds."""

    method: str = "minmax"
    budget: Budget | None = None


def plan_counting(plan: Plan) -> Counting:
    """How a plan cuts layers into row groups; row by row where reads are charged by what rows conduct."""
    packed = tuple((mapped.name, mapped.grid.packed_groups) for mapped in plan.stages if mapped.grid is not None)
    return Counting(
        crossbar_rows=plan.slicing.rows,
        dac_bits=plan.slicing.dac_bits,
        by_row=plan.chip.tile.ima.crossbar.energy == "v2gt",
        packed_groups=packed,
    )


def plan_streaming(plan: Plan, calibration: Calibration | None = None) -> Streaming | None:
    """The streaming a chip's `activation_precision` asks for, with a calibration's thresholds; None without the
    block."""
    block = plan.chip.activation_precision
    if block is None:
        return None
    rule = rule_of(block).with_layers({} if calibration is None else calibration.thresholds)
    ima = plan.chip.tile.ima
    gated = ima.dac.charge == "active" or ima.crossbar.energy == "v2gt"
    return Streaming(rule=rule, counting=plan_counting(plan), ones=gated)


def plan_precision(plan: Plan) -> Precision:
    """Operand widths of a plan."""
    return Precision(
        input_bits=plan.slicing.input_bits, weight_bits=plan.slicing.weight_bits, residual_bits=plan.chip.residual_bits
    )


def plan_settings(plan: Plan) -> dict[str, Any]:
    """What a calibration's thresholds depend on."""
    block, levels = plan.chip.activation_precision, plan.hardware.model.weight_levels
    stored = {} if levels is None else {"weight_levels": f"{levels.quantizer}, {levels.granularity}"}
    return {
        **stored,
        "input_bits": plan.slicing.input_bits,
        "weight_bits": plan.slicing.weight_bits,
        "rows": plan.slicing.rows,
        "policy": None if block is None else block.policy,
        "granularity": None if block is None else block.granularity,
    }


def check_layer_names(plan: Plan) -> None:
    """Raise `InputError` for every name in `layer_bits` that is no layer on crossbars."""
    block = plan.chip.activation_precision
    known = [mapped.name for mapped in plan.stages if mapped.grid is not None]
    unknown = [name for name in ({} if block is None else block.layer_bits) if name not in known]
    if unknown:
        raise InputError(
            Problem(
                f"activation_precision.layer_bits.{name}",
                f"{plan.graph.name} has no such layer on crossbars{did_you_mean(name, known)}",
            )
            for name in unknown
        )


def check_converters(machine: Machine) -> None:
    """Raise `InputError` where a converter makes something of a column that no row drives: then an input plane that is
    not streamed would differ from an empty one. (Curves set by observed sums are known only later, and pass.)"""
    transfer = machine.transfer
    if transfer.kind in OBSERVED:
        return
    silent = converter_for(transfer, Sums(largest=machine.largest_sum)).convert(np.zeros(1))[0]
    if silent != 0:
        what = f"turns a column sum of 0 into {silent:g}; activation_precision needs converters that give 0 there"
        raise InputError([Problem("ima.adc.transfer", what)])


def calibrate_network(
    plan: Plan, graph: Graph, data: Dataset, request: Request, progress: Progress | None = None
) -> Calibration:
    """Calibrate `graph` (the plan's, with weights) on the pictures of `data`.

    Raises
    ------
    InputError
        An unknown rule, or a budget without a policy that has thresholds.
    """
    batches = (batch.images for batch in data.batches(BATCH))
    ranges = calibrate(graph, batches, method=request.method, origin=data.name)
    thresholds: dict[str, float] = {}
    measured: dict[str, float] = {}
    settings = {"method": request.method, **plan_settings(plan)}
    if request.budget is not None:
        trials = threshold_trials(plan, graph, ranges, data, progress)
        thresholds, score = search(trials, request.budget)
        measured = score.to_dict()
        settings["budget"] = f"{request.budget.kind}={request.budget.limit:g}"
    return Calibration(
        workload=graph.name,
        network=workload_hash(graph),
        data=data.name,
        pictures=picture_digests(data),
        settings=settings,
        ranges=dict(ranges.values),
        means={name: tuple(float(f"{value:.6g}") for value in values) for name, values in ranges.means.items()},
        thresholds=thresholds,
        measured=measured,
    )


def quantized_for(plan: Plan, graph: Graph, ranges: Ranges, data: Dataset) -> QuantizedNetwork:
    """The network in the plan's integers, for the pictures' preprocessing."""
    pixels = Pixels(mean=data.preprocessing.mean, scale=data.preprocessing.scale)
    return quantize(graph, ranges, precision=plan_precision(plan), pixels=pixels, weights=plan_weights(plan))


def network_pictures(network: QuantizedNetwork, data: Dataset) -> Any:
    """All pictures of a data set as the quantized network takes them."""
    if network.pixels is None:
        return data.images()
    return np.ascontiguousarray(data.pixels().transpose(0, 3, 1, 2))


def threshold_trials(
    plan: Plan, graph: Graph, ranges: Ranges, data: Dataset, progress: Progress | None = None
) -> Trials:
    """Runs of the calibration pictures under any thresholds, weighted by the plan's conversions."""
    network = quantized_for(plan, graph, ranges, data)
    block = plan.chip.activation_precision
    rule = Rule(policy="range") if block is None else rule_of(block)
    grids = {mapped.name: mapped.grid for mapped in plan.stages if mapped.grid is not None}
    return Trials(
        network=network,
        pictures=network_pictures(network, data),
        labels=data.labels,
        rule=rule,
        counting=plan_counting(plan),
        columns={name: converted_columns(plan, grid) for name, grid in grids.items()},
        row_sets={name: grid.row_set for name, grid in grids.items()},
        progress=progress,
    )
