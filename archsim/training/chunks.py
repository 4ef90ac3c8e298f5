"""What is computed for one chunk of a batch: loss, gradients and statistics, of the float or the quantized network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.function.parallel import spread
from archsim.training import floating, integers
from archsim.training.losses import LOSSES, distillation
from archsim.training.model import Model
from archsim.training.pictures import Pictures, normalised
from archsim.training.prepared import Prepared, prepare
from archsim.training.quantizers import Scheme
from archsim.training.recipe import Recipe
from archsim.training.tape import CHUNK, Chunk, Entry, Gradients, added, backward, in_step
from archsim.workload import Preprocessing

Array = NDArray[Any]
State = Mapping[str, Array]
Statistics = Mapping[str, tuple[Array, Array, int]]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Job:
    """What a run trains and how. `scheme` makes it quantization-aware; `teacher` is a float network with its state."""

    model: Model
    recipe: Recipe
    preprocessing: Preprocessing
    scheme: Scheme | None = None
    teacher: tuple[Model, State] | None = None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class BatchOutcome:
    """Gradients of the mean loss of a batch, the sum of its losses, the right answers (zero without labels), and the
    statistics of its batch norms."""

    gradients: Gradients
    loss: float
    correct: int
    statistics: Statistics = field(default_factory=dict)


def run_batch(job: Job, state: State, pixels: Array, labels: Array | None, pool: Executor | None) -> BatchOutcome:
    """Loss and gradients of a batch of pixels uint8 [N, C, H, W] with labels [N], chunk by chunk on the pool."""
    prepared = None if job.scheme is None else prepare(job.model, job.scheme, state)
    parts = [slice(start, start + CHUNK) for start in range(0, len(pixels), CHUNK)]
    chunks = [
        _chunk(job, state, prepared, pixels[part], None if labels is None else labels[part], len(pixels))
        for part in parts
    ]
    found = in_step(pool, chunks)
    return BatchOutcome(
        gradients=added([outcome.gradients for outcome in found]),
        loss=float(sum(outcome.loss for outcome in found)),
        correct=sum(outcome.correct for outcome in found),
        statistics=found[0].statistics,
    )


def _chunk(
    job: Job, state: State, prepared: Prepared | None, pixels: Array, labels: Array | None, batch: int
) -> Chunk[BatchOutcome]:
    x = normalised(pixels, job.preprocessing)
    tape: list[Entry]
    statistics: Statistics = {}
    if prepared is None:
        found = yield from floating.forward(job.model, state, x, batch)
        logits, tape, statistics = found.logits, found.tape, found.statistics
    else:
        logits, _, tape = integers.forward(prepared, integers.input_codes(prepared.network, pixels, x))
    loss, gradient = _loss(job, logits, labels, x)
    gradients = yield from backward(tape, job.model.logits, gradient / gradient.dtype.type(batch))
    correct = 0 if labels is None else int((logits.argmax(axis=0) == labels).sum())
    return BatchOutcome(gradients=gradients, loss=loss, correct=correct, statistics=statistics)


def _loss(job: Job, logits: Array, labels: Array | None, x: Array) -> tuple[float, Array]:
    """Summed loss of a chunk, and its gradient [classes, n]."""
    parts: list[tuple[float, tuple[Array, Array]]] = []
    rule = job.recipe.distillation
    share = 0.0 if rule is None else rule.share
    if share < 1:
        assert labels is not None
        parts.append((1 - share, LOSSES[job.recipe.loss](logits, labels)))
    if rule is not None and share > 0:
        assert job.teacher is not None
        parts.append((share, distillation(logits, floating.predict(*job.teacher, x), rule.temperature)))
    value = sum(weight * float(values.sum()) for weight, (values, _) in parts)
    gradient = sum((gradient * gradient.dtype.type(weight) for weight, (_, gradient) in parts), np.zeros_like(logits))
    return value, gradient


def predictor(job: Job, state: State) -> Callable[[Array], Array]:
    """Function of pixels uint8 [n, C, H, W] to logits [classes, n], as the trained network will compute them."""
    if job.scheme is None:
        return lambda pixels: floating.predict(job.model, state, normalised(pixels, job.preprocessing))
    prepared = prepare(job.model, job.scheme, state)

    def logits(pixels: Array) -> Array:
        codes = integers.input_codes(prepared.network, pixels, normalised(pixels, job.preprocessing))
        return integers.forward(prepared, codes)[0]

    return logits


def accuracy(job: Job, state: State, pictures: Pictures, pool: Executor | None) -> float:
    """Share of labelled pictures whose largest logit is the label's."""
    assert pictures.labels is not None
    labels, logits = pictures.labels, predictor(job, state)

    def correct(start: int) -> int:
        part = slice(start, start + CHUNK)
        return int((logits(pictures.pixels[part]).argmax(axis=0) == labels[part]).sum())

    return sum(spread(pool, correct, range(0, len(pictures), CHUNK))) / len(pictures)
