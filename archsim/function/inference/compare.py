"""How well the quantized or analog network follows the float one, with the uncertainty that the number of pictures
allows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf, log10, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.errors import InputError, Problem
from archsim.workload.graph import WeightOrigin, class_count

Array = NDArray[Any]
Interval = tuple[float, float]

NORMAL_95 = 1.959963984540054
"""97.5 % quantile of the standard normal distribution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionReport:
    """Agreement with the float network over `images` pictures; intervals are Wilson's, 95 %.

    Accuracies are None without labels, and always for networks whose weights were drawn and not trained. Agreement and
    accuracies are None where outputs name no class (`archsim.workload.graph.class_count`).
    """

    images: int
    logit_snr_db: float
    top1_agreement: float | None = None
    agreement_interval: Interval | None = None
    accuracy: float | None = None
    accuracy_interval: Interval | None = None
    float_accuracy: float | None = None
    float_accuracy_interval: Interval | None = None


def wilson(successes: int, trials: int) -> Interval:
    """95 % score interval of a proportion (Wilson, JASA 22, 1927): inside [0, 1], honest at 0 and at 1."""
    z = NORMAL_95
    share = successes / trials
    centre = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return (0.0 if successes == 0 else centre - half, 1.0 if successes == trials else centre + half)


def snr_db(signal: float, noise: float) -> float:
    """Signal-to-noise ratio in dB from two powers; infinite without noise."""
    if noise == 0:
        return inf
    return 10 * log10(signal / noise) if signal > 0 else -inf


def compare(
    float_logits: Array, quantized_logits: Array, labels: Array | None = None, *, weights: WeightOrigin = "file"
) -> FunctionReport:
    """Compare logits [images, classes] (further axes of extent 1 are dropped) picture by picture.

    The logit SNR is sum(f ** 2) / sum((f - q) ** 2) over all pictures and values, in dB, with f the float logits. It is
    all that is compared of maps [images, channels, height, width] and of single values.

    Raises
    ------
    InputError
        Shapes that differ, no pictures, or labels that do not fit.
    """
    reference = np.asarray(float_logits, np.float64).reshape(len(float_logits), -1)
    measured = np.asarray(quantized_logits, np.float64).reshape(len(quantized_logits), -1)
    problems = []
    if reference.shape != measured.shape or reference.size == 0:
        problems.append(
            Problem("logits", f"float {reference.shape} and quantized {measured.shape} must match, not empty")
        )
    if labels is not None and np.shape(labels) != (len(reference),):
        problems.append(
            Problem("labels", f"expected one for each of {len(reference)} pictures, got {np.shape(labels)}")
        )
    if problems:
        raise InputError(problems)
    images = len(reference)
    report = FunctionReport(
        images=images,
        logit_snr_db=snr_db(float(np.square(reference).sum()), float(np.square(reference - measured).sum())),
    )
    if class_count(np.shape(float_logits)[1:]) is None:
        return report
    wanted, found = reference.argmax(axis=1), measured.argmax(axis=1)
    agreeing = int((wanted == found).sum())
    report = replace(report, top1_agreement=agreeing / images, agreement_interval=wilson(agreeing, images))
    if labels is None or weights != "file":
        return report
    hits, float_hits = int((found == labels).sum()), int((wanted == labels).sum())
    return replace(
        report,
        accuracy=hits / images,
        accuracy_interval=wilson(hits, images),
        float_accuracy=float_hits / images,
        float_accuracy_interval=wilson(float_hits, images),
    )
