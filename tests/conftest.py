"""What all tests share."""

from __future__ import annotations

import pytest

from archsim.mapper import choose


@pytest.fixture(autouse=True, scope="session")
def few_timings() -> None:
    """Layouts are chosen by the first timing, in tests of other things; `tests/mapper` and runs in processes of their
    own choose as users' runs do."""
    choose.LEAST_TIMINGS = choose.MOST_TIMINGS = 1
