"""The function side of a run: pictures through the network as the chip computes it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

from archsim.function.crossbars.select import Machine
from archsim.function.inference.activity import LayerActivity
from archsim.function.inference.evaluate import Evaluation, evaluate
from archsim.function.inference.reads import array_reads
from archsim.function.precision.calibration import (
    Calibration,
    calibrated_on,
    check_calibration,
    read_calibration,
)
from archsim.function.precision.offline import (
    check_converters,
    plan_counting,
    plan_precision,
    plan_settings,
    plan_streaming,
)
from archsim.function.quantization.levels.seam import plan_weights
from archsim.keeping import anew
from archsim.mapping import Plan
from archsim.mapping.reads import ArrayReads
from archsim.simulation.reuse import Reuse
from archsim.workload import Dataset, default_preprocessing, load_data, preprocessing_for, seeded_weights

Progress = Callable[[int, int], None]
Data = str | os.PathLike[str] | Dataset

NO_ACTIVITY: Mapping[str, LayerActivity] = MappingProxyType({})


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Computed:
    """What was computed on which pictures; nothing of it in a run on shapes alone. `reads` is the record of every
    crossbar stage by name; `seen` of the pictures are among those that activation ranges were calibrated on, where
    these were given."""

    reads: Mapping[str, ArrayReads]
    evaluation: Evaluation | None = None
    data: Dataset | None = None
    seen: int = 0

    @property
    def activity(self) -> Mapping[str, LayerActivity]:
        """Measured inputs by layer."""
        return NO_ACTIVITY if self.evaluation is None else self.evaluation.activity


def compute(
    plan: Plan,
    inputs: Data | None,
    *,
    seed: int = 0,
    limit: int | None = None,
    calibrate: Data | Calibration | None = None,
    images: int = 1,
    progress: Progress | None = None,
    reuse: Reuse | None = None,
) -> Computed:
    """Compute pictures; parameters as of `archsim.simulate`. Without `inputs` nothing is computed.

    Raises
    ------
    InputError
        Inputs or a calibration that do not fit the network or the chip.
    """
    calibrated = _saved_calibration(calibrate)
    if inputs is None:
        return Computed(reads=array_reads(plan, NO_ACTIVITY))
    keep = anew if reuse is None else reuse.for_run()
    graph = plan.graph
    if graph.weights == "none":
        graph = keep("drawn weights", (graph, seed), lambda: seeded_weights(plan.graph, seed))
    preprocessing = preprocessing_for(graph.path, graph) if graph.path else default_preprocessing(graph)
    classes = graph.classes

    def load(data: Data, most: int | None) -> Dataset:
        return data if isinstance(data, Dataset) else load_data(data, preprocessing, limit=most, classes=classes)

    data = load(inputs, limit)
    saved = calibrated if isinstance(calibrated, Calibration) else None
    if saved is not None:
        check_calibration(saved, graph, plan_settings(plan))
    pictures = None if calibrated is None or isinstance(calibrated, Calibration) else load(calibrated, None)
    settings = {
        **machine_settings(plan, saved, seed),
        "calibration": pictures if saved is None else saved.to_ranges(),
        "streamed_images": images,
    }
    if settings["streaming"] is not None:
        check_converters(settings["machine"])
    found = keep(
        "evaluation",
        (graph, data, settings),
        lambda: evaluate(graph, data, **settings, progress=progress, keep=keep),
    )
    known = pictures if saved is None else saved
    seen = 0 if known is None else keep("calibrated on", (known, data), partial(calibrated_on, known, data))
    reads = array_reads(plan, found.activity, found.conversions)
    return Computed(reads=reads, evaluation=found, data=data, seen=seen)


def machine_settings(plan: Plan, saved: Calibration | None = None, seed: int = 0) -> dict[str, Any]:
    """All that pictures are computed by, of a plan: two chips with equal settings compute the same.

    Raises `InputError` for devices outside the range their models were fitted for.
    """
    return {
        "precision": plan_precision(plan),
        "counting": plan_counting(plan),
        "streaming": plan_streaming(plan, saved),
        "machine": Machine.of(plan, seed),
        "weights": plan_weights(plan),
    }


def _saved_calibration(calibrate: Data | Calibration | None) -> Data | Calibration | None:
    """A saved calibration read, other data as they are."""
    if isinstance(calibrate, str | os.PathLike) and os.fspath(calibrate).endswith(".json"):
        return read_calibration(os.fspath(calibrate))
    return calibrate
