"""The `device` block of a hardware file: what cells and wires do besides conduct as told. Without it they are ideal.

Every part is optional and stands for one effect; the parts act in the order in which `Device` lists them. What each
does, in equations, is documented with the functions of `archsim.function.crossbars.devices`. Values set from outside
a file (a sweep) need no `source`; those in a shipped file have one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Literal

from archsim.config.blocks import Model
from archsim.config.types import (
    Conductance,
    Current,
    DriftExponent,
    Duration,
    Energy,
    Levels,
    Proportion,
    Pulse,
    Pulses,
    Segment,
    Text,
    Voltage,
)
from archsim.units import format_quantity

FITTED: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"milo": (50e-6, 225e-6), "wan": (0.0, 39.26e-6), "joshi": (0.0, 25e-6)}
)
"""Conductances [S] for which each measured programming error was fitted (CrossSim: RRAM_Milo, RRAM_Wan, PCM_Joshi)."""

_PRINTED = 1e-4
"""Relative slack at the ends of a fitted range: 1/225 uS is no short decimal number of ohms."""


class Effect(Model):
    """Base of the parts. `source` as in other blocks."""

    source: Text | None = None
    notes: Text | None = None


class Programming(Effect):
    """Error left after writing a cell: a measured `model`, or `gaussian` with a standard deviation of `relative` times
    the conductance and `absolute`, added in quadrature. `scale` multiplies the standard deviation."""

    model: Literal["milo", "wan", "joshi", "gaussian"] = "gaussian"
    relative: Proportion = 0.0
    absolute: Conductance = 0.0
    scale: Levels = 1.0


class CycleToCycle(Effect):
    """Random part of every write pulse, as a share of the conductance window; `pulses_per_level` pulses move a cell by
    one level."""

    per_pulse: Proportion = 0.0
    pulses_per_level: Pulses = 1.0


class Drift(Effect):
    """Conductance falls as (time / reference)^-nu after writing; nu varies from cell to cell with `spread`."""

    time: Duration
    reference: Duration
    nu: DriftExponent
    spread: Proportion = 0.0


class Stuck(Effect):
    """Share of cells that always conduct at the on (off) conductance."""

    on: Proportion = 0.0
    off: Proportion = 0.0


class Wires(Effect):
    """Resistance of the wire between neighbouring cells. `exact` solves the network of every crossbar,
    `separate_lines` is the quick approximation."""

    word_segment: Segment = 0.0
    bit_segment: Segment = 0.0
    solver: Literal["exact", "separate_lines"] = "exact"


class ReadNoise(Effect):
    """Standard deviation sigma of a column's sum at each conversion: in levels, or as a current at the read voltage.

    With n rows opened and driven by a digit above 0, `law: constant` is sigma, `sqrt_rows` sigma * sqrt(n), `mixed`
    half of each: sigma / 2 * (1 + sqrt(n)).
    """

    law: Literal["constant", "sqrt_rows", "mixed"] = "constant"
    levels: Levels = 0.0
    current: Current = 0.0


class Write(Effect):
    """Cost of writing cells. A cell takes `pulses` (`per: cell`, or for each `level` above the off state) of length
    `pulse`, each taking `energy`, or what the cell conducts at `voltage`. An array writes a `row` or a `cell` at a
    time; arrays are written one after the other in each unit named by `one_array_per`."""

    pulse: Pulse
    pulses: Pulses = 1.0
    per: Literal["cell", "level"] = "cell"
    voltage: Voltage | None = None
    energy: Energy | None = None
    at_once: Literal["row", "cell"]
    one_array_per: Literal["chip", "tile", "ima", "array"]


class Device(Model):
    """Effects in the order in which they act; `write` is a cost only.

    `off_current` says what becomes of the current of cells in the off state: a reference column of such cells
    subtracts it (`subtracted`), or it adds to every sum (`kept`).
    """

    off_current: Literal["subtracted", "kept"] = "subtracted"
    programming: Programming | None = None
    cycle_to_cycle: CycleToCycle | None = None
    drift: Drift | None = None
    stuck: Stuck | None = None
    wires: Wires | None = None
    read_noise: ReadNoise | None = None
    write: Write | None = None
    source: Text | None = None
    notes: Text | None = None


def outside_fit(model: str, off: float, on: float) -> str | None:
    """What is wrong with a conductance window [S] for a programming-error model, or None when the fit covers it."""
    low, high = FITTED.get(model, (0.0, float("inf")))
    if off >= low * (1 - _PRINTED) and on <= high * (1 + _PRINTED):
        return None
    window = f"{format_quantity(off, 'S')} to {format_quantity(on, 'S')}"
    fitted = f"{format_quantity(low, 'S')} to {format_quantity(high, 'S')}"
    return f"'{model}' was fitted for conductances of {fitted}, the cells span {window}; expected a window inside it"


def device_findings(
    device: Device, on_resistance: float | None, off_resistance: float | None, read_voltage: float | None
) -> Iterator[tuple[str, str]]:
    """Dotted path and complaint for everything that contradicts itself or the cell."""
    if on_resistance is None or off_resistance is None:
        if _needs_window(device):
            yield "device", "needs ima.cell.on_resistance and off_resistance; these effects act on conductances"
    elif device.programming is not None:
        wrong = outside_fit(device.programming.model, 1 / off_resistance, 1 / on_resistance)
        if wrong:
            yield "device.programming.model", wrong
    yield from _contradictions(device)
    noise = device.read_noise
    if noise is not None and noise.current and read_voltage is None:
        yield "device.read_noise.current", "needs ima.cell.read_voltage; a level's current follows from it"


def _needs_window(device: Device) -> bool:
    """Stuck cells alone, noise in levels and writes at a stated energy need no conductances."""
    analog = (device.programming, device.cycle_to_cycle, device.drift, device.wires)
    noise, write = device.read_noise, device.write
    return (
        any(part is not None for part in analog)
        or device.off_current == "kept"
        or (noise is not None and noise.current > 0)
        or (write is not None and write.voltage is not None)
    )


def _contradictions(device: Device) -> Iterator[tuple[str, str]]:
    programming, drift, stuck, noise, write = (
        device.programming,
        device.drift,
        device.stuck,
        device.read_noise,
        device.write,
    )
    if programming is not None and programming.model != "gaussian" and (programming.relative or programming.absolute):
        yield "device.programming", f"relative and absolute belong to model gaussian, not to '{programming.model}'"
    if drift is not None and drift.time < drift.reference:
        yield "device.drift.time", "is before the reference time; expected a later one (the law starts there)"
    if stuck is not None and stuck.on + stuck.off > 1:
        yield "device.stuck", f"{stuck.on + stuck.off:.0%} of the cells are stuck; expected on + off of at most 1"
    if noise is not None and noise.levels and noise.current:
        yield "device.read_noise", "has levels and current; expected one of them"
    if write is not None and (write.voltage is None) == (write.energy is None):
        yield "device.write", "expected exactly one of voltage and energy (of a pulse)"
