"""One run: plan -> timing and function -> accounting -> result. The only place where they meet."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace

from archsim import __version__
from archsim.accounting import (
    ActionRow,
    area_account,
    assumed_activity,
    count_actions,
    energy_by,
    price,
    static_rows,
    total_area,
    total_energy,
)
from archsim.components import cost_table
from archsim.config import citations
from archsim.errors import InputError, Problem
from archsim.function.activity import Counting, LayerActivity
from archsim.function.evaluate import Evaluation, evaluate
from archsim.function.network import Precision
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
    calibrate: Data | None = None,
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
    calibrate : pictures for the activation ranges.
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
    evaluation, data = _evaluate(plan, seed, inputs, limit, calibrate, progress)
    activity = evaluation.activity if evaluation else {}
    timing = run_timing(plan, images, engine=engine, detail=detail, observe=observe)
    counts = count_actions(plan, timing, activity)
    rows = [*price(counts, cost_table(plan.chip)), *static_rows(plan, timing)]
    return replace(_result(plan, timing, rows, evaluation, data, seed), detail=detail)


def _evaluate(
    plan: Plan, seed: int, inputs: Data | None, limit: int | None, calibrate: Data | None, progress: Progress | None
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
    precision = Precision(
        input_bits=plan.slicing.input_bits, weight_bits=plan.slicing.weight_bits, residual_bits=plan.chip.residual_bits
    )
    packed = tuple((mapped.name, mapped.grid.packed_groups) for mapped in plan.stages if mapped.grid is not None)
    counting = Counting(crossbar_rows=plan.slicing.rows, dac_bits=plan.slicing.dac_bits, packed_groups=packed)
    calibration = None if calibrate is None else load(calibrate, None)
    found = evaluate(graph, data, precision=precision, counting=counting, calibration=calibration, progress=progress)
    return found, data


def _result(
    plan: Plan, timing: Timing, rows: list[ActionRow], evaluation: Evaluation | None, data: Dataset | None, seed: int
) -> Result:
    assert timing.bottleneck is not None
    area = area_account(plan)
    activity = evaluation.activity if evaluation else {}
    energies = energy_by(rows, "layer")
    layers = tuple(
        _layer_row(plan, mapped, stage, rows, energies.get(mapped.name, 0.0), activity.get(mapped.name))
        for mapped, stage in zip(plan.stages, timing.stages, strict=True)
    )
    drawn = plan.graph.weights == "none" and evaluation is not None
    notes = [*plan.notes]
    if data is not None and data.preprocessing.source.startswith("default"):
        notes.append(f"pictures prepared by {data.preprocessing.source}")
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
        input_bits_mean=float(plan.slicing.input_bits) if grid else None,
        zero_input_fraction=activity.zero_input_fraction if activity else None,
        bit_density=activity.bit_density if activity else None,
        output_zero_fraction=activity.output_zero_fraction if activity else None,
        **times,
    )


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
        predictions=tuple(
            Prediction(name=name, predicted=found, float_predicted=wanted, label=label, class_name=names.get(found))
            for name, found, wanted, label in predictions
        ),
    )
