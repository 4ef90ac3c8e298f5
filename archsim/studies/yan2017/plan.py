"""What is tried on which network: bits x granularity x quantizer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from archsim.function.quantization.levels import LevelRule
from archsim.studies.yan2017.cases import Case

LEVELS = ("merge", "lloyd")
"""Quantizers of the reconstruction: the importance merge alone, and with Lloyd-Max behind it."""

REFERENCE = "minmax"
"""The uniform quantizer that the abstract compares with."""

CLIPPED = ("mse_symmetric", "mse_affine")
"""Uniform quantizers with a clip of least squared error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One way to quantize weights. `importance`: weighted by Fisher's information."""

    bits: int
    granularity: str
    quantizer: str
    importance: bool = False

    @property
    def rule(self) -> LevelRule:
        """As `archsim.function.quantization.levels` takes it."""
        return LevelRule(quantizer=self.quantizer, granularity=self.granularity)

    @property
    def name(self) -> str:
        """Of the quantizer, with its importance."""
        return f"{self.quantizer}, Fisher" if self.importance else self.quantizer

    @property
    def label(self) -> str:
        """For people."""
        return f"{self.bits} bits, {self.granularity}, {self.name}"


def settings_of(case: Case, quick: bool) -> Iterator[Setting]:
    """Settings tried on a case; 8 bits min-max stand for a network whose weights lose nothing."""
    for granularity in ("layer", "channel"):
        yield Setting(bits=8, granularity=granularity, quantizer=REFERENCE)
    if case.name == "squeezenet1.1":
        yield from _squeezenet(case.judged)
        return
    deepest = (3, 4) if quick else (2, 3, 4, 5) if case.name == "lenet5-mnist" else (3, 4, 5)
    for bits in deepest:
        for granularity in ("layer", "channel"):
            for quantizer in (REFERENCE, *CLIPPED, *LEVELS):
                yield Setting(bits=bits, granularity=granularity, quantizer=quantizer)
        yield Setting(bits=bits, granularity="shared", quantizer="lloyd")
    if case.calibration is not None:
        low = deepest[0]
        for bits in (low, 4):
            yield Setting(bits=bits, granularity="layer", quantizer="optimal")
            yield Setting(bits=bits, granularity="layer", quantizer="lloyd", importance=True)
        yield Setting(bits=low if quick else 3, granularity="layer", quantizer="removal")


def _squeezenet(whole: bool) -> Iterator[Setting]:
    for bits in (3, 4, 5) if whole else (4,):
        for granularity in ("layer", "channel") if whole else ("channel",):
            for quantizer in (REFERENCE, "mse_affine", "lloyd"):
                yield Setting(bits=bits, granularity=granularity, quantizer=quantizer)
    if whole:
        yield Setting(bits=4, granularity="shared", quantizer="lloyd")
        yield Setting(bits=4, granularity="channel", quantizer="merge")
