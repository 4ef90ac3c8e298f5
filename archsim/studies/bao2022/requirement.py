"""What a design point asks of converters and cells: accuracy against ADC bits, and the flaws that cost a point."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import fsum
from types import MappingProxyType

import numpy as np

from archsim.function.crossbars.select import Machine, select
from archsim.function.inference.compare import Interval, wilson
from archsim.function.inference.infer import infer
from archsim.mapping import Plan
from archsim.studies.bao2022.data import Material
from archsim.studies.bao2022.nets import Point, inputs
from archsim.studies.bao2022.saving import Mapped, Reading, with_converter

LOSS = 0.001
"""Accuracy that a converter may cost to be practical: a tenth of a point."""

LIMIT = 0.01
"""Accuracy that defines the limit of a flaw: one point."""

RANGES = MappingProxyType({"saturating": "unit", "truncating": "full_scale"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """Accuracy of a design point with converters of some bits; `agreement` is with the machine that loses nothing."""

    set: str
    point: Point
    kind: str
    bits: int
    accuracy: float
    interval: Interval
    agreement: float
    lossless: float
    images: int


def resolutions(here: Mapped, material: Material, most: int, told: Callable[[str], None]) -> Iterator[Resolution]:
    """Both kinds of converter from W + 7 bits down until most pictures are wrong."""
    assert here.net.point is not None
    pictures, labels = inputs(here.network, material, most), labels_of(material, most)
    exact = infer(here.network, pictures).predictions
    lossless = float((exact == labels).mean())
    for kind, range_ in RANGES.items():
        told(f"ADC bits of {here.net.point.name}, {kind}")
        for bits in range(here.net.point.full_bits, 2, -1):
            plan = with_converter(here, {"ima.adc.bits": bits, "ima.adc.transfer.range": range_, **QUIET})
            found = predictions(here, plan, pictures, 0)
            right = int((found == labels).sum())
            yield Resolution(
                set=material.name,
                point=here.net.point,
                kind=kind,
                bits=bits,
                accuracy=right / len(labels),
                interval=wilson(right, len(labels)),
                agreement=float((found == exact).mean()),
                lossless=lossless,
                images=len(labels),
            )
            if right < len(labels) / 2:
                break


QUIET: Mapping[str, object] = MappingProxyType({"ima.adc.transfer.kind": "uniform", "ima.adc.sparsity.policy": "none"})
"""Decisions need no counting where accuracy is asked for."""


def labels_of(material: Material, most: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Labels of the first test pictures."""
    assert material.test.labels is not None
    return material.test.labels[:most]


def predictions(
    here: Mapped, plan: Plan, pictures: np.ndarray[tuple[int, ...], np.dtype[np.generic]], seed: int
) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """What a plan's machine takes pictures for."""
    machine = Machine.of(plan, seed)
    selection = select(here.network, machine, lambda: pictures)
    return infer(here.network, pictures, engine=selection.engine).predictions


def practical(found: Sequence[Resolution], point: Point, kind: str) -> int:
    """The fewest bits from which on no more than LOSS is lost at any resolution."""
    rows = sorted((row for row in found if row.point == point and row.kind == kind), key=lambda row: -row.bits)
    bits = rows[0].bits
    for row in rows:
        if row.lossless - row.accuracy > LOSS + 1e-12:
            break
        bits = row.bits
    return bits


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaw:
    """A flaw and the sizes it is tried at. `changes(size)` are the settings of the hardware file."""

    name: str
    unit: str
    values: tuple[float, ...]
    changes: Callable[[float], Mapping[str, object]]


def _sigma(size: float) -> Mapping[str, object]:
    return {"device.programming.model": "gaussian", "device.programming.relative": f"{size} %", **QUIET}


def _inl(size: float) -> Mapping[str, object]:
    return {"ima.adc.transfer.inl": size, **QUIET}


def _dnl(size: float) -> Mapping[str, object]:
    return {"ima.adc.transfer.dnl": size, **QUIET}


FLAWS = (
    Flaw(name="cell sigma", unit="% of G", values=(0, 2.5, 5, 10, 15, 20, 30, 40, 60), changes=_sigma),
    Flaw(name="ADC INL", unit="LSB", values=(0, 0.5, 1, 2, 4, 8, 16, 32, 64), changes=_inl),
    Flaw(name="ADC DNL", unit="LSB", values=(0, 0.125, 0.25, 0.5, 0.75, 1), changes=_dnl),
)
"""Programming error of every cell (standard deviation relative to its conductance), largest deviation of a threshold,
standard deviation of the width of a code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlawPoint:
    """Accuracy of a design point under a flaw: mean over chips drawn anew, and the single chips."""

    set: str
    point: Point
    flaw: str
    unit: str
    value: float
    bits: int
    accuracy: float
    chips: tuple[float, ...]
    images: int


def flaw_curve(
    here: Mapped, flaw: Flaw, bits: int, material: Material, most: int, chips: int, told: Callable[[str], None]
) -> list[FlawPoint]:
    """Accuracy from no flaw up, until three times LIMIT is lost: limits lie inside. Converters have `bits`, one code
    per level, saturating."""
    assert here.net.point is not None
    told(f"{flaw.name} of {here.net.point.name}")
    pictures, labels = inputs(here.network, material, most), labels_of(material, most)
    found: list[FlawPoint] = []
    for value in flaw.values:
        plan = with_converter(here, {"ima.adc.bits": bits, "ima.adc.transfer.range": "unit", **flaw.changes(value)})
        shares = [
            float((predictions(here, plan, pictures, seed) == labels).mean()) for seed in range(chips if value else 1)
        ]
        found.append(
            FlawPoint(
                set=material.name,
                point=here.net.point,
                flaw=flaw.name,
                unit=flaw.unit,
                value=value,
                bits=bits,
                accuracy=fsum(shares) / len(shares),
                chips=tuple(shares),
                images=len(labels),
            )
        )
        if found[0].accuracy - found[-1].accuracy > 3 * LIMIT:
            break
    return found


def limit(curve: Sequence[FlawPoint]) -> float | None:
    """Size at which LIMIT of accuracy is lost, linear between the sizes tried; None where none costs so much."""
    base = curve[0].accuracy
    for before, after in pairwise(curve):
        lost, more = base - before.accuracy, base - after.accuracy
        if more >= LIMIT:
            part = (LIMIT - lost) / (more - lost)
            return before.value + part * (after.value - before.value)
    return None


def practical_readings(found: Sequence[Resolution], point: Point) -> tuple[Reading, ...]:
    """The converters found practical, as readings of savings."""
    return tuple(
        Reading(name=f"practical, {kind}", bits=practical(found, point, kind), range=range_)
        for kind, range_ in RANGES.items()
    )
