"""From the weights of a layer to its level sets: which weights share a set, and on which lattice levels lie.

Granularities: `layer` (one set), `channel` (one set for each output), `shared` (one set for all outputs, each of which
scales it by the rms or the largest magnitude of its weights).

Levels are rounded to integers of at most LATTICE times one unit, so that a network of levels is a network of integers:
exact on every engine that computes exactly. A level moves by at most half a unit, 2**-15 of the largest magnitude; with
levels about 1/8 apart (4 bits) that adds less than 1e-7 of the weights' variance to an error of about 1e-2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.function.quantization.levels import kernels
from archsim.function.quantization.levels.quantizers import LEVEL_QUANTIZERS
from archsim.function.quantization.levels.samples import samples_of
from archsim.function.quantization.network import LevelSets

Array = NDArray[Any]
Real = NDArray[np.float64]
Loss = Callable[[Array], float]
"""Measured loss of a layer with these weights (its own shape)."""

LATTICE = 2**14 - 1
"""Largest magnitude of a level on its lattice: differences of levels fit 16 bits."""

GRANULARITIES = ("layer", "channel", "shared")
SCALES = ("rms", "max")


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelRule:
    """How level sets are found. `quantizer` is a name in LEVEL_QUANTIZERS; `scale` (a name in SCALES) belongs to
    granularity `shared`; with `zero` one level of each set is 0."""

    quantizer: str = "lloyd"
    granularity: str = "layer"
    scale: str = "rms"
    zero: bool = False
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Fit:
    """Level sets of one layer in real numbers: weights of output o round to scale[o] * values[of[o]].

    values float64 [sets, levels] ascending, of int64 [outputs], scale float64 [outputs], positive.
    """

    values: Real
    of: NDArray[np.int64]
    scale: Real


def fit_levels(
    weight: Array, bits: int, rule: LevelRule, importance: Array | None = None, loss: Loss | None = None
) -> Fit:
    """Level sets for weights [outputs, ...].

    Parameters
    ----------
    importance : what each weight's squared error counts, same shape; None: all the same.
    loss : measured loss of the layer, for quantizer `removal`; it is called with all weights of a set rounded.
    """
    flat = weight.reshape(len(weight), -1)
    counted = None if importance is None else importance.reshape(flat.shape)
    alone = rule.granularity == "channel"
    scale = _channel_scale(flat, rule.scale) if rule.granularity == "shared" else np.ones(len(flat))
    sets = []
    for members in np.split(np.arange(len(flat)), len(flat) if alone else 1):
        own = slice(int(members[0]), int(members[-1]) + 1)
        samples = samples_of(
            flat[own],
            None if counted is None else counted[own],
            scale=scale[own] if rule.granularity == "shared" else None,
            zero=rule.zero,
            seed=rule.seed,
            loss=None if loss is None else _set_loss(loss, weight, members, scale),
        )
        sets.append(LEVEL_QUANTIZERS[rule.quantizer](samples, 2**bits))
    of = np.arange(len(flat)) if alone else np.zeros(len(flat))
    return Fit(values=np.stack(sets), of=of.astype(np.int64), scale=scale)


def _channel_scale(flat: Array, scale: str) -> Real:
    if scale == "rms":
        found = np.sqrt(np.array([np.square(line, dtype=np.float64).mean() for line in flat]))
    else:
        found = np.maximum(flat.max(axis=1), -flat.min(axis=1)).astype(np.float64)
    return np.where(found > 0, found, 1.0)


def _set_loss(loss: Loss, weight: Array, members: NDArray[np.int64], scale: Real) -> Callable[[Real], float]:
    """Loss of the layer when the weights of some outputs are rounded to levels, the others as they are."""

    def measured(levels: Real) -> float:
        trial = weight.reshape(len(weight), -1).astype(np.float64)
        own = trial[members] / scale[members, None]
        middle = (levels[1:] + levels[:-1]) / 2
        trial[members] = levels[np.searchsorted(middle, own)] * scale[members, None]
        return loss(trial.reshape(weight.shape).astype(weight.dtype))

    return measured


def on_lattice(fit: Fit, least: Real) -> tuple[LevelSets, Real]:
    """Level sets in integers, and the real value of one integer for each output.

    Parameters
    ----------
    least : smallest real value that an integer may have, by output (biases must fit their accumulator).
    """
    unit = np.abs(fit.values).max(axis=1) / LATTICE
    np.maximum.at(unit, fit.of, least / fit.scale)
    unit = np.where(unit > 0, unit, 1.0)
    values = np.rint(fit.values / unit[:, None]).astype(np.int16)
    return LevelSets(values=values, of=fit.of), unit[fit.of] * fit.scale


def to_levels(exact: Real, levels: LevelSets, first: int) -> Array:
    """Nearest levels (int16) of weights in integer units [some outputs, ...], the first of which is output `first`."""
    flat = np.ascontiguousarray(exact.reshape(len(exact), -1))
    out = np.empty(flat.shape, np.int16)
    kernels.nearest(flat, levels.values, levels.of[first : first + len(flat)], out)
    return out.reshape(exact.shape)
