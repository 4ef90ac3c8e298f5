"""The tape: what was computed, in order, with how to send gradients back through it; and chunks of a batch in step.

A batch is cut into chunks of CHUNK images whatever the number of threads, each chunk is computed by one thread with
one-threaded BLAS, and chunk results are summed in chunk order. So a result does not depend on the number of threads.

A chunk's computation is a generator: it yields partial sums where the whole batch must be known (batch norms) and is
sent their total over all chunks; or `Peaks`, and is sent the largest of them.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from archsim.function.parallel import spread

Array = NDArray[Any]
Gradients = dict[str, Array]
Outcome = TypeVar("Outcome")
Pulled = tuple[Sequence[Array | None], Mapping[str, Array]]
"""Gradients of the inputs (None where not wanted), and of the parameters by state name."""


class Peaks(NamedTuple):
    """What a chunk yields to be sent the largest values of all chunks, place by place."""

    values: Array


Chunk = Generator[Array | Peaks, Array, Outcome]

CHUNK = 32
"""Images of a chunk: its unrolled maps stay near the processor, and calls cost little beside them."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Entry:
    """One operation on the tape.

    `back(gradient, totals)` gives the gradients of the inputs (None where not wanted) and of the parameters by state
    name. `sums(gradient)` gives what must first be summed over the batch (`totals`; of `Peaks` the largest is taken),
    where there is such a thing.
    """

    output: str
    inputs: tuple[str, ...]
    back: Callable[[Array, Array | None], Pulled]
    sums: Callable[[Array], Array | Peaks] | None = None


def backward(tape: list[Entry], output: str, gradient: Array) -> Chunk[Gradients]:
    """Parameter gradients of a chunk from the gradient of tensor `output`; consumes the tape."""
    waiting: dict[str, Array] = {output: gradient}
    found: Gradients = {}
    while tape:
        entry = tape.pop()
        if entry.output not in waiting:
            continue
        arriving = waiting.pop(entry.output)
        totals = None if entry.sums is None else (yield entry.sums(arriving))
        leaving, parameters = entry.back(arriving, totals)
        for name, part in zip(entry.inputs, leaving, strict=True):
            if part is not None:
                waiting[name] = waiting[name] + part if name in waiting else part
        for name, part in parameters.items():
            found[name] = found[name] + part if name in found else part
    return found


def in_step(pool: Executor | None, chunks: Sequence[Chunk[Outcome]]) -> list[Outcome]:
    """Run the chunks of a batch side by side, summing what they yield, and return their outcomes in order."""
    totals: Array | None = None
    while True:
        results = list(spread(pool, partial(_advance, totals), chunks))
        if all(done for done, _ in results):
            return [outcome for _, outcome in results]
        totals = _combined([part for _, part in results])


def _combined(parts: Sequence[Array | Peaks]) -> Array:
    peaks = [part.values for part in parts if isinstance(part, Peaks)]
    return np.asarray(np.max(peaks, axis=0) if peaks else np.sum(np.asarray(parts), axis=0))


def _advance(totals: Array | None, chunk: Chunk[Any]) -> tuple[bool, Any]:
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # the loop looks at what comes out
            return False, next(chunk) if totals is None else chunk.send(totals)
    except StopIteration as stop:
        return True, stop.value


def added(parts: Sequence[Gradients]) -> Gradients:
    """Sum of the chunks' gradients, in chunk order."""
    return {name: np.add.reduce([part[name] for part in parts]) for name in parts[0]}
