"""What every update rule must do, and what each does by hand."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from archsim.errors import InputError, SimulationError
from archsim.training.insitu import (
    RULES,
    LayerState,
    PulseScale,
    Step,
    SynapticDevice,
    UpdateSettings,
    WriteCounts,
    asymmetric,
    kept,
    start_layer,
    symmetric,
    update,
)
from archsim.training.insitu.rules import rising_gamma
from archsim.training.insitu.settings import ROUNDING_RULES, RULE_NAMES
from tests.training.insitu import oracles

Array = np.ndarray[Any, Any]
F = np.float32
LINEAR = SynapticDevice(curve="linear", ltp=0, ltd=0, levels=64, c2c=0)
NOISY = asymmetric(3, levels=64, c2c=0.01, d2d=0.5)

VARIANTS = [
    (rule, order, digital)
    for rule in RULE_NAMES
    for order in ("device", "v21")
    for digital in ("float32", "int8")
    if (order == "device" or rule in ROUNDING_RULES) and (digital == "float32" or rule not in ("sgd", "tiki_taka"))
]
every_variant = pytest.mark.parametrize(("rule", "order", "digital"), VARIANTS, ids=["-".join(v) for v in VARIANTS])


def settings(rule: str, order: str = "device", digital: str = "float32", **others: Any) -> UpdateSettings:
    return UpdateSettings(rule=rule, order=order, digital=digital, **others)  # type: ignore[arg-type]


def weights(rows: int = 70, columns: int = 45, seed: int = 0) -> Array:
    return np.random.default_rng(seed).uniform(-0.8, 0.8, (rows, columns)).astype(F)


def gradients(shape: tuple[int, int], count: int, seed: int = 1) -> list[Array]:
    rng = np.random.default_rng(seed)
    return [(0.3 * rng.standard_normal(shape)).astype(F) for _ in range(count)]


def trained(layer: LayerState, given: list[Array], **others: Any) -> list[WriteCounts]:
    return [
        update(layer, g, Step(number=n, starts_epoch=n % 4 == 0, progress=n / len(given)), **others)
        for n, g in enumerate(given)
    ]


def everything(layer: LayerState) -> list[Array]:
    fast = [] if layer.fast is None else [layer.fast.weights]
    return [layer.weights, *fast, *(layer.slots[name] for name in sorted(layer.slots))]


def test_the_table_is_complete() -> None:
    assert tuple(RULES) == RULE_NAMES


@every_variant
def test_descends_on_a_quadratic(rule: str, order: str, digital: str) -> None:
    """Weights follow the gradient of |w - target|^2 / 2 to within a few levels: on an ideal device, or on the
    asymmetric one whose forgetting Tiki-Taka needs."""
    target = weights(seed=5) * F(0.7)
    fast = rule == "tiki_taka"
    scale = PulseScale(value=4.0 if fast else 1.0, factors=(1.0, 0.5, 0.25))
    how = settings(rule, order, digital, pulse_scale=scale, learning_rate=0.05, transfer_rate=0.05)
    layer = start_layer(weights(), asymmetric(3, levels=64, c2c=0) if fast else LINEAR, how)
    start = float(np.abs(layer.weights - target).mean())
    for n in range(500):
        update(layer, layer.weights - target, Step(number=n, starts_epoch=n % 50 == 0, progress=n / 500))
    assert start > 0.4
    assert float(np.abs(layer.weights - target).mean()) < 2.5 * LINEAR.level


@every_variant
def test_the_same_for_any_pool_and_repeatable(rule: str, order: str, digital: str) -> None:
    how = settings(rule, order, digital, array_rows=16, array_columns=16)
    shape = (1100, 301)  # more cells than one task takes
    given = gradients(shape, 3)
    layers = [start_layer(weights(*shape), NOISY, how, seed=3, number=2) for _ in range(3)]
    counts = [trained(layers[0], given), trained(layers[1], given)]
    with ThreadPoolExecutor(3) as pool:
        counts.append(trained(layers[2], given, pool=pool))
    assert counts[0] == counts[1] == counts[2]
    for layer in layers[1:]:
        for one, other in zip(everything(layers[0]), everything(layer), strict=True):
            assert np.array_equal(one, other)
    other = start_layer(weights(*shape), NOISY, how, seed=4, number=2)
    trained(other, given)
    assert not all(np.array_equal(a, b) for a, b in zip(everything(other), everything(layers[0]), strict=True))


@every_variant
def test_works_in_place_and_counts_what_it_wrote(rule: str, order: str, digital: str) -> None:
    how = settings(rule, order, digital)
    layer = start_layer(weights(), NOISY, how, wear=True)
    held, given = layer.weights, gradients((70, 45), 8)
    copies = [g.copy() for g in given]
    before = layer.weights.copy()
    counts = trained(layer, given)
    assert layer.weights is held
    assert all(np.array_equal(g, c) for g, c in zip(given, copies, strict=True))
    total = sum(counts, WriteCounts())
    assert all(type(value) is int and value >= 0 for value in asdict(total).values())
    assert total.pulses > 0
    arrays = [array for array in (layer.array, layer.fast) if array is not None]
    assert total.pulses == sum(int(array.wear.sum()) for array in arrays if array.wear is not None)
    assert total.cells == 8 * 70 * 45 * len(arrays)
    assert layer.array.wear is not None
    assert np.array_equal(before != layer.weights, layer.array.wear > 0) or order == "device"
    for array in arrays:
        assert array.levels == oracles.levels(array.weights).sum()
        assert np.abs(array.weights).max() <= array.limit
    assert (total.rows_read > 0) == (rule == "tiki_taka")


@every_variant
def test_without_a_gradient_nothing_is_written(rule: str, order: str, digital: str) -> None:
    layer = start_layer(weights(), NOISY, settings(rule, order, digital))
    before = layer.weights.copy()
    total = sum(trained(layer, [np.zeros((70, 45), F)] * 3), WriteCounts())
    assert total.pulses == total.serial_slots == total.half_up == 0
    assert np.array_equal(layer.weights, before)


@every_variant
def test_memory_is_what_is_declared(rule: str, order: str, digital: str) -> None:
    """At most 8 bytes a weight beyond weights and gradient, and the digital part is what `kept` says."""
    how = settings(rule, order, digital)
    layer = start_layer(weights(), NOISY, how)
    trained(layer, gradients((70, 45), 2))
    cells = layer.weights.size
    per_cell = sum(slot.nbytes for slot in layer.slots.values() if slot.size == cells) / cells
    assert per_cell == sum(part.size for part in kept(how))
    assert all(slot.size in (1, cells) for slot in layer.slots.values())
    assert (layer.fast is not None) == any(part.where == "array" for part in kept(how))
    arrays = sum(array.devices.nbytes for array in (layer.array, layer.fast) if array and array.devices is not None)
    second = 0 if layer.fast is None else layer.fast.weights.nbytes
    assert per_cell + (arrays + second) / cells <= 8


@every_variant
@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_divergence_is_told(rule: str, order: str, digital: str, wrong: float) -> None:
    layer = start_layer(weights(), NOISY, settings(rule, order, digital), number=7)
    gradient = gradients((70, 45), 1)[0]
    gradient[3, 4] = wrong
    before = layer.weights.copy()
    with pytest.raises(SimulationError, match="layer 7, update 12: the training diverged"):
        update(layer, gradient, Step(number=11))
    assert np.array_equal(layer.weights, before)


@pytest.mark.parametrize("rule", RULE_NAMES)
def test_gradients_of_any_size(rule: str) -> None:
    """Neither tiny nor huge gradients make anything but whole numbers and weights inside the window."""
    for size in (1e-42, 1e-30, 1e30):
        layer = start_layer(weights(), NOISY, settings(rule))
        trained(layer, [g * F(size) for g in gradients((70, 45), 3)])
        assert np.isfinite(layer.weights).all()
        assert np.abs(layer.weights).max() <= 1


@pytest.mark.parametrize("rule", sorted(set(RULE_NAMES) - {"mixed_precision", "momentum_v21"}))
def test_powers_of_two_do_not_matter(rule: str) -> None:
    """The normalisation takes the size of the gradients out, to the bit; not so where it is rescaled in place."""
    found = []
    for size in (1.0, 2.0**-9):
        layer = start_layer(weights(), NOISY, settings(rule))
        trained(layer, [g * F(size) for g in gradients((70, 45), 6)])
        found.append(layer.weights)
    assert np.array_equal(found[0], found[1])


def test_sgd_asks_for_the_gradient_on_average() -> None:
    layer = start_layer(np.zeros((100, 1000)), LINEAR, settings("sgd", pulse_scale=PulseScale(value=1.5)))
    gradient = np.tile(np.array([0.7, -0.2, 1.0, 0.0, -1.1], F), (100, 200))
    update(layer, gradient, Step(number=0))
    moved = layer.weights.reshape(-1, 5).mean(axis=0) / LINEAR.level
    np.testing.assert_allclose(moved, [-1.05, 0.3, -1.5, 0, 1.65], atol=0.02)


def test_v21_rounds_to_one_level_with_the_curves_probability() -> None:
    """D.2 by hand: d = 32 v pulses on the curve of label 3 from w = 0.2 change it by delta; a level falls as often."""
    device, rows = asymmetric(3, levels=64, c2c=0.0), 2000
    layer = start_layer(np.full((rows, 50), 0.2), device, settings("sgd", "v21"))
    gradient = np.full((rows, 50), 0.25, F)
    gradient[:, 25:] = -0.25
    gradient[0, 0] = 1.0
    update(layer, gradient, Step(number=0))
    moved = layer.weights - F(0.2)
    a = 64 * 0.3868
    b = 2 / (1 - np.exp(-64 / a))
    up = (b - 1 - 0.2) * (1 - np.exp(-8 / a))
    b_down = 2 / (1 - np.exp(64 / a))
    down = (b_down - 1 - 0.2) * (1 - np.exp(-8 / a))
    assert moved[1:, 25:].mean() * 32 == pytest.approx(up, rel=0.02)
    assert moved[1:, :25].mean() * 32 == pytest.approx(down, rel=0.02)
    assert set(np.round(np.unique(moved) * 32).astype(int)) <= {-1, 0, 1}
    limit = 1 - 2 / 64
    assert start_layer(np.ones((2, 2)), device, settings("sgd", "v21")).weights.max() == F(limit)


def test_momentum_by_hand() -> None:
    layer = start_layer(np.zeros((1, 2)), LINEAR, settings("momentum"))
    for n, gradient in enumerate(([1.0, -2.0], [0.5, 0.0])):
        update(layer, np.array([gradient], F), Step(number=n))
    np.testing.assert_allclose(layer.slots["velocity"], [0.09 + 0.05, -0.18], rtol=1e-6)


def test_momentum_v21_rescales_the_velocity_and_forgets_it_every_epoch() -> None:
    layer = start_layer(np.zeros((1, 2)), LINEAR, settings("momentum_v21"))
    velocity = np.zeros(2)
    for n, gradient in enumerate(([1.0, -2.0], [0.5, 0.0], [3.0, 9.0])):
        update(layer, np.array([gradient], F), Step(number=n, starts_epoch=n == 2))
        velocity = (0.9 * velocity if n != 2 else 0) + 0.1 * np.array(gradient)
        velocity *= 2.0 ** -round(np.log2(np.abs(velocity).max()))
        np.testing.assert_allclose(layer.slots["velocity"] * layer.slots["unit"], velocity, rtol=1e-6)


def test_gamma_rises_by_equal_factors_of_its_memory() -> None:
    assert rising_gamma((0.5, 0.99), 0) == 0.5
    assert rising_gamma((0.5, 0.99), 1) == pytest.approx(0.99)
    assert 1 / (1 - rising_gamma((0.5, 0.99), 0.5)) == pytest.approx((2 * 100) ** 0.5)


def test_an_int8_velocity_follows_the_float_one() -> None:
    layers = [start_layer(weights(), LINEAR, settings("momentum", digital=kind)) for kind in ("float32", "int8")]
    for n, g in enumerate(gradients((70, 45), 40)):
        for layer in layers:
            update(layer, g, Step(number=n))
    exact, found = (layer.slots["velocity"] * layer.slots["unit"] for layer in layers)
    assert np.abs(found - exact).max() < 0.06 * np.abs(exact).max()
    assert (found - exact).mean() == pytest.approx(0, abs=0.002 * float(np.abs(exact).max()))


@pytest.mark.parametrize("digital", ["float32", "int8"])
def test_accumulate_loses_nothing(digital: str) -> None:
    """Pulses plus residual are all that was asked for; gradients that cancel cost no pulse."""
    layer = start_layer(np.zeros((60, 50)), LINEAR, settings("accumulate", digital=digital))
    rng = np.random.default_rng(0)
    asked = np.zeros((60, 50))
    for n in range(20):
        g = rng.uniform(-0.1, 0.1, (60, 50)).astype(F)
        g[0, 0] = 1.0
        asked -= g
        update(layer, g, Step(number=n))
    held = layer.slots["residual"].reshape(60, 50) / (128 if digital == "int8" else 1)
    found = layer.weights / LINEAR.level + held
    if digital == "float32":
        np.testing.assert_allclose(found, asked, atol=1e-4)
    else:
        assert np.abs(found - asked).max() < 0.15
        assert (found - asked).mean() == pytest.approx(0, abs=0.002)
    assert np.abs(held).max() <= 1
    layer = start_layer(np.zeros((4, 4)), NOISY, settings("accumulate"))
    back_and_forth = [np.full((4, 4), 0.9 * (-1) ** n, F) for n in range(10)]
    assert sum(trained(layer, back_and_forth), WriteCounts()).pulses == 0


def test_mixed_precision_by_hand() -> None:
    """Levels of 1/32: 0.1 of gradient 0.4 is 1.28 levels; one pulse, 0.28 stays, then 1.56 and 1.84 more."""
    layer = start_layer(np.zeros((1, 1)), LINEAR, settings("mixed_precision", learning_rate=0.1))
    for n, level in enumerate((-1, -2, -3, -5)):
        update(layer, np.array([[0.4]], F), Step(number=n))
        assert layer.weights[0, 0] * 32 == pytest.approx(level)
    assert layer.slots["residual"][0] == pytest.approx(-0.12, abs=1e-5)


def test_tiki_taka_reads_its_rows_in_turn_and_passes_on_what_lasts() -> None:
    how = settings("tiki_taka", transfer_updates=4, transfer_rate=2.0, array_columns=8)
    layer = start_layer(np.zeros((10, 20)), LINEAR, how)
    read = [update(layer, np.zeros((10, 20), F), Step(number=n)).rows_read for n in range(8)]
    assert read == [2 * 3, 3 * 3, 2 * 3, 3 * 3] * 2
    gradient = np.zeros((10, 20), F)
    gradient[:, 3] = 1.0
    for n in range(60):
        update(layer, gradient, Step(number=n))
    assert (layer.weights[:, 3] < -5 * LINEAR.level).all()
    assert not layer.weights[:, :3].any()


def test_tiki_taka_counts_from_where_the_fast_cells_rest() -> None:
    device = SynapticDevice(ltp=5, ltd=-1, levels=64, c2c=0.0, d2d=0.3)
    layer = start_layer(np.zeros((10, 20)), device, settings("tiki_taka"))
    assert layer.fast is not None
    assert np.abs(layer.fast.weights).max() > 0.05
    trained(layer, [np.zeros((10, 20), F)] * 4)
    assert not layer.slots["hidden"].any()


def test_independent_and_shared_devices_of_cells() -> None:
    layer = start_layer(weights(), NOISY, settings("sgd"))
    assert layer.array.devices is not None
    assert len(np.unique(layer.array.devices)) == 256
    assert layer.array.devices.nbytes == layer.weights.size
    assert start_layer(weights(), symmetric(3), settings("sgd")).array.devices is None


def test_shapes_and_weights_are_checked() -> None:
    layer = start_layer(weights(), NOISY, settings("sgd"), number=3)
    with pytest.raises(InputError, match=r"layer 3: the gradient is \(3, 4\), the weights are \(70, 45\)"):
        update(layer, np.zeros((3, 4), F), Step(number=0))
    for wrong in (np.zeros(3), np.zeros((0, 4)), np.full((2, 2), np.nan)):
        with pytest.raises(InputError, match="matrix of finite numbers"):
            start_layer(wrong, NOISY, settings("sgd"))
