"""The rows and totals of a result, from what timing, function and accounting found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from math import isfinite
from typing import Any

from archsim import __version__
from archsim.accounting import (
    ActionRow,
    area_account,
    assumed_activity,
    energy_by,
    mean_input_bits,
    total_area,
    total_energy,
)
from archsim.config import citations
from archsim.function.inference.activity import LayerActivity
from archsim.function.inference.evaluate import Evaluation
from archsim.mapping import MappedStage, Plan
from archsim.mapping.reads import ArrayReads
from archsim.result import (
    Bottleneck,
    Citation,
    FunctionSummary,
    LayerRow,
    Mapped,
    Named,
    PathRow,
    Prediction,
    Result,
    Stream,
    Totals,
)
from archsim.simulation.computing import Computed
from archsim.timing import StageTiming, Timing, last_half_spread
from archsim.workload import Dataset, is_shipped_sidecar, workload_hash, workload_source


def result_of(
    plan: Plan, timing: Timing, rows: list[ActionRow], computed: Computed, notes: tuple[str, ...], seed: int
) -> Result:
    """The result of a run from its priced actions."""
    evaluation, data = computed.evaluation, computed.data
    assert timing.bottleneck is not None
    area = area_account(plan)
    activity = evaluation.activity if evaluation else {}
    energies = energy_by(rows, "layer")
    layers = tuple(
        _layer_row(
            plan,
            mapped,
            stage,
            computed.reads.get(mapped.name),
            energies.get(mapped.name, 0.0),
            activity.get(mapped.name),
            evaluation,
            timing.images,
        )
        for mapped, stage in zip(plan.stages, timing.stages, strict=True)
    )
    drawn = plan.graph.weights == "none" and evaluation is not None
    return Result(
        archsim_version=__version__,
        seed=seed,
        engine=timing.engine,
        images=timing.images,
        hardware=Named(
            name=plan.hardware.name,
            hash=plan.hardware.hash,
            expanded=plan.hardware.expanded,
            settings=dict(plan.hardware.overridden),
        ),
        workload=Named(
            name=plan.graph.name,
            hash=workload_hash(plan.graph),
            weights="seeded" if drawn else plan.graph.weights,
            source=workload_source(plan.graph),
        ),
        totals=_totals(plan, timing, rows, total_area(area)),
        layers=layers,
        actions=tuple(rows),
        area=area,
        activity="measured" if evaluation else assumed_activity(plan),
        function=_function_summary(plan, evaluation, data),
        notes=notes,
        citations=tuple(Citation(**asdict(item)) for item in citations(plan.hardware)),
        resource_busy_s=dict(timing.resource_busy_s),
        bottleneck=Bottleneck(**asdict(timing.bottleneck)),
        critical_path=tuple(PathRow(**asdict(row)) for row in timing.critical_path),
        mapping=Mapped(
            layout=plan.layout, buffer_slack_rows=plan.slack_rows, objective=plan.hardware.model.mapping.objective
        ),
        stream=_stream(timing),
    )


def _stream(timing: Timing) -> Stream | None:
    """Fill, interval and drain of a run of several images, or the rate beside a single one."""
    if timing.rate is not None:
        rate = timing.rate
        return Stream(
            fill_s=None,
            interval_s=rate.interval_s,
            drain_s=None,
            simulated_images=rate.images,
            repeats=rate.repeats,
            spread=rate.spread,
        )
    if timing.images == 1:
        return None
    return Stream(
        fill_s=timing.fill_s,
        interval_s=timing.interval_s,
        drain_s=timing.drain_s,
        simulated_images=timing.simulated_images,
        repeats=timing.fill_s is not None,
        spread=None if timing.fill_s is not None else last_half_spread(timing.image_end_s),
    )


def _totals(plan: Plan, timing: Timing, rows: list[ActionRow], area: float) -> Totals:
    each = plan.graph.total_macs()
    energy, dynamic = total_energy(rows), total_energy(row for row in rows if row.action != "static")
    static = total_energy(row for row in rows if row.action == "static")
    interval = timing.interval_s if timing.rate is None else timing.rate.interval_s
    # of the steady stream: what is always on is shared by the images of its interval
    image = None if interval is None else dynamic / timing.images + static / timing.latency_s * interval
    return Totals(
        latency_s=timing.latency_s,
        first_image_latency_s=timing.image_end_s[0],
        interval_s=interval,
        images_per_s=None if interval is None else 1 / interval,
        energy_j=energy,
        dynamic_energy_j=dynamic,
        energy_per_image_j=image,
        average_power_w=energy / timing.latency_s,
        area_m2=area,
        macs=each * timing.images,
        ops_per_s=None if interval is None else 2 * each / interval,
        ops_per_j=None if image is None else 2 * each / image,
        chips=plan.chips,
        tiles=plan.tiles,
        crossbars=plan.crossbars,
        crossbar_utilization=plan.crossbar_utilization,
    )


def _layer_row(
    plan: Plan,
    mapped: MappedStage,
    stage: StageTiming,
    reads: ArrayReads | None,
    energy: float,
    activity: LayerActivity | None,
    evaluation: Evaluation | None,
    images: int,
) -> LayerRow:
    grid = mapped.grid
    shortened = reads if reads and reads.shortened else None
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
        adc_conversions=reads.mean(reads.made) * images if reads else 0,
        input_bits_mean=mean_input_bits(plan, mapped, reads) if reads else None,
        zero_input_fraction=activity.zero_input_fraction if activity else None,
        bit_density=activity.bit_density if activity else None,
        output_zero_fraction=activity.output_zero_fraction if activity else None,
        adc_decisions_mean=shortened.decisions_mean if shortened else None,
        adc_skipped_fraction=shortened.skipped_fraction if shortened else None,
        unproven_fraction=reads.unproven_fraction if reads else None,
        clipped_fraction=reads.clipped_fraction if reads else None,
        **_fidelity(mapped, evaluation),
        **times,
    )


def _fidelity(mapped: MappedStage, evaluation: Evaluation | None) -> dict[str, Any]:
    """Engine and signal-to-noise ratio of a stage; nothing where nothing was computed."""
    if evaluation is None:
        return {}
    snr = evaluation.snr_db.get(mapped.stage.tensor)
    return {
        "engine": evaluation.engines.get(mapped.name),
        "snr_db": snr if snr is not None and isfinite(snr) else None,
    }


def _function_summary(plan: Plan, evaluation: Evaluation | None, data: Dataset | None) -> FunctionSummary | None:
    if evaluation is None or data is None:
        return None
    report = evaluation.report
    from_sidecar = evaluation.calibration == "shipped" and not is_shipped_sidecar(plan.graph)
    return FunctionSummary(
        images=report.images,
        calibration="sidecar" if from_sidecar else evaluation.calibration,
        data=data.name,
        data_source=data.origin,
        output=plan.graph.judged.name,
        outputs=len(plan.graph.outputs),
        top1_agreement=report.top1_agreement,
        agreement_interval=report.agreement_interval,
        logit_snr_db=report.logit_snr_db if report.logit_snr_db != float("inf") else None,
        accuracy=report.accuracy,
        accuracy_interval=report.accuracy_interval,
        float_accuracy=report.float_accuracy,
        float_accuracy_interval=report.float_accuracy_interval,
        engines=dict(sorted(Counter(evaluation.engines.values()).items())),
        snr_pictures=evaluation.snr_pictures,
        predictions=tuple(_predictions(evaluation, data)),
    )


def _predictions(evaluation: Evaluation, data: Dataset) -> Iterator[Prediction]:
    """Classes picture by picture; none where the judged output names none."""
    if evaluation.predictions is None or evaluation.float_predictions is None:
        return
    named: Mapping[int, str] = data.preprocessing.class_names
    labels = [None] * len(data) if data.labels is None else data.labels.tolist()
    found, wanted = evaluation.predictions.tolist(), evaluation.float_predictions.tolist()
    for name, chip, reference, label in zip(data.names, found, wanted, labels, strict=True):
        yield Prediction(name=name, predicted=chip, float_predicted=reference, label=label, class_name=named.get(chip))
