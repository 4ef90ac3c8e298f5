"""Every figure of a hardware file, by dotted path, and what it may be changed to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from archsim.config import Hardware, hardware_schema

NUMBER = re.compile(r"-?\d+(\.\d+)?(e-?\d+)?")
WORDS = ("source", "notes", "description", "name", "recalled", "bibliography", "sources", "note", "found")
FACTORS = (4.0, 0.25, 2.0, 0.5, 16.0, 0.0, 0.75)


def figures(hardware: Hardware) -> list[tuple[str, object]]:
    """(path, value) of all that a file says in numbers, truth values, names of rules and lists."""
    return list(_leaves(hardware.expanded, ()))


def numbers(hardware: Hardware) -> list[tuple[str, str]]:
    """(path, value as printed) of all numbers, with or without a unit; what sources say is none."""
    return [
        (path, str(value))
        for path, value in figures(hardware)
        if not isinstance(value, bool | list) and NUMBER.match(str(value))
    ]


def _leaves(node: object, path: tuple[str, ...]) -> Iterator[tuple[str, object]]:
    if isinstance(node, dict):
        for key, child in node.items():
            if key not in WORDS:
                yield from _leaves(child, (*path, str(key)))
    else:
        yield ".".join(path), node


def changed(value: str, factor: float) -> str:
    """The same with its first number multiplied; whole numbers stay whole."""
    found = NUMBER.match(value)
    assert found is not None
    number = float(found.group()) * factor if float(found.group()) else factor
    return (f"{number:.0f}" if number == int(number) else f"{number:.12g}") + value[found.end() :]


def probes(path: str, value: object) -> Iterator[object]:
    """Other values for a figure, the nearest first; some may not go with the rest of a file."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, list):
        yield value[:-1]
        yield [changed(str(item), 0.5) for item in value]
    elif NUMBER.match(str(value)):
        found = [changed(str(value), factor) for factor in FACTORS]
        whole = str(value).isdigit()
        more = [str(int(str(value)) + 1), str(int(str(value)) - 1)] if whole else []
        yield from (text for text in [*found, *more] if text != str(value) and not (whole and "." in text))
    else:
        yield from (word for word in _options(path) if word != value)


@cache
def _options(path: str) -> tuple[str, ...]:
    """Words that the schema of hardware files allows at a path."""
    schema: Any = hardware_schema()
    nodes: list[Any] = [schema["else"]]
    for key in path.split("."):
        nodes = [_step(option, key) for node in nodes for option in _resolved(schema, node)]
        nodes = [node for node in nodes if node is not None]
    return tuple(
        str(word)
        for node in nodes
        for option in _resolved(schema, node)
        for word in (*option.get("enum", ()), *((option["const"],) if "const" in option else ()))
    )


def _step(node: Any, key: str) -> Any:
    named = node.get("properties", {}).get(key)
    return node.get("additionalProperties") or None if named is None else named


def _resolved(schema: Any, node: Any) -> Iterator[Any]:
    """A schema, or the parts of its union, references followed."""
    if "$ref" in node:
        yield from _resolved(schema, schema["$defs"][node["$ref"].rpartition("/")[2]])
    elif "anyOf" in node:
        for option in node["anyOf"]:
            yield from _resolved(schema, option)
    else:
        yield node
