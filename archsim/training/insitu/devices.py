"""Synaptic devices: their update curves, noise and spread, and the step tables that the kernels read.

`CURVES` is the seam: name -> function of (device, kind of pulse, draws of the spread, signed pulses) that returns gain
and relax (`archsim.training.insitu.curves`). One conformance test runs over all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from functools import cache
from statistics import NormalDist
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archsim.errors import InputError, Problem
from archsim.training.insitu import curves
from archsim.training.insitu.curves import LARGEST_LABEL, Real

Array = NDArray[Any]

ENTRIES = 256
"""Devices that a table tells apart: a cell's is a uint8."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SynapticDevice:
    """One cell that stores a weight in [-1, 1]. Sources of the values and laws: `SOURCES`.

    Parameters
    ----------
    curve : name in CURVES.
    ltp, ltd : nonlinearity labels of potentiation and depression (`exponential` only). The same label twice is one
        curve walked both ways (symmetric); opposite signs bend both against the movement (asymmetric, the hard case).
    levels : pulses from one end of the window to the other, 2 to 1024.
    c2c : standard deviation of the random part of a step, as a share of the window.
    c2c_per : every `pulse` adds noise, or the `update` of a cell adds it once, however many pulses it took.
    d2d : spread from device to device: standard deviation of the label (`exponential`), or of the step size relative
        to its mean.
    d2d_draws : potentiation and depression of a cell deviate independently, or by one `shared` draw.
    on_off : largest over smallest conductance.
    """

    curve: str = "exponential"
    ltp: float = 1.75
    ltd: float = 1.46
    levels: int = 32
    c2c: float = 0.003
    c2c_per: Literal["pulse", "update"] = "pulse"
    d2d: float = 0.0
    d2d_draws: Literal["independent", "shared"] = "independent"
    on_off: float = 100.0

    def __post_init__(self) -> None:
        problems = [Problem(f"device.{name}", what) for name, what in _findings(self)]
        if problems:
            raise InputError(problems)

    @property
    def level(self) -> float:
        """Weight between neighbouring levels, and the mean step of a pulse over the window."""
        return 2 / self.levels


SOURCES: Mapping[str, str] = MappingProxyType(
    {
        "curve": "exponential: DNN+NeuroSim V2.1, manual section 8; soft_bounds: aihwkit, SoftBoundsDevice; linear: "
        "its limit of label 0",
        "ltp": "DNN+NeuroSim V2.1, default FeFET (label); law from label to curve derived, see curves.LABEL_SCALE",
        "ltd": "DNN+NeuroSim V2.1, default FeFET (label); same",
        "levels": "DNN+NeuroSim V2.1, default FeFET",
        "c2c": "DNN+NeuroSim V2.1, default FeFET (0.3 % of the window); window [-1, 1], so 2 * c2c in weight",
        "c2c_per": "update: DNN+NeuroSim V2.1; pulse: MLP+NeuroSim V3.0 (its sqrt(n) is the linear case); default is "
        "archsim's choice, a random part belongs to a pulse",
        "d2d": "DNN+NeuroSim V2.1 (normal around the label; 0.5 studied); relative step sizes: aihwkit (dw_min_dtod)",
        "d2d_draws": "shared: DNN+NeuroSim V2.1; independent: archsim's choice, nothing ties the two processes",
        "on_off": "DNN+NeuroSim V2.1, default FeFET (Ron 240 kohm, ratio 100)",
    }
)
"""Where every field of `SynapticDevice` comes from."""


