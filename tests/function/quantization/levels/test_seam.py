"""Networks of levels: exact integers, whatever the granularity, and levels that stay while weights move."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import archsim
from archsim.errors import InputError
from archsim.function.inference.infer import infer
from archsim.function.quantization.calibrate import calibrate
from archsim.function.quantization.levels import LEVEL_QUANTIZERS, LevelRule
from archsim.function.quantization.levels.fit import GRANULARITIES, LATTICE, Fit, fit_levels, on_lattice, to_levels
from archsim.function.quantization.levels.seam import kept_levels, level_quantizer, plan_weights
from archsim.function.quantization.network import Pixels, Precision, QuantizedNetwork
from archsim.function.quantization.quantize import quantize
from archsim.workload.graph import Graph
from tests.function.nets import everything

PIXELS = Pixels(mean=(120.0, 118.0, 104.0), scale=(0.017, 0.018, 0.0175))


def network_of(graph: Graph, rule: LevelRule, bits: int = 4, **options: object) -> QuantizedNetwork:
    rng = np.random.default_rng(0)
    x = PIXELS.normalise(rng.integers(0, 256, (4, 3, 12, 12)).astype(np.uint8))
    quantizer = level_quantizer(rule, **options)  # type: ignore[arg-type]
    return quantize(
        graph, calibrate(graph, [x]), precision=Precision(weight_bits=bits), pixels=PIXELS, weights=quantizer
    )


@pytest.mark.parametrize("granularity", GRANULARITIES)
@pytest.mark.parametrize("name", sorted(LEVEL_QUANTIZERS))
def test_weights_are_the_nearest_levels(name: str, granularity: str) -> None:
    graph = everything()
    network = network_of(graph, LevelRule(quantizer=name, granularity=granularity), 3)
    for layer in network.matrices:
        levels = layer.levels
        assert levels is not None
        sets = layer.geometry.outputs if granularity == "channel" else 1
        assert levels.values.shape == (sets, 8)
        assert np.abs(levels.values.astype(int)).max() <= LATTICE
        assert (np.diff(levels.values, axis=1) >= 0).all()
        if layer.geometry.groups > 1:
            assert (levels.values == 0).any(axis=1).all()
        held = layer.weight.transpose(0, 2, 1).reshape(layer.geometry.outputs, -1)
        for output, line in enumerate(held):
            assert np.isin(line, levels.values[levels.of[output]]).all()
        weight = graph.parameters[layer.name].weight.astype(np.float64)
        if layer.name == "c1":
            continue  # the scale of pixels is folded into its weights
        size = (layer.scale / layer.format.scale)[:, None]
        exact = weight.reshape(len(weight), -1) / size
        rounded = to_levels(exact, levels, 0)
        off = np.abs(exact - rounded)
        least = np.abs(exact[:, :, None] - levels.values[levels.of][:, None]).min(axis=2)
        assert off == pytest.approx(least, abs=1e-9)


@pytest.mark.parametrize("granularity", GRANULARITIES)
def test_a_network_of_levels_is_exact(granularity: str) -> None:
    network = network_of(everything(), LevelRule(granularity=granularity))
    images = np.random.default_rng(1).integers(0, 256, (3, 3, 12, 12)).astype(np.uint8)
    fast, slow = (
        infer(network, images, engine=engine, batch=batch) for engine, batch in (("integer", 2), ("oracle", 3))
    )
    assert (fast.logits == slow.logits).all()


def test_rounding_to_the_lattice_is_as_small_as_said() -> None:
    weight = np.random.default_rng(2).laplace(size=(40, 90))
    fit = fit_levels(weight, 4, LevelRule(granularity="shared", scale="max"))
    levels, size = on_lattice(fit, np.zeros(40))
    real = levels.values[levels.of] * size[:, None]
    meant = fit.values[fit.of] * fit.scale[:, None]
    assert np.abs(real - meant).max(axis=1) == pytest.approx(0, abs=1e-15 + 2.0**-14 / 2 * 1.001 * np.abs(meant).max())
    exact = np.abs(weight[:, :, None] - meant[:, None]).min(axis=2)
    found = weight - to_levels(weight / size[:, None], levels, 0) * size[:, None]
    assert (found**2).sum() / (exact**2).sum() == pytest.approx(1, abs=1e-4)


def test_biases_that_need_it_get_a_coarser_lattice() -> None:
    fit = Fit(values=np.array([[-1.0, 0.5]]), of=np.zeros(2, np.int64), scale=np.array([1.0, 2.0]))
    levels, size = on_lattice(fit, np.array([0.0, 0.5]))
    assert size.tolist() == [0.25, 0.5]
    assert levels.values.tolist() == [[-4, 2]]


def test_error_falls_from_layer_to_shared_to_channel() -> None:
    weight = np.random.default_rng(3).normal(size=(32, 100)) * np.geomspace(0.05, 1, 32)[:, None]
    errors = {}
    for granularity in GRANULARITIES:
        fit = fit_levels(weight, 4, LevelRule(granularity=granularity))
        meant = fit.values[fit.of] * fit.scale[:, None]
        errors[granularity] = (np.abs(weight[:, :, None] - meant[:, None]).min(axis=2) ** 2).sum()
    assert errors["channel"] < errors["shared"] < errors["layer"]


def test_kept_levels_stay_while_weights_move() -> None:
    graph = everything()
    first = network_of(graph, LevelRule(granularity="channel"))
    kept = kept_levels(first)
    x = np.random.default_rng(0).normal(size=(4, 3, 12, 12)).astype(np.float32)
    ranges = calibrate(graph, [x])
    moved = {name: replace_weight(item, item.weight * np.float32(1.1)) for name, item in graph.parameters.items()}
    options = {"precision": Precision(weight_bits=4), "pixels": PIXELS, "weights": kept}
    same = quantize(graph, ranges, **options)  # type: ignore[arg-type]
    later = quantize(graph.with_parameters(moved, "file"), ranges, **options)  # type: ignore[arg-type]
    changed = False
    for a, b, c in zip(first.matrices, same.matrices, later.matrices, strict=True):
        assert a.levels is not None
        assert b.levels is not None
        assert c.levels is not None
        assert (a.weight == b.weight).all()
        assert (a.levels.values == c.levels.values).all()
        assert b.scale / b.format.scale == pytest.approx(c.scale / c.format.scale, rel=1e-12)
        changed |= bool((a.weight != c.weight).any())
    assert changed
    uniform = quantize(graph, ranges, precision=Precision(weight_bits=4), pixels=PIXELS)
    with pytest.raises(ValueError, match="no level sets"):
        kept_levels(uniform)


def replace_weight(item: object, weight: np.ndarray) -> object:
    return replace(item, weight=weight)  # type: ignore[type-var]


def test_importance_and_loss_reach_the_quantizer() -> None:
    graph = everything()
    plain = network_of(graph, LevelRule())
    doubled = {layer.name: np.where(graph.parameters[layer.name].weight > 0, 100.0, 1.0) for layer in plain.matrices}
    weighted = network_of(graph, LevelRule(), importance=doubled)
    for a, b in zip(plain.matrices, weighted.matrices, strict=True):
        assert a.levels is not None
        assert b.levels is not None
        assert (b.levels.values[0] > 0).sum() >= (a.levels.values[0] > 0).sum()
        assert (a.levels.values != b.levels.values).any()
    asked: set[tuple[str, tuple[int, ...]]] = set()

    def loss(name: str):  # type: ignore[no-untyped-def]
        def measured(weight: np.ndarray) -> float:
            asked.add((name, weight.shape))
            return float(((weight - graph.parameters[name].weight) ** 2).sum())

        return measured

    network_of(graph, LevelRule(quantizer="removal"), 2, loss=loss)
    assert asked == {(layer.name, graph.parameters[layer.name].weight.shape) for layer in plain.matrices}


def test_unknown_quantizer() -> None:
    with pytest.raises(InputError, match=r"expected minmax \| mse_symmetric"):
        level_quantizer(LevelRule(quantizer="best"))


def test_the_hardware_file_decides() -> None:
    graph = archsim.load_workload("lenet5-mnist")
    plain = archsim.map_network(graph, archsim.load_hardware("isaac-8bit"))
    assert plan_weights(plain) == "per_channel"
    plan = archsim.map_network(graph, archsim.load_hardware("mlc-rram-16"))
    assert callable(plan_weights(plan))
    assert plan.slicing.weight_slices == 1
