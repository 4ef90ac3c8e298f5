"""Policies: hand-worked decisions, and what every policy of the seam must keep."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.function.precision.oracle import group_facts, shortened
from archsim.function.precision.policies import POLICIES, Groups, Limits, thresholds

PARAMETERS = {"bits": [1, 5, 7, 8], "tau": [0.0, 3e-4, 1e-2, 1.0]}


def groups_of(values: list[int], signed: bool = False) -> Groups:
    span, total, squares = group_facts(np.array(values), signed)
    one = np.ones((1, 1), np.int64)
    return Groups(size=one * len(values), span=(one * span).astype(np.uint8), total=one * total, squares=one * squares)


def decide(policy: str, values: list[int], value: float = 0.0, **limits: object) -> tuple[int, int]:
    found = POLICIES[policy].decide(
        groups_of(values, bool(limits.pop("signed", False))),
        Limits(width=8, value=value, minimum=int(limits.pop("minimum", 2)), **limits),  # type: ignore[arg-type]
    )
    bits, shift = (int(part[0, 0]) for part in found)
    return bits, shift


def test_range_takes_the_bits_of_the_largest_input() -> None:
    assert decide("range", [3, 0, 100]) == (7, 0)
    assert decide("range", [0, 0]) == (0, 0)
    assert decide("range", [3, -100], signed=True) == (8, 0)
    assert decide("range", [-1, 0], signed=True) == (1, 0)


def test_redy_var_by_hand() -> None:
    """Inputs 0 and 200: variance 10,000. t = 3: 4^3 / 12 = 5.33 <= tau * 10,000 needs tau >= 5.334e-4."""
    assert decide("redy_var", [0, 200], 5.33e-4) == (6, 2)
    assert decide("redy_var", [0, 200], 5.34e-4) == (5, 3)
    assert decide("redy_var", [0, 200], 1.0) == (2, 6)
    assert decide("redy_var", [0, 200], 1.0, minimum=3) == (3, 5)
    assert decide("redy_var", [200, 200], 1.0) == (8, 0)
    assert decide("redy_var", [0, 1], 1.0) == (1, 0)


def test_redy_mean_by_hand() -> None:
    """Mean 100: t = 2: 16 / 12 = 1.333 <= tau * 10,000. Raw pixels, whose zero is not zero, are only trimmed."""
    assert decide("redy_mean", [0, 200], 1.3334e-4) == (6, 2)
    assert decide("redy_mean", [0, 200], 1.3333e-4) == (7, 1)
    assert decide("redy_mean", [0, 200], 1e-2, zero_is_zero=False) == (8, 0)


def test_significant_and_static_bits() -> None:
    assert decide("significant_bits", [100], 5) == (5, 2)
    assert decide("significant_bits", [9], 5) == (4, 0)
    assert decide("static", [9], 7) == decide("static_mixed", [0], 7) == (7, 1)


def test_thresholds_are_powers_of_four() -> None:
    found = thresholds(3e-4, 128, 7)
    assert found[0] == pytest.approx(4 * 128**2 / 12 / 3e-4)
    assert np.allclose(found[1:] / found[:-1], 4)


@pytest.mark.parametrize("policy", POLICIES)
@given(data=st.data())
def test_every_policy(policy: str, data: st.DataObject) -> None:
    """Bits and dropped bits fit the width; what is decided from data fits the span, so nothing clips but a round-up at
    the top, and the rounding error is at most half of the last streamed bit."""
    signed = data.draw(st.booleans())
    low, high = (-128, 127) if signed else (0, 255)
    values = data.draw(st.lists(st.integers(low, high), min_size=1, max_size=20))
    parameter = POLICIES[policy].parameter
    value = data.draw(st.sampled_from(PARAMETERS[parameter])) if parameter else 0.0
    bits, shift = decide(policy, values, value, signed=signed)
    span = int(groups_of(values, signed).span[0, 0])
    assert bits + shift == (8 if policy.startswith("static") else span)
    codes = shortened(np.array(values), bits, shift, signed)
    error = np.abs((codes << shift) - np.array(values)).max()
    top = (1 << (bits - 1)) - 1 if signed and bits else (1 << bits) - 1
    clipped = codes.max() == top
    assert error <= (2**shift if clipped else 2**shift // 2)
    if policy == "range":
        assert error == 0
