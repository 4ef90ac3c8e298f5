"""Units of axes."""

from __future__ import annotations

import pytest

from archsim.report.page.text import axis_unit


@pytest.mark.parametrize(
    ("values", "unit", "expected"),
    [
        ([512.0, 2048.0], "B", (1024.0, "KiB")),
        ([1000.0, 6.4e9], "B/s", (1e9, "GB/s")),
        ([2e-6], "s", (1e-6, "µs")),
        ([3e-5], "m2", (1e-6, "mm²")),
        ([], "J", (1.0, "J")),
    ],
)
def test_unit_that_suits_the_largest_value(values: list[float], unit: str, expected: tuple[float, str]) -> None:
    size, name = axis_unit(values, unit)
    assert (size, name) == (pytest.approx(expected[0]), expected[1])
