"""Types of the fields of a hardware file: text in, checked SI value out, JSON Schema beside it.

Each type states the range in which a value is plausible at all. The bounds are wide (they catch a wrong prefix or a
slipped digit, not a daring design) and are named in the message when one is hit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

from archsim.units import QuantityError, format_quantity, parse_integer, parse_number, parse_quantity

_NUMBER = r"[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?"


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with unit; `units` holds the unit of the value first, then units of the same meaning."""

    units: tuple[str, ...]
    low: float
    high: float
    whole: bool = False

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return _text_schema(self.parse)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        # The letters cover every spelling of a unit; the exact check is the parser's.
        example = format_quantity(max(self.low, min(self.high, 1.0)), self.units[0])
        return {
            "type": "string",
            "pattern": rf"^{_NUMBER} ?[A-Za-z\u00b5\u03bc\u03a9\u00b2^2/]+$",
            "description": f"such as {example}",
        }

    def parse(self, text: str) -> float:
        """SI value of `text`; the first unit's complaint is raised when no unit fits."""
        for unit in self.units[1:]:
            try:
                value = parse_quantity(text, unit)
            except QuantityError:
                continue
            return self._bounded(text, value)
        return self._bounded(text, parse_quantity(text, self.units[0]))

    def _bounded(self, text: str, value: float) -> float:
        unit = self.units[0]
        if value > self.high:
            raise QuantityError(f"{text!r} is above the sanity bound of {format_quantity(self.high, unit)}")
        if value < self.low:
            raise QuantityError(f"{text!r} is below {format_quantity(self.low, unit)}, the least that makes sense here")
        if self.whole and value != int(value):
            raise QuantityError(f"{text!r} is {value} {unit}; expected a whole number of {unit}")
        return value


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number in plain digits within [low, high]."""

    low: int
    high: int

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return _text_schema(self.parse)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "integer", "minimum": self.low, "maximum": self.high}

    def parse(self, text: str) -> int:
        """Value of `text`."""
        value = parse_integer(text)
        if not self.low <= value <= self.high:
            raise QuantityError(f"{text} is out of range; expected {self.low} to {self.high}")
        return value


@dataclass(frozen=True, slots=True)
class WholeOr:
    """A whole number in plain digits within [low, high], or a word."""

    low: int
    high: int
    word: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return _text_schema(self.parse)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"anyOf": [{"const": self.word}, {"type": "integer", "minimum": self.low, "maximum": self.high}]}

    def parse(self, text: str) -> int | str:
        """Value of `text`."""
        try:
            return text if text == self.word else Whole(self.low, self.high).parse(text)
        except QuantityError as error:
            raise QuantityError(f"{error} (or {self.word})") from None


@dataclass(frozen=True, slots=True)
class Fraction:
    """A plain number or a percentage within [low, high]: `0.05` and `5 %` are the same."""

    low: float
    high: float

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return _text_schema(self.parse)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        percent = {"type": "string", "pattern": rf"^{_NUMBER}( ?%)?$", "description": "such as 0.05 or 5 %"}
        return {"anyOf": [percent, {"type": "number", "minimum": self.low, "maximum": self.high}]}

    def parse(self, text: str) -> float:
        """Value of `text`."""
        number = text.strip()
        value = parse_number(number[:-1].rstrip()) / 100 if number.endswith("%") else parse_number(number)
        if not self.low <= value <= self.high:
            raise QuantityError(f"{text!r} is out of range; expected {self.low:g} to {self.high:g}")
        return value


@dataclass(frozen=True, slots=True)
class Number:
    """A plain number within [low, high], negative ones included."""

    low: float
    high: float

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return _text_schema(self.parse)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "number", "minimum": self.low, "maximum": self.high}

    def parse(self, text: str) -> float:
        """Value of `text`."""
        value = parse_number(text, signed=True)
        if not self.low <= value <= self.high:
            raise QuantityError(f"{text!r} is out of range; expected {self.low:g} to {self.high:g}")
        return value


@dataclass(frozen=True, slots=True)
class Flag:
    """`true` or `false`, nothing else that YAML calls a truth value."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return _text_schema(self.parse)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "boolean"}

    def parse(self, text: str) -> bool:
        """Value of `text`."""
        if text not in ("true", "false"):
            raise QuantityError(f"{text[:60]!r} is no truth value; expected true or false")
        return text == "true"


