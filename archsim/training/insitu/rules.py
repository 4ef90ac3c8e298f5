"""Update rules of in-situ training, as functions in one table.

A rule turns the gradient of a layer's weights into pulses on its cells. It works in place on the layer's arrays, keeps
what it needs in `layer.slots`, and returns what was written. Gradients may have any size: but for `mixed_precision`,
what is written follows from v / 2^round(log2 max |v|) of the layer, so pulse_scale alone sets how many pulses fall.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from math import frexp, ldexp, log2
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.errors import InputError, Problem, SimulationError
from archsim.function.parallel import spread
from archsim.training.insitu.counts import WriteCounts
from archsim.training.insitu.devices import step_table
from archsim.training.insitu.kernels import requests, updates
from archsim.training.insitu.kernels.updates import Fast, Small
from archsim.training.insitu.layer import CellArray, LayerState, device_numbers, pieces, run_rows
from archsim.training.insitu.settings import RULE_NAMES, Step

Array = NDArray[Any]
Rule = Callable[[LayerState, NDArray[np.float32], Step, Executor | None], WriteCounts]
"""(layer, gradient float32 [cells], step, pool) -> counts; the layer changes in place."""

_NOT_FINITE = 0x7F800000


def update(layer: LayerState, gradient: Array, step: Step, pool: Executor | None = None) -> WriteCounts:
    """One update of a layer's cells by the gradient of its weights; equal for any pool.

    Parameters
    ----------
    gradient : [rows, columns] of the loss; the weights move against it. Not changed.

    Raises
    ------
    InputError
        A gradient of another shape.
    SimulationError
        The training diverges: the gradient or the velocity is not finite.
    """
    if gradient.shape != layer.weights.shape:
        what = f"the gradient is {gradient.shape}, the weights are {layer.weights.shape}"
        raise InputError([Problem(f"layer {layer.number}", what)])
    flat = np.ascontiguousarray(gradient, np.float32).reshape(-1)
    return RULES[layer.settings.rule](layer, flat, step, pool)


def _largest(layer: LayerState, step: Step, found: list[np.int32]) -> float:
    """Magnitude from the bits that kernels return for parts of a layer."""
    bits = int(max(found))
    if bits >= _NOT_FINITE:
        where = f"layer {layer.number}, update {step.number + 1}"
        raise SimulationError(f"{where}: the training diverged (not finite); a lower pulse scale or rate may help")
    return float(np.array(bits, np.int32).view(np.float32))


def _unit(largest: float) -> float:
    """1 / 2^round(log2 largest), at most 2^100 (float32); 0 of nothing, which asks for no pulse."""
    return ldexp(1.0, min(100, -round(log2(largest)))) if largest else 0.0


def _largest_of(layer: LayerState, values: NDArray[np.float32], step: Step, pool: Executor | None) -> float:
    parts = pieces(values.size, pool)
    return _largest(layer, step, list(spread(pool, lambda part: requests.largest_bits(values[part]), parts)))


def _write(layer: LayerState, source: Array | Small, unit: float, step: Step, pool: Executor | None) -> WriteCounts:
    """Ask for `unit` * pulse scale * source pulses in the layer's order."""
    rounding, noise = layer.keys(step.number)[:2]
    factor = unit * layer.settings.pulse_scale.at(step.progress)
    small = isinstance(source, Small)
    kernel: Any
    if layer.settings.order == "device":
        kernel = updates.update_rounded_small if small else updates.update_rounded

        def rows(cells: Any, tally: Any, first: int, last: int, columns: int) -> None:
            kernel(source, np.float32(factor), cells, tally, rounding, first, last, columns)

    else:
        curve, numbers = step_table(layer.device).steps, device_numbers(layer.array)
        kernel = updates.update_mapped_small if small else updates.update_mapped
        asked = np.float32(factor / layer.device.level)  # a value of 1 is half the window: N / 2 pulses

        def rows(cells: Any, tally: Any, first: int, last: int, columns: int) -> None:
            kernel(source, asked, curve, numbers, cells, tally, rounding, first, last, columns)

    return run_rows(layer, layer.array, rows, noise=noise, pool=pool)