def _findings(device: SynapticDevice) -> Iterator[tuple[str, str]]:
    if device.curve not in CURVES:
        near = get_close_matches(str(device.curve), CURVES, 1)
        yield (
            "curve",
            f"is '{device.curve}'; expected one of {', '.join(CURVES)}"
            + (f"; did you mean '{near[0]}'?" if near else ""),
        )
    for name in ("ltp", "ltd"):
        if not abs(getattr(device, name)) <= LARGEST_LABEL:
            yield name, f"is {getattr(device, name)}; expected a label from -{LARGEST_LABEL:g} to {LARGEST_LABEL:g}"
    if device.curve in ("linear", "soft_bounds") and (device.ltp or device.ltd):
        yield "ltp", f"and ltd are labels of curve 'exponential'; expected 0 with '{device.curve}'"
    if not 2 <= device.levels <= 1024 or device.levels != int(device.levels):
        yield "levels", f"is {device.levels}; expected a whole number from 2 to 1024"
    if not 0 <= device.c2c <= 1:
        yield "c2c", f"is {device.c2c}; expected a share of the window, 0 to 1"
    if device.c2c_per not in ("pulse", "update"):
        yield "c2c_per", f"is '{device.c2c_per}'; expected pulse or update"
    if not 0 <= device.d2d <= LARGEST_LABEL:
        yield "d2d", f"is {device.d2d}; expected a standard deviation from 0 to {LARGEST_LABEL:g}"
    if device.d2d_draws not in ("independent", "shared"):
        yield "d2d_draws", f"is '{device.d2d_draws}'; expected independent or shared"
    if not device.on_off > 1:
        yield "on_off", f"is {device.on_off}; expected a ratio above 1"


def asymmetric(label: float, **others: Any) -> SynapticDevice:
    """An exponential device with labels +label for potentiation and -label for depression."""
    return SynapticDevice(ltp=label, ltd=-label, **others)


def symmetric(label: float, **others: Any) -> SynapticDevice:
    """An exponential device that walks one curve both ways."""
    return SynapticDevice(ltp=label, ltd=label, **others)


Curve = Callable[[SynapticDevice, Literal["ltp", "ltd"], ArrayLike, ArrayLike], tuple[Real, Real]]
"""(device, kind of pulse, draws of a standard normal, signed pulses) -> (gain, relax), broadcast."""


def _exponential(
    device: SynapticDevice, kind: Literal["ltp", "ltd"], draws: ArrayLike, pulses: ArrayLike
) -> tuple[Real, Real]:
    mean = device.ltp if kind == "ltp" else device.ltd
    labels = np.clip(mean + device.d2d * np.asarray(draws, np.float64), -LARGEST_LABEL, LARGEST_LABEL)
    return curves.exponential(pulses, curves.normalised_rate(labels), device.levels)


def _sizes(device: SynapticDevice, draws: ArrayLike, largest: float) -> Real:
    return np.clip(1 + device.d2d * np.asarray(draws, np.float64), 0.0, largest)


def _linear(
    device: SynapticDevice, _kind: Literal["ltp", "ltd"], draws: ArrayLike, pulses: ArrayLike
) -> tuple[Real, Real]:
    gain = np.asarray(pulses, np.float64) * device.level * _sizes(device, draws, np.inf)
    return gain, np.zeros_like(gain)


def _soft_bounds(
    device: SynapticDevice, _kind: Literal["ltp", "ltd"], draws: ArrayLike, pulses: ArrayLike
) -> tuple[Real, Real]:
    return curves.soft_bounds(pulses, _sizes(device, draws, 0.495 * device.levels), device.levels)


CURVES: Mapping[str, Curve] = MappingProxyType(
    {"exponential": _exponential, "linear": _linear, "soft_bounds": _soft_bounds}
)
"""Update curves by name."""


