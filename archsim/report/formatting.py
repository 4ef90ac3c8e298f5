"""How figures are printed: keys end in a unit (`latency_s`, `pe_gops_per_w`), which a reader sees at the value."""

from __future__ import annotations

from typing import Any

from archsim.result.metrics import METRICS
from archsim.units import UNITS, QuantityError, format_keyed, format_quantity, parse_quantity, unit_of

_FIXED = {"gops_per_mm2": "GOPS/s/mm2", "gops_per_w": "GOPS/W", "mib_per_mm2": "MiB/mm2"}
_NAMES = {**{key: metric.words for key, metric in METRICS.items()}, "weight_bytes": "weights"}


def quantity(key: str, value: Any) -> str:
    """A value with the unit that its key, the last part of a dotted path, ends in."""
    path, _, leaf = key.rpartition(".")
    if value is None:
        return "-"
    if isinstance(value, bool | str):
        return str(value)
    if path.startswith("energy_per_action_j"):
        return format_quantity(value, "W" if leaf == "static" else "J")
    if path.endswith("_share") or leaf.endswith(("_share", "_utilization")):
        return f"{value:.1%}"
    if leaf in ("ops_per_s", "peak_ops"):
        return format_quantity(value, "op/s")
    if leaf == "ops_per_j":
        return f"{format_quantity(value, 'op/s')}/W"
    return _by_suffix(leaf, value)


def _by_suffix(leaf: str, value: float) -> str:
    for suffix, fixed in _FIXED.items():
        if leaf.endswith(f"_{suffix}"):
            return f"{value:.4g} {fixed}"
    if leaf.endswith("_db"):
        return f"{value:.1f} dB"
    if leaf.endswith("_bytes"):
        return format_quantity(value, "B")
    return format_keyed(leaf, value)


def heading(key: str) -> str:
    """A total's name as words, its unit left out."""
    return _NAMES.get(key, _bare(key).replace("_", " "))


def dotted(path: str) -> str:
    """A dotted path of `archsim check` without the units of its keys."""
    return ".".join(_NAMES.get(part, _bare(part)) for part in path.split("."))


def _bare(key: str) -> str:
    for suffix in (*_FIXED, "db"):
        if key.endswith(f"_{suffix}"):
            return key.removesuffix(f"_{suffix}")
    return key if unit_of(key) is None else key.rpartition("_")[0]


def short_count(value: int) -> str:
    """A count in three digits: 416,640 is `417k`."""
    return format_quantity(value, "").replace(" ", "") if value else "-"


def share(value: float) -> str:
    """A share in per cent that is told from zero however small it is."""
    return "0" if value == 0 else "<0.01%" if value < 0.00005 else f"{value:.2%}"


def plain_value(value: Any) -> Any:
    """A hardware file's value as what it means, so that `10.4 W` equals `10400 mW`: (number, unit), else itself."""
    if isinstance(value, str):
        for symbol, unit in UNITS.items():
            try:
                return parse_quantity(value, symbol, signed=True), unit.dimension
            except QuantityError:
                continue
        try:
            return float(value)
        except ValueError:
            return value
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def tidy(value: Any) -> str:
    """A hardware file's value for a table: `0.045000000000000005 pJ` is `0.045 pJ`."""
    if value is None:
        return "-"
    text = str(value)
    number, _, unit = text.partition(" ")
    if len(number) < 8 or not isinstance(value, str | float):
        return text
    try:
        return f"{float(number):.6g} {unit}".rstrip()
    except ValueError:
        return text
