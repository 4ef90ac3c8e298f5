"""What all tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from archsim.mapper import choose

LEAST, MOST = choose.LEAST_TIMINGS, choose.MOST_TIMINGS


@pytest.fixture(autouse=True, scope="session")
def few_timings() -> None:
    """Layouts are chosen by the first timing, in tests of other things."""
    choose.LEAST_TIMINGS = choose.MOST_TIMINGS = 1


@pytest.fixture
def all_timings() -> Iterator[None]:
    """Layouts are chosen as users' runs choose them, and those in processes of their own."""
    before = choose.LEAST_TIMINGS, choose.MOST_TIMINGS
    choose.LEAST_TIMINGS, choose.MOST_TIMINGS = LEAST, MOST
    yield
    choose.LEAST_TIMINGS, choose.MOST_TIMINGS = before
