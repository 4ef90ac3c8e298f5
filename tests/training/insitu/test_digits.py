"""End to end: 8x8 digits on crossbars' devices, a small form of the published pattern (the full one is a study).

A perceptron 64-100-10 learns for 30 epochs with 8-bit activations and errors, on cells of 64 levels with 0.3 % noise.
Bands are wide: measured over 8 seeds and 60 epochs, NL 6 asymmetric loses 9.4 points (standard error 0.9) without and
1.5 with momentum, and accumulate-and-fire with decay none.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from archsim.function.parallel import thread_pool
from archsim.training.insitu import Step, SynapticDevice, UpdateSettings, WriteCounts, asymmetric, start_layer, update
from archsim.training.insitu.settings import QUARTERS

Array = np.ndarray[Any, Any]
F = np.float32
EPOCHS, BATCH, TRAINING, LARGEST = 30, 100, 1400, 4.0


def stored(x: Array, largest: float) -> Array:
    return np.rint(np.clip(x / F(largest), 0, 1) * F(255)) * F(largest / 255)


def error(e: Array) -> Array:
    unit = F(2.0 ** np.ceil(np.log2(np.abs(e).max())) / 128)
    return np.clip(np.rint(e / unit), -128, 127) * unit


def accuracy(device: SynapticDevice, how: UpdateSettings, seed: int) -> tuple[float, WriteCounts]:
    """Mean accuracy of the last 5 epochs in per cent, and all writes."""
    digits = pytest.importorskip("sklearn.datasets").load_digits()
    pixels, labels = (digits.data / 16).astype(F), digits.target
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(labels))
    training, test = order[:TRAINING], order[TRAINING:]
    shapes = ((64, 100), (100, 10))
    one, two = (
        start_layer(rng.uniform(-0.5, 0.5, shape), device, how, seed=seed, number=n) for n, shape in enumerate(shapes)
    )
    total, number, right = WriteCounts(), 0, []
    for epoch in range(EPOCHS):
        for start in range(0, TRAINING, BATCH):
            at = rng.permutation(training)[:BATCH] if epoch else training[start : start + BATCH]
            x = stored(pixels[at], 1)
            hidden = x @ one.weights / 4
            h = stored(hidden, LARGEST)
            scores = h @ two.weights / 4
            share = np.exp(scores - scores.max(axis=1, keepdims=True))
            share /= share.sum(axis=1, keepdims=True)
            share[np.arange(BATCH), labels[at]] -= 1
            late = error(share / BATCH)
            early = error(late @ two.weights.T / 4 * ((hidden > 0) & (hidden < LARGEST)))
            steps = EPOCHS * TRAINING // BATCH
            step = Step(number=number, starts_epoch=start == 0, progress=number / steps)
            total = total + update(one, x.T @ early, step) + update(two, h.T @ late, step)
            number += 1
        out = stored(stored(pixels[test], 1) @ one.weights / 4, LARGEST) @ two.weights
        right.append(float((out.argmax(axis=1) == labels[test]).mean()))
    return 100 * float(np.mean(right[-5:])), total


def mean(label: float, rule: str, decay: bool = False) -> tuple[float, float]:
    """Accuracy and written share of the cells, over three seeds."""
    how = UpdateSettings(rule=rule, **({"pulse_scale": QUARTERS} if decay else {}))
    found = [accuracy(asymmetric(label, levels=64), how, seed) for seed in range(3)]
    counts = sum((one for _, one in found), WriteCounts())
    return float(np.mean([one for one, _ in found])), counts.written / counts.cells


def test_nonlinearity_hurts_and_momentum_and_accumulation_repair() -> None:
    with thread_pool(1):
        ideal, often = mean(0, "sgd")
        hurt, _ = mean(6, "sgd")
        repaired, _ = mean(6, "momentum")
        accumulated, seldom = mean(6, "accumulate", decay=True)
    assert ideal > 93
    assert hurt < ideal - 4
    assert repaired > hurt + 3
    assert accumulated > ideal - 2
    assert seldom < often / 3