def _sgd(layer: LayerState, gradient: NDArray[np.float32], step: Step, pool: Executor | None) -> WriteCounts:
    """The gradient itself."""
    return _write(layer, gradient, _unit(_largest_of(layer, gradient, step, pool)), step, pool)


def _with_velocity(
    layer: LayerState,
    gradient: NDArray[np.float32],
    step: Step,
    pool: Executor | None,
    *,
    gamma: float,
    alpha: float,
    in_place: bool = False,
) -> WriteCounts:
    """v = gamma v + alpha g; pulses for a normalised copy of v. `in_place` keeps the normalised one.

    The slot `unit` is what a velocity of 1 stands for: the step of an int8 velocity, and the factor of a normalisation
    in place, a power of two that is applied with the next gamma.
    """
    small = layer.settings.digital == "int8"
    velocity = layer.slots.setdefault("velocity", np.zeros(gradient.size, np.int8 if small else np.float32))
    unit = layer.slots.setdefault("unit", np.ones(1, np.float32))
    decay, share = np.float32(gamma) * unit[0], np.float32(alpha)
    kernel: Any = requests.coming_velocity if small else requests.momentum
    found = spread(
        pool,
        lambda part: kernel(velocity[part], gradient[part], decay, share),
        pieces(gradient.size, pool),
    )
    largest = _largest(layer, step, list(found))
    scale = _unit(largest)
    kept = scale if in_place and scale else 1.0
    if not small:
        unit[0] = kept
        return _write(layer, velocity, scale, step, pool)
    # the largest |v| is below 128 steps
    fine = ldexp(1.0, min(100, 7 - frexp(largest)[1])) if largest else 1.0
    unit[0] = kept / fine
    source = Small(velocity, gradient, decay, share, np.float32(fine), layer.keys(step.number)[2])
    return _write(layer, source, scale, step, pool)


def _momentum(layer: LayerState, gradient: NDArray[np.float32], step: Step, pool: Executor | None) -> WriteCounts:
    """Constant gamma; a copy of the velocity is normalised."""
    settings = layer.settings
    return _with_velocity(layer, gradient, step, pool, gamma=settings.gamma, alpha=settings.alpha)


def rising_gamma(rising: tuple[float, float], progress: float) -> float:
    """Gamma of which the memory 1 / (1 - gamma) grows by equal factors over the run, between these ends."""
    first, last = (1 - end for end in rising)
    return 1 - first * float((last / first) ** progress)


def _momentum_rising(
    layer: LayerState, gradient: NDArray[np.float32], step: Step, pool: Executor | None
) -> WriteCounts:
    """v = gamma v + (1 - gamma) g with a gamma that rises over the run: longer means when the gradients are mostly
    noise. Archsim's reading of "adaptive momentum" (Huang et al., TODAES 2022, do not publish theirs)."""
    gamma = rising_gamma(layer.settings.rising, step.progress)
    return _with_velocity(layer, gradient, step, pool, gamma=gamma, alpha=1 - gamma)


def _momentum_v21(layer: LayerState, gradient: NDArray[np.float32], step: Step, pool: Executor | None) -> WriteCounts:
    """Momentum as DNN+NeuroSim V2.1 is coded: the velocity itself is normalised, and forgotten at every epoch.

    A trap: gradients are added to a velocity whose largest entry is about 1, so how long it remembers depends on the
    size of the gradients; with mean gradients, far below 1, it hardly learns.
    """
    if step.starts_epoch:
        layer.slots.clear()
    settings = layer.settings
    return _with_velocity(layer, gradient, step, pool, gamma=settings.gamma, alpha=settings.alpha, in_place=True)


