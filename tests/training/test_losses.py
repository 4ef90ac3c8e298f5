"""Losses: values by hand, gradients against finite differences."""

from __future__ import annotations

import numpy as np
import pytest

from archsim.training.losses import LOSSES, distillation, softmax

from .nets import numeric_gradient

LOGITS = np.random.default_rng(0).standard_normal((4, 6)) * 3
LABELS = np.array([0, 1, 2, 3, 3, 1])


@pytest.mark.parametrize("name", LOSSES)
def test_gradients(name: str) -> None:
    values, gradient = LOSSES[name](LOGITS, LABELS)
    assert values.shape == (6,)
    assert (values > 0).all()
    numeric = numeric_gradient(lambda z: float(LOSSES[name](z, LABELS)[0].sum()), LOGITS.copy())
    np.testing.assert_allclose(gradient, numeric, rtol=1e-6, atol=1e-8)


def test_values() -> None:
    logits = np.array([[2.0], [0.0]])
    assert LOSSES["cross_entropy"](logits, np.array([0]))[0][0] == pytest.approx(np.log(1 + np.exp(-2)))
    assert LOSSES["sse"](logits, np.array([0]))[0][0] == pytest.approx(0.5)
    huge = np.array([[1e4], [0.0]], np.float32)
    assert LOSSES["cross_entropy"](huge, np.array([1]))[0][0] == pytest.approx(1e4)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_distillation(temperature: float) -> None:
    teacher = np.random.default_rng(1).standard_normal((4, 6)) * 3
    value, gradient = distillation(LOGITS, teacher, temperature)
    numeric = numeric_gradient(lambda z: float(distillation(z, teacher, temperature)[0].sum()), LOGITS.copy())
    np.testing.assert_allclose(gradient, numeric, rtol=1e-6, atol=1e-8)
    p, q = softmax(teacher / temperature), softmax(LOGITS / temperature)
    np.testing.assert_allclose(value, temperature**2 * (p * np.log(p / q)).sum(axis=0))
    np.testing.assert_allclose(distillation(teacher, teacher, temperature)[0], 0, atol=1e-12)
