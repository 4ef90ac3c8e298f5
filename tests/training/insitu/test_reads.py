"""Reads through converters: against slow oracles, and what more bits and better references bring."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.training.insitu.reads import BINS, Drive, bin_values, codes_of, planes, read
from archsim.training.insitu.recipe import Converters

UNSIGNED, SIGNED = Drive(step=1 / 64, bits=8, signed=False), Drive(step=1 / 64, bits=8, signed=True)


def operands(seed: int, rows: int, drive: Drive) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    matrix = rng.uniform(-1, 1, (rows, 7)).astype(np.float32)
    return matrix, rng.integers(drive.low, drive.high + 1, (rows, 40)).astype(np.float32)


def converted(sums: np.ndarray, bits: int) -> np.ndarray:
    """Oracle: papers' formula in float64, values in the middle of their codes."""
    low, high = float(sums.min()), float(sums.max())
    step = (high - low) / 2**bits
    return low + (np.clip(np.floor((sums - low) / step), 0, 2**bits - 1) + 0.5) * step


@settings(deadline=None)
@given(
    seed=st.integers(0, 1000), rows=st.integers(1, 300), bits=st.integers(2, 10), signed=st.booleans(),
    serial=st.booleans(), lines=st.sampled_from([16, 128]),
)  # fmt: skip
def test_reads_are_their_oracle(seed: int, rows: int, bits: int, signed: bool, serial: bool, lines: int) -> None:
    drive = SIGNED if signed else UNSIGNED
    matrix, codes = operands(seed, rows, drive)
    converters = Converters(reading="bit_serial" if serial else "whole", rows=lines)
    whole = codes.astype(np.int64)
    weights = [1.0] if not serial else [2.0**k * (-1 if signed and k == 7 else 1) for k in range(8)]
    parts = [whole] if not serial else [(whole >> k) & 1 for k in range(8)]
    expected, slack = np.zeros((7, 40)), 0.0
    for weight, part in zip(weights, parts, strict=True):
        for start in range(0, rows, lines):
            sums = matrix[start : start + lines].astype(np.float64).T @ part[start : start + lines]
            if np.ptp(sums) > 0:
                expected += weight * converted(sums, bits)
                slack = max(slack, abs(weight) * np.ptp(sums) / 2**bits)
            else:
                expected += weight * sums.min()
    found = read(matrix, codes, drive, bits, converters)
    assert found.dtype == np.float32
    # float32 sums on the edge between two codes may fall to the other side
    close = np.abs(found - expected) < 1e-4 * np.abs(expected).max() + 1e-3
    assert close.mean() > 0.98
    assert np.abs(found - expected).max() < 1.01 * slack + 1e-4 * np.abs(expected).max() + 1e-3


@pytest.mark.parametrize("drive", [UNSIGNED, SIGNED])
def test_bits_add_up_to_codes(drive: Drive) -> None:
    codes = np.arange(drive.low, drive.high + 1, dtype=np.float32)[None]
    found = sum(weight * plane for weight, plane in planes(codes, drive, Converters(reading="bit_serial")))
    np.testing.assert_array_equal(found, codes)


def test_without_converters_reads_are_products() -> None:
    matrix, codes = operands(0, 300, UNSIGNED)
    np.testing.assert_allclose(read(matrix, codes, UNSIGNED, None, Converters()), matrix.T @ codes)


def test_more_bits_are_nearer_and_nonlinear_references_save_some() -> None:
    rng = np.random.default_rng(0)
    matrix = rng.uniform(-1, 1, (128, 64)).astype(np.float32)
    codes = np.rint(rng.exponential(20, (128, 200)).clip(0, 255)).astype(np.float32)  # as behind a ReLU
    exact = matrix.T @ codes

    def gap(bits: int, references: str) -> float:
        found = read(matrix, codes, UNSIGNED, bits, Converters(references=references))  # type: ignore[arg-type]
        return float(np.square(found - exact).mean())

    linear, nonlinear = ([gap(bits, name) for bits in (3, 4, 5, 6)] for name in ("linear", "nonlinear"))
    assert all(b < a / 3 for a, b in pairwise(linear))
    assert all(b < 0.75 * a for a, b in zip(linear, nonlinear, strict=True))


def test_values_of_nonlinear_codes_are_means_of_what_was_seen() -> None:
    counts = np.random.default_rng(0).poisson(np.exp(-(np.linspace(-4, 4, BINS) ** 2) / 2) * 50)
    values = bin_values(counts, 16)
    assert len(np.unique(values)) == 16
    assert (np.diff(values) >= 0).all()
    assert (counts * values).sum() == pytest.approx((counts * (np.arange(BINS) + 0.5)).sum())


def test_codes_round_and_limit() -> None:
    values = np.array([-3.0, -0.01, 0.0, 0.008, 0.024, 1.0, 9.0], np.float32)
    np.testing.assert_array_equal(codes_of(values, UNSIGNED), [0, 0, 0, 1, 2, 64, 255])
    np.testing.assert_array_equal(codes_of(values, SIGNED), [-128, -1, 0, 1, 2, 64, 127])


def test_stochastic_codes_are_right_in_the_mean_and_keyed() -> None:
    values = np.full(100_000, 10.3 / 64, np.float32)
    found = codes_of(values, SIGNED, np.uint64(5))
    assert set(np.unique(found)) == {10, 11}
    assert found.mean() == pytest.approx(10.3, abs=5 * np.sqrt(0.21 / values.size))
    assert (found == codes_of(values, SIGNED, np.uint64(5))).all()
    assert (found != codes_of(values, SIGNED, np.uint64(6))).any()