def spread_draws(device: SynapticDevice) -> Real:
    """Standard normal deviations [2 (ltp, ltd), entries] of the devices that a table tells apart.

    One entry, without deviation, where d2d is 0. Otherwise entry i stands at the middle of the i-th of 256 equal parts
    of the normal distribution for potentiation, scaled to variance 1. For depression, if independent, it stands at part
    (121 i + 157) mod 256: of all such orders the one in which neither the draws nor their squares are correlated beyond
    0.005 (searched).
    """
    if device.d2d == 0:
        return np.zeros((2, 1))
    normal = NormalDist()
    draws = np.array([normal.inv_cdf((i + 0.5) / ENTRIES) for i in range(ENTRIES)])
    draws /= draws.std()
    order = (121 * np.arange(ENTRIES) + 157) % ENTRIES
    return np.stack([draws, draws if device.d2d_draws == "shared" else draws[order]])


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class StepTable:
    """What the kernels look up.

    steps : float32 [2 * largest + 1, entries, 4]: gain, relax and noise (standard deviation in weight) of pulses
        -largest .. largest (positive: potentiation) on every device; the fourth is padding.
    rest : float32 [entries]: weight where one pulse up and one down are equal; 0 where all weights are so.
    """

    steps: NDArray[np.float32]
    rest: NDArray[np.float32]

    @property
    def largest(self) -> int:
        """Most pulses of one update: a sweep over the whole window."""
        return len(self.steps) // 2

    @property
    def entries(self) -> int:
        """Devices told apart, 1 or 256."""
        return int(self.steps.shape[1])


@cache
def step_table(device: SynapticDevice) -> StepTable:
    """The steps of a device, in float64 and rounded once."""
    draws, largest = spread_draws(device), device.levels
    steps = np.zeros((2 * largest + 1, draws.shape[1], 4))
    counts = np.arange(1, largest + 1)[:, None]
    kinds: tuple[tuple[Literal["ltp", "ltd"], int], ...] = (("ltp", 1), ("ltd", -1))
    for row, (kind, sign) in enumerate(kinds):
        gain, relax = CURVES[device.curve](device, kind, draws[row], sign * counts)
        grown = curves.noise_growth(relax[:1], counts) if device.c2c_per == "pulse" else np.ones_like(gain)
        places = largest + sign * counts[:, 0]
        steps[places, :, 0], steps[places, :, 1], steps[places, :, 2] = gain, relax, 2 * device.c2c * grown
    found = StepTable(steps=steps.astype(np.float32), rest=_rest(steps[largest + 1], steps[largest - 1]))
    found.steps.setflags(write=False)
    found.rest.setflags(write=False)
    return found


def _rest(up: Real, down: Real) -> NDArray[np.float32]:
    """gain_up - (1 + w) relax_up = -(gain_down - (1 + w) relax_down), solved for w inside the window."""
    gain, relax = up[:, 0] + down[:, 0], up[:, 1] + down[:, 1]
    # one curve both ways: the two relaxations cancel to first order
    bends = np.abs(relax) > 0.5 * np.abs(up[:, 1] - down[:, 1])
    return np.clip(np.where(bends, gain / np.where(bends, relax, 1.0) - 1, 0.0), -1, 1).astype(np.float32)


def rounding_table(device: SynapticDevice) -> StepTable:
    """Whole steps of one level, as the order `v21` ends its update: no curve, noise of the device."""
    plain = SynapticDevice(
        curve="linear", ltp=0.0, ltd=0.0, levels=device.levels, c2c=device.c2c, c2c_per=device.c2c_per
    )
    return step_table(plain)


def conductance(weight: ArrayLike, on_off: float) -> Real:
    """Conductance of a cell as a share of its largest: 1 / on_off at weight -1, 1 at weight 1."""
    return 1 / on_off + (np.asarray(weight, np.float64) + 1) / 2 * (1 - 1 / on_off)


def dummy_conductance(on_off: float) -> float:
    """Conductance of the cells of the dummy column, in the middle of the window."""
    return (1 + 1 / on_off) / 2


def weight_read(cells: ArrayLike, dummy: ArrayLike, on_off: float) -> Real:
    """Weight (or sum of weights times inputs) from a column and the dummy column: the difference of their currents,
    rescaled by 2 / (1 - 1 / on_off) (DNN+NeuroSim V2.1).

    Exact for any on/off ratio if the dummy cells are in the middle; a deviation x of a dummy cell shifts every weight
    of its row by -2 x / (1 - 1 / on_off).
    """
    return (np.asarray(cells, np.float64) - np.asarray(dummy, np.float64)) * 2 / (1 - 1 / on_off)


assert SOURCES.keys() == {field.name for field in fields(SynapticDevice)}
