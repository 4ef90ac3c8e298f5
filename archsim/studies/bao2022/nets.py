"""Training in the call: a float LeNet-5 for each seed, and from it one network for each design point."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import fsum

import numpy as np

from archsim.config import Hardware, load_hardware
from archsim.function.inference.compare import Interval, wilson
from archsim.function.inference.infer import infer
from archsim.function.quantization.network import Pixels, QuantizedNetwork
from archsim.function.quantization.quantize import quantize
from archsim.studies.bao2022.data import Material
from archsim.training import Augmentation, Optimizer, Quantization, Recipe, Schedule, Trained, train_network
from archsim.workload import Graph

SHIPPED_PICTURES = 8000
"""Training pictures that epochs are stated for."""

MOST_UPDATES = 2
"""How many times the updates of the shipped sets a full set may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A design point: bits of weights and of activations."""

    weights: int
    activations: int

    @property
    def name(self) -> str:
        """As the paper writes it."""
        return f"W{self.weights}A{self.activations}"

    def hardware(self) -> Hardware:
        """The chip with N = W + 7: the shipped file for W8A8 and W4A3, else that of W8A8 with other operands."""
        if self in (W8A8, W4A3):
            return load_hardware(f"nvcnn-{self.name.lower()}").replace({"ima.adc.bits": self.full_bits})
        return load_hardware("nvcnn-w8a8").replace(
            {
                "precision.weight_bits": self.weights,
                "precision.input_bits": self.activations,
                "ima.cell.bits": self.weights,
                "ima.adc.bits": self.full_bits,
            }
        )

    @property
    def full_bits(self) -> int:
        """Converter bits that hold every sum of 128 cells of 2^W levels: W + 7, the reading that was fixed before.
        (Magnitudes of W-bit weights take one bit less, which the shipped chips have.)"""
        return self.weights + 7


W8A8, W4A4, W4A3, W3A3, W2A2 = (
    Point(weights=weights, activations=activations) for weights, activations in ((8, 8), (4, 4), (4, 3), (3, 3), (2, 2))
)
POINTS = (W8A8, W4A4, W4A3, W3A3, W2A2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is trained: seeds, epochs of the float network and of each quantized one, design points."""

    seeds: int
    float_epochs: int
    epochs: int
    points: tuple[Point, ...] = POINTS


FULL = {"digits": Plan(seeds=3, float_epochs=40, epochs=20), "fashion": Plan(seeds=3, float_epochs=20, epochs=8)}
QUICK = Plan(seeds=1, float_epochs=5, epochs=2, points=(W8A8, W4A3, W2A2))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Net:
    """A trained network of one design point (None: float) and seed, with the share of test pictures it gets right."""

    point: Point | None
    seed: int
    trained: Trained
    network: QuantizedNetwork | None
    accuracy: float
    images: int


def train_all(material: Material, graph: Graph, plan: Plan, told: Callable[[str], None]) -> list[Net]:
    """Float and quantized networks of every seed."""
    nets = []
    for seed in range(plan.seeds):
        told(f"{material.name}, seed {seed + 1} of {plan.seeds}, float")
        base = train_network(graph, material.train, float_recipe(plan, material, seed), test=material.test)
        nets.append(_float_net(base, seed, material))
        for point in plan.points:
            told(f"{material.name}, seed {seed + 1} of {plan.seeds}, {point.name}")
            recipe = quantized_recipe(plan, material, seed, point)
            nets.append(quantized_net(train_network(base.graph, material.train, recipe), seed, point, material))
    return nets


def float_recipe(plan: Plan, material: Material, seed: int) -> Recipe:
    """Adam without weight decay: decay leaves few large weights, and a scale by the largest then loses the others."""
    return _recipe(epochs(plan.float_epochs, material), seed, None)


def quantized_recipe(plan: Plan, material: Material, seed: int, point: Point) -> Recipe:
    """Every layer and the input in the point's bits; weights with one scale a layer, the largest magnitude; learned
    steps of activations, which begin at the 99.9 percentile. Range rule, steps and rate were chosen on the last 1,500
    training digits with a network of the other digits."""
    quantization = Quantization(
        weight_bits=point.weights,
        activation_bits=point.activations,
        weights="per_tensor",
        activations="learned",
        calibration="p99.9",
    )
    return _recipe(epochs(plan.epochs, material), seed, quantization)


def _recipe(count: int, seed: int, quantization: Quantization | None) -> Recipe:
    return Recipe(
        epochs=count,
        batch=32,
        optimizer=Optimizer(name="adam", learning_rate=1e-3),
        schedule=Schedule(name="cosine", warmup=1 if count > 1 else 0),
        augmentation=Augmentation(shift=2),
        quantization=quantization,
        seed=seed,
    )


def epochs(count: int, material: Material) -> int:
    """Epochs on this set: fewer where it is larger, so that updates stay within MOST_UPDATES times as many."""
    size = len(material.train)
    return count if size <= SHIPPED_PICTURES else max(1, round(MOST_UPDATES * count * SHIPPED_PICTURES / size))


def _float_net(trained: Trained, seed: int, material: Material) -> Net:
    assert trained.test_accuracy is not None
    images = len(material.test)
    return Net(point=None, seed=seed, trained=trained, network=None, accuracy=trained.test_accuracy, images=images)


def quantized_net(trained: Trained, seed: int, point: Point, material: Material) -> Net:
    """The trained network in the integers that drive crossbars, judged by computing all test pictures with them."""
    prepared = trained.preprocessing
    settings = Quantization(weight_bits=point.weights, activation_bits=point.activations)
    network = quantize(
        trained.graph,
        trained.ranges,
        precision=settings.precision,
        pixels=Pixels(mean=prepared.mean, scale=prepared.scale),
        weights="per_tensor",
    )
    labels = material.test.labels
    right = int((infer(network, inputs(network, material, None)).predictions == labels).sum())
    images = len(material.test)
    return Net(point=point, seed=seed, trained=trained, network=network, accuracy=right / images, images=images)


def inputs(
    network: QuantizedNetwork, material: Material, most: int | None
) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
    """The first test pictures (None: all) as a network takes them."""
    if network.pixels is not None:
        return material.test.pixels[:most]
    return material.data.images(0, most)


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Accuracy of a design point (None: float): mean over seeds, Wilson's 95 % interval for the number of test pictures
    (seeds see the same ones, so they do not count as more), and the single seeds."""

    set: str
    point: Point | None
    mean: float
    interval: Interval
    seeds: tuple[float, ...]
    images: int


def scores(material: Material, nets: list[Net]) -> list[Score]:
    """One for the float networks, one for each design point."""
    found = []
    for point in dict.fromkeys(net.point for net in nets):
        same = [net for net in nets if net.point == point]
        mean, images = fsum(net.accuracy for net in same) / len(same), same[0].images
        found.append(
            Score(
                set=material.name,
                point=point,
                mean=mean,
                interval=wilson(round(mean * images), images),
                seeds=tuple(net.accuracy for net in same),
                images=images,
            )
        )
    return found
