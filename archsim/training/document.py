"""`archsim train STUDY`: the file, strictly read, and the study it describes."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from archsim.config.blocks import Model
from archsim.config.complaints import complain, problems_of
from archsim.config.document import Block, Node, plain, read_yaml
from archsim.config.shipped import shipped
from archsim.config.suggest import did_you_mean
from archsim.config.types import Fraction, Name, Text, Truth, Whole
from archsim.errors import InputError, Problem
from archsim.function.quantization.levels import LevelRule
from archsim.training.gradients import GradientRule
from archsim.training.insitu.document import InSituBlock, in_situ_of
from archsim.training.optimizers import Optimizer, Schedule
from archsim.training.pictures import Augmentation
from archsim.training.quantizers import Quantization
from archsim.training.recipe import Distillation, Recipe, check_recipe
from archsim.training.search import OutputSearch, check_search
from archsim.workload.yamlfields import Parsed, whole

Epochs = Annotated[int, Whole(1, 100_000)]
BatchSize = Annotated[int, Whole(1, 65_536)]
Seed = Annotated[int, Whole(0, 2**63 - 1)]
Rate = Annotated[float, Fraction(0.0, 1e3)]
Part = Annotated[float, Fraction(0.0, 1.0)]
Bits = Annotated[int, Whole(2, 16)]
WeightBits = Annotated[int, Whole(1, 16)]
GradientBits = Annotated[int, Whole(2, 24)]
Shift = Annotated[int, Whole(-8, 24)]
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


class LevelsBlock(Model):
    """Weights that take the values of level sets (`archsim.function.quantization.levels`)."""

    quantizer: Text = "lloyd"
    granularity: Literal["layer", "channel", "shared"] = "layer"
    scale: Literal["rms", "max"] = "rms"
    zero: Truth = False


class QuantizationBlock(Model):
    """Quantization-aware training."""

    weight_bits: WeightBits = 8
    activation_bits: Bits = 8
    weights: Text = "per_channel"
    activations: Text = "fixed"
    calibration: Text = "minmax"
    images: Images = 1000
    residual_bits: Bits | None = None
    output_shift: Shift | None = None
    bias: Literal["all", "hidden", "none"] = "all"
    levels: LevelsBlock | None = None


class DistillationBlock(Model):
    """A teacher, and how much it counts."""

    teacher: Text
    temperature: Number = 4.0
    share: Part = 1.0


class GradientsBlock(Model):
    """What becomes of gradients before the update."""

    normalise: Text = "none"
    bits: GradientBits | None = None
    rounding: Literal["nearest", "stochastic"] = "nearest"
    sign_bias: dict[Name, Rate] = Field(default_factory=dict)


class SearchBlock(Model):
    """Short trainings that find quantization.output_shift."""

    first: Shift = 1
    last: Shift = 8
    epochs: Epochs = 2
    held_out: Part = 0.125


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
    gradients: GradientsBlock = GradientsBlock()
    output_search: SearchBlock | None = None
    insitu: InSituBlock | None = None
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
    search: OutputSearch | None
    output: str | None


SUFFIXES = (".yaml", ".yml")


def study_names() -> tuple[str, ...]:
    """Names of the training studies that ship."""
    return tuple(sorted(path.stem for path in (shipped("workloads") / "studies").glob("*.yaml")))


def find_study(name: str) -> Path:
    """The file of a shipped training study, or of a path. Raises `InputError` where there is neither."""
    known, path = study_names(), Path(name)
    if name in known:
        return shipped("workloads") / "studies" / f"{name}.yaml"
    if not path.exists() and not name.endswith(SUFFIXES):
        expected = f"expected {' | '.join(known)}, or a path to a .yaml file"
        raise InputError(f"no shipped training study or file of this name; {expected}{did_you_mean(name, known)}", name)
    return path


def read_study(path: str | os.PathLike[str], *, needs_output: bool = False) -> TrainingStudy:
    """A training study from its YAML file. Raises `InputError` with every problem, each with file and line.

    With `needs_output` a study without `output` is one of them: nobody else gives the folder.
    """
    file = Path(path)
    root = read_yaml(file)
    if not isinstance(root, Block):
        raise InputError("is no mapping; expected 'workload:', 'data:', 'epochs:' and other lines", root.where)
    problems = []
    if needs_output and "output" not in root.entries:
        problems.append(Problem(root.where, "output: is missing; expected a folder here, or -o DIR"))
    try:
        document = Document.model_validate(plain(root))
    except ValidationError as error:
        raise InputError([*problems_of(error, Document, root), *problems]) from None
    problems += _unused(document, root)
    try:
        recipe = _recipe(document)
    except InputError as error:
        raise InputError([*(complain(root, item.where, item.what) for item in error.problems), *problems]) from None
    search = None if document.output_search is None else OutputSearch(**dict(document.output_search))
    try:
        _check(recipe, search, root)
    except InputError as error:
        raise InputError([*error.problems, *problems]) from None
    if problems:
        raise InputError(problems)
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
        search=search,
        output=document.output,
    )


def training_schema() -> dict[str, Any]:
    """JSON Schema of a training study (for editors, and `archsim schema training`)."""
    schema = Document.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "archsim training study",
    }


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
        quantization=None
        if quantization is None
        else Quantization(
            **values(quantization, without=("levels",)),
            levels=None if quantization.levels is None else LevelRule(**values(quantization.levels)),
        ),
        distillation=None if distillation is None else Distillation(**values(distillation, without=("teacher",))),
        gradients=GradientRule(**values(document.gradients)),
        insitu=None if document.insitu is None else in_situ_of(document.insitu),
        seed=document.seed,
    )


def _unused(document: Document, root: Block) -> list[Problem]:
    """Blocks that an in-situ training would not read."""
    if document.insitu is None:
        return []
    what = "has no effect beside insitu, whose rule and pulse_scale say how weights change; expected one of the two"
    return [complain(root, name, what) for name in ("optimizer", "schedule") if name in root.entries]


def _check(recipe: Recipe, search: OutputSearch | None, root: Node) -> None:
    """`check_recipe` and `check_search`, with the lines of the file."""
    problems: list[Problem] = []
    for wrong in (_wrong(check_recipe, recipe), () if search is None else _wrong(check_search, search, recipe)):
        problems += [complain(root, problem.where, problem.what) for problem in wrong]
    if problems:
        raise InputError(problems)


def _wrong(check: Callable[..., None], *given: object) -> tuple[Problem, ...]:
    """What a check complains about."""
    try:
        check(*given)
    except InputError as error:
        return tuple(error.problems)
    return ()


def unusable_name(name: str) -> Problem | None:
    """What is wrong with a name as that of files, if anything."""
    if name != Path(name).name or name in (".", ".."):
        return Problem("name", f"'{name}' cannot name a file; expected letters, digits, '-', '_' or '.'")
    return None
