"""Types of the fields of a workload file: text or lists of text in, checked plain values out, JSON Schema beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, cast

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

from archsim.config.suggest import did_you_mean, excerpt
from archsim.units import parse_integer, parse_number
from archsim.workload.graph import Activation, Padding, Pair, Shape

LARGEST = 1_000_000
"""Largest length, channel count or kernel that a network description may hold."""

_INTEGER = {"type": "integer"}
_ACTIVATIONS = ("relu", "relu6", "clip", "leaky_relu", "sigmoid", "tanh", "hard_sigmoid", "hard_swish")
_LIMITS = {"clip": ("low", "high"), "leaky_relu": ("alpha",), "hard_sigmoid": ("alpha", "beta")}
_DEFAULTS = {"leaky_relu": {"alpha": 0.01}, "hard_sigmoid": {"alpha": 0.2, "beta": 0.5}}


@dataclass(frozen=True, slots=True)
class Parsed:
    """A field read by `parse` from text, or from lists and mappings of text, with its JSON Schema."""

    parse: Callable[[Any], Any]
    schema: dict[str, Any]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self.parse)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return self.schema

    def __hash__(self) -> int:
        return id(self)


def whole(value: object, low: int = 0) -> int:
    """Whole number in [low, LARGEST] from its text."""
    if not isinstance(value, str):
        raise ValueError(f"is a {_kind(value)}; expected a whole number")
    number = parse_integer(value)
    if not low <= number <= LARGEST:
        raise ValueError(f"{excerpt(value)} is out of range; expected {low} to {LARGEST}")
    return number


def real(value: object) -> float:
    """Finite number, possibly negative, from its text."""
    if not isinstance(value, str):
        raise ValueError(f"is a {_kind(value)}; expected a number")
    return parse_number(value, signed=True)


def word(value: object) -> str:
    """A name: text without outer blanks, at most 120 characters."""
    if not isinstance(value, str) or not value.strip() or value != value.strip() or len(value) > 120:
        raise ValueError(f"{_shown(value)} is no name; expected text of 1 to 120 characters")
    return value


def words(value: object) -> tuple[str, ...]:
    """A list of names, or one name."""
    if isinstance(value, str):
        return (word(value),)
    if not isinstance(value, list) or not value:
        raise ValueError(f"{_shown(value)} is no list of names; expected such as [a, b]")
    return tuple(word(item) for item in value)


def pair(value: object) -> Pair:
    """One number for both axes, or [height, width]; 1 or more."""
    if isinstance(value, list):
        if len(value) != 2:
            raise ValueError(f"has {len(value)} entries; expected a number or [height, width]")
        return whole(value[0], 1), whole(value[1], 1)
    number = whole(value, 1)
    return number, number


def padding(value: object) -> Padding | Literal["same"]:
    """One number for all sides, [top, left, bottom, right], `same` or `valid`."""
    if value == "same":
        return "same"
    if value == "valid":
        return (0, 0, 0, 0)
    if isinstance(value, list):
        if len(value) != 4:
            raise ValueError(f"has {len(value)} entries; expected a number, [top, left, bottom, right], same or valid")
        return whole(value[0]), whole(value[1]), whole(value[2]), whole(value[3])
    if isinstance(value, str) and value[:1].isalpha():
        raise ValueError(f"{excerpt(value)} is unknown; expected a number, [top, left, bottom, right], same or valid")
    number = whole(value)
    return number, number, number, number


def lengths(value: object) -> Shape:
    """A shape without batch: one length, or a list of lengths of 1 or more."""
    if not isinstance(value, list):
        return (whole(value, 1),)
    if not 1 <= len(value) <= 8:
        raise ValueError(f"has {len(value)} entries; expected 1 to 8 lengths such as [3, 224, 224]")
    return tuple(whole(item, 1) for item in value)


def axes(value: object) -> tuple[int, ...]:
    """A list of axis numbers; 0 is the first axis after the batch."""
    if not isinstance(value, list):
        raise ValueError(f"{_shown(value)} is no list of axes; expected such as [1, 0, 2]")
    return tuple(whole(item) for item in value)


def activation(value: object) -> Activation:
    """The name of an activation, or {function:, alpha:, beta:, low:, high:} where it has parameters."""
    given = {"function": value} if isinstance(value, str) else value
    if not isinstance(given, dict) or not isinstance(given.get("function"), str):
        raise ValueError(f"is a {_kind(value)}; expected one of {' | '.join(_ACTIVATIONS)}, or a block with function")
    name = cast(str, given["function"])
    if name not in _ACTIVATIONS:
        hint = did_you_mean(name, _ACTIVATIONS)
        raise ValueError(f"{excerpt(name)} is no activation; expected {' | '.join(_ACTIVATIONS)}{hint}")
    wanted = _LIMITS.get(name, ())
    for key in given:
        if key != "function" and key not in wanted:
            expected = f"it takes {', '.join(wanted)}" if wanted else "it takes no parameter"
            raise ValueError(f"{excerpt(str(key))} does not belong to {name}; {expected}")
    numbers = {**_DEFAULTS.get(name, {}), **{key: real(given[key]) for key in wanted if key in given}}
    missing = [key for key in wanted if key not in numbers]
    if missing:
        raise ValueError(f"{name} needs {' and '.join(missing)}")
    return _made(name, numbers)


def _made(name: str, numbers: dict[str, float]) -> Activation:
    if name == "relu6":
        return Activation(function="clip", low=0.0, high=6.0)
    if name == "hard_swish":
        return Activation(function="hard_swish", alpha=1 / 6, beta=0.5)
    if name == "clip" and numbers["low"] > numbers["high"]:
        raise ValueError(f"clips to {numbers['low']}..{numbers['high']}; expected low not above high")
    return Activation(function=cast(Any, name), **numbers)


def _kind(value: object) -> str:
    return "block" if isinstance(value, dict) else "list" if isinstance(value, list) else "text"


def _shown(value: object) -> str:
    return excerpt(value) if isinstance(value, str) else f"a {_kind(value)}"


def _either(*schemas: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": list(schemas)}


def _numbers(count: int | None = None, low: int = 0) -> dict[str, Any]:
    sizes = {} if count is None else {"minItems": count, "maxItems": count}
    return {"type": "array", "items": {**_INTEGER, "minimum": low}, **sizes}


_NAMES = {"type": "array", "items": {"type": "string"}, "minItems": 1}
_ACTIVATION_BLOCK = {
    "type": "object",
    "properties": {
        "function": {"enum": list(_ACTIVATIONS)},
        **{key: {"type": "number"} for key in ("alpha", "beta", "low", "high")},
    },
    "required": ["function"],
    "additionalProperties": False,
}

Count = Annotated[int, Parsed(lambda value: whole(value, 1), {**_INTEGER, "minimum": 1})]
Index = Annotated[int, Parsed(whole, {**_INTEGER, "minimum": 0})]
Real = Annotated[float, Parsed(real, {"type": "number"})]
Word = Annotated[str, Parsed(word, {"type": "string", "minLength": 1})]
WordList = Annotated[tuple[str, ...], Parsed(words, _either({"type": "string"}, _NAMES))]
PairField = Annotated[Pair, Parsed(pair, _either({**_INTEGER, "minimum": 1}, _numbers(2, 1)))]
PaddingField = Annotated[
    Padding | Literal["same"],
    Parsed(padding, _either({**_INTEGER, "minimum": 0}, _numbers(4), {"enum": ["same", "valid"]})),
]
ShapeField = Annotated[Shape, Parsed(lengths, _either({**_INTEGER, "minimum": 1}, _numbers(low=1)))]
AxesField = Annotated[tuple[int, ...], Parsed(axes, _numbers())]
ActivationField = Annotated[Activation, Parsed(activation, _either({"enum": list(_ACTIVATIONS)}, _ACTIVATION_BLOCK))]
