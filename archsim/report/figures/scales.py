"""What axes measure: a key such as `energy_per_image_j` becomes a label and a unit with the prefix that fits."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite, log10

from archsim.report.formatting import heading, quantity
from archsim.result.metrics import METRICS
from archsim.units import UNITS, QuantityError, format_quantity, parse_quantity, unit_of

_PREFIXES = {-15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T", 15: "P"}
_SHARES = tuple(metric.key for metric in METRICS.values() if metric.unit == "%")
_RATES = {"ops_per_s": "OPS", "ops_per_j": "OPS/W"}
_LABELS = {key: metric.words[0].upper() + metric.words[1:] for key, metric in METRICS.items()}
_COMPONENTS = {
    "adc": "ADC",
    "dac": "DAC",
    "edram": "eDRAM",
    "alu": "ALU",
    "sample_hold": "sample and hold",
    "shift_add": "shift and add",
    "tile_shift_add": "tile shift and add",
}
_PART = re.compile(r"(?P<what>energy|area)_(?P<name>.+)_(?:j|m2)")
_AXES = {
    "ima.adc.bits": "ADC resolution (bits)",
    "ima.adc.count": "ADCs in an IMA",
    "ima.adc.rate": "ADC rate",
    "ima.dac.bits": "DAC resolution (bits)",
    "ima.cell.bits": "Bits in a cell",
    "ima.crossbar.rows": "Crossbar rows",
    "ima.crossbar.columns": "Crossbar columns",
    "ima.crossbar.count": "Crossbars in an IMA",
    "precision.weight_bits": "Weight bits",
    "precision.input_bits": "Input bits",
    "tile.router.flit_rate": "Mesh link rate",
    "tile.router.topology": "Network topology",
    "tile.edram.bytes_per_cycle": "Tile bus width",
    "mapping.placement": "Placement",
    "mapping.replication": "Replication",
    "mapping.buffer_slack_rows": "Buffer rows of slack",
    "hardware": "Hardware",
    "workload": "Network",
    "images": "Images",
    "seed": "Seed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A quantity on an axis. `unit` is SI ("s", "J", "m2", ...), "%" for a share, "" for a count."""

    key: str
    label: str
    unit: str

    def scale(self, values: Iterable[float]) -> tuple[float, str]:
        """(factor, unit with prefix) that put the largest of the values between 1 and 1000."""
        if self.unit == "%":
            return 100.0, "%"
        if self.unit in ("dB", ""):
            return 1.0, self.unit
        top = max((abs(value) for value in values if isfinite(value)), default=0.0)
        square = 2 if self.unit == "m2" else 1
        power = 0 if top == 0 else int(log10(top * (1 + 1e-12)) // (3 * square)) * 3
        power = min(max(power, min(_PREFIXES)), max(_PREFIXES))
        if square == 2:
            power = _area_power(top)
        return 10.0 ** (-power * square), f"{_PREFIXES[power]}{'m²' if square == 2 else self.unit}"

    def axis(self, values: Iterable[float]) -> tuple[float, str]:
        """(factor, axis label with its unit)."""
        factor, unit = self.scale(values)
        return factor, f"{self.label} ({unit})" if unit else self.label

    def text(self, value: float | None) -> str:
        """A value in running text."""
        if value is None:
            return "-"
        if self.unit == "%":
            return f"{value * 100:.4g} %"
        if self.unit == "dB":
            return f"{value:.1f} dB"
        if self.unit in _RATES.values():
            factor, unit = self.scale([value])
            return f"{value * factor:.3g} {unit}"
        return si(value, self.unit) if self.unit else quantity(self.key, value)


def _area_power(top: float) -> int:
    """Areas in mm2 down to a thousandth, then in square micrometres."""
    return -3 if top == 0 or 1e-9 <= top < 1e-2 else 0 if top >= 1e-2 else -6


def measure(key: str, label: str | None = None) -> Measure:
    """Label and unit of a metric by its key, which ends in its unit."""
    if key in _RATES:
        unit = _RATES[key]
    elif key in _SHARES or key.endswith(("_share", "_fraction", "_utilization")):
        unit = "%"
    elif key.endswith("_db"):
        unit = "dB"
    else:
        unit = unit_of(key) or ""
    return Measure(key=key, label=label or _label(key), unit=unit)


def _label(key: str) -> str:
    if key in _LABELS:
        return _LABELS[key]
    part = _PART.fullmatch(key)
    if part and part["name"] != "per_image":
        return f"{part['what'].capitalize()} of {component(part['name'])}"
    words = heading(key)
    return words if words[:2].isupper() else words[:1].upper() + words[1:]


def component(name: str) -> str:
    """A component's name as it is drawn."""
    return _COMPONENTS.get(name, name.replace("_", " "))


def axis_name(path: str) -> str:
    """Label of a study's axis; a dotted path without a customary name stands for itself."""
    return _AXES.get(path, path)


def si(value: float, unit: str) -> str:
    """A quantity in running text, with µ and superscripts."""
    number, _, symbol = format_quantity(value, unit).partition(" ")
    return f"{number} {symbol.replace('u', 'µ', 1) if symbol[:1] == 'u' else symbol}".replace("m2", "m²").rstrip()


def quantities(values: Iterable[object]) -> tuple[list[float], str] | None:
    """Values of a study's axis as numbers in the unit of the last (with its prefix), or None where some are words.

    `["0.5 GHz", "1 GHz"]` gives `([0.5, 1.0], "GHz")`; plain numbers have no unit.
    """
    found: list[tuple[float, str]] = []
    for value in values:
        read = _number(value)
        if read is None:
            return None
        found.append(read)
    dimensions = {unit for _, unit in found}
    if len(dimensions) != 1:
        return None
    (symbol,) = dimensions
    numbers = [number for number, _ in found]
    if not symbol:
        return numbers, ""
    shown = format_quantity(max(numbers, key=abs), symbol).partition(" ")[2]
    factor = parse_quantity(f"1 {shown}", symbol)
    return [number / factor for number in numbers], shown.replace("m2", "m²")


def _number(value: object) -> tuple[float, str] | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return float(value), ""
    text = str(value)
    try:
        return float(text), ""
    except ValueError:
        pass
    for symbol in UNITS:
        try:
            return parse_quantity(text, symbol, signed=True), symbol
        except QuantityError:
            continue
    return None
