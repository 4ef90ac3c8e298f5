"""Networks and pictures of the study: what ships with archsim, and what a data directory adds.

The user's data (`archsim reproduce redy --data DIR`) may have, anywhere inside,

    imagenet200.zip         200 photographs, file names start with the ImageNet class; the even-numbered hundred
                            calibrates, the odd-numbered is evaluated
    cifar10_jpg.zip         CIFAR-10 as pictures, train/ and test/ by class; 1,000 train, 2,000 test are used
    efficientnet-lite0.onnx EfficientNet-Lite0

What is missing is skipped and said so; shipped photographs then stand in where there are ranges for a network. The
quick form uses shipped data only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from archsim.function.precision.calibration import Calibration, read_calibration
from archsim.studies.request import Request
from archsim.workload import (
    Dataset,
    Graph,
    load_data,
    load_workload,
    preprocessing_for,
)

PHOTOS, CIFAR, EFFICIENTNET = "imagenet200.zip", "cifar10_jpg.zip", "efficientnet-lite0.onnx"
PHOTOS_USED, CIFAR_TRAIN, CIFAR_TEST = 100, 1000, 2000
DIGITS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One network with pictures to calibrate on and others to evaluate.

    `calibration` None: only the saved calibrations `saved` (by rule) are at hand. `pinned` cases are held to the bands
    of the reconstruction; the others show the method.
    """

    name: str
    graph: Graph
    calibration: Dataset | None
    saved: dict[str, Calibration]
    evaluation: Dataset
    pinned: bool
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A case that could not be run, and why."""

    name: str
    reason: str


def quick_cases() -> Iterator[Case | Skipped]:
    """What shipped data allow: SqueezeNet and ResNet-8 with saved ranges on four photographs, LeNet-5 on digits."""
    yield shipped_case("squeezenet1.1")
    yield shipped_case("resnet8-cifar10")
    yield digits_case(DIGITS)


def shipped_case(name: str) -> Case:
    """A shipped network on the four shipped photographs, with the ranges saved for it."""
    graph = load_workload(name)
    data = load_data("cats", preprocessing_for(name, graph))
    note = "4 shipped photographs; ranges calibrated on other pictures"
    if name == "resnet8-cifar10":
        data = replace(data, labels=None)
        note += "; they are scaled to 32 x 32 and of none of CIFAR-10's classes: no accuracy"
    saved = {"p99.99": read_calibration(f"{name}.p99.99.json")}
    return Case(name=name, graph=graph, calibration=None, saved=saved, evaluation=data, pinned=False, note=note)


def full_cases(request: Request) -> Iterator[Case | Skipped]:
    """All networks on the user's pictures; what lacks is said, and shipped photographs stand in."""
    photos, cifar, efficientnet = (request.find(name) for name in (PHOTOS, CIFAR, EFFICIENTNET))
    if photos is None:
        yield Skipped(name="squeezenet1.1", reason=request.missing(PHOTOS))
        yield shipped_case("squeezenet1.1")
    else:
        yield photo_case("squeezenet1.1", "squeezenet1.1", photos)
    if efficientnet is None or photos is None:
        yield Skipped(
            name="efficientnet-lite0", reason=request.missing(EFFICIENTNET if efficientnet is None else PHOTOS)
        )
    else:
        yield photo_case("efficientnet-lite0", efficientnet, photos)
    if cifar is None:
        yield Skipped(name="resnet8-cifar10", reason=request.missing(CIFAR))
        yield shipped_case("resnet8-cifar10")
    else:
        yield cifar_case(cifar)
    yield digits_case()


def cifar_case(cifar: Path) -> Case:
    """ResNet-8 on CIFAR-10: training pictures calibrate, test pictures are evaluated."""
    graph = load_workload("resnet8-cifar10")
    preprocessing = preprocessing_for("resnet8-cifar10", graph)
    return Case(
        name="resnet8-cifar10",
        graph=graph,
        calibration=load_data(cifar / "train", preprocessing, limit=CIFAR_TRAIN),
        saved={},
        evaluation=load_data(cifar / "test", preprocessing, limit=CIFAR_TEST),
        pinned=True,
    )


def photo_case(name: str, network: str | Path, photos: Path) -> Case:
    """A network on the photographs: even-numbered ones calibrate, odd-numbered ones are evaluated."""
    graph = load_workload(network)
    whole = load_data(photos, preprocessing_for(network, graph))
    return Case(
        name=name,
        graph=graph,
        calibration=every_other(whole, 0, PHOTOS_USED),
        saved={},
        evaluation=every_other(whole, 1, PHOTOS_USED),
        pinned=True,
    )


def every_other(data: Dataset, first: int, most: int) -> Dataset:
    """Pictures first, first + 2, ... of a data set, at most so many."""
    chosen = np.arange(first, len(data), 2)[:most]
    return replace(
        data,
        name=f"{data.name} ({'odd' if first else 'even'}-numbered)",
        names=tuple(data.names[index] for index in chosen),
        labels=None if data.labels is None else data.labels[chosen],
        indices=data.indices[chosen],
    )


def digits_case(limit: int | None = None) -> Case:
    """The shipped LeNet-5 on MNIST: held-out digits (all, or `limit`) are evaluated, digits it was trained on
    calibrate."""
    graph = load_workload("lenet5-mnist")
    preprocessing = preprocessing_for("lenet5-mnist", graph)
    return Case(
        name="lenet5-mnist",
        graph=graph,
        calibration=load_data("digits:train", preprocessing, limit=DIGITS),
        saved={},
        evaluation=load_data("digits:test", preprocessing, limit=limit),
        pinned=False,
    )
