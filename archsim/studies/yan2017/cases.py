"""Networks and pictures of the study: what ships with archsim, and what `--data` adds.

The user's data may have, anywhere inside,

    imagenet200.zip   200 photographs, file names start with the ImageNet class
    cifar10_jpg.zip   CIFAR-10 as pictures, train/ and test/ by class; 4,000 of each are used

LeNet-5 and its digits ship. The quick form uses shipped data only, and says of SqueezeNet on four photographs no more
than that it runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from archsim.studies.request import Request
from archsim.workload import Dataset, Graph, load_data, load_workload, preprocessing_for

PHOTOS, CIFAR = "imagenet200.zip", "cifar10_jpg.zip"
CIFAR_PICTURES = 4000
QUICK_DIGITS = 500


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """One network with pictures to evaluate.

    Attributes
    ----------
    judged : whether the issue's bands apply (else the case only shows the method).
    calibration : pictures for importance and measured losses, None where neither is tried.
    unlabelled : pictures for the brief distillation, None where there is none.
    errors : pictures for the study of programming errors; 0 for none.
    """

    name: str
    graph: Graph
    evaluation: Dataset
    judged: bool
    calibration: Dataset | None = None
    unlabelled: Dataset | None = None
    errors: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A case that could not be run, and why."""

    name: str
    reason: str


def available_cases(request: Request) -> Iterator[Case | Skipped]:
    """LeNet-5, ResNet-8 and SqueezeNet, as far as there are pictures."""
    yield digits_case(request.quick)
    if request.quick:
        yield Skipped(name="resnet8-cifar10", reason="the quick form has no pictures for it")
        yield cats_case()
        return
    cifar, photos = request.find(CIFAR), request.find(PHOTOS)
    if cifar is None:
        yield Skipped(name="resnet8-cifar10", reason=request.missing(CIFAR))
    else:
        yield cifar_case(request)
    if photos is None:
        yield Skipped(name="squeezenet1.1 on photographs", reason=request.missing(PHOTOS))
        yield cats_case()
    else:
        yield _case("squeezenet1.1", str(photos), judged=True)


def digits_case(quick: bool) -> Case:
    """LeNet-5 on the 2,000 held-out digits."""
    return _case(
        "lenet5-mnist",
        "digits:test",
        judged=True,
        limit=QUICK_DIGITS if quick else None,
        calibration=("digits:train", 128 if quick else 512),
        errors=200 if quick else 1000,
    )


def cifar_case(request: Request) -> Case:
    """ResNet-8 on CIFAR-10's test pictures."""
    cifar = request.find(CIFAR)
    assert cifar is not None
    return _case(
        "resnet8-cifar10",
        str(cifar / "test"),
        judged=True,
        limit=CIFAR_PICTURES,
        calibration=(str(cifar / "train"), 256),
        unlabelled=(str(cifar / "train"), CIFAR_PICTURES),
        errors=500,
    )


def cats_case() -> Case:
    """SqueezeNet on the four shipped photographs."""
    return _case(
        "squeezenet1.1", "cats", judged=False, note="4 shipped photographs: agreement is shown, nothing claimed"
    )


def _case(
    name: str,
    data: str,
    *,
    judged: bool,
    limit: int | None = None,
    calibration: tuple[str, int] | None = None,
    unlabelled: tuple[str, int] | None = None,
    errors: int = 0,
    note: str = "",
) -> Case:
    graph = load_workload(name)
    prepared = preprocessing_for(name, graph)
    classes = graph.classes

    def load(part: tuple[str, int] | None) -> Dataset | None:
        return None if part is None else load_data(part[0], prepared, limit=part[1], classes=classes)

    return Case(
        name=name,
        graph=graph,
        evaluation=load_data(data, prepared, limit=limit, classes=classes),
        judged=judged,
        calibration=load(calibration),
        unlabelled=load(unlabelled),
        errors=errors,
        note=note,
    )
