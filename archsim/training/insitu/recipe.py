"""What an in-situ training is: device, update rule, and how arrays are read. Plain data, checked, with its sources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, Literal

from archsim.errors import InputError, Problem
from archsim.training.insitu.devices import SynapticDevice
from archsim.training.insitu.settings import UpdateSettings

References = Literal["linear", "nonlinear"]
Reading = Literal["whole", "bit_serial"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Converters:
    """How the sums of arrays become numbers. Sources: `SOURCES`.

    Parameters
    ----------
    forward, backward, gradient : bits of the conversions of forward reads, of the transposed reads of errors, and of
        weight gradients; None computes exactly. Gradients with bits are products in SRAM arrays, rows of which are
        output positions; without, digital ones.
    references : `linear` divides the range of the observed sums evenly; `nonlinear` puts decision levels where sums
        are, with a density of the cube root of theirs (Panter and Dite, Proceedings of the IRE 1951).
    reading : `whole` converts one sum of all bits of the inputs, a surrogate; `bit_serial` each bit of the inputs by
        itself, as hardware does (in gradients, each bit of activations with each bit of errors).
    rows : lines of an array that add up in one conversion.
    """

    forward: int | None = None
    backward: int | None = None
    gradient: int | None = None
    references: References = "linear"
    reading: Reading = "whole"
    rows: int = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class InSitu:
    """In-situ training. Sources: `SOURCES`.

    Parameters
    ----------
    converters : of all reads; the default computes exactly.
    activation_bits : of inputs of layers with weights: unsigned where they cannot be negative, else two's complement.
    activation_range : largest such input behind the first layer, a power of two; the pictures' is the least power of
        two that holds them.
    error_bits : of errors, two's complement; their range is the least power of two that holds a layer's errors of a
        batch.
    error_rounding : of errors, to the nearest or stochastic.
    initial : cells start uniform within -initial to initial.
    """

    device: SynapticDevice = field(default_factory=SynapticDevice)
    update: UpdateSettings = field(default_factory=UpdateSettings)
    converters: Converters = field(default_factory=Converters)
    activation_bits: int = 8
    activation_range: float = 4.0
    error_bits: int = 8
    error_rounding: Literal["nearest", "stochastic"] = "nearest"
    initial: float = 0.5

    def __post_init__(self) -> None:
        problems = [Problem(name, what) for name, what in _findings(self)]
        if problems:
            raise InputError(problems)


SOURCES: Mapping[str, str] = MappingProxyType(
    {
        "device": "see archsim.training.insitu.devices.SOURCES",
        "update": "see archsim.training.insitu.settings.SOURCES",
        "converters": "linear over the observed range, nonlinear about a bit better: DNN+NeuroSim V2.0 and manual "
        "section 7 (6 bits forward and backward, 4 for gradients; its released training converts nothing); cube root "
        "and the two readings: archsim's choice",
        "activation_bits": "DNN+NeuroSim V2.1 (WAGE, 8 bits)",
        "activation_range": "archsim's choice: holds four standard deviations behind a batch norm",
        "error_bits": "DNN+NeuroSim V2.1 (WAGE, 8 bits, divided by a power of two)",
        "error_rounding": "DNN+NeuroSim V2.1 rounds to the nearest; stochastic: archsim's choice",
        "initial": "archsim's choice: half the window, where devices bend least",
    }
)
"""Where every field of `InSitu` comes from."""


def _findings(settings: InSitu) -> Iterator[tuple[str, str]]:
    converters = settings.converters
    for name in ("forward", "backward", "gradient"):
        bits = getattr(converters, name)
        if bits is not None and not _whole(bits, 1, 16):
            yield f"converters.{name}", f"is {bits}; expected a whole number of bits from 1 to 16, or none"
    for where, value, known in (
        ("converters.references", converters.references, ("linear", "nonlinear")),
        ("converters.reading", converters.reading, ("whole", "bit_serial")),
        ("error_rounding", settings.error_rounding, ("nearest", "stochastic")),
    ):
        if value not in known:
            yield where, f"is '{value}'; expected {' or '.join(known)}"
    if not _whole(converters.rows, 1, 2**20):
        yield "converters.rows", f"is {converters.rows}; expected a whole number from 1 to {2**20}"
    for name in ("activation_bits", "error_bits"):
        if not _whole(getattr(settings, name), 2, 12):
            yield name, f"is {getattr(settings, name)}; expected a whole number from 2 to 12"
    if settings.activation_range not in [2.0**k for k in range(-8, 17)]:
        yield "activation_range", f"is {settings.activation_range}; expected a power of two from 1/256 to 65536"
    if not 0 < settings.initial <= 1:
        yield "initial", f"is {settings.initial}; expected above 0 to 1"


def _whole(value: Any, low: int, high: int) -> bool:
    return bool(value == int(value) and low <= value <= high)


assert SOURCES.keys() == {item.name for item in fields(InSitu)}
