"""How a pulse changes an analog synapse: the weight update curves of potentiation and depression.

A weight lies in [-1, 1]; a cell has `levels` N pulses from one end to the other. All curves here are affine per pulse,
so that n pulses of one kind move a weight by

    w -> w + gain - (1 + w) relax        (gain and relax depend on n, not on w)

which needs neither the position on the curve nor its logarithm. For the exponential curve of DNN+NeuroSim V2.1 (code
and manual, section 8), w(P) = B (1 - exp(-P / A)) - 1 with B = 2 / (1 - exp(-N / A)), this is the identity

    w(P(w) + d) = w + (B - 1 - w) (1 - exp(-d / A)),   relax = 1 - exp(-d / A),   gain = B relax

for any real number d of pulses, negative ones for depression. The sign of A is that of the nonlinearity label.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Real = NDArray[np.float64]

LABEL_SCALE = 10.1015
"""Nonlinearity label per distance between the normalised curve and the straight line (derived; reproduces the labels of
DNN+NeuroSim V2.1 for 0.01 to 9)."""

LARGEST_LABEL = 9.0
"""Labels beyond are refused: DNN+NeuroSim V2.1 has none."""

_SERIES = 1e-2
"""Rates below which the distance comes from its series: the closed form cancels."""

_STEEPEST = 64.0
"""A rate beyond that of any label."""


def largest_distance(rate: ArrayLike) -> Real:
    """Largest distance D of the curve f(x) = (1 - exp(-r x)) / (1 - exp(-r)) from the line f = x, 0 <= x <= 1.

    D = (1 - u) / k + ln(u) / r with k = 1 - exp(-r) and u = k / r: where f' = 1. `rate` r = 1 / A_norm >= 0.
    """
    r = np.asarray(rate, np.float64)
    safe = np.maximum(r, _SERIES)
    k = -np.expm1(-safe)
    u = k / safe
    closed = (1 - u) / k + np.log(u) / safe
    series = r / 8 - r**3 / 576 + r**5 / 25920
    return np.where(r < _SERIES, series, closed)


def normalised_rate(label: ArrayLike) -> Real:
    """1 / A_norm of a nonlinearity label, with its sign: bisection of label = LABEL_SCALE * D(1 / A_norm).

    A_norm is A / N. Labels 1 to 6 have A_norm 1.2517, 0.6090, 0.3868, 0.2691, 0.1924 and 0.1356; label 0 is the
    straight line (rate 0). Labels have to be within -LARGEST_LABEL to LARGEST_LABEL.
    """
    signed = np.asarray(label, np.float64)
    if not (np.abs(signed) <= LARGEST_LABEL).all():
        raise ValueError(f"nonlinearity labels have to be from {-LARGEST_LABEL} to {LARGEST_LABEL}")
    wanted = np.abs(signed) / LABEL_SCALE
    low, high = np.zeros_like(wanted), np.full_like(wanted, _STEEPEST)
    for _ in range(100):
        middle = (low + high) / 2
        short = largest_distance(middle) < wanted
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return np.where(wanted == 0, 0.0, np.copysign((low + high) / 2, signed))


def weight_at(pulses: ArrayLike, rate: ArrayLike, levels: int) -> Real:
    """w(P) in [-1, 1] of a cell that stands at pulse 0 <= P <= levels of the exponential curve with this normalised
    rate."""
    p, r = np.broadcast_arrays(np.asarray(pulses, np.float64) / levels, np.asarray(rate, np.float64))
    safe = np.where(r == 0, 1.0, r)
    return np.where(r == 0, p, np.expm1(-p * safe) / np.expm1(-safe)) * 2 - 1


def pulses_at(weight: ArrayLike, rate: ArrayLike, levels: int) -> Real:
    """P(w), the inverse of `weight_at`."""
    w, r = np.broadcast_arrays(np.asarray(weight, np.float64), np.asarray(rate, np.float64))
    safe = np.where(r == 0, 1.0, r)
    part = (1 + w) / 2
    # ln(1 - part (1 - q)), q = exp(-r), in the form that does not cancel
    flat = np.log1p(part * np.expm1(-np.where(np.abs(safe) < 1, safe, 1.0)))
    steep = np.log((1 - w) / 2 + part * np.exp(-safe))
    position = np.where(np.abs(safe) < 1, flat, steep) / -safe
    return np.where(r == 0, part, position) * levels


def exponential(pulses: ArrayLike, rate: ArrayLike, levels: int) -> tuple[Real, Real]:
    """(gain, relax) of a signed number of pulses on the exponential curve with this normalised rate (module docstring).

    Rate 0 is the linear device: relax is 0 and a pulse moves the weight by 2 / levels.
    """
    d, r = np.broadcast_arrays(np.asarray(pulses, np.float64) / levels, np.asarray(rate, np.float64))
    safe = np.where(r == 0, 1.0, r)
    relax = -np.expm1(-d * r)
    return np.where(r == 0, 2 * d, -2 * relax / np.expm1(-safe)), relax


def soft_bounds(pulses: ArrayLike, size: ArrayLike, levels: int) -> tuple[Real, Real]:
    """(gain, relax) of a signed number of pulses of a device whose steps shrink with the distance to the bound.

    One pulse moves a weight by s (1 - w) up or s (1 + w) down, s = 2 size / levels < 1: the bounds -1 and 1 are
    approached, never reached (soft-bounds device of aihwkit; Fusi and Abbott, Nature Neuroscience 2007).
    """
    count, scale = np.broadcast_arrays(np.asarray(pulses, np.float64), np.asarray(size, np.float64))
    relax = -np.expm1(np.abs(count) * np.log1p(-2 * scale / levels))
    return np.where(count > 0, 2 * relax, 0.0), relax


def moved(weight: ArrayLike, step: tuple[Real, Real]) -> Real:
    """The weight after pulses with this (gain, relax), not clipped."""
    w = np.asarray(weight, np.float64)
    return w + step[0] - (1 + w) * step[1]


def noise_growth(relax: ArrayLike, pulses: Any) -> Real:
    """Standard deviation after `pulses` >= 1 equal pulses, over that of one, if each adds independent noise.

    Every later pulse multiplies what is there by q = 1 - relax of one pulse: sqrt(1 + q^2 + ... + q^(2 n - 2)). For
    the linear device that is sqrt(n) (MLP+NeuroSim V3.0).
    """
    q, n = np.broadcast_arrays(1 - np.asarray(relax, np.float64), np.asarray(pulses, np.int64))
    total, power = np.zeros(q.shape), np.ones(q.shape)
    for _ in range(int(n.max(initial=0))):
        total += np.where(n > 0, power, 0.0)
        power, n = power * q * q, n - 1
    return np.sqrt(total)
