"""Update curves: labels, end points, the identity without a logarithm, and what closes and what does not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.training.insitu import curves

labels = st.floats(-9, 9).filter(lambda label: label == 0 or abs(label) > 1e-9)
weights = st.floats(-1, 1)


@pytest.mark.parametrize(
    ("label", "a_norm"), [(1, 1.2517), (2, 0.6090), (3, 0.3868), (4, 0.2691), (5, 0.1924), (6, 0.1356)]
)
def test_the_rate_of_a_label(label: float, a_norm: float) -> None:
    """The list in DNN+NeuroSim V2.1's terms (A / N), printed with four digits."""
    assert 1 / curves.normalised_rate(label) == pytest.approx(a_norm, abs=1e-4)
    assert 1 / curves.normalised_rate(-label) == pytest.approx(-a_norm, abs=1e-4)


@pytest.mark.parametrize("rate", [1e-4, 9e-3, 1.1e-2, 0.3, 2.6, 7.4, 40.0])
def test_the_distance_is_that_of_the_curve(rate: float) -> None:
    x = np.linspace(0, 1, 2_000_001)
    brute = (np.expm1(-rate * x) / np.expm1(-rate) - x).max()
    assert curves.largest_distance(rate) == pytest.approx(brute, rel=1e-6)


def test_the_series_meets_the_closed_form() -> None:
    below, above = curves.largest_distance(0.01 * (1 - 1e-9)), curves.largest_distance(0.01 * (1 + 1e-9))
    assert above - below == pytest.approx(2e-11 / 8, rel=0.5)
    assert curves.normalised_rate(0.0) == 0


def test_labels_beyond_the_last_are_refused() -> None:
    for wrong in (9.01, -12.0, float("nan")):
        with pytest.raises(ValueError, match="nonlinearity labels"):
            curves.normalised_rate(wrong)


@settings(deadline=None)
@given(label=labels, levels=st.integers(2, 1024))
def test_end_points_are_exact_and_the_curve_bends_as_labelled(label: float, levels: int) -> None:
    rate = curves.normalised_rate(label)
    assert curves.weight_at(0, rate, levels) == -1
    assert curves.weight_at(levels, rate, levels) == 1
    assert curves.pulses_at(-1.0, rate, levels) == pytest.approx(0, abs=1e-12 * levels)
    assert curves.pulses_at(1.0, rate, levels) == pytest.approx(levels, rel=1e-12)
    middle = curves.weight_at(levels / 2, rate, levels)
    assert np.sign(middle) == np.sign(label) if abs(label) > 1e-6 else abs(middle) < 1e-6


@settings(deadline=None, max_examples=300)
@given(label=st.floats(-6, 6).filter(lambda n: n == 0 or abs(n) > 1e-9), part=st.floats(0, 1), to=st.floats(0, 1))
def test_the_identity_without_a_logarithm(label: float, part: float, to: float) -> None:
    """w(P(w) + d) = w + (B - 1 - w) (1 - exp(-d / A)) to 1e-12, d any real number that stays on the curve."""
    levels, rate = 64, curves.normalised_rate(label)
    w = curves.weight_at(part * levels, rate, levels)
    d = to * levels - curves.pulses_at(w, rate, levels)
    by_position = curves.weight_at(curves.pulses_at(w, rate, levels) + d, rate, levels)
    assert curves.moved(w, curves.exponential(d, rate, levels)) == pytest.approx(by_position, abs=1e-12)
    if abs(label) > 1e-3:
        a, b = levels / rate, 2 / -np.expm1(-rate)
        printed = w + (b - 1 - w) * -np.expm1(-d / a)
        assert printed == pytest.approx(by_position, abs=1e-12 + 4e-16 * abs(b))


@settings(deadline=None)
@given(label=st.floats(0.1, 6), pulses=st.integers(1, 20), start=st.floats(0.05, 0.6))
def test_up_then_down_closes_for_a_symmetric_device_only(label: float, pulses: int, start: float) -> None:
    levels, rate = 64, curves.normalised_rate(label)
    w = curves.weight_at(start * levels, rate, levels)
    up = curves.moved(w, curves.exponential(pulses, rate, levels))
    assert curves.moved(up, curves.exponential(-pulses, rate, levels)) == pytest.approx(w, abs=1e-12)
    back = curves.moved(up, curves.exponential(-pulses, -rate, levels))
    # both steps shrink with the distance from the middle: away from 0 the way back is the longer one
    if up > 0.01 and w > 0:
        assert back < w
    assert abs(curves.moved(0.5, curves.exponential(1, rate, levels)) - 0.5) > 0


def test_asymmetric_pairs_of_pulses_drive_to_the_middle() -> None:
    rate = curves.normalised_rate(3)
    w = np.array([-0.9, -0.3, 0.4, 0.95])
    for _ in range(400):
        w = curves.moved(w, curves.exponential(1, rate, 64))
        w = curves.moved(w, curves.exponential(-1, -rate, 64))
    np.testing.assert_allclose(w, w[0], atol=1e-6)
    assert abs(w[0]) < 0.03


def test_soft_bounds_by_hand_and_one_by_one() -> None:
    # s = 2 / 20 = 0.1: up from 0: 0.1, then 0.1 + 0.09
    assert curves.moved(0.0, curves.soft_bounds([1, 2], 1.0, 20)) == pytest.approx([0.1, 0.19])
    assert curves.moved(0.0, curves.soft_bounds([-1, -2], 1.0, 20)) == pytest.approx([-0.1, -0.19])
    w = 0.7
    for _ in range(9):
        w -= 0.1 * (1 + w)
    assert curves.moved(0.7, curves.soft_bounds(-9, 1.0, 20)) == pytest.approx(w, abs=1e-14)


def test_noise_grows_as_by_recursion() -> None:
    for relax in (0.0, 0.1, -0.05):
        variance = 0.0
        for pulses in range(1, 30):
            variance = variance * (1 - relax) ** 2 + 1
            assert curves.noise_growth(relax, pulses) == pytest.approx(variance**0.5, rel=1e-12)
    np.testing.assert_allclose(curves.noise_growth(0.0, np.array([0, 1, 4, 9])), [0, 1, 2, 3])
