"""How numbers and names are written on a page: typographic units, and names that no reader of markup takes for any."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

from archsim.report.formatting import quantity
from archsim.units import BINARY_PREFIXES, PREFIXES, UNITS, format_quantity

_MICRO = re.compile(r"(?<=[0-9] )u(?=[A-Za-z])")
_SQUARE = re.compile(r"(?<=m)2(?![0-9A-Za-z])")
_HYPHEN = re.compile(r"(?<![0-9A-Za-z])-(?=[0-9])")
NARROW = "\u202f"


def typeset(text: str) -> str:
    """`12.5 um2` as `12.5 µm²`, with a narrow space that does not break."""
    text = _HYPHEN.sub("\u2212", _SQUARE.sub("²", _MICRO.sub("µ", text)))
    return re.sub(r"(?<=[0-9]) (?=[A-Za-zµ%])", NARROW, text)


def shown(value: float | None, unit: str, digits: int = 3) -> str:
    """A quantity in SI as a reader wants it; a dash where there is none."""
    return "–" if value is None else typeset(format_quantity(value, unit, digits))


def figure(key: str, value: object) -> str:
    """A value with the unit that its key ends in (see `archsim.report.formatting.quantity`)."""
    if key == "macs" and isinstance(value, int):
        return shown(value, "MAC")
    return "–" if value is None else typeset(quantity(key, value))


def percent(value: float | None, digits: int = 1) -> str:
    """A share in per cent."""
    return "–" if value is None else f"{value * 100:.{digits}f}{NARROW}%"


def ratio(value: float | None) -> str:
    """A factor to the reference."""
    if value is None:
        return "–"
    digits = ".2f" if 0.1 <= value < 9.995 else ".1f" if 9.995 <= value < 99.95 else ",.0f" if value >= 99.95 else ".2g"
    return f"{value:{digits}}×"


def literal(text: str) -> str:
    """Text that Plotly draws as it stands: it reads labels as a small subset of HTML, and drops other tags."""
    return escape(text, quote=False)


def listed(words: Iterable[str]) -> str:
    """`a, b and c`."""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def axis_unit(values: Iterable[float], unit: str) -> tuple[float, str]:
    """The unit that suits the largest value, as (its size in SI, its name); a chart shows values over the size."""
    largest = max((abs(value) for value in values), default=0.0)
    if unit == "m2":
        return (1e-6, "mm²") if largest >= 1e-8 else (1e-12, "µm²")
    prefix = format_quantity(largest, unit).rpartition(" ")[2].removesuffix(unit) if largest else ""
    if prefix in BINARY_PREFIXES:
        return 2.0 ** BINARY_PREFIXES[prefix], f"{prefix}{unit}"
    power = PREFIXES[prefix] * (UNITS[unit].prefix_power if unit in UNITS else 1)
    return 10.0**power, f"{prefix.replace('u', 'µ')}{unit}"
