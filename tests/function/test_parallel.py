"""Threads: the pool, the order of results, and how a batch is shared."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import threadpool_info

from archsim.function.parallel import portions, spread, thread_pool


def blas_threads() -> set[int]:
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


def test_blas_is_single_threaded_inside_and_restored_after() -> None:
    np.ones((8, 8)) @ np.ones((8, 8))
    before = blas_threads()
    with thread_pool(2):
        assert blas_threads() == {1}
    assert blas_threads() == before


def test_results_keep_their_order_and_come_from_several_threads() -> None:
    barrier = threading.Barrier(2, timeout=300)

    def task(item: int) -> tuple[int, int]:
        barrier.wait()  # passes only if two threads work at once
        return item, threading.get_ident()

    with thread_pool(2) as pool:
        found = list(spread(pool, task, range(8)))
    assert [item for item, _ in found] == list(range(8))
    with thread_pool(1) as pool:
        assert pool is None
        assert list(spread(pool, str, [1, 2])) == ["1", "2"]


def test_errors_of_a_task_surface() -> None:
    with thread_pool(2) as pool, pytest.raises(ZeroDivisionError):
        list(spread(pool, lambda item: 1 // item, [1, 0]))


@given(st.integers(1, 300), st.integers(1, 50), st.integers(1, 9))
def test_portions_cover_all_images(images: int, largest: int, threads: int) -> None:
    ranges, plenty = portions(images, largest, threads)
    assert [index for start, stop in ranges for index in range(start, stop)] == list(range(images))
    assert max(stop - start for start, stop in ranges) <= largest
    assert plenty == (len(ranges) >= threads)
