"""Axes that moved no figure of a sweep's rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from archsim.sweeps.study import COORDINATES

_WORK = ("input", "limit")
_NO_FIGURES = frozenset(("point", "key", "error", "error_type", "notes", *_WORK))


def unmoved(rows: Sequence[Mapping[str, Any]], axes: Sequence[str]) -> tuple[str, ...]:
    """Axes that no figure of the rows follows from: rows that differ in nothing else have the same figures, and some
    differ in it. Axes that only vary together, such as those of a `zip`, are told by no row."""
    done = [row for row in rows if not row["error"]]
    coordinates = [*COORDINATES, *(axis for axis in axes if axis not in COORDINATES)]
    return tuple(axis for axis in axes if axis not in COORDINATES and _is_unmoved(done, axis, coordinates))


def _is_unmoved(rows: Sequence[Mapping[str, Any]], axis: str, coordinates: Sequence[str]) -> bool:
    first: dict[tuple[str, ...], Mapping[str, Any]] = {}
    compared = False
    for row in rows:
        others = tuple(str(row.get(name)) for name in (*coordinates, *_WORK) if name != axis)
        there = first.setdefault(others, row)
        if row.get(axis) != there.get(axis):
            compared = True
            names = {*row, *there} - _NO_FIGURES - set(coordinates)
            if any(row.get(name) != there.get(name) for name in names):
                return False
    return compared
