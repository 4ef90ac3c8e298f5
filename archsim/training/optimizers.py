"""Update rules, as functions on named float32 arrays, and learning-rate schedules, as functions of progress."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import cos, pi
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Slots = dict[str, Array]
"""What an optimizer remembers, by `<state name>:<slot>`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimizer:
    """Update rule and its settings. `weight_decay` acts on weights, not on biases, batch norms and steps.

    sgd: v = momentum v + (g + weight_decay w); w -= rate v. adam: Kingma and Ba (ICLR 2015, Algorithm 1) with `beta1`
    and `beta2`, and decoupled weight decay w -= rate weight_decay w (Loshchilov and Hutter, ICLR 2019).
    """

    name: str = "sgd"
    learning_rate: float = 0.05
    momentum: float = 0.9
    beta1: float = 0.9
    beta2: float = 0.999
    weight_decay: float = 0.0


Update = Callable[[Optimizer, str, Array, Array, Slots, float, int], None]


def _decays(name: str, value: Array) -> bool:
    return name.endswith(".weight") and value.ndim > 1


def _sgd(
    settings: Optimizer, name: str, value: Array, gradient: Array, slots: Slots, rate: float, _number: int
) -> None:
    if settings.weight_decay and _decays(name, value):
        gradient = gradient + np.float32(settings.weight_decay) * value
    if settings.momentum:
        held = slots.setdefault(f"{name}:momentum", np.zeros_like(value))
        held *= np.float32(settings.momentum)
        held += gradient
        gradient = held
    value -= np.float32(rate) * gradient


def _adam(
    settings: Optimizer, name: str, value: Array, gradient: Array, slots: Slots, rate: float, number: int
) -> None:
    first = slots.setdefault(f"{name}:first", np.zeros_like(value))
    second = slots.setdefault(f"{name}:second", np.zeros_like(value))
    first += np.float32(1 - settings.beta1) * (gradient - first)
    second += np.float32(1 - settings.beta2) * (gradient * gradient - second)
    if settings.weight_decay and _decays(name, value):
        value -= np.float32(rate * settings.weight_decay) * value
    size = np.sqrt(second / np.float32(1 - settings.beta2**number)) + np.float32(1e-8)
    value -= np.float32(rate / (1 - settings.beta1**number)) * first / size


OPTIMIZERS: dict[str, Update] = {"sgd": _sgd, "adam": _adam}
"""Update rules by name: (settings, state name, value, gradient, slots, rate, number of the update from 1); value and
slots change in place."""


def update(
    settings: Optimizer,
    state: Mapping[str, Array],
    gradients: Mapping[str, Array],
    slots: Slots,
    rate: float,
    number: int,
) -> None:
    """One update of every array that has a gradient."""
    for name in gradients:
        OPTIMIZERS[settings.name](settings, name, state[name], gradients[name], slots, rate, number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Learning rate over a run, as a factor. `warmup` epochs rise linearly from zero; then `constant`; `step`: times
    `factor` after each epoch of `at`; `cosine`: falls to zero as half a cosine (Loshchilov and Hutter, ICLR 2017)."""

    name: Literal["constant", "step", "cosine"] = "cosine"
    warmup: float = 0.0
    at: tuple[int, ...] = ()
    factor: float = 0.1


def _constant(_settings: Schedule, _epoch: float, _epochs: int) -> float:
    return 1.0


def _step(settings: Schedule, epoch: float, _epochs: int) -> float:
    return float(settings.factor ** sum(epoch >= mark for mark in settings.at))


def _cosine(settings: Schedule, epoch: float, epochs: int) -> float:
    return (1 + cos(pi * (epoch - settings.warmup) / (epochs - settings.warmup))) / 2


SCHEDULES: dict[str, Callable[[Schedule, float, int], float]] = {
    "constant": _constant,
    "step": _step,
    "cosine": _cosine,
}
"""Factor on the learning rate after the warm-up by name: (settings, epochs done so far, epochs in all)."""


def rate_factor(settings: Schedule, epoch: float, epochs: int) -> float:
    """Factor on the learning rate after `epoch` (a fraction counts) of `epochs` epochs."""
    if epoch < settings.warmup:
        return epoch / settings.warmup
    return SCHEDULES[settings.name](settings, epoch, epochs)
