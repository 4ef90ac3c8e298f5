"""The `insitu` block of a training study."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from archsim.config.blocks import Model
from archsim.config.types import Fraction, Text, Whole
from archsim.errors import InputError, Problem
from archsim.training.insitu.devices import SynapticDevice
from archsim.training.insitu.recipe import Converters, InSitu
from archsim.training.insitu.settings import PulseScale, UpdateSettings
from archsim.workload.yamlfields import Parsed

Share = Annotated[float, Fraction(0.0, 1.0)]
Positive = Annotated[float, Fraction(0.0, 1e9)]
Count = Annotated[int, Whole(1, 2**31)]
Bits = Annotated[int, Whole(1, 16)]


def _number(value: object) -> float:
    try:
        return float(str(value))
    except ValueError:
        raise ValueError(f"'{value}' is no number; expected one such as 3 or -0.5") from None


def _numbers(value: object) -> tuple[float, ...]:
    return tuple(_number(item) for item in value) if isinstance(value, list) else (_number(value),)


Signed = Annotated[float, Parsed(_number, {"type": "number"})]
Numbers = Annotated[tuple[float, ...], Parsed(_numbers, {"type": "array", "items": {"type": "number"}})]


class DeviceBlock(Model):
    """One analog synapse."""

    curve: Text = "exponential"
    ltp: Signed | None = None
    ltd: Signed | None = None
    levels: Count = 32
    c2c: Share = 0.003
    c2c_per: Literal["pulse", "update"] = "pulse"
    d2d: Positive = 0.0
    d2d_draws: Literal["independent", "shared"] = "independent"
    on_off: Positive = 100.0


class PulseScaleBlock(Model):
    """Strength of the updates over the run."""

    value: Positive = 1.0
    factors: Numbers = (1.0,)
    marks: Numbers = ()


class AdcBlock(Model):
    """Converters of the reads; without bits a read is exact."""

    forward: Bits | None = None
    backward: Bits | None = None
    gradient: Bits | None = None
    references: Literal["linear", "nonlinear"] = "linear"
    reading: Literal["whole", "bit_serial"] = "whole"
    rows: Count = 128


class InSituBlock(Model):
    """Training on analog synapses: device, update rule, reads."""

    device: DeviceBlock = DeviceBlock()
    rule: Text = "momentum"
    order: Literal["device", "v21"] = "device"
    pulse_scale: PulseScaleBlock = PulseScaleBlock()
    gamma: Share = 0.9
    alpha: Positive = 0.1
    rising: Numbers = (0.5, 0.99)
    digital: Literal["float32", "int8"] = "float32"
    learning_rate: Positive = 1.0
    transfer_updates: Count = 1
    transfer_rate: Positive = 0.1
    transfer_bits: Bits = 8
    adc: AdcBlock = AdcBlock()
    activation_bits: Bits = 8
    activation_range: Positive = 4.0
    error_bits: Bits = 8
    error_rounding: Literal["nearest", "stochastic"] = "nearest"
    initial: Share = 0.5


_READS = ("activation_bits", "activation_range", "error_bits", "error_rounding", "initial")
_OTHERS = ("device", "pulse_scale", "adc", "rising", *_READS)


def in_situ_of(block: InSituBlock) -> InSitu:
    """The settings of a block. Raises `InputError` with every problem, each where the block has it."""
    problems: list[Problem] = []

    def made(build: Callable[[], Any], renamed: dict[str, str]) -> Any:
        try:
            return build()
        except InputError as error:
            for problem in error.problems:
                prefix = next((old for old in renamed if (problem.where or "").startswith(old)), "")
                where = renamed.get(prefix, "") + (problem.where or "").removeprefix(prefix)
                problems.append(Problem(f"insitu.{where}", problem.what))
            return None

    if len(block.rising) != 2:
        problems.append(Problem("insitu.rising", f"has {len(block.rising)} numbers; expected the first and last gamma"))
    device = made(lambda: _device(block.device), {"device.": "device."})
    scale = PulseScale(**dict(block.pulse_scale))
    plain = {key: value for key, value in block if key not in _OTHERS}
    rising = (block.rising[0], block.rising[-1])
    update = made(lambda: UpdateSettings(**plain, pulse_scale=scale, rising=rising), {"update.": ""})
    reads = {key: getattr(block, key) for key in _READS}
    converters = Converters(**dict(block.adc))
    found = made(lambda: InSitu(converters=converters, **reads), {"converters.": "adc."})
    if problems:
        raise InputError(problems)
    return InSitu(device=device, update=update, converters=converters, **{k: getattr(found, k) for k in _READS})


def _device(block: DeviceBlock) -> SynapticDevice:
    """Labels that are not given are those of the default device; other curves have none."""
    values = dict(block)
    usual = SynapticDevice() if block.curve == "exponential" else None
    for name in ("ltp", "ltd"):
        if values[name] is None:
            values[name] = 0.0 if usual is None else getattr(usual, name)
    return SynapticDevice(**values)
