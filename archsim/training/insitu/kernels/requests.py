"""What rules ask for: velocities and their largest entry, and rows of pulses."""

from __future__ import annotations

from typing import Any

import numpy as np

from archsim.compiling import kernel
from archsim.training.insitu.kernels.streams import ONE, ZERO, Array, U, between, scrambled, uniform

HIDDEN_STEPS = np.float32(2.0**14)
RESIDUAL_STEPS = np.float32(2.0**7)
MAGNITUDE = np.int32(0x7FFFFFFF)


@kernel(nogil=True)
def largest_bits(values: Array) -> np.int32:
    """Largest magnitude of float32 values [n] as its bits: those of infinity or more if any is not finite."""
    found = np.int32(0)
    bits = values.view(np.int32)
    for i in range(bits.size):
        magnitude = bits[i] & MAGNITUDE
        found = magnitude if magnitude > found else found
    return found


@kernel(nogil=True)
def momentum(velocity: Array, gradient: Array, gamma: np.float32, alpha: np.float32) -> np.int32:
    """velocity [n] = gamma velocity + alpha gradient, float32 in place; returns `largest_bits` of it."""
    found = np.int32(0)
    bits = velocity.view(np.int32)
    for start in range(0, velocity.size, 4096):
        stop = min(velocity.size, start + 4096)
        for i in range(start, stop):
            velocity[U(i)] = gamma * velocity[U(i)] + alpha * gradient[U(i)]
        for i in range(start, stop):
            magnitude = bits[U(i)] & MAGNITUDE
            found = magnitude if magnitude > found else found
    return found


@kernel(nogil=True)
def coming_velocity(velocity: Array, gradient: Array, decay: np.float32, alpha: np.float32) -> np.int32:
    """`largest_bits` of decay velocity + alpha gradient for an int8 velocity [n], which stays."""
    found = np.int32(0)
    wide = np.empty(4096, np.float32)
    bits = wide.view(np.int32)
    for start in range(0, velocity.size, 4096):
        count = min(velocity.size - start, 4096)
        for i in range(count):
            wide[U(i)] = decay * np.float32(velocity[U(start + i)]) + alpha * gradient[U(start + i)]
        for i in range(count):
            magnitude = bits[U(i)] & MAGNITUDE
            found = magnitude if magnitude > found else found
    return found


@kernel(nogil=True)
def round_row(values: Array, at: int, factor: Any, key: Any, first: int, largest: Any, pulses: Array) -> None:
    """pulses = floor(-value * factor + u), at most `largest`: as many as asked for on average."""
    for j in range(pulses.size):
        u = uniform(scrambled(key, np.uint64(first + j)))
        asked = np.floor(values[U(at + j)] * -factor + u)
        pulses[U(j)] = np.int16(between(asked, -largest, largest))


@kernel(nogil=True)
def store_velocity_row(
    velocity: Array, gradient: Array, at: int, decay: Any, alpha: Any, store: Any, key: Any, out: Array
) -> None:
    """out = decay velocity + alpha gradient; the int8 velocity becomes floor(out * store + u) of it."""
    for j in range(out.size):
        value = decay * np.float32(velocity[U(at + j)]) + alpha * gradient[U(at + j)]
        out[U(j)] = value
        kept = np.floor(value * store + uniform(scrambled(key, np.uint64(at + j))))
        velocity[U(at + j)] = np.int8(between(kept, np.float32(-127.0), np.float32(127.0)))


@kernel(nogil=True)
def map_row(
    values: Array,
    at: int,
    factor: Any,
    weights: Array,
    limit: Any,
    curve: Array,
    cells: Array,
    key: Any,
    first: int,
    pulses: Array,
) -> None:
    """Steps of one level in the order of NeuroSim 2.1: the curve first, rounding after.

    round(value * factor) pulses against the sign of the value would move the weight on its device's curve (steps
    `curve` of the devices `cells`) by delta, clipped to the limit; the cell takes one level with probability |delta|.
    """
    largest = np.float32(curve.shape[0] // 2)
    for j in range(pulses.size):
        d = np.rint(values[U(at + j)] * -factor)
        if d == ZERO:
            pulses[U(j)] = 0
            continue
        c = U(first + j)
        entry = U(cells[c]) if cells.size else U(0)
        row = U(np.int32(between(d, -largest, largest)) + np.int32(largest))
        w = weights[c]
        moved = w + curve[row, entry, 0] - (ONE + w) * curve[row, entry, 1]
        delta = w - between(moved, -limit, limit)
        step = np.floor(delta + uniform(scrambled(key, np.uint64(c))))
        pulses[U(j)] = np.int16(-between(step, -largest, largest))


@kernel(nogil=True)
def fire_row(residual: Array, values: Array, at: int, factor: Any, largest: Any, pulses: Array) -> None:
    """residual -= value * factor; the whole part fires as pulses, the rest (float32) stays."""
    for j in range(pulses.size):
        held = residual[U(at + j)] - values[U(at + j)] * factor
        fired = between(np.trunc(held), -largest, largest)
        residual[U(at + j)] = held - fired
        pulses[U(j)] = np.int16(fired)


@kernel(nogil=True)
def fire_small_row(residual: Array, values: Array, at: int, factor: Any, key: Any, largest: Any, pulses: Array) -> None:
    """`fire_row` with an int8 residual in 1/128 of a pulse, rounded stochastically."""
    for j in range(pulses.size):
        held = np.float32(residual[U(at + j)]) / RESIDUAL_STEPS - values[U(at + j)] * factor
        fired = between(np.trunc(held), -largest, largest)
        kept = np.floor((held - fired) * RESIDUAL_STEPS + uniform(scrambled(key, np.uint64(at + j))))
        residual[U(at + j)] = np.int8(between(kept, np.float32(-128.0), np.float32(127.0)))
        pulses[U(j)] = np.int16(fired)


@kernel(nogil=True)
def transfer_row(
    fast: Array, fast_cells: Array, rest: Array, hidden: Array, at: int, rate: Any, steps: Any, key: Any, pulses: Array
) -> None:
    """Tiki-Taka v2: a row of the fast array, read in `steps` codes to either side, is added to the hidden int16
    weights (1/16384 of a pulse, rounded stochastically); whole pulses fire."""
    for j in range(pulses.size):
        c = U(at + j)
        code = np.rint((fast[c] - rest[U(fast_cells[c]) if fast_cells.size else U(0)]) * steps) / steps
        held = np.float32(hidden[c]) / HIDDEN_STEPS + rate * code
        fired = between(np.trunc(held), -ONE, ONE)
        kept = np.floor((held - fired) * HIDDEN_STEPS + uniform(scrambled(key, np.uint64(c))))
        hidden[c] = np.int16(between(kept, np.float32(-32768.0), np.float32(32767.0)))
        pulses[U(j)] = np.int16(fired)
