"""Accuracy against device flaws: programming error, stuck cells and converter bits, one at a time, with intervals.

Everything but the axis stays as the hardware file has it. Every point runs the same pictures on several chips, drawn
with seeds of their own; the same chip number has the same draws at every point of an axis, only larger. Nothing
depends on the number of threads, so a seed reproduces the curves to the byte.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import fsum
from types import MappingProxyType

from archsim.config import Hardware
from archsim.errors import InputError
from archsim.function.crossbars.select import Machine
from archsim.function.inference.compare import Interval, wilson
from archsim.function.inference.evaluate import evaluate
from archsim.function.precision.offline import plan_counting
from archsim.function.quantization.levels.seam import plan_weights
from archsim.function.quantization.network import Precision
from archsim.mapper import map_network
from archsim.mapping import Plan
from archsim.workload import Dataset, Graph

STUCK_ON = 0.816
"""Share of faulty cells that are stuck on (Ma et al., ACM JETC 2023)."""

Changes = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """`changes(value)` are the settings of the hardware file at a point; `harder` says whether larger values hurt."""

    name: str
    unit: str
    values: tuple[float, ...]
    harder: bool
    changes: Callable[[float], Changes]


def _programming(value: float) -> Changes:
    return {"device.programming.model": "gaussian", "device.programming.relative": f"{value} %"}


def _stuck(value: float) -> Changes:
    on, off = value * STUCK_ON, value * (1 - STUCK_ON)
    return {**_programming(0), "device.stuck.on": f"{on:.6g} %", "device.stuck.off": f"{off:.6g} %"}


def _adc(value: float) -> Changes:
    return {**_programming(0), "ima.adc.bits": int(value)}


AXES: Mapping[str, Axis] = MappingProxyType(
    {
        axis.name: axis
        for axis in (
            Axis(
                name="programming error",
                unit="% of the conductance",
                values=(0, 2, 5, 10, 15, 20),
                harder=True,
                changes=_programming,
            ),
            Axis(name="stuck cells", unit="% of all cells", values=(0, 0.1, 0.5, 1, 2, 5), harder=True, changes=_stuck),
            Axis(name="ADC resolution", unit="bits", values=(4, 5, 6, 7, 8, 9), harder=False, changes=_adc),
        )
    }
)
"""Axes by name. Stuck cells and converters are studied with cells that are otherwise ideal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One setting. `share` of right pictures is a mean over chips: `accuracy`, or `agreement` with the float network
    where there are no labels or no trained weights. `interval` is Wilson's (95 %) for the number of pictures (chips
    see the same ones, so they do not count as more); `worst` and `best` are single chips."""

    axis: str
    value: float
    images: int
    chips: int
    measure: str
    share: float
    interval: Interval
    worst: float
    best: float
    logit_snr_db: float
    engine: str


def accuracy_curve(
    axis: Axis,
    hardware: Hardware,
    graph: Graph,
    data: Dataset,
    *,
    chips: int = 3,
    seed: int = 0,
    progress: Callable[[], None] | None = None,
) -> list[Point]:
    """Points of one axis.

    Parameters
    ----------
    graph : with weights.
    progress : called after each chip.

    Raises
    ------
    InputError
        Settings the hardware file does not allow.
    """
    points = []
    for value in axis.values:
        plan = map_network(graph, hardware.replace(dict(axis.changes(value))))
        reports = []
        for chip in range(chips):
            reports.append(_one_chip(plan, data, seed + chip))
            if progress is not None:
                progress()
        points.append(_point(axis, value, reports))
    return points


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chip:
    images: int
    accuracy: float | None
    agreement: float
    snr_db: float
    engine: str


def _one_chip(plan: Plan, data: Dataset, seed: int) -> _Chip:
    precision = Precision(input_bits=plan.slicing.input_bits, weight_bits=plan.slicing.weight_bits)
    found = evaluate(
        plan.graph,
        data,
        precision=precision,
        counting=plan_counting(plan),
        machine=Machine.of(plan, seed),
        weights=plan_weights(plan),
    )
    report = found.report
    if report.top1_agreement is None:
        what = f"output '{plan.graph.judged.name}' names no class; expected a network that tells classes apart"
        raise InputError(what, where=f"workload '{plan.graph.name}'")
    served = sorted(set(found.engines.values()))
    return _Chip(
        images=report.images,
        accuracy=report.accuracy,
        agreement=report.top1_agreement,
        snr_db=report.logit_snr_db,
        engine=" and ".join(served),
    )


def _point(axis: Axis, value: float, chips: Sequence[_Chip]) -> Point:
    scored = all(chip.accuracy is not None for chip in chips)
    shares = [chip.accuracy if scored and chip.accuracy is not None else chip.agreement for chip in chips]
    mean, images = fsum(shares) / len(shares), chips[0].images
    return Point(
        axis=axis.name,
        value=value,
        images=images,
        chips=len(chips),
        measure="accuracy" if scored else "agreement",
        share=mean,
        interval=wilson(round(mean * images), images),
        worst=min(shares),
        best=max(shares),
        logit_snr_db=fsum(chip.snr_db for chip in chips) / len(chips),
        engine=" | ".join(sorted({chip.engine for chip in chips})),
    )


def monotone(axis: Axis, points: Sequence[Point]) -> bool:
    """Whether the curve falls (rises, for an axis that helps) within its intervals."""
    ordered = points if axis.harder else points[::-1]
    return all(later.interval[0] <= before.interval[1] for before, later in pairwise(ordered))
