"""Gradients between loss and update: shifts, rounding with counted numbers, penalties."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.training.gradients import NORMALISERS, GradientRule, penalised, shaped, stream_key
from archsim.training.kernels import counted, round_gradient


@given(st.floats(1e-30, 1e30))
def test_the_shift_is_the_nearest_power_of_two(largest: float) -> None:
    factor = NORMALISERS["shift"](largest)
    assert np.log2(factor) == np.rint(np.log2(factor))
    assert 2**-0.5 * (1 - 1e-12) <= largest * factor <= 2**0.5 * (1 + 1e-12)


def test_normalised_gradients_keep_their_direction() -> None:
    gradient = np.random.default_rng(0).standard_normal((5, 7)).astype(np.float32) * np.float32(1e-4)
    found = shaped(GradientRule(normalise="shift"), {"a.weight": gradient}, {}, 0, 1)["a.weight"]
    ratio = found / gradient
    assert (ratio == ratio[0, 0]).all()
    assert 0.70 < np.abs(found).max() < 1.42
    still = shaped(GradientRule(), {"a.weight": gradient}, {}, 0, 1)["a.weight"]
    np.testing.assert_array_equal(still, gradient)


def slow_counted(key: int, counter: int) -> float:
    mask = 2**64 - 1
    z = (key + counter * 0x9E3779B97F4A7C15) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    z ^= z >> 31
    return (z >> 40) / 2**24


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**64 - 1), st.integers(2, 10), st.booleans(), st.integers(0, 10**6))
def test_rounding_follows_the_slow_oracle(key: int, bits: int, stochastic: bool, seed: int) -> None:
    gradient = np.random.default_rng(seed).uniform(-1.4, 1.4, 50).astype(np.float32)
    out, unit = np.empty(50, np.float32), 2.0 ** (1 - bits)
    round_gradient(gradient, unit, stochastic, np.uint64(key), out)
    for index, value in enumerate(gradient.astype(float)):
        places = np.floor(value / unit + slow_counted(key, index)) if stochastic else np.rint(value / unit)
        assert out[index] == np.clip(places * unit, unit - 1, 1 - unit)
    assert counted(np.uint64(key), np.uint64(3)) == slow_counted(key, 3)


def test_stochastic_rounding_is_right_on_average_and_repeats() -> None:
    rule = GradientRule(bits=3, rounding="stochastic")
    gradient = np.full(40_000, 0.3, np.float32)
    gradient[0] = -0.6
    found = [shaped(rule, {"a.weight": gradient}, {}, 5, update)["a.weight"] for update in (1, 1, 2)]
    assert set(found[0][1:].tolist()) == {0.25, 0.5}
    assert found[0][1:].mean() == pytest.approx(0.3, abs=0.003)
    np.testing.assert_array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])
    assert len({stream_key(5, 1, "a"), stream_key(5, 1, "b"), stream_key(6, 1, "a"), stream_key(5, 2, "a")}) == 4


def test_penalties_count_signs_as_one() -> None:
    gradients = {"f.weight": np.zeros((2, 2), np.float32), "g.weight": np.ones(3, np.float32)}
    rule = GradientRule(sign_bias={"f": 0.5})
    found = penalised(rule, gradients, {"f": 3})
    assert (found["f.weight"] == 4.0).all()  # one sign is 2**-3 of the real weight
    assert (penalised(rule, gradients, {})["f.weight"] == 0.5).all()
    assert found["g.weight"] is gradients["g.weight"]


def test_what_is_not_finite_is_left_for_the_loop_to_find() -> None:
    bad = np.array([1.0, np.nan, np.inf], np.float32)
    found = shaped(GradientRule(normalise="shift", bits=4), {"a.weight": bad}, {}, 0, 1)
    assert not np.isfinite(found["a.weight"]).all()
    zero = np.zeros(3, np.float32)
    np.testing.assert_array_equal(shaped(GradientRule(normalise="shift", bits=4), {"z": zero}, {}, 0, 1)["z"], zero)
    assert replace(GradientRule(), bits=4).bits == 4
