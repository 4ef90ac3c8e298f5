"""`archsim train STUDY.yaml`: the file, strictly read, and the study it describes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ValidationError

from archsim.config.blocks import Model
from archsim.config.complaints import complain, problems_of
from archsim.config.document import Block, Node, plain, read_yaml
from archsim.config.types import Fraction, Text, Truth, Whole
from archsim.errors import InputError, Problem
from archsim.training.optimizers import Optimizer, Schedule
from archsim.training.pictures import Augmentation
from archsim.training.quantizers import Quantization
from archsim.training.recipe import Distillation, Recipe, check_recipe
from archsim.workload.yamlfields import Parsed, whole

Epochs = Annotated[int, Whole(1, 100_000)]
BatchSize = Annotated[int, Whole(1, 65_536)]
Seed = Annotated[int, Whole(0, 2**63 - 1)]
Rate = Annotated[float, Fraction(0.0, 1e3)]
Part = Annotated[float, Fraction(0.0, 1.0)]
Bits = Annotated[int, Whole(2, 16)]
Pixels = Annotated[int, Whole(0, 64)]
Pixel = Annotated[int, Whole(0, 255)]
Images = Annotated[int, Whole(1, 10**9)]
Number = Annotated[float, Fraction(0.0, 1e4)]


def _marks(value: object) -> tuple[int, ...]:
    if not isinstance(value, list):
        return (whole(value, 1),)
    return tuple(whole(item, 1) for item in value)


Marks = Annotated[tuple[int, ...], Parsed(_marks, {"type": "array", "items": {"type": "integer", "minimum": 1}})]


class OptimizerBlock(Model):
    """Update rule and its settings."""

    name: Literal["sgd", "adam"] = "sgd"
    learning_rate: Rate = 0.05
    momentum: Part = 0.9
    beta1: Part = 0.9
    beta2: Part = 0.999
    weight_decay: Rate = 0.0


class ScheduleBlock(Model):
    """Learning rate over the run."""

    name: Literal["constant", "step", "cosine"] = "cosine"
    warmup: Number = 0.0
    at: Marks = ()
    factor: Part = 0.1


class AugmentationBlock(Model):
    """Changes to training pictures."""

    shift: Pixels = 0
    mirror: Truth = False
    fill: Pixel = 0


class QuantizationBlock(Model):
    """Quantization-aware training."""

    weight_bits: Bits = 8
    activation_bits: Bits = 8
    weights: Text = "per_channel"
    activations: Text = "fixed"
    calibration: Text = "minmax"
    images: Images = 1000
    residual_bits: Bits | None = None


class DistillationBlock(Model):
    """A teacher, and how much it counts."""

    teacher: Text
    temperature: Number = 4.0
    share: Part = 1.0


class Document(Model):
    """Top level of a training study."""

    name: Text | None = None
    description: Text | None = None
    workload: Text
    start: Literal["file", "seeded"] = "file"
    data: Text
    test: Text | None = None
    limit: Images | None = None
    epochs: Epochs
    batch: BatchSize = 64
    loss: Literal["cross_entropy", "sse"] = "cross_entropy"
    batch_norm: Truth = False
    optimizer: OptimizerBlock = OptimizerBlock()
    schedule: ScheduleBlock = ScheduleBlock()
    augmentation: AugmentationBlock = AugmentationBlock()
    quantization: QuantizationBlock | None = None
    distillation: DistillationBlock | None = None
    seed: Seed = 0
    output: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingStudy:
    """A study as read. `data` and `test` are names or paths of data sets; with `start` "seeded" the weights of the
    workload are drawn even where it has some; `teacher` is a workload."""

    name: str
    workload: str
    start: Literal["file", "seeded"]
    data: str
    test: str | None
    limit: int | None
    batch_norm: bool
    teacher: str | None
    recipe: Recipe
    output: str | None


def read_study(path: str | os.PathLike[str]) -> TrainingStudy:
    """A training study from its YAML file. Raises `InputError` with every problem, each with file and line."""
    file = Path(path)
    root = read_yaml(file)
    if not isinstance(root, Block):
        raise InputError("is no mapping; expected 'workload:', 'data:', 'epochs:' and other lines", root.where)
    try:
        document = Document.model_validate(plain(root))
    except ValidationError as error:
        raise InputError(problems_of(error, Document, root)) from None
    recipe = _recipe(document)
    _check(recipe, root)
    return TrainingStudy(
        name=document.name or file.stem,
        workload=document.workload,
        start=document.start,
        data=document.data,
        test=document.test,
        limit=document.limit,
        batch_norm=document.batch_norm,
        teacher=None if document.distillation is None else document.distillation.teacher,
        recipe=recipe,
        output=document.output,
    )


def _recipe(document: Document) -> Recipe:
    def values(block: Model, *, without: tuple[str, ...] = ()) -> dict[str, Any]:
        return {key: value for key, value in block if key not in without}

    quantization, distillation = document.quantization, document.distillation
    return Recipe(
        epochs=document.epochs,
        batch=document.batch,
        loss=document.loss,
        optimizer=Optimizer(**values(document.optimizer)),
        schedule=Schedule(**values(document.schedule)),
        augmentation=Augmentation(**values(document.augmentation)),
        quantization=None if quantization is None else Quantization(**values(quantization)),
        distillation=None if distillation is None else Distillation(**values(distillation, without=("teacher",))),
        seed=document.seed,
    )


def _check(recipe: Recipe, root: Node) -> None:
    """`check_recipe`, with the lines of the file."""
    try:
        check_recipe(recipe)
    except InputError as error:
        raise InputError([complain(root, problem.where, problem.what) for problem in error.problems]) from None


def unusable_name(name: str) -> Problem | None:
    """What is wrong with a name as that of files, if anything."""
    if name != Path(name).name or name in (".", ".."):
        return Problem("name", f"'{name}' cannot name a file; expected letters, digits, '-', '_' or '.'")
    return None
