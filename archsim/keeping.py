"""The seam by which results are kept from one run to the next: steps that others may share say what they follow from.

A step asks its `Keep` for its result: it names the kind of result, gives everything the result follows from, and says
how to make it. `anew` makes it every time; `archsim.simulation.Reuse` keeps it by the content of its parts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

Value = TypeVar("Value")


class Keep(Protocol):
    """Gives the result of `make`, which follows from `parts` alone: anew, or one of the same kind and parts."""

    def __call__(self, kind: str, parts: tuple[object, ...], make: Callable[[], Value]) -> Value: ...


def anew(kind: str, parts: tuple[object, ...], make: Callable[[], Value]) -> Value:
    """Keeps nothing."""
    del kind, parts
    return make()
