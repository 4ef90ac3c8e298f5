"""One run: plan -> timing and function -> accounting -> result. The only place where they meet."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from math import isfinite
from typing import Any

from archsim import __version__
from archsim.accounting import (
    ActionRow,
    area_account,
    assumed_activity,
    charged_by_level,
    count_actions,
    energy_by,
    mean_input_bits,
    price,
    programming_cost,
    static_rows,
    timed_cycles,
    total_area,
    total_energy,
)
from archsim.components import cost_table
from archsim.config import citations
from archsim.errors import InputError, Problem
from archsim.function.activity import LayerActivity
from archsim.function.devices import stored_cells
from archsim.function.evaluate import Evaluation, evaluate
from archsim.function.precision.calibration import Calibration, check_calibration, read_calibration
from archsim.function.precision.offline import (
    check_converters,
    check_layer_names,
    plan_counting,
    plan_precision,
    plan_settings,
    plan_streaming,
)
from archsim.function.select import Machine
from archsim.mapping import MappedStage, Plan
from archsim.result import (
    Bottleneck,
    Citation,
    FunctionSummary,
    LayerRow,
    Named,
    PathRow,
    Prediction,
    Result,
    Stream,
    Totals,
)
from archsim.timing import DETAILS, ENGINES, Observer, StageTiming, Timing, run_timing
from archsim.workload import Dataset, default_preprocessing, load_data, preprocessing_for, seeded_weights, workload_hash

Progress = Callable[[int, int], None]
Data = str | os.PathLike[str] | Dataset


def simulate(
    plan: Plan,
    *,
    images: int = 1,
    seed: int = 0,
    inputs: Data | None = None,
    limit: int | None = None,
    calibrate: Data | Calibration | None = None,
    engine: str = "simpy",
    detail: str = "window",
    progress: Progress | None = None,
    observe: Observer | None = None,
) -> Result:
    """Simulate a mapped network.

    Parameters
    ----------
    images : images that stream through the chip for timing and energy.
    seed : of everything drawn (weights of a network that comes without).
    inputs : pictures to compute; adds function, accuracy and measured activity. A shipped set, a path, or a `Dataset`.
    limit : only the first pictures of `inputs`.
    calibrate : pictures for the activation ranges, or what `archsim calibrate` saved (a path ending in .json).
    engine : timing engine.
    detail : "window", or "bit": every input digit and converter played out (engine simpy, small networks).
    progress : called with the number of pictures done and of pictures in all.
    observe : shown the timing machine and its stamps once it has run (`archsim.report.trace` makes a trace of them).

    Raises
    ------
    InputError
        Inputs that do not fit the network, an unknown engine, a cost the hardware file lacks.
    DeadlockError, SimulationError
        A run that cannot finish or breaks an invariant.
    """
    if engine not in ENGINES:
        raise InputError([Problem("engine", f"is '{engine}'; expected {' | '.join(ENGINES)}")])
    if detail not in DETAILS or (detail == "bit" and engine != "simpy"):
        expected = f"expected {' | '.join(DETAILS)}; bit needs engine simpy"
        raise InputError([Problem("detail", f"is '{detail}' with engine '{engine}'; {expected}")])
    if images < 1:
        raise InputError([Problem("images", f"is {images}; expected 1 or more")])
    check_layer_names(plan)
    calibrated = _saved_calibration(calibrate)
    evaluation, data = _evaluate(plan, seed, inputs, limit, calibrated, images, progress)
    activity = evaluation.activity if evaluation else {}
    cycles = timed_cycles(plan, activity, images)
    timing = run_timing(plan, images, engine=engine, detail=detail, input_cycles=cycles, observe=observe)
    stored = stored_cells(plan) if charged_by_level(plan) else None
    counts = count_actions(plan, timing, activity, stored)
    rows = [*price(counts, cost_table(plan.chip)), *static_rows(plan, timing)]
    result = _result(plan, timing, rows, evaluation, data, seed)
    result = replace(result, programming=programming_cost(plan, stored))
    return replace(result, detail=detail, notes=(*result.notes, *_precision_notes(plan, data, calibrated)))


def _saved_calibration(calibrate: Data | Calibration | None) -> Data | Calibration | None:
    """A saved calibration read, other data as they are."""
    if isinstance(calibrate, str | os.PathLike) and os.fspath(calibrate).endswith(".json"):
        return read_calibration(os.fspath(calibrate))
    return calibrate


def _precision_notes(plan: Plan, data: Dataset | None, calibrate: Data | Calibration | None) -> Iterator[str]:
    """What a user should know about activation precision."""
    block = plan.chip.activation_precision
    if block is not None and block.needs_inputs:
        if data is None:
            yield (
                f"activation precision ({block.policy}) is decided from inputs and none were given: every group "
                f"streams all {plan.slicing.input_bits} bits here (expected --input)"
            )
        if all(unit.charge != "per_decision" for unit in plan.chip.tile.ima.overheads):
            yield "no ima.overheads entry with charge: per_decision: deciding activation precision costs nothing here"
    if data is not None and block is not None and (device := plan.hardware.model.device) and device.read_noise:
        yield "read noise is drawn for input planes that are not streamed too, which is pessimistic"
    if isinstance(calibrate, Calibration) and data is not None and (seen := calibrate.overlap(data)):
        yield f"{seen} of {len(data)} pictures were calibrated on: quality on them says little"


def _evaluate(
    plan: Plan,
    seed: int,
    inputs: Data | None,
    limit: int | None,
    calibrate: Data | Calibration | None,
    images: int,
    progress: Progress | None,
) -> tuple[Evaluation | None, Dataset | None]:
    """Function on `inputs`, if any."""
    if inputs is None:
        return None, None
    graph = plan.graph if plan.graph.weights != "none" else seeded_weights(plan.graph, seed)
    preprocessing = preprocessing_for(graph.path, graph) if graph.path else default_preprocessing(graph)
    classes = graph[graph.outputs[0]].size

    def load(data: Data, most: int | None) -> Dataset:
        return data if isinstance(data, Dataset) else load_data(data, preprocessing, limit=most, classes=classes)

    data = load(inputs, limit)
    saved = calibrate if isinstance(calibrate, Calibration) else None
    if saved is not None:
        check_calibration(saved, graph, plan_settings(plan))
    pictures = None if calibrate is None or isinstance(calibrate, Calibration) else load(calibrate, None)
    streaming, machine = plan_streaming(plan, saved), Machine.of(plan, seed)
    if streaming is not None:
        check_converters(machine)
    found = evaluate(
        graph,
        data,
        precision=plan_precision(plan),
        counting=plan_counting(plan),
        calibration=pictures if saved is None else saved.to_ranges(),
        streaming=streaming,
        streamed_images=images,
        machine=machine,
        progress=progress,
    )
    return found, data


def _result(
    plan: Plan, timing: Timing, rows: list[ActionRow], evaluation: Evaluation | None, data: Dataset | None, seed: int
) -> Result:
    assert timing.bottleneck is not None
    area = area_account(plan)
    activity = evaluation.activity if evaluation else {}
    energies = energy_by(rows, "layer")
    layers = tuple(
        _layer_row(plan, mapped, stage, rows, energies.get(mapped.name, 0.0), activity.get(mapped.name), evaluation)
        for mapped, stage in zip(plan.stages, timing.stages, strict=True)
    )
    drawn = plan.graph.weights == "none" and evaluation is not None
    notes = [*plan.notes]
    if data is not None and data.preprocessing.source.startswith("default"):
        notes.append(f"pictures prepared by {data.preprocessing.source}")
    transfer = plan.chip.tile.ima.adc.transfer
    if evaluation is not None and transfer is not None and transfer.observes:
        notes.append(
            f"converters of each layer were set by column sums observed on the first pictures ({evaluation.observed})"
        )
    if drawn:
        notes.append(f"the network has no weights: they were drawn with seed {seed}, so no accuracy is reported")
    return Result(
        archsim_version=__version__,
        seed=seed,
        engine=timing.engine,
        images=timing.images,
        hardware=Named(name=plan.hardware.name, hash=plan.hardware.hash, expanded=plan.hardware.expanded),
        workload=Named(
            name=plan.graph.name, hash=workload_hash(plan.graph), weights="seeded" if drawn else plan.graph.weights
        ),
        totals=_totals(plan, timing, total_energy(rows), total_area(area)),
        layers=layers,
        actions=tuple(rows),
        area=area,
        activity="measured" if evaluation else assumed_activity(plan),
        function=_function_summary(evaluation, data),
        notes=tuple(notes),
        citations=tuple(Citation(**asdict(item)) for item in citations(plan.hardware)),
        resource_busy_s=timing.resource_busy_s,
        bottleneck=Bottleneck(**asdict(timing.bottleneck)),
        critical_path=tuple(PathRow(**asdict(row)) for row in timing.critical_path),
        stream=_stream(timing),
    )


def _stream(timing: Timing) -> Stream | None:
    """Fill, interval and drain of a run of several images."""
    if timing.images == 1:
        return None
    return Stream(
        fill_s=timing.fill_s,
        interval_s=timing.interval_s,
        drain_s=timing.drain_s,
        simulated_images=timing.simulated_images,
    )


def _totals(plan: Plan, timing: Timing, energy: float, area: float) -> Totals:
    macs = plan.graph.total_macs() * timing.images
    return Totals(
        latency_s=timing.latency_s,
        interval_s=timing.interval_s,
        energy_j=energy,
        average_power_w=energy / timing.latency_s,
        area_m2=area,
        macs=macs,
        ops_per_s=2 * macs / timing.latency_s,
        ops_per_j=2 * macs / energy,
        chips=plan.chips,
        tiles=plan.tiles,
        crossbars=plan.crossbars,
        crossbar_utilization=plan.crossbar_utilization,
    )


def _layer_row(
    plan: Plan,
    mapped: MappedStage,
    stage: StageTiming,
    rows: list[ActionRow],
    energy: float,
    activity: LayerActivity | None,
    evaluation: Evaluation | None,
) -> LayerRow:
    grid = mapped.grid
    conversions = sum(
        row.count for row in rows if row.layer == mapped.name and row.component == "adc" and row.action == "convert"
    )
    times = asdict(stage)
    return LayerRow(
        kind=mapped.stage.kind,
        macs=mapped.macs,
        windows=mapped.windows,
        replication=mapped.replication,
        row_groups=grid.row_groups if grid else 0,
        column_groups=grid.column_groups if grid else 0,
        weight_slices=plan.slicing.weight_slices if grid else 0,
        crossbars=mapped.placement.crossbars,
        tiles=len(mapped.placement.tiles),
        energy_j=energy,
        adc_conversions=conversions,
        input_bits_mean=mean_input_bits(plan, mapped, activity),
        zero_input_fraction=activity.zero_input_fraction if activity else None,
        bit_density=activity.bit_density if activity else None,
        output_zero_fraction=activity.output_zero_fraction if activity else None,
        **_fidelity(mapped, evaluation),
        **times,
    )


def _fidelity(mapped: MappedStage, evaluation: Evaluation | None) -> dict[str, Any]:
    """Engine, converter statistics and signal-to-noise ratio of a stage; nothing where nothing was computed."""
    if evaluation is None:
        return {}
    engine = evaluation.engines.get(mapped.name)
    done = evaluation.conversions.get(mapped.name)
    snr = evaluation.snr_db.get(mapped.stage.tensor)
    # what the integer engine serves is proven not to clip, and not counted
    proven = 0.0 if engine == "integer" else None
    return {
        "engine": engine,
        "unproven_fraction": proven if done is None else done.unproven_fraction,
        "clipped_fraction": proven if done is None else done.clipped_fraction,
        "snr_db": snr if snr is not None and isfinite(snr) else None,
    }


def _function_summary(evaluation: Evaluation | None, data: Dataset | None) -> FunctionSummary | None:
    if evaluation is None or data is None:
        return None
    report = evaluation.report
    names: Mapping[int, str] = data.preprocessing.class_names
    labels = [None] * len(data) if data.labels is None else data.labels.tolist()
    predictions = zip(
        data.names, evaluation.predictions.tolist(), evaluation.float_predictions.tolist(), labels, strict=True
    )
    return FunctionSummary(
        images=report.images,
        calibration=evaluation.calibration,
        top1_agreement=report.top1_agreement,
        agreement_interval=report.agreement_interval,
        logit_snr_db=report.logit_snr_db if report.logit_snr_db != float("inf") else None,
        accuracy=report.accuracy,
        accuracy_interval=report.accuracy_interval,
        float_accuracy=report.float_accuracy,
        float_accuracy_interval=report.float_accuracy_interval,
        engines=dict(sorted(Counter(evaluation.engines.values()).items())),
        snr_pictures=evaluation.snr_pictures,
        predictions=tuple(
            Prediction(name=name, predicted=found, float_predicted=wanted, label=label, class_name=names.get(found))
            for name, found, wanted, label in predictions
        ),
    )
