"""Threads: one level of parallelism, over images or over blocks of windows, each with a single-threaded BLAS.

Threaded BLAS calls next to threaded loops spin against each other (an order of magnitude on a busy machine), and the
product of one block is too small to share. The kernels of this package, NumPy's loops and BLAS release the interpreter
lock.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import TypeVar

from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


def available_threads() -> int:
    """Processors this process may use, at most OMP_NUM_THREADS where that is set (as Dask and batch systems do)."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    most = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return min(count, max(1, int(most))) if most.isdigit() else count


@contextmanager
def thread_pool(threads: int | None = None) -> Iterator[Executor | None]:
    """A pool of `threads` (default: all available), None for one thread; BLAS is single-threaded inside."""
    count = threads or available_threads()
    with _controller().limit(limits=1, user_api="blas"):
        if count == 1:
            yield None
            return
        with ThreadPoolExecutor(count) as pool:
            yield pool


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


def portions(images: int, largest: int, threads: int | None = None) -> tuple[list[tuple[int, int]], bool]:
    """Ranges of at most `largest` images, at least one a thread, and whether there are enough for every thread.

    With fewer images than threads, parallelism is left to the blocks of windows inside a layer.
    """
    count = threads or available_threads()
    size = max(1, min(largest, -(-images // count)))
    ranges = [(start, min(images, start + size)) for start in range(0, images, size)]
    return ranges, len(ranges) >= count


def spread(pool: Executor | None, task: Callable[[Item], Outcome], items: Iterable[Item]) -> Iterable[Outcome]:
    """Results of task(item), in order; computed on the pool, or one after the other without."""
    return map(task, items) if pool is None else pool.map(task, items)
