"""The training loop: batches, updates, checkpoints, progress."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.errors import SimulationError
from archsim.function.parallel import thread_pool
from archsim.training.arithmetic import Moment
from archsim.training.checkpoint import Epoch, Run, load_run, save_run
from archsim.training.chunks import Job, accuracy, run_batch
from archsim.training.model import follow_statistics
from archsim.training.pictures import Pictures, batches

Array = NDArray[Any]

SAVE_SECONDS = 15.0
"""Time between checkpoints inside an epoch: what a killed run has to compute again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a run stands: batches done and in all, epoch (from 1), mean loss and accuracy of the epoch so far, accuracy
    on the test pictures after the last whole epoch, and seconds left at the present speed."""

    done: int
    total: int
    epoch: int
    epochs: int
    loss: float
    accuracy: float | None
    test_accuracy: float | None
    seconds_left: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpointing:
    """Where a run is kept, under which key (`checkpoint.fingerprint`), and how often inside an epoch."""

    path: Path
    key: str
    seconds: float = SAVE_SECONDS


def train(
    job: Job,
    pictures: Pictures,
    *,
    test: Pictures | None = None,
    checkpointing: Checkpointing | None = None,
    progress: Callable[[Progress], None] | None = None,
    threads: int | None = None,
) -> Run:
    """Train a model; with a checkpoint file, from where it stands.

    Parameters
    ----------
    pictures, test : training and test pictures; labels may be absent where only a teacher is followed.
    progress : called after every batch.
    threads : by default one for each processor; the result does not depend on it.

    Raises
    ------
    InputError
        A checkpoint of another training.
    SimulationError
        The training diverges: a loss, gradient or weight is no longer finite.
    """
    saved = None if checkpointing is None else load_run(checkpointing.path, checkpointing.key)
    run = saved or Run(state=job.arithmetic.start())
    with thread_pool(threads) as pool:
        session = _Session(job, run, pictures, test, checkpointing, progress, pool)
        while run.epoch < job.recipe.epochs:
            session.epoch()
    return run


class _Session:
    """One process's part of a run."""

    def __init__(
        self,
        job: Job,
        run: Run,
        pictures: Pictures,
        test: Pictures | None,
        checkpointing: Checkpointing | None,
        progress: Callable[[Progress], None] | None,
        pool: Executor | None,
    ) -> None:
        self.job, self.run, self.pictures, self.test = job, run, pictures, test
        self.checkpointing, self.progress, self.pool = checkpointing, progress, pool
        self.batches = -(-len(pictures) // job.recipe.batch)
        self.first = run.epoch * self.batches + run.batch
        self.start = self.saved = monotonic()

    def epoch(self) -> None:
        """The rest of an epoch."""
        run, recipe = self.run, self.job.recipe
        drawn = batches(self.pictures, recipe.batch, recipe.seed, run.epoch, recipe.augmentation, run.batch)
        for pixels, labels in drawn:
            moment = self.moment()
            outcome = run_batch(self.job, run.state, pixels, labels, self.pool, run.updates)
            self.check([np.array(outcome.loss), *outcome.gradients.values()])
            run.updates += 1
            with np.errstate(over="ignore", invalid="ignore"):  # looked at right after
                self.job.arithmetic.update(run.state, run.slots, outcome.gradients, moment, self.pool)
            self.check([run.state[name] for name in outcome.gradients])
            for name, (mean, variance, count) in outcome.statistics.items():
                follow_statistics(run.state, name, mean, variance, count)
            run.loss += outcome.loss
            run.correct += outcome.correct
            run.batch += 1
            if run.batch < self.batches:
                self.save(due=self.saved + (self.checkpointing.seconds if self.checkpointing else 0))
                self.report()
        self.conclude()

    def check(self, values: Iterable[Array]) -> None:
        """Stop a run that diverges, with its last checkpoint whole."""
        if not all(np.isfinite(part).all() for part in values):
            where = f"epoch {self.run.epoch + 1}, batch {self.run.batch + 1}"
            raise SimulationError(f"{where}: the training diverged (not finite); a lower learning rate may help")

    def rate(self, batch: int) -> float:
        """Learning rate of a batch of this epoch: the schedule's in the middle of the batch."""
        middle = self.run.epoch + (batch + 0.5) / self.batches
        return self.job.arithmetic.rate(middle, self.job.recipe.epochs)

    def moment(self) -> Moment:
        """When the coming update happens."""
        run = self.run
        return Moment(
            update=run.updates + 1,
            starts_epoch=run.batch == 0,
            progress=run.updates / (self.job.recipe.epochs * self.batches),
            rate=self.rate(run.batch),
        )

    def conclude(self) -> None:
        """Write the epoch's line of history and go to the next."""
        run, count = self.run, len(self.pictures)
        scored = self.test is not None and self.test.labels is not None
        run.history.append(
            Epoch(
                epoch=run.epoch + 1,
                loss=run.loss / count,
                accuracy=None if self.pictures.labels is None else run.correct / count,
                test_accuracy=accuracy(self.job, run.state, self.test, self.pool) if scored and self.test else None,
                learning_rate=self.rate(self.batches - 1),
            )
        )
        self.report()
        run.epoch, run.batch, run.loss, run.correct = run.epoch + 1, 0, 0.0, 0
        self.save(due=0.0)

    def save(self, due: float) -> None:
        """Write a checkpoint if `due` has come."""
        if self.checkpointing is not None and monotonic() >= due:
            save_run(self.checkpointing.path, self.run, self.checkpointing.key)
            self.saved = monotonic()

    def report(self) -> None:
        """Tell how far the run is."""
        if self.progress is None:
            return
        run, epochs = self.run, self.job.recipe.epochs
        seen = min(run.batch * self.job.recipe.batch, len(self.pictures))
        done, total = run.epoch * self.batches + run.batch, epochs * self.batches
        speed = (monotonic() - self.start) / max(1, done - self.first)
        self.progress(
            Progress(
                done=done,
                total=total,
                epoch=run.epoch + 1,
                epochs=epochs,
                loss=run.loss / seen,
                accuracy=None if self.pictures.labels is None else run.correct / seen,
                test_accuracy=run.history[-1].test_accuracy if run.history else None,
                seconds_left=speed * (total - done),
            )
        )
