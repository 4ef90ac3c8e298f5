"""Devices: every curve, the step tables and their spread, statistics against one pulse after the other, the window."""

from __future__ import annotations

from dataclasses import fields, replace
from math import sqrt
from typing import Any

import numpy as np
import pytest

from archsim.errors import InputError
from archsim.training.insitu import CURVES, SynapticDevice, asymmetric, symmetric
from archsim.training.insitu import curves as law
from archsim.training.insitu.devices import (
    SOURCES,
    conductance,
    dummy_conductance,
    rounding_table,
    spread_draws,
    step_table,
    weight_read,
)
from tests.training.insitu import oracles

Array = np.ndarray[Any, Any]
DEVICES = {
    "exponential": asymmetric(3, levels=64, c2c=0.01),
    "linear": SynapticDevice(curve="linear", ltp=0, ltd=0, levels=64, c2c=0.01),
    "soft_bounds": SynapticDevice(curve="soft_bounds", ltp=0, ltd=0, levels=64, c2c=0.01),
}


@pytest.mark.parametrize("name", CURVES)
def test_what_every_curve_does(name: str) -> None:
    """n pulses are n times one; up is up and down is down, inside the window; a spread of 0 is none."""
    device, curve = DEVICES[name], CURVES[name]
    draws = np.array([-1.5, 0.0, 1.0])
    for spread in (0.0, 0.4):
        spread_out = replace(device, d2d=spread)
        for kind, sign in (("ltp", 1), ("ltd", -1)):
            one = curve(spread_out, kind, draws, np.array([[sign]]))  # type: ignore[arg-type]
            many = curve(spread_out, kind, draws, sign * np.arange(1, 20)[:, None])  # type: ignore[arg-type]
            assert many[0].shape == many[1].shape == (19, 3)
            w = np.full(3, 0.123)
            for n in range(19):
                w = law.moved(w, (one[0][0], one[1][0]))
                np.testing.assert_allclose(law.moved(0.123, (many[0][n], many[1][n])), w, atol=1e-12)
            start = np.linspace(-0.99, 0.99, 41)[:, None]
            assert (sign * (law.moved(start, (one[0], one[1])) - start) > 0).all()
            if spread == 0:
                assert np.ptp(many[0], axis=1).max() == np.ptp(many[1], axis=1).max() == 0


@pytest.mark.parametrize("device", DEVICES.values(), ids=DEVICES)
def test_a_table_holds_the_curve(device: SynapticDevice) -> None:
    table = step_table(device)
    assert table.steps.shape == (129, 1, 4)
    assert (table.largest, table.entries) == (64, 1)
    assert not table.steps[64].any()
    w = -1.0 + table.steps[64 + 64, 0, 0]
    assert w == pytest.approx(1.0 if device.curve != "soft_bounds" else 1 - 2 * (1 - 2 / 64) ** 64, abs=1e-6)
    assert table.steps[65, 0, 2] == pytest.approx(0.02)
    with pytest.raises(ValueError, match="read-only"):
        table.steps[0] = 0


def test_draws_are_normal_and_independent() -> None:
    up, down = spread_draws(asymmetric(3, d2d=0.5))
    for draws in (up, down):
        assert len(set(draws)) == 256
        assert draws.mean() == pytest.approx(0, abs=1e-12)
        assert draws.std() == pytest.approx(1)
        assert (draws**4).mean() == pytest.approx(3, abs=0.25)  # the tails end at 2.9 standard deviations
        assert (np.abs(draws) < 1).mean() == pytest.approx(0.6827, abs=0.01)
    for one in (up, up**2):
        for other in (down, down**2):
            assert abs(np.corrcoef(one, other)[0, 1]) < 0.005
    ranks = np.histogram2d(up.argsort().argsort(), down.argsort().argsort(), bins=(8, 8))[0]
    assert 2 <= ranks.min() <= ranks.max() <= 6  # 4 in each of 64 equal parts, on average
    one, other = spread_draws(asymmetric(3, d2d=0.5, d2d_draws="shared"))
    assert np.array_equal(one, other)
    assert np.array_equal(spread_draws(asymmetric(3)), [[0], [0]])


def test_256_devices_stand_for_exact_draws() -> None:
    """Mean and spread of one step over cells with labels drawn exactly, against those of the table."""
    device = asymmetric(3, levels=64, d2d=0.5, c2c=0)
    rng, w = np.random.default_rng(0), 0.3
    table = step_table(device)
    for kind, sign in (("ltp", 1), ("ltd", -1)):
        labels = np.clip((3 if kind == "ltp" else -3) + 0.5 * rng.standard_normal(200_000), -9, 9)
        exact = law.moved(w, law.exponential(sign, law.normalised_rate(labels), 64)) - w
        step = table.steps[64 + sign].astype(np.float64)
        found = step[:, 0] - (1 + w) * step[:, 1]
        assert found.mean() == pytest.approx(exact.mean(), rel=0.003)
        assert found.std() == pytest.approx(exact.std(), rel=0.01)
        np.testing.assert_allclose(np.quantile(found, [0.1, 0.5, 0.9]), np.quantile(exact, [0.1, 0.5, 0.9]), rtol=0.02)


