"""Trained networks as the study looks at them: the last layer's signs, its inputs, and the integers on test digits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import log2
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.function.inference.infer import infer
from archsim.function.quantization.network import MatrixLayer, Pixels, Precision, QuantizedNetwork
from archsim.function.quantization.quantize import quantize
from archsim.studies.request import Request
from archsim.studies.weinstock2023.plan import LADDER, LAST, LOSSES, Plan, recipe, with_bias
from archsim.training import OutputTrial, Pictures, Recipe, Trained, decode, search_output_shift, train_network
from archsim.training.pictures import normalised
from archsim.workload import default_preprocessing, load_data, load_workload

Array = NDArray[Any]

PRECISION = Precision(input_bits=2, weight_bits=1)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Net:
    """One trained network.

    Attributes
    ----------
    strength : of the sign-bias penalty, 0 without.
    layer : the last one, 84 x 10.
    train, test : inputs of the last layer, uint8 [pictures, 84], 0 to 3.
    outputs : raw integers of the last layer on the test digits, int64 [pictures, 10], by the integer engine.
    trained_accuracy : on the test digits as training computed it.
    """

    loss: str
    seed: int
    strength: float
    shift: int
    network: QuantizedNetwork
    trained: Trained
    layer: MatrixLayer
    train: Array
    test: Array
    labels: Array
    outputs: Array
    trained_accuracy: float

    @property
    def signs(self) -> Array:
        """Weights of the last layer: int8 [84, 10], -1 and 1."""
        return np.asarray(self.layer.weight[0])

    @property
    def accuracy(self) -> float:
        """Share of test digits whose largest raw integer is the label's."""
        return right(self.outputs, self.labels)


def right(outputs: Array, labels: Array) -> float:
    """Share of pictures whose largest output [pictures, classes] is the label's."""
    return float((outputs.argmax(axis=-1) == labels).mean())


def digits(plan: Plan) -> tuple[Pictures, Pictures]:
    """Training and test digits for LeNet-5."""
    graph = load_workload("lenet5")
    prepared = replace(default_preprocessing(graph), source="pixels as they come; weights by archsim's weinstock2023")
    parts = (("digits:train", plan.digits), ("digits:test", plan.tests))
    train, test = (decode(load_data(name, prepared, limit=most, classes=10), labelled=True) for name, most in parts)
    return train, test


def trained_nets(plan: Plan, request: Request) -> tuple[list[Net], Mapping[str, tuple[OutputTrial, ...]]]:
    """Both losses plain, cross-entropy with the penalty, for every seed; and the trials of the output scale of squared
    errors."""
    train, test = digits(plan)
    found: list[Net] = []
    trials: dict[str, tuple[OutputTrial, ...]] = {}
    for loss in LOSSES:
        base = recipe(loss, plan.epochs, plan.seeds[0])
        if loss == "sse":
            request.told("output scale for squared errors")
            base, trials[loss] = search_output_shift(load_workload("lenet5"), train, base, plan.search)
        for seed in plan.seeds:
            for strength in (0.0, *LADDER) if loss == "cross_entropy" else (0.0,):
                penalty = f", penalty {strength:g}" if strength else ""
                request.told(f"{LOSSES[loss]}, seed {seed}{penalty}: {plan.epochs} epochs")
                wanted = replace(base, seed=seed)
                wanted = with_bias(wanted, strength) if strength else wanted
                found.append(_net(wanted, strength, train, test))
    return found, trials


def _net(wanted: Recipe, strength: float, train: Pictures, test: Pictures) -> Net:
    trained = train_network(load_workload("lenet5"), train, wanted, test=test)
    network = integer_network(trained)
    layer = next(item for item in network.matrices if item.name == LAST)
    source = next(step.step.inputs[0] for step in network.steps if step.matrix is layer)
    seen = {name: infer(network, images(trained, part), keep=[source]) for name, part in (("a", train), ("b", test))}
    unit = float(layer.scale[0])
    assert test.labels is not None
    assert trained.test_accuracy is not None
    return Net(
        loss=wanted.loss,
        seed=wanted.seed,
        strength=strength,
        shift=round(-log2(unit)),
        network=network,
        trained=trained,
        layer=layer,
        train=seen["a"].tensors[source],
        test=seen["b"].tensors[source],
        labels=test.labels,
        outputs=np.rint(seen["b"].logits / unit).astype(np.int64),
        trained_accuracy=trained.test_accuracy,
    )


def integer_network(trained: Trained) -> QuantizedNetwork:
    """The network as a machine of 1-bit weights and 2-bit inputs reads it from its files."""
    pixels = Pixels(mean=trained.preprocessing.mean, scale=trained.preprocessing.scale)
    return quantize(trained.graph, trained.ranges, precision=PRECISION, pixels=pixels, weights="binary")


def images(trained: Trained, pictures: Pictures) -> Array:
    """Pictures [N, C, H, W] as the network takes them."""
    return np.ascontiguousarray(normalised(pictures.pixels, trained.preprocessing).swapaxes(0, 1))
