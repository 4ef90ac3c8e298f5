"""Every update kernel against its NumPy transcription: bit for bit, whatever the shape and however rows are shared."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.training.insitu.devices import SynapticDevice, asymmetric, rounding_table, step_table, symmetric
from archsim.training.insitu.kernels import requests, updates
from archsim.training.insitu.kernels.updates import Fast, Small
from archsim.training.insitu.kernels.writes import Cells, Tally
from tests.training.insitu import oracles

Array = np.ndarray[Any, Any]
F = np.float32
KEY, NOISE, DIGITAL = 2**63 + 17, 12345, 99

devices = st.sampled_from(
    [
        asymmetric(3, levels=64, c2c=0.01, d2d=0.5),
        asymmetric(6, levels=32, c2c=0.0),
        symmetric(2, levels=16, c2c_per="update", d2d=0.3, d2d_draws="shared"),
        SynapticDevice(curve="linear", ltp=0, ltd=0, levels=64, d2d=0.2),
        SynapticDevice(curve="soft_bounds", ltp=0, ltd=0, levels=40, c2c=0.02),
    ]
)
shapes = st.tuples(st.integers(1, 40), st.integers(1, 70))


class Case:
    """Arrays of a layer, flat, and a tally for arrays of 16 x 24."""

    def __init__(self, device: SynapticDevice, shape: tuple[int, int], seed: int, order: str = "device") -> None:
        rng = np.random.default_rng(seed)
        self.device, self.shape, count = device, shape, shape[0] * shape[1]
        self.limit = 1.0 if order == "device" else 1 - device.level
        self.weights = rng.uniform(-self.limit, self.limit, count).astype(F)
        self.values = (rng.standard_normal(count) * rng.choice([0.0, 0.3, 2.0], count)).astype(F)
        self.curve = step_table(device)
        self.table = self.curve if order == "device" else rounding_table(device)
        self.numbers = np.zeros(count, np.uint8)
        if device.d2d:
            self.numbers = rng.integers(0, 256, count, np.uint8)
        self.wear = np.zeros(count, np.uint32)
        self.before = self.weights.copy()
        self.tally = Tally(
            16, 24, np.zeros((-(-shape[0] // 16), -(-shape[1] // 24), 4), np.int64), np.zeros(5, np.int64)
        )

    @property
    def devices(self) -> Array:
        return self.numbers if self.device.d2d else np.empty(0, np.uint8)

    @property
    def cells(self) -> Cells:
        numbers = self.devices if self.table.entries > 1 else np.empty(0, np.uint8)
        noisy = int(self.device.c2c > 0)
        return Cells(self.weights, numbers, self.wear, self.table.steps, F(self.limit), np.uint64(NOISE), noisy)

    @property
    def rows(self) -> list[tuple[int, int]]:
        """Rows in tasks: 16 at a time, the last first."""
        return [(r, min(self.shape[0], r + 16)) for r in range(0, self.shape[0], 16)][::-1]

    def check(self, pulses: Array) -> None:
        """The weights, the wear and the counts after these pulses."""
        numbers = self.numbers if self.table.entries > 1 else np.zeros_like(self.numbers)
        expected = oracles.written(
            self.before, pulses, self.table.steps, numbers, self.limit, NOISE, self.device.c2c > 0
        )
        assert np.array_equal(self.weights, expected)
        assert np.array_equal(self.wear, np.abs(pulses))
        matrix = (a.reshape(self.shape) for a in (pulses, self.before, self.weights))
        brute = oracles.brute_counts(*matrix, (16, 24))
        slots, totals = self.tally.slots, self.tally.totals
        assert list(slots[..., 2:].sum(axis=(0, 1))) == [brute["up"], brute["down"]]
        assert slots[..., :2].sum() == brute["serial"]
        assert slots[..., :2].sum(axis=2).max() == brute["parallel"]
        assert list(totals[:3]) == [brute["written"], brute["levels_up"], brute["levels_down"]]
        assert totals[3] == (oracles.levels(self.weights) - oracles.levels(self.before)).sum()


@settings(deadline=None, max_examples=40)
@given(device=devices, shape=shapes, seed=st.integers(0, 999), factor=st.sampled_from([0.0, 0.2, 1.0, 60.0]))
def test_rounded(device: SynapticDevice, shape: tuple[int, int], seed: int, factor: float) -> None:
    case = Case(device, shape, seed)
    for first, last in case.rows:
        updates.update_rounded(case.values, F(factor), case.cells, case.tally, np.uint64(KEY), first, last, shape[1])
    case.check(oracles.rounded(case.values, factor, KEY, device.levels))


@settings(deadline=None, max_examples=40)
@given(device=devices, shape=shapes, seed=st.integers(0, 999), factor=st.sampled_from([0.5, 16.0, 90.0]))
def test_mapped(device: SynapticDevice, shape: tuple[int, int], seed: int, factor: float) -> None:
    case = Case(device, shape, seed, "v21")
    pulses = oracles.mapped(case.values, factor, case.weights, case.limit, case.curve.steps, case.numbers, KEY)
    for first, last in case.rows:
        updates.update_mapped(
            case.values,
            F(factor),
            case.curve.steps,
            case.devices,
            case.cells,
            case.tally,
            np.uint64(KEY),
            first,
            last,
            shape[1],
        )
    case.check(pulses)


@settings(deadline=None, max_examples=40)
@given(device=devices, shape=shapes, seed=st.integers(0, 999), order=st.sampled_from(["device", "v21"]))
def test_with_an_int8_velocity(device: SynapticDevice, shape: tuple[int, int], seed: int, order: str) -> None:
    case = Case(device, shape, seed, order)
    velocity = np.random.default_rng(seed).integers(-127, 128, case.values.size, np.int8)
    decay, alpha, store, factor = 0.9 / 90, 0.1, 77.0, 0.7 if order == "device" else 20.0
    wide, kept = oracles.velocity8(velocity, case.values, decay, alpha, store, DIGITAL)
    largest = requests.coming_velocity(velocity, case.values, F(decay), F(alpha))
    assert largest == np.abs(wide).max().view(np.int32)
    small = Small(velocity, case.values, F(decay), F(alpha), F(store), np.uint64(DIGITAL))
    if order == "device":
        pulses = oracles.rounded(wide, factor, KEY, device.levels)
    else:
        pulses = oracles.mapped(wide, factor, case.weights, case.limit, case.curve.steps, case.numbers, KEY)
    for first, last in case.rows:
        rest = (case.cells, case.tally, np.uint64(KEY), first, last, shape[1])
        if order == "device":
            updates.update_rounded_small(small, F(factor), *rest)
        else:
            updates.update_mapped_small(small, F(factor), case.curve.steps, case.devices, *rest)
    assert np.array_equal(velocity, kept)
    case.check(pulses)


@settings(deadline=None, max_examples=40)
@given(device=devices, shape=shapes, seed=st.integers(0, 999), kind=st.sampled_from([np.float32, np.int8]))
def test_fired(device: SynapticDevice, shape: tuple[int, int], seed: int, kind: type) -> None:
    case = Case(device, shape, seed)
    rng = np.random.default_rng(seed)
    residual = rng.uniform(-1, 1, case.values.size).astype(F)
    if kind is np.int8:
        residual = rng.integers(-128, 128, case.values.size, np.int8)
    pulses, rest = oracles.fired(residual, case.values, 0.8, KEY, device.levels)
    for first, last in case.rows:
        updates.update_fired(
            residual, case.values, F(0.8), case.cells, case.tally, np.uint64(KEY), first, last, shape[1]
        )
    assert np.array_equal(residual, rest)
    case.check(pulses)


@settings(deadline=None, max_examples=40)
@given(device=devices, shape=shapes, seed=st.integers(0, 999))
def test_transferred(device: SynapticDevice, shape: tuple[int, int], seed: int) -> None:
    case = Case(device, shape, seed)
    rng = np.random.default_rng(seed)
    fast = rng.uniform(-1, 1, case.values.size).astype(F)
    hidden = rng.integers(-(2**14), 2**14, case.values.size, np.int16)
    read = fast - case.curve.rest[case.numbers if case.curve.entries > 1 else 0]
    pulses, rest = oracles.transferred(read, hidden, 1.5, 128, KEY)
    source = Fast(fast, case.devices, case.curve.rest, hidden, F(1.5), F(128))
    for first, last in case.rows:
        updates.update_transferred(source, case.cells, case.tally, np.uint64(KEY), first, last, shape[1])
    assert np.array_equal(hidden, rest)
    assert case.tally.totals[4] == shape[0] * case.tally.slots.shape[1]
    case.check(pulses)


@pytest.mark.parametrize("count", [1, 4095, 4096, 10_001])
def test_momentum_and_the_largest(count: int) -> None:
    rng = np.random.default_rng(count)
    velocity, gradient = (rng.standard_normal(count).astype(F) for _ in range(2))
    expected = F(0.9) * velocity + F(0.1) * gradient
    largest = requests.momentum(velocity, gradient, F(0.9), F(0.1))
    assert np.array_equal(velocity, expected)
    assert largest == np.abs(expected).max().view(np.int32)
    assert requests.largest_bits(gradient) == np.abs(gradient).max().view(np.int32)
    for wrong in (np.nan, -np.nan, np.inf, -np.inf):
        gradient[count // 2] = wrong
        assert requests.largest_bits(gradient) >= 0x7F800000
        assert requests.momentum(velocity.copy(), gradient, F(0.9), F(0.1)) >= 0x7F800000