@pytest.mark.parametrize(
    "device",
    [
        asymmetric(3, levels=64, c2c=0.01),
        symmetric(4, levels=32, c2c=0.01),
        DEVICES["linear"],
        DEVICES["soft_bounds"],
        asymmetric(3, levels=64, c2c=0.01, d2d=0.5),
    ],
    ids=["asymmetric", "symmetric", "linear", "soft bounds", "d2d"],
)
@pytest.mark.parametrize("pulses", [1, 2, 7, -5])
def test_statistics_of_an_update_are_those_of_its_pulses(device: SynapticDevice, pulses: int) -> None:
    """n pulses at once against n updates of one pulse, over 200,000 cells far from the ends: mean and variance."""
    count = 200_000
    table, start = step_table(device), np.full(count, 0.1, np.float32)
    numbers = np.random.default_rng(1).integers(0, table.entries, count)

    def write(weights: Array, n: int, key: int) -> Array:
        return oracles.written(weights, np.full(count, n, np.int16), table.steps, numbers, 1.0, key, True)

    at_once = write(start, pulses, 7).astype(np.float64)
    one_by_one = start
    for pulse in range(abs(pulses)):
        one_by_one = write(one_by_one, int(np.sign(pulses)), 100 + pulse)
    slow = one_by_one.astype(np.float64)
    error = sqrt((slow.var() + at_once.var()) / count)
    assert abs(at_once.mean() - slow.mean()) < 4.5 * error
    assert at_once.var() == pytest.approx(slow.var(), rel=4.5 * sqrt(2 * 2 / count))
    if device.c2c and not device.d2d and abs(pulses) == 1:
        assert at_once.std() == pytest.approx(2 * device.c2c, rel=0.01)


def test_noise_of_an_update_is_one_draw() -> None:
    once, each = (step_table(asymmetric(3, levels=64, c2c_per=per)) for per in ("update", "pulse"))
    assert set(once.steps[:64, 0, 2]) == set(once.steps[65:, 0, 2]) == {np.float32(0.006)}
    assert each.steps[64 + 9, 0, 2] > 2 * each.steps[65, 0, 2]
    linear = rounding_table(asymmetric(3, levels=64))
    np.testing.assert_allclose(linear.steps[64 + 9, 0], [18 / 64, 0, 3 * 0.006, 0], rtol=1e-6)


def test_where_up_and_down_are_equal() -> None:
    """The resting weight: a pulse up and one down are equal there, per device; 0 if they are so everywhere."""
    device = SynapticDevice(ltp=4, ltd=-2, levels=64, d2d=0.3)
    table = step_table(device)
    rest = table.rest.astype(np.float64)
    up, down = (table.steps[64 + sign].astype(np.float64) for sign in (1, -1))
    inside = np.abs(rest) < 1
    assert inside.mean() > 0.9
    steps = [s[:, 0] - (1 + rest) * s[:, 1] for s in (up, down)]
    np.testing.assert_allclose(steps[0][inside], -steps[1][inside], rtol=1e-3)
    assert step_table(asymmetric(3)).rest == pytest.approx(0, abs=1e-5)
    for flat in (symmetric(3), DEVICES["linear"]):
        assert step_table(flat).rest == 0
    assert step_table(DEVICES["soft_bounds"]).rest == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("on_off", [1.5, 10.0, 100.0])
def test_the_dummy_column_takes_out_the_on_off_ratio(on_off: float) -> None:
    rng = np.random.default_rng(0)
    w, x = rng.uniform(-1, 1, (128, 5)), rng.integers(0, 2, 128)
    g = conductance(w, on_off)
    assert g.min() >= 1 / on_off
    assert conductance([-1, 1], on_off) == pytest.approx([1 / on_off, 1])
    dummy = np.full(128, dummy_conductance(on_off))
    np.testing.assert_allclose(weight_read(x @ g, x @ dummy, on_off), x @ w, atol=1e-12)
    # a dummy cell that is off by 1 % of the largest conductance shifts the weights of its row
    shifted = weight_read(g, (dummy + 0.01)[:, None], on_off)
    np.testing.assert_allclose(shifted, w - 0.02 / (1 - 1 / on_off), atol=1e-12)


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(InputError) as caught:
        SynapticDevice(curve="exponental", ltp=9.5, levels=1, c2c=-1, on_off=1, d2d_draws="same")  # type: ignore[arg-type]
    told = str(caught.value)
    assert "did you mean 'exponential'" in told
    for field in ("curve", "ltp", "levels", "c2c", "on_off", "d2d_draws"):
        assert f"device.{field}: " in told
    with pytest.raises(InputError, match="expected 0 with 'linear'"):
        SynapticDevice(curve="linear")
    with pytest.raises(InputError, match=r"ltd: is nan"):
        SynapticDevice(ltd=float("nan"))


def test_every_field_names_its_source() -> None:
    assert SOURCES.keys() == {field.name for field in fields(SynapticDevice)}
    assert all(len(source) > 10 for source in SOURCES.values())
