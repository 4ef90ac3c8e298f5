"""Thresholds layer by layer within a budget: found on calibration pictures, judged on others."""

from __future__ import annotations

from dataclasses import replace

from archsim.function.precision.offline import threshold_trials
from archsim.function.precision.search import Budget, search
from archsim.studies.redy.measure import Bench, Row, Setting, measure, with_precision
from archsim.workload import Dataset

BUDGET = Budget(kind="agreement", limit=0.98)
PICTURES = {"squeezenet1.1": 16, "efficientnet-lite0": 0, "resnet8-cifar10": 500}
"""Calibration pictures whose logits are measured for every layer and candidate; 0 leaves a network out (its depthwise
layers make 49 x 7 trials too long for this study)."""

FAMILIES = (
    Setting(policy="redy_var", parameter=3e-4, label="redy_var, tau per layer"),
    Setting(policy="static_mixed", label="static, bits per layer"),
)


def budget_rows(bench: Bench) -> list[Row]:
    """One row for each family of policies: thresholds for an agreement of 0.98 on calibration pictures."""
    count, data = PICTURES.get(bench.case.name, 0), bench.case.calibration
    if count == 0 or data is None:
        return []
    pictures, method = first(data, count), next(iter(bench.networks))
    rows = []
    for family in FAMILIES:
        plan = with_precision(bench.plans[family.rows], family.block())
        trials = threshold_trials(plan, bench.case.graph, bench.ranges[method], pictures)
        found, _ = search(trials, BUDGET)
        rows.append(measure(bench, replace(family, thresholds=found)))
    return rows


def first(data: Dataset, count: int) -> Dataset:
    """So many pictures, evenly spread."""
    step = max(1, len(data) // count)
    chosen = slice(0, step * count, step)
    return replace(
        data,
        names=data.names[chosen],
        labels=None if data.labels is None else data.labels[chosen],
        indices=data.indices[chosen],
    )
