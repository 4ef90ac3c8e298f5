"""Notes of several runs, each once, with the runs that it holds for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

MOST_NOTES = 12
"""Notes of a sweep that a report names."""


_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


def gathered(notes: Sequence[Iterable[str]]) -> dict[str, list[int]]:
    """Each note with the places of the runs that have it, in the order in which notes come up."""
    found: dict[str, list[int]] = {}
    for place, those in enumerate(notes):
        for note in dict.fromkeys(those):
            found.setdefault(note, []).append(place)
    return found


def notes_of_runs(notes: Sequence[Iterable[str]], labels: Sequence[str]) -> list[str]:
    """Lines of notes; those that not all runs have begin with the labels of the runs."""
    return [
        note if len(places) == len(labels) else f"{', '.join(labels[place] for place in places)}: {note}"
        for note, places in gathered(notes).items()
    ]


def notes_of_points(rows: Sequence[Mapping[str, Any]], axes: Sequence[str]) -> list[str]:
    """Lines of the notes of a sweep's rows, those of most points first, each with how many points have it and, where
    values of one axis tell them from the others, which. Notes that differ in numbers alone are one line with the first
    of them. Of many lines the first, and how many more there are."""
    alike: dict[str, list[tuple[str, list[int]]]] = {}
    for note, places in gathered([row.get("notes", ()) for row in rows]).items():
        alike.setdefault(_NUMBER.sub("#", note), []).append((note, places))
    found = [(notes[0][0], len(notes), {place for _, those in notes for place in those}) for notes in alike.values()]
    found.sort(key=lambda item: -len(item[2]))
    lines = []
    for note, kinds, points in found[:MOST_NOTES]:
        said = note if kinds == 1 else f"{note} (the first; numbers differ)"
        told = _told_by(rows, points, axes)
        which = f"{len(points):,} of {len(rows):,} points{f' ({told})' if told else ''}: "
        lines.append(said if len(points) == len(rows) else which + said)
    rest = len(found) - MOST_NOTES
    return [*lines, f"{rest:,} more, each with its points in table.csv"] if rest > 0 else lines


def _told_by(rows: Sequence[Mapping[str, Any]], places: set[int], axes: Sequence[str]) -> str:
    """Values of the first axis that no row outside `places` has; "" where there is none."""
    for axis in axes:
        here = dict.fromkeys(str(row.get(axis)) for place, row in enumerate(rows) if place in places)
        others = {str(row.get(axis)) for place, row in enumerate(rows) if place not in places}
        if others.isdisjoint(here):
            return f"{axis} = {', '.join(here)}"
    return ""
