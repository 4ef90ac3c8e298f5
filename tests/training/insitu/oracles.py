"""NumPy transcriptions of the update kernels, float32 operation by operation; counting by brute force."""

from __future__ import annotations

from typing import Any

import numpy as np

from archsim.function.crossbars.analog.kernels.normals import fill_normals

Array = np.ndarray[Any, Any]
F = np.float32


def uniforms(key: int, count: int) -> Array:
    with np.errstate(over="ignore"):
        z = np.uint64(key) + np.arange(count, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(40)).astype(F) * F(2.0**-24)


def normals(key: int, count: int) -> Array:
    """Their bits have an oracle of their own (tests/function/analog/test_normals.py)."""
    out = np.empty(-(-count // 32) * 32, F)
    fill_normals(np.uint64(key), np.uint64(0), out)
    return out[:count]


def rounded(values: Array, factor: float, key: int, largest: int) -> Array:
    asked = np.floor(values * -F(factor) + uniforms(key, values.size))
    return np.clip(asked, -largest, largest).astype(np.int16)


def mapped(values: Array, factor: float, weights: Array, limit: float, curve: Array, cells: Array, key: int) -> Array:
    largest = len(curve) // 2
    d = np.clip(np.rint(values * -F(factor)), -largest, largest).astype(int)
    step = curve[d + largest, cells]
    moved = np.clip(weights + step[:, 0] - (F(1) + weights) * step[:, 1], -F(limit), F(limit))
    rounds = np.floor((weights - moved) + uniforms(key, values.size))
    return np.where(d == 0, 0, -np.clip(rounds, -largest, largest)).astype(np.int16)


def velocity8(
    velocity: Array, gradient: Array, decay: float, alpha: float, store: float, key: int
) -> tuple[Array, Array]:
    wide = F(decay) * velocity.astype(F) + F(alpha) * gradient
    kept = np.floor(wide * F(store) + uniforms(key, wide.size))
    return wide, np.clip(kept, -127, 127).astype(np.int8)


def fired(residual: Array, values: Array, factor: float, key: int, largest: int) -> tuple[Array, Array]:
    small = residual.dtype == np.int8
    held = (residual.astype(F) / F(128) if small else residual) - values * F(factor)
    pulses = np.clip(np.trunc(held), -largest, largest)
    rest = held - pulses
    if small:
        rest = np.clip(np.floor(rest * F(128) + uniforms(key, values.size)), -128, 127).astype(np.int8)
    return pulses.astype(np.int16), rest


def transferred(read: Array, hidden: Array, rate: float, steps: int, key: int) -> tuple[Array, Array]:
    held = hidden.astype(F) / F(2**14) + F(rate) * (np.rint(read * F(steps)) / F(steps))
    pulses = np.clip(np.trunc(held), -1, 1)
    kept = np.floor((held - pulses) * F(2**14) + uniforms(key, read.size))
    return pulses.astype(np.int16), np.clip(kept, -32768, 32767).astype(np.int16)


def written(weights: Array, pulses: Array, steps: Array, cells: Array, limit: float, key: int, noisy: bool) -> Array:
    step = steps[pulses.astype(int) + len(steps) // 2, cells]
    moved = weights + step[:, 0] - (F(1) + weights) * step[:, 1]
    if noisy:
        moved = moved + step[:, 2] * normals(key, weights.size)
    return np.where(pulses != 0, np.clip(moved, -F(limit), F(limit)), weights)


def levels(weights: Array) -> Array:
    return ((weights + F(1)) * F(65535 / 2)).astype(np.int32).astype(np.int64)


def brute_counts(pulses: Array, before: Array, after: Array, array: tuple[int, int]) -> dict[str, int]:
    """Every pulse time of every row of every physical array, cell by cell."""
    found = dict.fromkeys(("up", "down", "half_up", "half_down", "levels_up", "levels_down", "serial"), 0)
    busiest = [0]
    for r in range(0, pulses.shape[0], array[0]):
        for c in range(0, pulses.shape[1], array[1]):
            here = np.s_[r : r + array[0], c : c + array[1]]
            part = pulses[here].astype(int)
            sums = levels(before[here]) + levels(after[here])
            times = 0
            for row in range(part.shape[0]):
                for kind, counts in (("up", np.maximum(part[row], 0)), ("down", np.maximum(-part[row], 0))):
                    for slot in range(counts.max()):
                        columns = counts > slot
                        half = np.zeros(part.shape, bool)
                        half[row] = True
                        half[:, columns] = True
                        half[row, columns] = False
                        found[kind] += int(columns.sum())
                        found[f"half_{kind}"] += int(half.sum())
                        found[f"levels_{kind}"] += int(sums[row, columns].sum())
                        times += 1
            found["serial"] += times
            busiest.append(times)
    return found | {"parallel": max(busiest), "written": int((pulses != 0).sum())}
