"""Every number of a hardware file, by dotted path, and what it may be changed to."""

from __future__ import annotations

import re
from collections.abc import Iterator

from archsim.config import Hardware

NUMBER = re.compile(r"-?\d+(\.\d+)?(e-?\d+)?")


def numbers(hardware: Hardware) -> list[tuple[str, str]]:
    """(path, value as printed) of all numbers, with or without a unit; what sources say is none."""
    return list(_leaves(hardware.expanded, ()))


def _leaves(node: object, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    if isinstance(node, dict):
        for key, child in node.items():
            if key not in ("sources", "source", "note", "description", "name", "found"):
                yield from _leaves(child, (*path, str(key)))
    elif not isinstance(node, bool) and NUMBER.match(str(node)):
        yield ".".join(path), str(node)


def changed(value: str, factor: float) -> str:
    """The same with its first number multiplied; whole numbers stay whole."""
    found = NUMBER.match(value)
    assert found is not None
    number = float(found.group()) * factor
    return (f"{number:.0f}" if number == int(number) else f"{number:.12g}") + value[found.end() :]
