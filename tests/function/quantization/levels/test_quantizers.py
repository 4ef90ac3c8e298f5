"""Level sets: textbook errors, one conformance test for all quantizers, and the compiled loops against definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.function.quantization.levels import LEVEL_QUANTIZERS, UNIFORM, kernels, oracle
from archsim.function.quantization.levels.quantizers import merged
from archsim.function.quantization.levels.samples import MOST_SAMPLES, Samples, samples_of

DENSITIES = {
    "gauss": lambda rng: rng.standard_normal(1_000_000),
    "laplace": lambda rng: rng.laplace(size=1_000_000) / np.sqrt(2),
}
TEXTBOOK = {("gauss", 3): 0.0346, ("gauss", 4): 0.00950, ("gauss", 5): 0.00250} | {
    ("laplace", 3): 0.0545, ("laplace", 4): 0.01537, ("laplace", 5): 0.00410,
}  # fmt: skip
"""Error of Lloyd-Max quantizers over the variance (Max, IRE Trans. 1960; Adams and Giesler, IEEE Trans. 1978)."""

UNIFORM_OPTIMUM = {"gauss": 0.01154, "laplace": 0.0254}
"""Error of the best uniform quantizer of 16 levels over the variance."""


def relative_error(samples: Samples, levels: np.ndarray) -> float:
    return kernels.error_of(samples.values, samples.sums, levels) / samples.spread


@pytest.mark.parametrize("density", sorted(DENSITIES))
def test_textbook_errors(density: str) -> None:
    samples = samples_of(DENSITIES[density](np.random.default_rng(0)))
    for bits in (3, 4, 5):
        known = TEXTBOOK[density, bits]
        for name in ("lloyd", "optimal") if bits == 4 else ("lloyd",):
            assert relative_error(samples, LEVEL_QUANTIZERS[name](samples, 2**bits)) == pytest.approx(known, rel=0.02)
    four = {name: relative_error(samples, find(samples, 16)) for name, find in LEVEL_QUANTIZERS.items()}
    assert four["merge"] < 1.10 * TEXTBOOK[density, 4]
    assert four["mse_affine"] == pytest.approx(UNIFORM_OPTIMUM[density], rel=0.02)
    assert four["lloyd"] < four["minmax"] / 2


weights = st.lists(st.floats(-8, 8, width=32), min_size=1, max_size=60)
masses = st.lists(st.floats(0, 4), min_size=60, max_size=60)


@pytest.mark.parametrize("name", sorted(LEVEL_QUANTIZERS))
@settings(deadline=None, max_examples=40)
@given(weights, masses, st.integers(2, 4), st.booleans(), st.floats(0.25, 8), st.integers(0, 3))
def test_every_quantizer_conforms(
    name: str, values: list[float], mass: list[float], bits: int, zero: bool, factor: float, seed: int
) -> None:
    find, count = LEVEL_QUANTIZERS[name], 2**bits
    weight, importance = np.array(values), np.array(mass[: len(values)])
    samples = samples_of(weight, importance, zero=zero, seed=seed)
    levels = find(samples, count)
    assert levels.shape == (count,)
    assert (np.diff(levels) >= 0).all()
    # grids may step over the ends, and around 0
    reach = np.ptp(weight) + 2 * np.abs(weight).max() if zero or name in UNIFORM else 0.0
    assert levels[0] >= weight.min() - reach - 1e-6
    assert levels[-1] <= weight.max() + reach + 1e-6
    if zero:
        assert (levels == 0).any()
    # the same weights, the same levels; the samples are not changed
    again = samples_of(weight, importance, zero=zero, seed=seed)
    assert (again.values == samples.values).all()
    assert (again.sums == samples.sums).all()
    assert (find(again, count) == levels).all()
    # a change of unit changes nothing (powers of two, so that nothing rounds differently)
    unit = 2.0 ** np.rint(np.log2(factor))
    scaled = samples_of(weight * unit, importance, zero=zero, seed=seed)
    assert find(scaled, count) == pytest.approx(levels * unit, rel=1e-9, abs=1e-9)
    found = oracle.error(samples.values, np.diff(samples.sums[0]), levels)
    assert found == pytest.approx(kernels.error_of(samples.values, samples.sums, levels), rel=1e-6, abs=1e-6)


@settings(deadline=None)
@given(weights, masses, st.integers(3, 5))
def test_nothing_beats_the_optimum(values: list[float], mass: list[float], count: int) -> None:
    samples = samples_of(np.array(values[:25]), np.array(mass[: len(values[:25])]))
    own = np.diff(samples.sums[0])
    least = oracle.optimum(samples.values, own, count)
    scale = max(samples.spread, 1e-12) * 1e-6 + 1e-9
    assert oracle.error(samples.values, own, LEVEL_QUANTIZERS["optimal"](samples, count)) <= least + scale
    for find in LEVEL_QUANTIZERS.values():
        assert oracle.error(samples.values, own, find(samples, count)) >= least - scale


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 12), st.integers(20, 200))
def test_loops_against_definitions(seed: int, count: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    samples = samples_of(rng.laplace(size=size), rng.random(size))
    own = np.diff(samples.sums[0])
    start = np.sort(rng.choice(samples.values, count, replace=False))
    for rounds in (1, 2, 7):
        levels = start.copy()
        kernels.lloyd(samples.values, samples.sums, levels, -1, rounds)
        assert levels == pytest.approx(oracle.lloyd(samples.values, own, start, rounds), rel=1e-9, abs=1e-9)
    points, masses_ = np.sort(rng.random(30)), rng.random(30)
    means, left = points.copy(), masses_.copy()
    kept = kernels.ward(left, means, count)
    assert means[:kept] == pytest.approx(oracle.ward(points, masses_, count), rel=1e-9)


def test_a_pinned_level_stays() -> None:
    samples = samples_of(np.random.default_rng(0).normal(1.0, 1.0, 500))
    levels = np.linspace(-2, 3, 6)
    kernels.lloyd(samples.values, samples.sums, levels, 2, 100)
    assert levels[2] == 0.0
    assert (levels[[0, 1, 3, 4, 5]] != np.linspace(-2, 3, 6)[[0, 1, 3, 4, 5]]).all()


def test_importance_moves_levels_to_where_it_is() -> None:
    rng = np.random.default_rng(1)
    weight = rng.standard_normal(4000)
    mass = np.where(weight > 1, 50.0, 1.0)
    for name in ("merge", "lloyd", "optimal", "mse_affine"):
        plain, weighted = (LEVEL_QUANTIZERS[name](samples_of(weight, part), 8) for part in (None, mass))
        errors = [oracle.error(weight, mass, line) for line in (plain, weighted)]
        assert errors[1] < 0.9 * errors[0], name


def test_removal_asks_for_the_measured_loss() -> None:
    weight = np.random.default_rng(2).standard_normal(300)

    def loss(levels: np.ndarray) -> float:
        asked.append(len(levels))
        # only what becomes of the largest weight counts
        return float(np.abs(levels - weight.max()).min())

    asked: list[int] = []
    levels = LEVEL_QUANTIZERS["removal"](samples_of(weight, loss=loss), 4)
    assert asked == [size for size in (7, 6, 5, 4) for _ in range(4)]
    start = merged(samples_of(weight), 8)
    assert set(levels) <= set(start)
    assert np.abs(levels - weight.max()).min() == np.abs(start - weight.max()).min()


def test_many_weights_are_counted_in_bins() -> None:
    weight = np.random.default_rng(3).standard_normal(MOST_SAMPLES + 1).astype(np.float32)
    binned, whole = samples_of(weight), samples_of(weight[:-1])
    assert len(binned.values) < len(whole.values) / 10
    assert binned.mass == pytest.approx(len(weight))
    for name in ("lloyd", *UNIFORM):
        found, alone = LEVEL_QUANTIZERS[name](binned, 16), LEVEL_QUANTIZERS[name](whole, 16)
        assert relative_error(whole, found) == pytest.approx(relative_error(whole, alone), rel=1e-3)


def test_a_scale_divides_weights_and_counts_by_its_square() -> None:
    rng = np.random.default_rng(5)
    weight, importance, scale = rng.standard_normal((3, 40)), rng.random((3, 40)), np.array([0.5, 1.0, 4.0])
    scaled = samples_of(weight, importance, scale=scale)
    by_hand = samples_of(weight / scale[:, None], importance * scale[:, None] ** 2)
    assert scaled.values == pytest.approx(by_hand.values)
    assert scaled.sums == pytest.approx(by_hand.sums)
    large = np.repeat(weight, MOST_SAMPLES // 100, axis=1)
    counted = np.repeat(importance, MOST_SAMPLES // 100, axis=1)
    binned = samples_of(large, counted, scale=scale)
    assert len(binned.values) <= 120
    assert binned.sums[:, -1] / binned.mass == pytest.approx(by_hand.sums[:, -1] / by_hand.mass)
