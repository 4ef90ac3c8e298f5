"""What a training run is to do, as plain data, with everything that can be wrong with it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from archsim.config.suggest import did_you_mean
from archsim.errors import InputError, Problem
from archsim.function.quantization.calibrate import CALIBRATORS
from archsim.function.quantization.levels import LEVEL_QUANTIZERS
from archsim.training.gradients import NORMALISERS, ROUNDINGS, GradientRule
from archsim.training.insitu.recipe import InSitu
from archsim.training.losses import LOSSES
from archsim.training.optimizers import OPTIMIZERS, SCHEDULES, Optimizer, Schedule
from archsim.training.pictures import Augmentation
from archsim.training.quantizers import ACTIVATION_QUANTIZERS, BIASES, WEIGHT_QUANTIZERS, Quantization


@dataclass(frozen=True, slots=True, kw_only=True)
class Distillation:
    """Learning from a teacher's outputs: loss = (1 - share) label loss + share distillation loss at `temperature`.

    With share 1 no labels are read.
    """

    temperature: float = 4.0
    share: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A training run. The same recipe, network and pictures give the same bytes on one machine, on any number of
    threads and however often the run was interrupted; another processor or BLAS may round sums otherwise. With `insitu`
    its update rule and pulse scale stand in place of `optimizer` and `schedule`."""

    epochs: int
    batch: int = 64
    loss: str = "cross_entropy"
    optimizer: Optimizer = field(default_factory=Optimizer)
    schedule: Schedule = field(default_factory=Schedule)
    augmentation: Augmentation = field(default_factory=Augmentation)
    quantization: Quantization | None = None
    distillation: Distillation | None = None
    gradients: GradientRule = field(default_factory=GradientRule)
    insitu: InSitu | None = None
    seed: int = 0


def check_recipe(recipe: Recipe) -> None:
    """Raise `InputError` with everything that is wrong with a recipe."""
    problems = [*_names(recipe), *_numbers(recipe), *_integer(recipe), *_insitu(recipe)]
    if problems:
        raise InputError(problems)


def _names(recipe: Recipe) -> Iterator[Problem]:
    chosen: list[tuple[str, str, Collection[str]]] = [
        ("loss", recipe.loss, LOSSES),
        ("optimizer.name", recipe.optimizer.name, OPTIMIZERS),
        ("schedule.name", recipe.schedule.name, SCHEDULES),
        ("gradients.normalise", recipe.gradients.normalise, NORMALISERS),
        ("gradients.rounding", recipe.gradients.rounding, ROUNDINGS),
    ]
    if recipe.quantization is not None:
        chosen += [
            ("quantization.weights", recipe.quantization.weights, WEIGHT_QUANTIZERS),
            ("quantization.activations", recipe.quantization.activations, ACTIVATION_QUANTIZERS),
            ("quantization.calibration", recipe.quantization.calibration, CALIBRATORS),
            ("quantization.bias", recipe.quantization.bias, BIASES),
        ]
    if recipe.quantization is not None and recipe.quantization.levels is not None:
        chosen.append(("quantization.levels.quantizer", recipe.quantization.levels.quantizer, LEVEL_QUANTIZERS))
    for where, name, known in chosen:
        if name not in known:
            yield Problem(where, f"'{name}' is unknown; expected {' | '.join(known)}{did_you_mean(name, known)}")


def _numbers(recipe: Recipe) -> Iterator[Problem]:
    optimizer, schedule = recipe.optimizer, recipe.schedule
    bounds: list[tuple[str, float, float, float]] = [
        ("epochs", recipe.epochs, 1, 1e6),
        ("batch", recipe.batch, 1, 65536),
        ("seed", recipe.seed, 0, 2**63),
        ("optimizer.learning_rate", optimizer.learning_rate, 0, 1e3),
        ("optimizer.momentum", optimizer.momentum, 0, 1),
        ("optimizer.beta1", optimizer.beta1, 0, 1),
        ("optimizer.beta2", optimizer.beta2, 0, 1),
        ("optimizer.weight_decay", optimizer.weight_decay, 0, 10),
        ("schedule.warmup", schedule.warmup, 0, recipe.epochs),
        ("schedule.factor", schedule.factor, 0, 1),
        ("augmentation.shift", recipe.augmentation.shift, 0, 64),
        ("augmentation.fill", recipe.augmentation.fill, 0, 255),
    ]
    if recipe.quantization is not None:
        bounds += [
            ("quantization.weight_bits", recipe.quantization.weight_bits, _least_bits(recipe.quantization), 16),
            ("quantization.activation_bits", recipe.quantization.activation_bits, 2, 16),
            ("quantization.images", recipe.quantization.images, 1, 1e9),
        ]
    if recipe.quantization is not None and recipe.quantization.residual_bits is not None:
        bounds.append(("quantization.residual_bits", recipe.quantization.residual_bits, 2, 16))
    if recipe.quantization is not None and recipe.quantization.output_shift is not None:
        bounds.append(("quantization.output_shift", recipe.quantization.output_shift, -8, 24))
    if recipe.gradients.bits is not None:
        bounds.append(("gradients.bits", recipe.gradients.bits, 2, 24))
    bounds += [(f"gradients.sign_bias.{name}", value, 0, 1e3) for name, value in recipe.gradients.sign_bias.items()]
    if recipe.distillation is not None:
        bounds += [
            ("distillation.temperature", recipe.distillation.temperature, 1e-2, 1e3),
            ("distillation.share", recipe.distillation.share, 0, 1),
        ]
    for where, value, low, high in bounds:
        if not low <= value <= high:
            yield Problem(where, f"is {value:g}; expected {low:g} to {high:g}")
    for where, value in (("momentum", optimizer.momentum), ("beta1", optimizer.beta1), ("beta2", optimizer.beta2)):
        if value == 1:
            yield Problem(f"optimizer.{where}", "is 1, so nothing new would count; expected less than 1")
    if schedule.name == "cosine" and 0 < recipe.epochs <= schedule.warmup:
        yield Problem("schedule.warmup", f"is all of the {recipe.epochs} epochs; expected less")


def _least_bits(quantization: Quantization) -> int:
    return 1 if quantization.weights == "binary" else 2


def _integer(recipe: Recipe) -> Iterator[Problem]:
    """What integer training asks for together, and what only it has."""
    settings = recipe.quantization
    unit = settings is not None and settings.activations == "integer"
    if settings is not None and unit and settings.weights != "binary":
        what = f"is '{settings.weights}'; activations: integer shifts sums of signs, expected binary"
        yield Problem("quantization.weights", what)
    if settings is not None and unit and settings.residual_bits is not None:
        yield Problem("quantization.residual_bits", "has no place in integer training: all tensors share one scale")
    if settings is not None and settings.output_shift is not None and not unit:
        yield Problem("quantization.output_shift", "needs activations: integer; else ranges decide the scale of logits")
    if recipe.gradients.rounding == "stochastic" and recipe.gradients.bits is None:
        yield Problem("gradients.rounding", "is stochastic, but nothing is rounded; expected gradients.bits")


def _insitu(recipe: Recipe) -> Iterator[Problem]:
    """What has no place beside in-situ training."""
    if recipe.insitu is None:
        return
    if recipe.quantization is not None:
        yield Problem("quantization", "has no place beside insitu, which says how many bits inputs and errors have")
    if recipe.gradients != GradientRule():
        yield Problem("gradients", "has no place beside insitu: its update rule takes gradients as they are")
