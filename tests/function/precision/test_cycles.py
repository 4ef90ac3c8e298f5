"""Window cycles in lock step and with row groups running free."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from archsim.function.precision.cycles import window_cycles


def test_lock_step_takes_the_longest_group() -> None:
    bits = np.array([[[3, 0, 8], [5, 0, 1]]], np.uint8)
    assert window_cycles(bits, images=1).tolist() == [5, 0, 8]
    assert window_cycles(bits, images=3).tolist() == [5, 0, 8]


def test_pictures_stream_in_order_and_begin_again() -> None:
    bits = np.array([[[1, 2]], [[3, 4]]], np.uint8)
    assert window_cycles(bits, images=1).tolist() == [1, 2]
    assert window_cycles(bits, images=3).tolist() == [1, 2, 3, 4, 1, 2]


def test_free_running_by_hand() -> None:
    """Groups (8, 2, 8, 2) and (2, 8, 2, 8) in one lane: window 0 ends at 8. Group 1 is through window 1 at 10, group 0
    too: 10. Window 2 waits for nothing but window 0: group 0 ends at 18, group 1 at 12. Then 20 (lock step: 32)."""
    bits = np.array([[[8, 2, 8, 2], [2, 8, 2, 8]]], np.uint8)
    assert np.cumsum(window_cycles(bits, images=1, lanes=1)).tolist() == [8, 10, 18, 20]


def test_a_group_is_at_most_a_window_ahead() -> None:
    """Group 1 needs nothing for windows 0 and 1, but may begin window 2 only when window 0 is complete, at 8."""
    bits = np.array([[[8, 8, 8], [0, 0, 8]]], np.uint8)
    assert np.cumsum(window_cycles(bits, images=1, lanes=1)).tolist() == [8, 16, 24]
    bits = np.array([[[8, 1, 1, 1], [0, 0, 8, 8]]], np.uint8)
    assert np.cumsum(window_cycles(bits, images=1, lanes=1)).tolist() == [8, 9, 16, 24]


@given(data=st.data())
def test_free_running_against_the_recurrence(data: st.DataObject) -> None:
    """E_g(w) = max(E_g(w - 1), T(w - 2)) + p_g(w), lane by lane, and never later than lock step."""
    images, groups, windows = (data.draw(st.integers(1, most)) for most in (3, 4, 9))
    lanes = data.draw(st.integers(1, 4))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    bits = rng.integers(0, 9, (images, groups, windows)).astype(np.uint8)
    found = window_cycles(bits, images=images, lanes=lanes).reshape(images, windows)
    lock = window_cycles(bits, images=images).reshape(-1, windows)
    for lane in range(min(lanes, windows)):
        mine = [(image, w) for image in range(images) for w in range(lane, windows, lanes)]
        ends, complete = [0] * groups, [0, 0]
        for image, w in mine:
            ends = [max(end, complete[-2]) + int(bits[image, g, w]) for g, end in enumerate(ends)]
            complete.append(max(ends))
            assert found[image, w] == complete[-1] - complete[-2]
        assert complete[-1] <= sum(int(lock[image if len(lock) > 1 else 0, w]) for image, w in mine)
