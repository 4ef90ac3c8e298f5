"""What is computed for one chunk of a batch: loss, gradients and statistics, in a training's arithmetic."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.function.parallel import spread
from archsim.training import floating
from archsim.training.arithmetic import Arithmetic, Key
from archsim.training.losses import LOSSES, distillation
from archsim.training.model import Model
from archsim.training.pictures import Pictures, normalised
from archsim.training.recipe import Recipe
from archsim.training.tape import CHUNK, Chunk, Gradients, added, backward, in_step

Array = NDArray[Any]
State = Mapping[str, Array]
Statistics = Mapping[str, tuple[Array, Array, int]]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Job:
    """What a run trains and how; `teacher` is a float network with its state."""

    recipe: Recipe
    arithmetic: Arithmetic[Any]
    teacher: tuple[Model, State] | None = None

    @property
    def model(self) -> Model:
        """What is trained."""
        return self.arithmetic.model


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class BatchOutcome:
    """Gradients of the mean loss of a batch, the sum of its losses, the right answers (zero without labels), and the
    statistics of its batch norms."""

    gradients: Gradients
    loss: float
    correct: int
    statistics: Statistics = field(default_factory=dict)


def run_batch(
    job: Job, state: State, pixels: Array, labels: Array | None, pool: Executor | None, update: int = 0
) -> BatchOutcome:
    """Loss and gradients of a batch of pixels uint8 [N, C, H, W] with labels [N], chunk by chunk on the pool; `update`
    updates were done before."""
    prepared = job.arithmetic.prepare(state)
    parts = [slice(start, start + CHUNK) for start in range(0, len(pixels), CHUNK)]
    chunks = [
        _chunk(
            job, state, prepared, pixels[part], None if labels is None else labels[part], len(pixels),
            Key(job.recipe.seed, update, number),
        )
        for number, part in enumerate(parts)
    ]  # fmt: skip
    found = in_step(pool, chunks)
    return BatchOutcome(
        gradients=added([outcome.gradients for outcome in found]),
        loss=float(sum(outcome.loss for outcome in found)),
        correct=sum(outcome.correct for outcome in found),
        statistics=found[0].statistics,
    )


def _chunk(
    job: Job, state: State, prepared: Any, pixels: Array, labels: Array | None, batch: int, key: Key
) -> Chunk[BatchOutcome]:
    found = yield from job.arithmetic.forward(prepared, pixels, batch, key)
    logits = found.logits
    loss, gradient = _loss(job, logits, labels, pixels)
    gradients = yield from backward(found.tape, job.model.logits, gradient / gradient.dtype.type(batch))
    gradients = {name: value for name, value in gradients.items() if name in state}
    correct = 0 if labels is None else int((logits.argmax(axis=0) == labels).sum())
    return BatchOutcome(gradients=gradients, loss=loss, correct=correct, statistics=found.statistics)


def _loss(job: Job, logits: Array, labels: Array | None, pixels: Array) -> tuple[float, Array]:
    """Summed loss of a chunk, and its gradient [classes, n]."""
    parts: list[tuple[float, tuple[Array, Array]]] = []
    rule = job.recipe.distillation
    share = 0.0 if rule is None else rule.share
    if share < 1:
        assert labels is not None
        parts.append((1 - share, LOSSES[job.recipe.loss](logits, labels)))
    if rule is not None and share > 0:
        assert job.teacher is not None
        taught = floating.predict(*job.teacher, normalised(pixels, job.arithmetic.preprocessing))
        parts.append((share, distillation(logits, taught, rule.temperature)))
    value = sum(weight * float(values.sum()) for weight, (values, _) in parts)
    gradient = sum((gradient * gradient.dtype.type(weight) for weight, (_, gradient) in parts), np.zeros_like(logits))
    return value, gradient


def accuracy(job: Job, state: State, pictures: Pictures, pool: Executor | None) -> float:
    """Share of labelled pictures whose largest logit is the label's."""
    assert pictures.labels is not None
    labels, prepared = pictures.labels, job.arithmetic.prepare(state)

    def correct(start: int) -> int:
        part = slice(start, start + CHUNK)
        return int((job.arithmetic.predict(prepared, pictures.pixels[part]).argmax(axis=0) == labels[part]).sum())

    return sum(spread(pool, correct, range(0, len(pictures), CHUNK))) / len(pictures)
