"""The mapper as users have it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from archsim.mapper import choose

LEAST, MOST = choose.LEAST_TIMINGS, choose.MOST_TIMINGS


@pytest.fixture(autouse=True)
def all_timings() -> Iterator[None]:
    before = choose.LEAST_TIMINGS, choose.MOST_TIMINGS
    choose.LEAST_TIMINGS, choose.MOST_TIMINGS = LEAST, MOST
    yield
    choose.LEAST_TIMINGS, choose.MOST_TIMINGS = before
