"""Who runs the points of a sweep: processes of this machine, a Dask cluster, or any executor."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from archsim.errors import InputError
from archsim.function.parallel import available_threads
from archsim.sweeps.processes import WorkerProcess

P = ParamSpec("P")
T = TypeVar("T")
CHUNK = 8
"""Points that an executor of unknown workers gets in one task where they may have something in common."""
MOST_TASKS = 512
"""Tasks handed to such an executor ahead of time."""
_SECONDS_TO_CONNECT = 20


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lane:
    """An executor that gets tasks of up to `chunk` points, `ahead` tasks at a time. In a `lasting` one a task that
    ends its process does not harm the next."""

    executor: Executor
    chunk: int
    ahead: int
    lasting: bool


Crew = tuple[Lane, ...]


@contextmanager
def crew(*, workers: int | None = None, dask: str | None = None, executor: Executor | None = None) -> Iterator[Crew]:
    """A crew for `run_points`; processes it started are gone afterwards, a given executor is left as it is.

    Parameters
    ----------
    workers : processes on this machine, each with one thread; by default one for each processor. 0: no process, points
        run in this one.
    dask : address of a Dask scheduler, whose workers have archsim installed (extra: distributed).
    executor : any other; its workers import archsim.

    Raises
    ------
    InputError
        More than one of the three, a negative number, no Dask, or no scheduler at the address.
    """
    choices = {"workers": workers, "dask": dask, "executor": executor}
    given = [name for name, value in choices.items() if value is not None]
    if len(given) > 1:
        raise InputError(f"{' and '.join(given)} exclude each other; expected one of them")
    with ExitStack() as stack:
        if executor is not None:
            yield (Lane(executor=executor, chunk=CHUNK, ahead=MOST_TASKS, lasting=False),)
        elif dask is not None:
            found = stack.enter_context(_dask_executor(dask))
            yield (Lane(executor=found, chunk=CHUNK, ahead=MOST_TASKS, lasting=True),)
        elif workers == 0:
            yield (Lane(executor=_Here(), chunk=1, ahead=1, lasting=False),)
        else:
            yield _processes(stack, available_threads() if workers is None else workers)


def _processes(stack: ExitStack, workers: int) -> Crew:
    if workers < 0:
        raise InputError(f"is {workers}; expected 0 or more processes", where="workers")
    started = [WorkerProcess() for _ in range(workers)]
    for process in started:
        stack.callback(process.shutdown, cancel_futures=True)
    return tuple(Lane(executor=process, chunk=1, ahead=1, lasting=True) for process in started)


class _Here(Executor):
    """Runs a task where it is submitted."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


@contextmanager
def _dask_executor(address: str) -> Iterator[Executor]:
    try:
        from distributed import Client
    except ImportError:
        raise InputError("needs Dask; expected the extra: pip install 'archsim[distributed]'", where="dask") from None
    if not re.fullmatch(r"([a-z]+://)?[^/\s]+:[0-9]+/?", address):
        raise InputError("is no address of a Dask scheduler; expected such as tcp://127.0.0.1:8786", where=address)
    connect: Any = Client
    try:
        client = connect(address, timeout=_SECONDS_TO_CONNECT, set_as_default=False)
    except (OSError, ValueError) as error:
        what = f"no Dask scheduler answers here ({error}); expected such as tcp://127.0.0.1:8786"
        raise InputError(what, where=address) from None
    with _unlogged("distributed.client", "distributed.utils", "distributed.core"):
        try:
            yield client.get_executor(pure=False)
        finally:
            client.close()


@contextmanager
def _unlogged(*names: str) -> Iterator[None]:
    """Keep loggers from printing tracebacks of a lost cluster, which is reported once, as an error."""
    levels = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
