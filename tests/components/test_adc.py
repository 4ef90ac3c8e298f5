"""Converter resolution against brute force and ISAAC's equations; scaling laws against the table they are fitted to."""

from __future__ import annotations

from math import log2

import numpy as np
import pytest

from archsim.components.adc import SCALING, bits_required, bits_required_flip

SWEEP = [(rows, v, w) for rows in (1, 2, 3, 7, 16, 100, 128, 129, 512) for v in (1, 2, 3, 8) for w in (1, 2, 3, 4, 8)]


@pytest.mark.parametrize(("rows", "v", "w"), SWEEP)
def test_bits_hold_the_largest_sum_and_not_one_less(rows: int, v: int, w: int) -> None:
    inputs, weights = np.full(rows, 2**v - 1), np.full(rows, 2**w - 1)
    largest = int(inputs @ weights)
    bits = bits_required(rows, v, w)
    assert largest <= 2**bits - 1
    assert largest > 2 ** (bits - 1) - 1


@pytest.mark.parametrize(("rows", "v", "w"), [case for case in SWEEP if case[0] in (2, 16, 128, 512)])
def test_isaac_equations_for_powers_of_two(rows: int, v: int, w: int) -> None:
    """ISAAC, eq. (1): log2(R) + v + w for v > 1 and w > 1; eq. (2): one less otherwise."""
    law = round(log2(rows)) + v + w - (0 if v > 1 and w > 1 else 1)
    assert bits_required(rows, v, w) == law


@pytest.mark.parametrize(("rows", "v", "w"), [case for case in SWEEP if case[0] > 1])
def test_flipping_columns_with_the_top_bit_saves_one(rows: int, v: int, w: int) -> None:
    """Every column sum that can occur, flipped by ISAAC's rule; inputs at their largest."""
    raw = bits_required(rows, v, w)
    sums = np.arange(rows * (2**w - 1) + 1)
    seen = sums * (2**v - 1)
    flipped = np.where(seen >= 2 ** (raw - 1), (rows * (2**w - 1) - sums) * (2**v - 1), seen)
    assert int(flipped.max()) <= 2 ** bits_required_flip(rows, v, w) - 1
    assert bits_required_flip(rows, v, w) == raw - 1
    assert int(flipped.max()) > 2 ** (raw - 3) - 1  # no further bit could be saved for long


def test_isaac_array() -> None:
    assert bits_required(128, 1, 2) == 9
    assert bits_required_flip(128, 1, 2) == 8


SABERI = {
    4: (0.79, 361.04),
    5: (0.99, 476.91),
    6: (1.20, 626.91),
    7: (1.42, 845.18),
    8: (1.67, 1200.0),
    9: (1.969078, 1827.912),
    10: (2.379023, 3002.008),
}
"""bits -> (pJ, um2) at 32 nm: hwcomponents-library, isaac.py, after Saberi et al. (TCAS-I 2011)."""


@pytest.mark.parametrize("bits", SABERI)
def test_sar_law_fits_its_table(bits: int) -> None:
    """V32: within 0.5 %."""
    energy, area = SABERI[bits]
    assert SCALING["sar"].energy(bits) == pytest.approx(energy, rel=5e-3)
    assert SCALING["sar"].area(bits) == pytest.approx(area, rel=5e-3)


@pytest.mark.parametrize("law", SCALING)
def test_no_law_rewards_bits(law: str) -> None:
    energies = [SCALING[law].energy(bits) for bits in range(1, 25)]
    areas = [SCALING[law].area(bits) for bits in range(1, 25)]
    assert energies == sorted(energies)
    assert areas == sorted(areas)
    assert min(energies + areas) > 0
