"""What the accuracy part trains, and on what: small networks, pictures, one run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from math import prod, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.function.parallel import spread
from archsim.training.insitu.devices import SynapticDevice, asymmetric
from archsim.training.insitu.recipe import Converters, InSitu
from archsim.training.insitu.record import Record
from archsim.training.insitu.settings import QUARTERS, UpdateSettings
from archsim.training.pictures import Augmentation, Pictures, decode
from archsim.training.recipe import Recipe
from archsim.training.session import train_network
from archsim.workload import Graph, Preprocessing, load_data
from archsim.workload.graph import Activation, Input, Layer, Linear, Reshape

Array = NDArray[Any]

DEVICE = asymmetric(0, levels=64)
"""Linear, 64 levels, cycle-to-cycle 0.3 %: what all devices of the study have in common."""

RULES: Mapping[str, UpdateSettings] = {
    "none": UpdateSettings(rule="sgd"),
    "momentum": UpdateSettings(rule="momentum"),
    "momentum+decay": UpdateSettings(rule="momentum", pulse_scale=QUARTERS),
    "accumulate+decay": UpdateSettings(rule="accumulate", pulse_scale=QUARTERS),
}
"""Update rules of the pattern. decay: the pulse scale falls to a half and a quarter in the last quarters of the run."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Task:
    """A network, its training and test pictures by seed, and how long and in what batches it learns. The accuracy of a
    run is the mean over its last `averaged` epochs: a single one moves by the pulses of its last updates."""

    graph: Graph
    parts: Callable[[int], tuple[Pictures, Pictures]]
    epochs: int
    batch: int = 100
    averaged: int = 5
    batch_norm: bool = False
    augmentation: Augmentation = field(default_factory=Augmentation)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Learned:
    """Outcome of one run: test accuracy in percent, mean over its last epochs, and what was written."""

    accuracy: float
    record: Record


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Sample:
    """Runs that differ in their seed alone."""

    runs: tuple[Learned, ...]

    @property
    def accuracies(self) -> Array:
        """Test accuracy [%] of each run."""
        return np.array([run.accuracy for run in self.runs])

    @property
    def mean(self) -> float:
        """Mean test accuracy [%]."""
        return float(self.accuracies.mean())

    @property
    def error(self) -> float:
        """Standard error of the mean; 0 of a single run."""
        count = len(self.runs)
        return float(self.accuracies.std(ddof=1)) / sqrt(count) if count > 1 else 0.0

    @property
    def pulses(self) -> float:
        """Mean pulses per weight of a run, second arrays included."""
        each = [run.record.counts.pulses / sum(layer.weights for layer in run.record.layers) for run in self.runs]
        return float(np.mean(each))


def learn(
    task: Task, device: SynapticDevice, update: UpdateSettings, seed: int, converters: Converters | None = None
) -> Learned:
    """One training."""
    training, test = task.parts(seed)
    recipe = Recipe(
        epochs=task.epochs,
        batch=task.batch,
        seed=seed,
        augmentation=task.augmentation,
        insitu=InSitu(device=device, update=update, converters=converters or Converters()),
    )
    trained = train_network(task.graph, training, recipe, batch_norm=task.batch_norm, test=test, threads=1)
    last = [line.test_accuracy or 0.0 for line in trained.history[-task.averaged :]]
    assert trained.record is not None
    return Learned(accuracy=100 * sum(last) / len(last), record=trained.record)


def sample(
    task: Task,
    device: SynapticDevice,
    update: UpdateSettings,
    seeds: Sequence[int],
    converters: Converters | None = None,
    pool: Executor | None = None,
) -> Sample:
    """The same training with each of the seeds."""
    return Sample(runs=tuple(spread(pool, partial(_seeded, task, device, update, converters), seeds)))


def _seeded(
    task: Task, device: SynapticDevice, update: UpdateSettings, converters: Converters | None, seed: int
) -> Learned:
    return learn(task, device, update, seed, converters)


def perceptron(shape: tuple[int, int, int], hidden: int, classes: int) -> Graph:
    """flatten - linear - relu - linear, without weights."""
    inputs = prod(shape)
    layers = (
        Layer(name="data", op=Input(), inputs=(), shape=shape),
        Layer(name="flat", op=Reshape(), inputs=("data",), shape=(inputs,)),
        Layer(name="fc1", op=Linear(out=hidden), inputs=("flat",), shape=(hidden,)),
        Layer(name="relu", op=Activation(function="relu"), inputs=("fc1",), shape=(hidden,)),
        Layer(name="fc2", op=Linear(out=classes), inputs=("relu",), shape=(classes,)),
    )
    return Graph(name=f"perceptron-{inputs}-{hidden}-{classes}", layers=layers, outputs=("fc2",))


def small_digits(epochs: int) -> Task | None:
    """scikit-learn's 8x8 digits for 64-100-10, split 1,400 / 397 anew for each seed; None without scikit-learn."""
    if find_spec("sklearn") is None:
        return None
    found = import_module("sklearn.datasets").load_digits()
    pixels = np.minimum(found.images * 16, 255).astype(np.uint8)[:, None]
    labels = found.target.astype(np.int64)
    preprocessing = Preprocessing(size=(8, 8), channels="gray", mean=(0.0,), scale=(1 / 255,), source="digits")

    def parts(seed: int) -> tuple[Pictures, Pictures]:
        order = np.random.default_rng(np.random.SeedSequence((seed, 0xD161))).permutation(len(pixels))
        chosen = (order[:1400], order[1400:])
        training, test = (
            Pictures(pixels=pixels[part], labels=labels[part], preprocessing=preprocessing) for part in chosen
        )
        return training, test

    return Task(graph=perceptron((1, 8, 8), 100, 10), parts=parts, epochs=epochs)


def shipped(name: str, training: int, epochs: int) -> Task:
    """A shipped set of 28x28 pictures for 784-100-10, its first `training` training pictures and all test pictures."""
    preprocessing = Preprocessing(size=(28, 28), channels="gray", mean=(0.0,), scale=(1 / 255,), source=name)
    both = (
        decode(load_data(f"{name}:train", preprocessing, limit=training, classes=10), labelled=True),
        decode(load_data(f"{name}:test", preprocessing, classes=10), labelled=True),
    )
    return Task(graph=perceptron((1, 28, 28), 100, 10), parts=lambda _: both, epochs=epochs)
