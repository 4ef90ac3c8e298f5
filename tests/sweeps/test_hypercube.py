"""Latin hypercube samples."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.sweeps.hypercube import Choices, Hypercube, range_of, sampled
from archsim.units import parse_quantity

RANGES = {
    "linear": range_of("0.5 GS/s", "2.5 GS/s"),
    "log": range_of("1 fF", "1000 fF", log=True),
    "whole": range_of("1", "8", whole=True),
    "choice": Choices(values=("a", "b", "c", "d")),
}


def test_each_part_of_each_range_is_met_once() -> None:
    points = list(sampled(Hypercube(samples=16, seed=3, ranges=RANGES)))
    rates = sorted(parse_quantity(str(point["linear"]), "S/s") for point in points)
    assert [math.floor((rate / 1e9 - 0.5) / 2 * 16) for rate in rates] == list(range(16))
    sizes = sorted(math.log10(parse_quantity(str(point["log"]), "F") / 1e-15) for point in points)
    assert [math.floor(size / 3 * 16) for size in sizes] == list(range(16))
    assert sorted(int(str(point["whole"])) for point in points) == sorted([*range(1, 9)] * 2)
    assert sorted(str(point["choice"]) for point in points) == sorted("abcd" * 4)


def test_a_seed_gives_the_same_points_and_another_others() -> None:
    first, again, other = (list(sampled(Hypercube(samples=8, seed=seed, ranges=RANGES))) for seed in (1, 1, 2))
    assert first == again != other


@given(
    st.integers(1, 10**6),
    st.integers(1, 10**6),
    st.booleans(),
    st.booleans(),
    st.floats(0, 1, exclude_max=True, allow_subnormal=False),
)
def test_values_stay_inside(low: int, width: int, log: bool, whole: bool, share: float) -> None:
    bounds = range_of(f"{low} ns", f"{low + width} ns", log=log, whole=whole)
    text = bounds.at(share)
    assert text.endswith(" ns")
    value = float(text.removesuffix(" ns"))
    assert low <= value <= low + width
    assert value.is_integer() or not whole


def test_both_ends_of_whole_numbers_are_as_likely_as_others() -> None:
    bounds = range_of("1", "4", whole=True)
    assert [bounds.at(share / 8) for share in range(8)] == ["1", "1", "2", "2", "3", "3", "4", "4"]


@pytest.mark.parametrize(
    ("low", "high", "options", "said"),
    [
        ("1 ns", "2 us", {}, "low is in 'ns' and high in 'us'; expected the same unit"),
        ("2", "2", {}, "low (2) is not below high (2)"),
        ("0", "2", {"log": True}, "low (0) has no logarithm"),
        ("0.5", "2", {"whole": True}, "are not both whole"),
        ("few", "2", {}, "'few' is no number"),
    ],
)
def test_bounds_that_make_no_range(low: str, high: str, options: dict[str, bool], said: str) -> None:
    with pytest.raises(ValueError) as caught:
        range_of(low, high, **options)
    assert said in str(caught.value)
