"""Update rules by hand, schedules at their corners, and what every rule must do."""

from __future__ import annotations

from math import cos, pi, sqrt

import numpy as np
import pytest

from archsim.training.optimizers import OPTIMIZERS, SCHEDULES, Optimizer, Schedule, rate_factor, update


def run(settings: Optimizer, gradients: list[float], start: float = 1.0) -> float:
    state, slots = {"a.bias": np.array([start], np.float32)}, {}
    for number, gradient in enumerate(gradients, 1):
        update(settings, state, {"a.bias": np.array([gradient], np.float32)}, slots, settings.learning_rate, number)
    return float(state["a.bias"][0])


def test_sgd_by_hand() -> None:
    # v1 = 2, v2 = 0.5 * 2 + 3 = 4: 1 - 0.1 * 2 - 0.1 * 4
    assert run(Optimizer(name="sgd", learning_rate=0.1, momentum=0.5), [2.0, 3.0]) == pytest.approx(0.4)
    assert run(Optimizer(name="sgd", learning_rate=0.1, momentum=0.0), [2.0, 3.0]) == pytest.approx(0.5)


def test_adam_by_hand() -> None:
    settings = Optimizer(name="adam", learning_rate=0.1, beta1=0.9, beta2=0.99)
    first = 1 - 0.1 * 2 / sqrt(4)
    m, v = 0.9 * 0.1 * 2 + 0.1 * -1, 0.99 * 0.01 * 4 + 0.01 * 1
    second = first - 0.1 * (m / (1 - 0.81)) / sqrt(v / (1 - 0.99**2))
    assert run(settings, [2.0]) == pytest.approx(first, rel=1e-6)
    assert run(settings, [2.0, -1.0]) == pytest.approx(second, rel=1e-6)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_rule_descends_and_decays_only_matrices(name: str) -> None:
    rng = np.random.default_rng(0)
    target = rng.standard_normal((4, 3)).astype(np.float32)
    state, slots = {"a.weight": np.zeros((4, 3), np.float32)}, {}
    settings = Optimizer(name=name, learning_rate=0.05)
    for number in range(1, 300):
        update(settings, state, {"a.weight": state["a.weight"] - target}, slots, 0.05, number)
    np.testing.assert_allclose(state["a.weight"], target, atol=0.05)
    assert all(value.dtype == np.float32 for value in slots.values())
    names = {"a.weight": (2, 2), "a.bias": (2,), "n.weight": (2,), "t.step": (1,)}
    state = {key: np.ones(shape, np.float32) for key, shape in names.items()}
    still = {key: np.zeros(shape, np.float32) for key, shape in names.items()}
    update(Optimizer(name=name, weight_decay=0.5), state, still, {}, 0.1, 1)
    assert (state["a.weight"] < 1).all()
    assert all((state[key] == 1).all() for key in names if key != "a.weight")


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_starts_at_one_and_stays_between(name: str) -> None:
    settings = Schedule(name=name, warmup=2, at=(4, 7))  # type: ignore[arg-type]
    factors = [rate_factor(settings, epoch, 10) for epoch in np.linspace(0, 10, 101)]
    assert rate_factor(settings, 2, 10) == 1
    assert rate_factor(settings, 0.5, 10) == 0.25
    assert all(0 <= factor <= 1 for factor in factors)
    assert factors[20:] == sorted(factors[20:], reverse=True)


def test_schedules_by_hand() -> None:
    step = Schedule(name="step", at=(4, 7), factor=0.1)
    assert [rate_factor(step, epoch, 10) for epoch in (3.9, 4, 6.9, 7)] == pytest.approx([1, 0.1, 0.1, 0.01])
    assert rate_factor(Schedule(name="cosine"), 2.5, 10) == pytest.approx((1 + cos(pi / 4)) / 2)
    assert rate_factor(Schedule(name="constant"), 9, 10) == 1