def _fire(
    layer: LayerState, gradient: NDArray[np.float32], factor: float, step: Step, pool: Executor | None
) -> WriteCounts:
    kind = np.int8 if layer.settings.digital == "int8" else np.float32
    residual = layer.slots.setdefault("residual", np.zeros(gradient.size, kind))
    rounding, noise = layer.keys(step.number)[:2]

    def rows(cells: Any, tally: Any, first: int, last: int, columns: int) -> None:
        updates.update_fired(residual, gradient, np.float32(factor), cells, tally, rounding, first, last, columns)

    return run_rows(layer, layer.array, rows, noise=noise, pool=pool)


def _accumulate(layer: LayerState, gradient: NDArray[np.float32], step: Step, pool: Executor | None) -> WriteCounts:
    """Accumulate and fire: what the normalised gradient asks for adds up in a residual of less than one pulse, and
    whole pulses fire. No pulse is spent on gradients that cancel (archsim's own variant)."""
    unit = _unit(_largest_of(layer, gradient, step, pool))
    return _fire(layer, gradient, unit * layer.settings.pulse_scale.at(step.progress), step, pool)


def _mixed_precision(
    layer: LayerState, gradient: NDArray[np.float32], step: Step, pool: Executor | None
) -> WriteCounts:
    """Mixed-precision accumulation (Nandakumar et al., Frontiers in Neuroscience 2020): chi -= rate * gradient in
    digital memory, in weight; each whole level of chi (a device's mean step, 2 / N) becomes one pulse, unverified."""
    _largest_of(layer, gradient, step, pool)  # nothing is normalised, but divergence has to be noticed
    scale = layer.settings.pulse_scale
    rate = layer.settings.learning_rate * scale.at(step.progress)
    return _fire(layer, gradient, rate / layer.device.level, step, pool)


def _tiki_taka(layer: LayerState, gradient: NDArray[np.float32], step: Step, pool: Executor | None) -> WriteCounts:
    """Tiki-Taka v2 (Gokmen, Frontiers in Artificial Intelligence 2021): gradients fall as pulses on a fast array, whose
    weights count from where up and down pulses are equal; its rows are read in turn and added to hidden digital
    weights, and each whole pulse there goes to the slow array, which is the layer's."""
    settings, fast = layer.settings, layer.fast
    if fast is None:
        raise SimulationError(f"layer {layer.number} has no fast array; start_layer makes one for tiki_taka")
    rounding, noise, digital, *second = layer.keys(step.number)
    factor = _unit(_largest_of(layer, gradient, step, pool)) * settings.pulse_scale.at(step.progress)

    def learn(cells: Any, tally: Any, first: int, last: int, columns: int) -> None:
        updates.update_rounded(gradient, np.float32(factor), cells, tally, rounding, first, last, columns)

    learned = run_rows(layer, fast, learn, noise=noise, pool=pool)
    return learned + _transfer(layer, fast, (digital, second[0]), step, pool)


def _transfer(
    layer: LayerState, fast: CellArray, keys: tuple[np.uint64, np.uint64], step: Step, pool: Executor | None
) -> WriteCounts:
    settings, height = layer.settings, layer.weights.shape[0]
    hidden = layer.slots.setdefault("hidden", np.zeros(layer.weights.size, np.int16))
    source = Fast(
        fast.weights.reshape(-1),
        device_numbers(fast),
        fast.table.rest,
        hidden,
        np.float32(settings.transfer_rate),
        np.float32(2 ** (settings.transfer_bits - 1)),
    )

    def rows(cells: Any, tally: Any, first: int, last: int, columns: int) -> None:
        updates.update_transferred(source, cells, tally, keys[0], first, last, columns)

    turn, turns = step.number % settings.transfer_updates, settings.transfer_updates
    only = (height * turn // turns, height * (turn + 1) // turns)
    if only[0] == only[1]:
        return WriteCounts()
    return run_rows(layer, layer.array, rows, noise=keys[1], pool=pool, only=only)


RULES: Mapping[str, Rule] = MappingProxyType(
    dict(
        zip(
            RULE_NAMES,
            (_sgd, _momentum, _momentum_rising, _momentum_v21, _accumulate, _mixed_precision, _tiki_taka),
            strict=True,
        )
    )
)
"""Update rules by name. One conformance test runs over all of them."""
