"""The binary heap against heapq."""

from __future__ import annotations

import heapq

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from archsim.timing.kernels.heap import pop, push


@njit
def _push(times, events, size, time, event):
    return push(times, events, size, time, event)


@njit
def _pop(times, events, size):
    time = times[0]
    event, size = pop(times, events, size)
    return time, event, size


@settings(deadline=None)
@given(st.lists(st.one_of(st.integers(0, 9), st.none()), max_size=60))
def test_heap_gives_back_what_heapq_gives_back(steps: list[int | None]) -> None:
    """A number is pushed, None pops. Events of equal times may come in any order, but each comes once."""
    times, events = np.zeros(64, np.int64), np.zeros(64, np.int64)
    expected: list[int] = []
    time_of: dict[int, int] = {}
    size = 0
    for number, step in enumerate([*steps, *[None] * 60]):
        if step is not None:
            size = _push(times, events, size, step, number)
            heapq.heappush(expected, step)
            time_of[number] = step
        elif size:
            time, event, size = _pop(times, events, size)
            assert time == heapq.heappop(expected) == time_of.pop(event)
    assert not time_of
