"""Settings of an in-situ update: which rule, in which order, how strong at which time of the run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from types import MappingProxyType
from typing import Literal

from archsim.errors import InputError, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Where an update stands in its run: its number from 0, whether an epoch starts with it, and the part of the run
    that is over, 0 to 1."""

    number: int
    starts_epoch: bool = False
    progress: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PulseScale:
    """Pulses asked for by the largest gradients of a layer: `value` times the factor of the present part of the run.

    `marks` are the parts' ends as shares of the run, one fewer than factors; without them all parts are equal.
    """

    value: float = 1.0
    factors: tuple[float, ...] = (1.0,)
    marks: tuple[float, ...] = ()

    def at(self, progress: float) -> float:
        """Pulses for a gradient of 1 after this share of the run."""
        count = len(self.factors)
        marks = self.marks or tuple(part / count for part in range(1, count))
        return self.value * self.factors[sum(progress >= mark for mark in marks)]


CONSTANT = PulseScale()
QUARTERS = PulseScale(factors=(1.0, 1.0, 0.5, 0.25))
"""Archsim's choice: half the run at full strength, then a half and a quarter of it."""
NEUROSIM = PulseScale(factors=(1.0, 1 / 8, 1 / 64), marks=(200 / 300, 250 / 300))
"""DNN+NeuroSim V2.1: an eighth after epoch 200, again after 250 (marks as shares of 300 epochs)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateSettings:
    """An update rule and its numbers. Sources of the values: `SOURCES`.

    Parameters
    ----------
    rule : name in `archsim.training.insitu.RULES`.
    order : `device` rounds the pulses stochastically and lets the device answer each; `v21` walks the curve first and
        rounds the change to one level (as DNN+NeuroSim V2.1 is coded).
    pulse_scale : strength over the run.
    gamma, alpha : v = gamma v + alpha g of `momentum` and `momentum_v21`.
    rising : first and last gamma of `momentum_rising`.
    digital : type of the velocity or residual. int8 is an 8-bit memory with stochastic rounding.
    learning_rate : of `mixed_precision`: weight per unit of gradient, multiplied by the factors of pulse_scale.
    transfer_updates : updates in which `tiki_taka` reads its whole fast array once.
    transfer_rate : pulses of the slow array for one read of weight 1 in the fast one.
    transfer_bits : of that read, sign included.
    array_rows, array_columns : of the physical arrays, which are written a row at a time.
    """

    rule: str = "momentum"
    order: Literal["device", "v21"] = "device"
    pulse_scale: PulseScale = field(default=CONSTANT)
    gamma: float = 0.9
    alpha: float = 0.1
    rising: tuple[float, float] = (0.5, 0.99)
    digital: Literal["float32", "int8"] = "float32"
    learning_rate: float = 1.0
    transfer_updates: int = 1
    transfer_rate: float = 0.1
    transfer_bits: int = 8
    array_rows: int = 128
    array_columns: int = 128

    def __post_init__(self) -> None:
        problems = [Problem(f"update.{name}", what) for name, what in _findings(self)]
        if problems:
            raise InputError(problems)


SOURCES: Mapping[str, str] = MappingProxyType(
    {
        "rule": "see RULES; the default is DNN+NeuroSim V2.1's momentum with a normalised copy",
        "order": "v21: DNN+NeuroSim V2.1 (code); device: archsim's choice, pulses are what a driver can round",
        "pulse_scale": "DNN+NeuroSim V2.1: learning rate 1; decay: NEUROSIM, or archsim's QUARTERS",
        "gamma": "DNN+NeuroSim V2.1 (code)",
        "alpha": "DNN+NeuroSim V2.1 (code); without effect on a normalised copy",
        "rising": "archsim's choice: Huang et al. (TODAES 2022) do not publish how their momentum adapts",
        "digital": "archsim's choice; 8 bits are what the published 4.2 % energy of the momentum leaves room for",
        "learning_rate": "archsim's choice: of 0.1 to 3 the best on 8x8 digits",
        "transfer_updates": "archsim's choice; Gokmen (Frontiers in AI 2021) reads a column every few samples",
        "transfer_rate": "archsim's choice: of 0.003 to 0.3 the best on 8x8 digits, the fast array read at each update",
        "transfer_bits": "archsim's choice, the activations' width",
        "array_rows": "DNN+NeuroSim V2.1 (128 x 128 subarrays)",
        "array_columns": "DNN+NeuroSim V2.1 (128 x 128 subarrays)",
    }
)
"""Where every field of `UpdateSettings` comes from."""

RULE_NAMES = (
    "sgd",
    "momentum",
    "momentum_rising",
    "momentum_v21",
    "accumulate",
    "mixed_precision",
    "tiki_taka",
)
ROUNDING_RULES = RULE_NAMES[:4]
"""Rules that ask for real numbers of pulses, which either order rounds."""


def _findings(settings: UpdateSettings) -> Iterator[tuple[str, str]]:
    if settings.rule not in RULE_NAMES:
        near = get_close_matches(str(settings.rule), RULE_NAMES, 1)
        yield (
            "rule",
            f"is '{settings.rule}'; expected one of {', '.join(RULE_NAMES)}"
            + (f"; did you mean '{near[0]}'?" if near else ""),
        )
    if settings.order not in ("device", "v21"):
        yield "order", f"is '{settings.order}'; expected device or v21"
    elif settings.order == "v21" and settings.rule in RULE_NAMES and settings.rule not in ROUNDING_RULES:
        yield "order", f"is v21, but {settings.rule} fires whole pulses; expected device"
    if settings.digital not in ("float32", "int8"):
        yield "digital", f"is '{settings.digital}'; expected float32 or int8"
    elif settings.digital == "int8" and settings.rule == "tiki_taka":
        yield "digital", "is int8, but the hidden weights of tiki_taka have 16 bits; expected float32 (unused)"
    yield from _number_findings(settings)
    yield from _scale_findings(settings.pulse_scale)


def _number_findings(settings: UpdateSettings) -> Iterator[tuple[str, str]]:
    for name in ("gamma", "rising"):
        value = getattr(settings, name)
        if not all(0 <= part < 1 for part in (value if isinstance(value, tuple) else (value,))):
            yield name, f"is {value}; expected 0 to below 1"
    for name in ("alpha", "learning_rate", "transfer_rate"):
        if not 0 < getattr(settings, name) < float("inf"):
            yield name, f"is {getattr(settings, name)}; expected a number above 0"
    for name, low, high in (
        ("transfer_updates", 1, 2**31),
        ("transfer_bits", 2, 16),
        ("array_rows", 1, 2**20),
        ("array_columns", 1, 2**20),
    ):
        value = getattr(settings, name)
        if value != int(value) or not low <= value <= high:
            yield name, f"is {value}; expected a whole number from {low} to {high}"


def _scale_findings(scale: PulseScale) -> Iterator[tuple[str, str]]:
    if not 0 < scale.value < float("inf"):
        yield "pulse_scale.value", f"is {scale.value}; expected a number above 0"
    if not scale.factors or not all(0 < factor < float("inf") for factor in scale.factors):
        yield "pulse_scale.factors", f"are {scale.factors}; expected one or more numbers above 0"
    marks = scale.marks
    rises = all(a < b for a, b in zip((0.0, *marks), (*marks, 1.0), strict=True))
    if marks and (len(marks) != len(scale.factors) - 1 or not rises):
        yield "pulse_scale.marks", f"are {marks}; expected {len(scale.factors) - 1} rising shares between 0 and 1"


assert SOURCES.keys() == {part.name for part in fields(UpdateSettings)}
