"""Notes of several runs, each once, with the runs that it holds for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.text import Text

MOST_NOTES = 12


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
    """Lines of the notes of a sweep's rows, each with how many points have it and, where values of one axis tell them
    from the others, which."""
    lines = []
    for note, places in gathered([row.get("notes", ()) for row in rows]).items():
        if len(places) == len(rows):
            lines.append(note)
            continue
        told = _told_by(rows, set(places), axes)
        lines.append(f"{len(places):,} of {len(rows):,} points{f' ({told})' if told else ''}: {note}")
    return lines


def _told_by(rows: Sequence[Mapping[str, Any]], places: set[int], axes: Sequence[str]) -> str:
    """Values of the first axis that no row outside `places` has; "" where there is none."""
    for axis in axes:
        here = dict.fromkeys(str(row.get(axis)) for place, row in enumerate(rows) if place in places)
        others = {str(row.get(axis)) for place, row in enumerate(rows) if place not in places}
        if others.isdisjoint(here):
            return f"{axis} = {', '.join(here)}"
    return ""


def note_lines(lines: Sequence[str]) -> list[Text]:
    """The first of so many notes for a terminal, and how many more a table has."""
    shown = [Text(f"note: {line}") for line in lines[:MOST_NOTES]]
    rest = len(lines) - MOST_NOTES
    return [*shown, Text(f"and {rest} other notes (table.csv)")] if rest > 0 else shown
