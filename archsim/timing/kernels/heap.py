"""A binary heap of (time, event) pairs in two int64 arrays. Order among equal times is arbitrary."""

from __future__ import annotations

from archsim.timing.kernels.compiling import inlined


@inlined
def push(times, events, size, time, event):
    """Add an event to a heap of `size` entries; returns the new size."""
    hole = size
    while hole > 0:
        parent = (hole - 1) >> 1
        if times[parent] <= time:
            break
        times[hole] = times[parent]
        events[hole] = events[parent]
        hole = parent
    times[hole] = time
    events[hole] = event
    return size + 1


@inlined
def pop(times, events, size):
    """Remove an earliest event; returns (event, new size)."""
    event = events[0]
    size -= 1
    time = times[size]
    hole = 0
    child = 1
    # walk the hole down to a leaf along the earlier child, then let the last entry rise from there: it nearly always
    # stays
    while child < size:
        right = child + 1
        if right < size and times[right] < times[child]:
            child = right
        times[hole] = times[child]
        events[hole] = events[child]
        hole = child
        child = 2 * hole + 1
    while hole > 0:
        parent = (hole - 1) >> 1
        if times[parent] <= time:
            break
        times[hole] = times[parent]
        events[hole] = events[parent]
        hole = parent
    times[hole] = time
    events[hole] = events[size]
    return event, size
