"""Quantities: text with a unit to plain SI floats and back.

Numbers are scaled by shifting the decimal exponent before conversion, so a parsed value is the correctly rounded float
of what is written: `parse_quantity("0.0096 mm2", "m2") == 9.6e-9`. Bits and bytes convert into each other; binary
prefixes (Ki, Mi, Gi) belong to them alone.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from types import MappingProxyType

PREFIXES = MappingProxyType(
    {"a": -18, "f": -15, "p": -12, "n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12}
)
BINARY_PREFIXES = MappingProxyType({"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40})

_NUMBER = r"([+-]?)([0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE]([+-]?[0-9]+))?"
_QUANTITY = re.compile(_NUMBER + r"\s*(.*)", re.DOTALL)
_LONGEST = 80
_KEY_UNITS = MappingProxyType({"s": "s", "j": "J", "w": "W", "m2": "m2"})


class QuantityError(ValueError):
    """Text that is not the quantity asked for; the message says what was wrong and what was expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One dimension: its name, the SI symbol, an example for messages, other spellings, and how prefixes act."""

    dimension: str
    symbol: str
    example: str
    aliases: tuple[str, ...] = ()
    prefix_power: int = 1
    bits: int = 0
    """Bits that one unit holds; 0 when it is no amount of information (then binary prefixes are refused)."""


UNITS = MappingProxyType(
    {
        unit.symbol: unit
        for unit in (
            Unit(dimension="a time", symbol="s", example="100 ns"),
            Unit(dimension="a frequency", symbol="Hz", example="1.2 GHz"),
            Unit(dimension="a sampling rate", symbol="S/s", example="1.28 GS/s", aliases=("Sps", "Sa/s")),
            Unit(dimension="an operation rate", symbol="op/s", example="1.2 Gop/s", aliases=("ops/s",)),
            Unit(dimension="a power", symbol="W", example="16 mW"),
            Unit(dimension="an energy", symbol="J", example="1.5625 pJ"),
            Unit(dimension="an area", symbol="m2", example="0.0096 mm2", aliases=("m^2", "m²"), prefix_power=2),
            Unit(dimension="a length", symbol="m", example="32 nm"),
            Unit(dimension="a voltage", symbol="V", example="0.2 V"),
            Unit(dimension="a current", symbol="A", example="10 uA"),
            Unit(dimension="a resistance", symbol="ohm", example="20 kohm", aliases=("Ohm", "Ω", "\u2126")),
            Unit(dimension="a conductance", symbol="S", example="50 uS"),
            Unit(dimension="a capacitance", symbol="F", example="0.2 fF"),
            Unit(dimension="a temperature", symbol="K", example="300 K"),
            Unit(dimension="an amount of data", symbol="B", example="64 KiB", aliases=("byte", "bytes"), bits=8),
            Unit(dimension="an amount of data", symbol="b", example="32 b", aliases=("bit", "bits"), bits=1),
            Unit(dimension="a data rate", symbol="B/s", example="6.4 GB/s", bits=8),
            Unit(dimension="a data rate", symbol="b/s", example="32 Gb/s", aliases=("bit/s",), bits=1),
        )
    }
)


def parse_quantity(text: str, unit: str, *, signed: bool = False) -> float:
    """Value of `text` in the SI unit `unit` (a key of `UNITS`), correctly rounded.

    Parameters
    ----------
    text
        A decimal number and a unit, with or without a space: `"1.28 GS/s"`, `"25 um2"`, `"64 KiB"`, `"2e-3 W"`.
    unit
        Unit of the result. The prefix of an area squares: `1 mm2` is `1e-6 m2`.
    signed
        Accept negative values. Off by default: hardly any quantity of a circuit can be negative.

    Raises
    ------
    QuantityError
        Missing or unknown unit, wrong dimension, not a number, not finite, or negative.
    """
    wanted = UNITS[unit]
    match = _split(text, f"expected {wanted.dimension} such as '{wanted.example}'")
    sign, mantissa, exponent, symbol = match
    if not symbol:
        raise QuantityError(f"{_quoted(text)} has no unit; expected {wanted.dimension} such as '{wanted.example}'")
    shift, factor = _scale(text, symbol, wanted)
    value = _to_float(text, sign, mantissa, exponent + shift) * factor
    return _checked(text, value, mantissa, signed)


def parse_number(text: str, *, signed: bool = False) -> float:
    """Value of a plain number without unit; `1e-9` is a number, `1_000` and `010` are refused."""
    sign, mantissa, exponent, symbol = _split(text, "expected a plain number such as 0.25")
    if symbol:
        raise QuantityError(f"{_quoted(text)} is not a plain number; expected one without unit, such as 0.25")
    return _checked(text, _to_float(text, sign, mantissa, exponent), mantissa, signed)


def parse_integer(text: str) -> int:
    """Value of a whole number written in plain digits; `1e3`, `8.0`, `1_000` and `010` are refused."""
    stripped = text.strip()
    if re.fullmatch(r"[+-]?[0-9]{1,18}", stripped) is None:
        _split(text, "expected a whole number such as 128")  # the more precise complaint, where there is one
        raise QuantityError(f"{_quoted(text)} is not a whole number; expected plain digits such as 128")
    _refuse_leading_zero(text, stripped.lstrip("+-"))
    return int(stripped)


def format_quantity(value: float, unit: str, digits: int = 3) -> str:
    """`value` (SI) with `digits` significant digits and the prefix that puts 1 to 999 before the point.

    `format_quantity(1.5625e-12, "J")` is `"1.56 pJ"`. Areas run from 0.001 to 999 (`"0.0096 mm2"`). Whole multiples of
    1024 bytes get binary prefixes. With `digits=17` parsing gives the same float back. `unit` need not be in `UNITS`.
    """
    if not math.isfinite(value):
        return f"{value} {unit}"
    if unit == "B" and 0 < abs(value) < 2**53 and value % 1024 == 0:
        power, name = max((p, n) for n, p in BINARY_PREFIXES.items() if value % 2**p == 0)
        return f"{int(value) // 2**power} {name}{unit}"
    rounded = f"{value:.{digits - 1}e}"
    exponent = int(rounded.partition("e")[2]) if value else 0
    square = UNITS[unit].prefix_power if unit in UNITS else 1
    for name, prefix in PREFIXES.items():
        if prefix < 0 and unit in UNITS and UNITS[unit].bits:
            continue  # nobody writes millibytes
        low = prefix if square == 1 else 2 * prefix - 3
        if low <= exponent < low + 3 * square:
            return f"{_plain(rounded, prefix * square)} {name}{unit}"
    return f"{rounded} {unit}"


def unit_of(key: str) -> str | None:
    """SI unit that a key ends in: `latency_s` is in "s", `area_m2` in "m2", `chips` and `ops_per_j` in none."""
    stem, _, suffix = key.rpartition("_")
    return _KEY_UNITS.get(suffix) if stem and not stem.endswith("_per") else None


def format_keyed(key: str, value: object) -> str:
    """A figure with the unit its key ends in: `format_keyed("latency_s", 3.2e-5)` is `"32 us"`; "-" for None."""
    if value is None:
        return "-"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    unit = unit_of(key)
    if unit is not None:
        return format_quantity(value, unit)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"


def _split(text: str, expected: str) -> tuple[str, str, int, str]:
    """Sign, mantissa digits, decimal exponent and unit symbol of a quantity."""
    stripped = text.strip()
    if not stripped:
        raise QuantityError(f"the value is empty; {expected}")
    if len(stripped) > _LONGEST:
        raise QuantityError(f"{_quoted(text)} is {len(stripped)} characters long; {expected}")
    if re.match(r"[+-]?\.?(nan|inf)", stripped, re.IGNORECASE):
        raise QuantityError(f"{_quoted(text)} is not finite; {expected}")
    if re.match(r"[+-]?[0-9.]+_", stripped):
        raise QuantityError(f"{_quoted(text)}: digits are not grouped with underscores here; {expected}")
    match = _QUANTITY.fullmatch(stripped)
    if match is None:
        raise QuantityError(f"{_quoted(text)} is not a number; {expected}")
    sign, mantissa, exponent, symbol = match.groups()
    if symbol[:1] in (",", ".") or symbol[:1].isdigit():
        raise QuantityError(f"{_quoted(text)} is not a number; {expected}")
    _refuse_leading_zero(text, mantissa)
    return sign, mantissa, int(exponent or 0) if len(exponent or "") < 6 else _huge(text), symbol


def _huge(text: str) -> int:
    raise QuantityError(f"{_quoted(text)} is outside the range of numbers")


def _refuse_leading_zero(text: str, digits: str) -> None:
    if re.match(r"0[0-9]", digits):
        raise QuantityError(f"{_quoted(text)} starts with a zero, which some readers take as octal; write it without")


def _scale(text: str, symbol: str, wanted: Unit) -> tuple[int, float]:
    """Decimal exponent and binary factor that turn a number of `symbol` into the wanted unit."""
    for unit in UNITS.values():
        scale = _prefix_of(symbol, unit)
        if scale is None:
            continue
        if unit.dimension == wanted.dimension:
            shift, binary = scale
            return shift, 2.0**binary * (unit.bits / wanted.bits if wanted.bits else 1.0)
    raise QuantityError(_unit_complaint(text, symbol, wanted))


def _prefix_of(symbol: str, unit: Unit) -> tuple[int, int] | None:
    """(decimal exponent, binary exponent) of the prefix in `symbol` if the rest spells `unit`, else None."""
    for spelling in (unit.symbol, *unit.aliases):
        if not symbol.endswith(spelling):
            continue
        prefix = symbol[: -len(spelling)].replace("\u00b5", "u").replace("\u03bc", "u")
        if prefix in PREFIXES and not (unit.bits and PREFIXES[prefix] < 0):
            return PREFIXES[prefix] * unit.prefix_power, 0
        if unit.bits and prefix in BINARY_PREFIXES:
            return 0, BINARY_PREFIXES[prefix]
    return None


def _unit_complaint(text: str, symbol: str, wanted: Unit) -> str:
    expected = f"expected {wanted.dimension} such as '{wanted.example}'"
    if wanted.bits and symbol.startswith("K") and symbol[1:] in UNITS:
        return f"{_quoted(text)}: 'K' is no prefix; write 'Ki{symbol[1:]}' (1024) or 'k{symbol[1:]}' (1000)"
    for unit in UNITS.values():
        if _prefix_of(symbol, unit) is not None:
            return f"{_quoted(text)} is {unit.dimension}; {expected}"
    hint = next((s for s in _spellings(wanted) if s.casefold() == symbol.casefold()), None)
    message = f"{_quoted(text)}: unknown unit {_quoted(symbol)}; {expected}"
    return f"{message}; did you mean '{hint}'?" if hint else message


def _spellings(unit: Unit) -> list[str]:
    decimal = [prefix for prefix, power in PREFIXES.items() if power >= 0 or not unit.bits]
    prefixes = [*decimal, *(BINARY_PREFIXES if unit.bits else ())]
    return [f"{prefix}{unit.symbol}" for prefix in prefixes]


def _to_float(text: str, sign: str, mantissa: str, exponent: int) -> float:
    value = float(f"{sign}{mantissa}e{exponent}")
    if math.isinf(value):
        _huge(text)
    return value


def _checked(text: str, value: float, mantissa: str, signed: bool) -> float:
    if not math.isfinite(value) or (value == 0 and mantissa.strip("0.")):
        _huge(text)
    if value < 0 and not signed:
        raise QuantityError(f"{_quoted(text)} is negative; expected zero or more")
    return value + 0.0  # no negative zero


def _plain(scientific: str, exponent: int) -> str:
    """Digits of a number in scientific notation, divided by 10**exponent, without exponent or trailing zeros."""
    mantissa, _, power = scientific.partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    digits = mantissa.lstrip("-").replace(".", "")
    point = 1 + int(power) - exponent
    digits = digits.ljust(point, "0") if point > 0 else digits.rjust(len(digits) + 1 - point, "0")
    point = max(point, 1)
    fraction = digits[point:].rstrip("0")
    return f"{sign}{digits[:point]}.{fraction}" if fraction else f"{sign}{digits[:point]}"


def _quoted(text: str) -> str:
    return repr(text) if len(text) <= _LONGEST else f"{text[:_LONGEST]!r}..."
