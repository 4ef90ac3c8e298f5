"""The `ima.adc.transfer` block of a hardware file: which value a converter gives for a column sum.

Without it a converter of n bits has one code per level and saturates at 2^n - 1. What each kind does, in equations, is
documented with `archsim.function.crossbars.converter.TRANSFERS`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Literal

from archsim.config.blocks import Model
from archsim.config.types import Codes, Levels, Percent, Signed, Text


class AdcTransfer(Model):
    """`kind: ideal` converts nothing, `uniform` has codes at equal distances, `nonlinear` decides at `references` (in
    levels; without them at quantiles of the sums observed on the calibration pictures).

    `range` of a uniform converter: `unit` (one code per level), `full_scale` (the largest sum possible is the last
    code), `calibrated` (sums observed layer by layer; `percentile` of them lie inside), `fixed` (`low` to `high`, in
    levels). Errors of the circuit: `offset` in codes, relative `gain`, `inl` (largest deviation) and `dnl` (standard
    deviation of a code's width) in codes.
    """

    kind: Literal["ideal", "uniform", "nonlinear"] = "uniform"
    range: Literal["unit", "full_scale", "calibrated", "fixed"] | None = None
    low: Signed | None = None
    high: Signed | None = None
    percentile: Percent | None = None
    references: tuple[Levels, ...] | None = None
    offset: Signed = 0.0
    gain: Signed = 0.0
    inl: Signed = 0.0
    dnl: Codes = 0.0
    source: Text | None = None
    notes: Text | None = None

    @property
    def curve(self) -> str:
        """Name of the transfer in `archsim.function.crossbars.converter.TRANSFERS`."""
        if self.kind == "uniform":
            return self.range or "unit"
        if self.kind == "nonlinear":
            return "quantiles" if self.references is None else "references"
        return "ideal"

    @property
    def observes(self) -> bool:
        """Whether the converter is set by sums observed on pictures."""
        return self.curve in ("calibrated", "quantiles")


def transfer_findings(transfer: AdcTransfer, bits: int) -> Iterator[tuple[str, str]]:
    """Dotted path and complaint for everything that contradicts itself or the converter's bits."""
    here = "ima.adc.transfer"
    if transfer.range is not None and transfer.kind != "uniform":
        yield f"{here}.range", f"belongs to kind uniform, not to {transfer.kind}"
    for name in ("low", "high"):
        if transfer.curve == "fixed" and getattr(transfer, name) is None:
            yield here, f"{name} is missing; range: fixed goes from low to high"
        if transfer.curve != "fixed" and getattr(transfer, name) is not None:
            yield f"{here}.{name}", f"belongs to range: fixed; the range here is {transfer.curve}"
    if transfer.low is not None and transfer.high is not None and transfer.low >= transfer.high:
        yield f"{here}.high", f"is {transfer.high:g}; expected more than low, {transfer.low:g}"
    if transfer.percentile is not None and transfer.curve != "calibrated":
        yield f"{here}.percentile", f"belongs to range: calibrated; the range here is {transfer.curve}"
    if transfer.gain <= -1:
        yield f"{here}.gain", f"is {transfer.gain:g}; expected more than -1 (a relative error)"
    if transfer.kind == "ideal" and any((transfer.offset, transfer.gain, transfer.inl, transfer.dnl)):
        yield here, "kind: ideal has no errors; expected no offset, gain, inl or dnl"
    yield from _references(transfer, bits)


def _references(transfer: AdcTransfer, bits: int) -> Iterator[tuple[str, str]]:
    found, here = transfer.references, "ima.adc.transfer.references"
    if found is None:
        return
    if transfer.kind != "nonlinear":
        yield here, f"belong to kind nonlinear, not to {transfer.kind}"
    if len(found) != 2**bits - 1:
        yield here, f"are {len(found)}; expected 2^bits - 1 = {2**bits - 1} of them for {bits} bits"
    if any(later <= earlier for earlier, later in pairwise(found)):
        yield here, "do not ascend; expected each larger than the one before"
