"""Quantities: exact parsing, refusals that say what was wrong, and the round trip."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.units import PREFIXES, UNITS, QuantityError, format_quantity, parse_integer, parse_number, parse_quantity

PARSED = [
    ("1.28 GS/s", "S/s", 1.28e9),
    ("16 mW", "W", 16e-3),
    ("16mW", "W", 16e-3),
    ("0.0096 mm2", "m2", 9.6e-9),
    ("25 um2", "m2", 25e-12),
    ("25 µm2", "m2", 25e-12),
    ("25 μm²", "m2", 25e-12),
    ("3 m2", "m2", 3.0),
    ("30 pJ", "J", 30e-12),
    ("2e-3 W", "W", 2e-3),
    ("1.5E+2 aJ", "J", 1.5e-16),
    (".5 ns", "s", 0.5e-9),
    ("5. ns", "s", 5e-9),
    ("20 kohm", "ohm", 20e3),
    ("1 Ω", "ohm", 1.0),
    ("64 KiB", "B", 65536.0),
    ("64 kB", "B", 64000.0),
    ("32 b", "b", 32.0),
    ("2 B", "b", 16.0),
    ("32 b", "B", 4.0),
    ("1 Mib", "B", 131072.0),
    ("6.4 GB/s", "B/s", 6.4e9),
    ("32 Gb/s", "B/s", 4e9),
    ("0 W", "W", 0.0),
    ("+3 V", "V", 3.0),
]

REFUSED = [
    ("16", "W", "has no unit; expected a power such as '16 mW'"),
    ("16 pJ", "W", "is an energy; expected a power"),
    ("16 mw", "W", "unknown unit 'mw'; expected a power such as '16 mW'; did you mean 'mW'?"),
    ("16 furlong", "W", "unknown unit 'furlong'"),
    ("1 KB", "B", "'K' is no prefix; write 'KiB' (1024) or 'kB' (1000)"),
    ("1 mB", "B", "unknown unit 'mB'; expected an amount of data such as '64 KiB'; did you mean 'MB'?"),
    ("1 KiW", "W", "unknown unit 'KiW'"),
    ("abc W", "W", "is not a number"),
    ("W", "W", "is not a number"),
    ("1,5 W", "W", "is not a number"),
    ("1.2.3 W", "W", "is not a number"),
    ("1 2 W", "W", "is not a number"),
    ("٣ W", "W", "is not a number"),
    ("nan W", "W", "is not finite"),
    ("-inf W", "W", "is not finite"),
    (".inf", "W", "is not finite"),
    ("1e999 W", "W", "is outside the range of numbers"),
    ("1e-999 W", "W", "is outside the range of numbers"),
    ("1e99999999999999999 W", "W", "is outside the range of numbers"),
    ("-1 W", "W", "is negative"),
    ("1_000 W", "W", "not grouped with underscores"),
    ("010 W", "W", "starts with a zero"),
    ("", "W", "the value is empty"),
    ("1" * 100 + " W", "W", "is 102 characters long"),
]


@pytest.mark.parametrize(("text", "unit", "value"), PARSED)
def test_parse_is_correctly_rounded(text: str, unit: str, value: float) -> None:
    assert parse_quantity(text, unit) == value


@pytest.mark.parametrize(("text", "unit", "message"), REFUSED)
def test_refusals_say_what_was_wrong(text: str, unit: str, message: str) -> None:
    with pytest.raises(QuantityError) as caught:
        parse_quantity(text, unit)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 260


def test_negative_values_only_where_asked() -> None:
    assert parse_quantity("-0.2 V", "V", signed=True) == -0.2
    assert str(parse_quantity("-0 V", "V")) == "0.0"


@pytest.mark.parametrize("unit", UNITS)
def test_the_example_of_every_unit_parses(unit: str) -> None:
    assert parse_quantity(UNITS[unit].example, unit) > 0


@given(st.decimals(min_value=0, max_value=10**6, places=9), st.sampled_from(sorted(PREFIXES)))
def test_prefixes_scale_exactly(number: Decimal, prefix: str) -> None:
    expected = number.scaleb(PREFIXES[prefix])
    assert parse_quantity(f"{number:f} {prefix}J", "J") == float(expected)
    assert parse_quantity(f"{number:f} {prefix}m2", "m2") == float(number.scaleb(2 * PREFIXES[prefix]))


@given(st.floats(min_value=0, max_value=1e300, allow_nan=False), st.sampled_from(sorted(UNITS)))
def test_round_trip_with_all_digits(value: float, unit: str) -> None:
    assert parse_quantity(format_quantity(value, unit, digits=17), unit) == value


@given(st.floats(min_value=1e-17, max_value=1e14), st.sampled_from(["J", "W", "m2", "s", "Hz"]))
def test_three_digits_keep_half_a_percent_and_stay_readable(value: float, unit: str) -> None:
    text = format_quantity(value, unit)
    assert parse_quantity(text, unit) == pytest.approx(value, rel=5.1e-3)
    number = text.partition(" ")[0]
    assert len(number) <= (8 if unit == "m2" else 5)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1.5625e-12, "J", "1.56 pJ"),
        (9.999e-10, "J", "1 nJ"),
        (65536, "B", "64 KiB"),
        (3 * 2**20, "B", "3 MiB"),
        (1000, "B", "1 kB"),
        (9.6e-9, "m2", "0.0096 mm2"),
        (85.4e-6, "m2", "85.4 mm2"),
        (0.37229e-6, "m2", "0.372 mm2"),
        (999.9e-12, "m2", "0.001 mm2"),
        (0.0, "W", "0 W"),
        (-3e-5, "V", "-30 uV"),
        (1e-30, "J", "1.00e-30 J"),
        (627.4e9, "op/s/W", "627 Gop/s/W"),
        (float("inf"), "W", "inf W"),
    ],
)
def test_format(value: float, unit: str, text: str) -> None:
    assert format_quantity(value, unit) == text


@pytest.mark.parametrize(("text", "value"), [("0", 0), ("128", 128), (" 7 ", 7), ("-3", -3), ("+4", 4)])
def test_integers(text: str, value: int) -> None:
    assert parse_integer(text) == value


@pytest.mark.parametrize("text", ["010", "1_000", "1e3", "8.0", "0x10", "", "nan", "8 b", "9" * 30, "true", "٣"])
def test_integers_are_plain_digits(text: str) -> None:
    with pytest.raises(QuantityError):
        parse_integer(text)


def test_plain_numbers() -> None:
    assert parse_number("1e-9") == 1e-9
    assert parse_number("-0.25", signed=True) == -0.25
    for text in ("1e-9 s", "1_0.5", "-1", "nan", "007"):
        with pytest.raises(QuantityError):
            parse_number(text)
