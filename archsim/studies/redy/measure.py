"""Runs of one network under many policies, each with its bits, energy, time and quality."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from math import fsum, inf
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.accounting import ActionRow, count_actions, energy_by, price, timed_cycles
from archsim.components import cost_table
from archsim.config import Hardware, load_hardware
from archsim.config.precision import ActivationPrecision
from archsim.function.inference.activity import LayerActivity
from archsim.function.inference.compare import FunctionReport, compare
from archsim.function.inference.infer import Inference, infer
from archsim.function.inference.reads import array_reads
from archsim.function.precision.offline import (
    network_pictures,
    plan_counting,
    plan_streaming,
    quantized_for,
)
from archsim.function.quantization.calibrate import Ranges, calibrate
from archsim.function.quantization.network import QuantizedNetwork
from archsim.function.reference.run import run_float
from archsim.mapper import map_network
from archsim.mapping import Plan
from archsim.mapping.reads import converted_columns
from archsim.studies.redy.cases import Case
from archsim.timing import Timing, run_timing
from archsim.workload import Preprocessing

Array = NDArray[Any]
BATCH = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One point of the ablation: range rule, policy with parameter, what shares a decision, crossbar rows."""

    policy: str
    parameter: float | None = None
    calibration: str = "p99.99"
    granularity: str = "group"
    rows: int = 128
    thresholds: Mapping[str, float] = field(default_factory=dict)
    label: str = ""

    @property
    def name(self) -> str:
        """Short name for tables."""
        value = "" if self.parameter is None else f" {self.parameter:g}"
        extra = [] if self.granularity == "group" else [f"per {self.granularity}"]
        extra += [] if self.rows == 128 else [f"{self.rows} rows"]
        return self.label or ", ".join([self.policy + value, *extra])

    def block(self) -> ActivationPrecision:
        """The hardware file's block for this point."""
        words: dict[str, Any] = {"policy": self.policy, "granularity": self.granularity}
        if self.parameter is not None:
            tau = self.policy.startswith("redy")
            words["tau" if tau else "bits"] = repr(self.parameter) if tau else str(int(self.parameter))
        elif self.policy == "static_mixed":
            words["bits"] = "8"
        return ActivationPrecision.model_validate(words)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Row:
    """What one setting did on one network. Savings are parts of static 8-bit precision at the same ranges and rows.

    Energies are per picture. `event` leaves out what the reconstruction's bands leave out: fully connected layers,
    static power (links) and the decision hardware; `net_saved` counts the decision hardware, `total_saved` everything.
    `cycles_saved` is of the input cycles of all row groups, windows weighted alike; `window_time_saved` of the crossbar
    times of the same windows when their groups work in lock step.
    """

    network: str
    setting: str
    policy: str
    parameter: float | None
    calibration: str
    granularity: str
    rows: int
    pictures: int
    mean_bits: float
    conversions_saved: float
    event_energy_j: float
    event_saved: float
    decision_energy_j: float
    net_saved: float
    cycles_saved: float
    window_time_saved: float
    agreement: float
    snr_db: float | None
    float_agreement: float
    float_snr_db: float | None
    accuracy: float | None
    static_accuracy: float | None
    float_accuracy: float | None
    zero_groups: float
    bit_serial_share: float
    energy_j: Mapping[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Bench:
    """One network, mapped and quantized once for each range rule and row count, with its reference outputs."""

    case: Case
    hardware: Hardware
    plans: dict[int, Plan]
    timings: dict[int, Timing]
    ranges: dict[str, Ranges]
    networks: dict[str, QuantizedNetwork]
    pictures: Array
    float_logits: Array
    statics: dict[str, Inference]


SERIAL = ("crossbar", "dac", "sample_hold", "adc", "shift_add")
"""Components that work once in every input cycle."""


def prepare(case: Case, methods: Sequence[str], rows: Sequence[int]) -> Bench:
    """Map, calibrate, quantize, and run the references of one network."""
    hardware = load_hardware("redy")
    plans = {count: map_network(case.graph, hardware.replace({"ima.crossbar.rows": count})) for count in rows}
    timings = {count: run_timing(plan, engine="kernel") for count, plan in plans.items()}
    ranges = {method: ranges_of(case, method) for method in methods}
    plan, data = plans[rows[0]], case.evaluation
    networks = {method: quantized_for(plan, case.graph, found, data) for method, found in ranges.items()}
    first = networks[methods[0]]
    pictures = network_pictures(first, data)
    reference = [
        run_float(case.graph, batch.images, keep=[first.logits])[first.logits] for batch in data.batches(BATCH)
    ]
    counting = plan_counting(plan)
    return Bench(
        case=case,
        hardware=hardware,
        plans=plans,
        timings=timings,
        ranges=ranges,
        networks=networks,
        pictures=pictures,
        float_logits=np.concatenate(reference),
        statics={method: infer(net, pictures, counting=counting) for method, net in networks.items()},
    )


def ranges_of(case: Case, method: str) -> Ranges:
    """Activation ranges of a case by rule: calibrated, saved, or (min-max) as shipped with the network."""
    if case.calibration is not None:
        images = (batch.images for batch in case.calibration.batches(BATCH))
        return calibrate(case.graph, images, method=method, origin=case.calibration.name)
    if method in case.saved:
        return case.saved[method].to_ranges()
    shipped: Preprocessing = case.evaluation.preprocessing
    means = {name: np.asarray(values) for name, values in shipped.means.items()}
    return Ranges(values=shipped.ranges, means=means, origin="shipped")


def methods_of(case: Case, wanted: Sequence[str]) -> list[str]:
    """The rules that the case's calibration allows."""
    if case.calibration is not None:
        return list(wanted)
    known = {*case.saved, *(["minmax"] if case.evaluation.preprocessing.ranges else [])}
    return [method for method in wanted if method in known]


def measure(bench: Bench, setting: Setting) -> Row:
    """Run all pictures of a bench under one setting."""
    plan = with_precision(bench.plans[setting.rows], setting.block())
    streaming = plan_streaming(plan)
    assert streaming is not None
    streaming = replace(streaming, rule=streaming.rule.with_layers(setting.thresholds))
    network, static = bench.networks[setting.calibration], bench.statics[setting.calibration]
    found = infer(network, bench.pictures, counting=streaming.counting, streaming=streaming)
    activity = {layer.name: layer for layer in found.activity}
    timing = bench.timings[setting.rows]
    before = dynamic_rows(bench.plans[setting.rows], timing, {})
    after = dynamic_rows(plan, timing, activity)
    base, event, decided = event_energy(plan, before), event_energy(plan, after), decision_energy(plan, after)
    mean, saved = conversions(plan, activity)
    against_static = compare(static.logits, found.logits)
    against_float, static_float = (report(bench, item) for item in (found, static))
    return Row(
        network=bench.case.name,
        setting=setting.name,
        policy=setting.policy,
        parameter=setting.parameter,
        calibration=setting.calibration,
        granularity=setting.granularity,
        rows=setting.rows,
        pictures=len(bench.pictures),
        mean_bits=mean,
        conversions_saved=saved,
        event_energy_j=event,
        event_saved=1 - event / base,
        decision_energy_j=decided,
        net_saved=1 - (event + decided) / base,
        cycles_saved=window_time_saved(activity, longest=False),
        window_time_saved=window_time_saved(activity, longest=True),
        agreement=_agreement(against_static),
        snr_db=_finite(against_static.logit_snr_db),
        float_agreement=_agreement(against_float),
        float_snr_db=_finite(against_float.logit_snr_db),
        accuracy=against_float.accuracy,
        static_accuracy=static_float.accuracy,
        float_accuracy=against_float.float_accuracy,
        zero_groups=zero_groups(activity),
        bit_serial_share=bit_serial_share(plan, before),
        energy_j=energy_by(after, "component"),
    )


def with_precision(plan: Plan, block: ActivationPrecision | None) -> Plan:
    """The same mapping with another rule."""
    return replace(plan, chip=replace(plan.chip, activation_precision=block))


def without_decision(plan: Plan) -> Plan:
    """The same chip without the decision's latency, as `isaac-8bit` has it."""
    return replace(plan, chip=replace(plan.chip, pipeline=replace(plan.chip.pipeline, decision=0, decision_ps=0)))


def report(bench: Bench, found: Inference) -> FunctionReport:
    """Quality against the float network."""
    graph, data = bench.case.graph, bench.case.evaluation
    return compare(bench.float_logits, found.logits, data.labels, weights=graph.weights)


def _agreement(report: FunctionReport) -> float:
    """The networks of the study tell classes apart."""
    assert report.top1_agreement is not None
    return report.top1_agreement


def _finite(value: float) -> float | None:
    return None if value == inf else value


def dynamic_rows(plan: Plan, timing: Timing, activity: Mapping[str, LayerActivity]) -> list[ActionRow]:
    """Priced actions of one picture, without static power."""
    return price(count_actions(plan, timing, array_reads(plan, activity)), cost_table(plan.chip))


def decision_units(plan: Plan) -> set[str]:
    """Components that decide precision."""
    return {unit.name for unit in plan.chip.tile.ima.overheads if unit.charge == "per_decision"}


def event_energy(plan: Plan, rows: Sequence[ActionRow]) -> float:
    """Dynamic energy of all but fully connected layers, decision hardware left out [J]."""
    units, kinds = decision_units(plan), {mapped.name: mapped.stage.kind for mapped in plan.stages}
    return fsum(row.energy_j for row in rows if row.component not in units and kinds.get(row.layer) != "linear")


def decision_energy(plan: Plan, rows: Sequence[ActionRow]) -> float:
    """Energy of the decision hardware [J]."""
    units = decision_units(plan)
    return fsum(row.energy_j for row in rows if row.component in units)


def bit_serial_share(plan: Plan, rows: Sequence[ActionRow]) -> float:
    """Share of the event energy that is spent once in every input cycle."""
    kinds = {mapped.name: mapped.stage.kind for mapped in plan.stages}
    serial = fsum(row.energy_j for row in rows if row.component in SERIAL and kinds.get(row.layer) != "linear")
    return serial / event_energy(plan, rows)


def conversions(plan: Plan, activity: Mapping[str, LayerActivity]) -> tuple[float, float]:
    """Mean bits over the conversions of all layers that take part, and the share of their conversions saved: both from
    whole numbers, the first from the streams' histograms, the second from the counted actions."""
    bits, windows = 0, 0
    for mapped in plan.stages:
        layer = activity.get(mapped.name)
        if mapped.grid is None or layer is None or layer.reads is None:
            continue
        columns = converted_columns(plan, mapped.grid)
        histogram = layer.reads.histogram[mapped.grid.row_set]
        bits += int((histogram * columns[:, None] * np.arange(histogram.shape[1])).sum())
        windows += layer.reads.windows * int(columns.sum())
    mean = bits / windows
    return mean, 1 - mean / plan.slicing.input_bits


def zero_groups(activity: Mapping[str, LayerActivity]) -> float:
    """Share of (window, row group) that streamed nothing, over all layers that take part."""
    reads = [layer.reads for layer in activity.values() if layer.reads is not None]
    return sum(int(item.histogram[:, 0].sum()) for item in reads) / sum(int(i.histogram.sum()) for i in reads)


def window_time_saved(activity: Mapping[str, LayerActivity], *, longest: bool) -> float:
    """Share of input cycles saved, summed over layers and windows: of the longest row group of each window (lock step)
    or of the mean over its row groups."""
    taken, full = 0.0, 0
    for layer in activity.values():
        if layer.reads is not None and layer.reads.cycles is not None:
            bits = layer.reads.cycles
            taken += float(bits.max(axis=1).sum(dtype=np.int64)) if longest else float(bits.mean(axis=1).sum())
            full += bits[:, 0].size * layer.input_bits
    return 1 - taken / full


def latency(plan: Plan, activity: Mapping[str, LayerActivity]) -> float:
    """Simulated latency of the first picture [s]; of a fixed number of cycles a window without activity."""
    return run_timing(plan, engine="kernel", input_cycles=timed_cycles(plan, activity, 1)).latency_s