@dataclass(frozen=True, slots=True)
class Words:
    """Text that must say something, at most `longest` characters."""

    longest: int = 4000

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return _text_schema(self.parse)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"type": "string", "minLength": 1, "maxLength": self.longest}

    def parse(self, text: str) -> str:
        """`text` without outer blanks and with inner line ends as blanks."""
        words = " ".join(text.split())
        if not words:
            raise QuantityError("is empty; expected text")
        if len(words) > self.longest:
            raise QuantityError(f"is {len(words)} characters long; expected at most {self.longest}")
        return words


def _text_schema(parse: Callable[[str], object]) -> core_schema.CoreSchema:
    def validate(value: object) -> object:
        if not isinstance(value, str):
            raise QuantityError(f"is a {'block' if isinstance(value, dict) else 'list'}; expected a single value")
        return parse(value)

    return core_schema.no_info_plain_validator_function(validate)


Power = Annotated[float, Quantity(("W",), 0.0, 1e6)]
Area = Annotated[float, Quantity(("m2",), 0.0, 1.0)]
Energy = Annotated[float, Quantity(("J",), 0.0, 1.0)]
Length = Annotated[float, Quantity(("m",), 1e-10, 1e-3)]
Cycle = Annotated[float, Quantity(("s",), 1e-12, 1.0)]
Latency = Annotated[float, Quantity(("s",), 0.0, 1.0)]
SampleRate = Annotated[float, Quantity(("S/s", "Hz"), 1.0, 1e14)]
OperationRate = Annotated[float, Quantity(("op/s", "S/s", "Hz"), 1.0, 1e14)]
Frequency = Annotated[float, Quantity(("Hz",), 1.0, 1e14)]
Bandwidth = Annotated[float, Quantity(("B/s",), 1.0, 1e14)]
Bytes = Annotated[float, Quantity(("B",), 1.0, 2.0**40, whole=True)]
Resistance = Annotated[float, Quantity(("ohm",), 1e-3, 1e15)]
Voltage = Annotated[float, Quantity(("V",), 1e-6, 1e3)]
Conductance = Annotated[float, Quantity(("S",), 0.0, 1e3)]
Current = Annotated[float, Quantity(("A",), 0.0, 1e3)]
Segment = Annotated[float, Quantity(("ohm",), 0.0, 1e9)]
Duration = Annotated[float, Quantity(("s",), 1e-15, 1e12)]
Pulse = Annotated[float, Quantity(("s",), 1e-12, 1e3)]

Count = Annotated[int, Whole(1, 1_000_000)]
Share = Annotated[int, Whole(1, 1_000_000_000)]
Lines = Annotated[int, Whole(1, 65_536)]
Cycles = Annotated[int, Whole(0, 1_000_000)]
OperandBits = Annotated[int, Whole(1, 32)]
SumBits = Annotated[int, Whole(1, 64)]
CellBits = Annotated[int, Whole(1, 8)]
DacBits = Annotated[int, Whole(1, 16)]
AdcBits = Annotated[int, Whole(1, 24)]
WireBits = Annotated[int, Whole(1, 65_536)]
Year = Annotated[int, Whole(1800, 2200)]
SlackRows = Annotated[int | str, WholeOr(0, 10_000, "auto")]
Timings = Annotated[int | str, WholeOr(0, 1000, "auto")]
"""`auto`: chosen by the mapper."""
Proportion = Annotated[float, Fraction(0.0, 1.0)]
Levels = Annotated[float, Fraction(0.0, 1e6)]
Pulses = Annotated[float, Fraction(0.0, 1e6)]
Signed = Annotated[float, Number(-1e9, 1e9)]
Codes = Annotated[float, Number(0.0, 1.0)]
Percent = Annotated[float, Number(50.0, 100.0)]
DriftExponent = Annotated[float, Fraction(0.01, 0.1)]
Truth = Annotated[bool, Flag()]
Text = Annotated[str, Words()]
Name = Annotated[str, Words(120)]
