"""Claims of a study: what the paper says, what this call measured, and what that means.

A claim with a published figure is `met` inside the stated band, else `not met`; one without is a property of the
reconstruction that `holds` or `does not hold`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.text import Text

from archsim.report.tables import Column, Sheet, add, table

SIDE_BY_SIDE = 110
"""Columns from which a claim's numbers stand in a row with its text."""
NOTHING = 1e-6
"""A lower bound below this says that the value is above zero."""


def verdict(claim: Mapping[str, Any]) -> str:
    """`met` or `not met` for a published figure, `holds` or `does not hold` for a property."""
    if claim["paper"] is not None:
        return "met" if claim["pass"] else "not met"
    return "holds" if claim["pass"] else "does not hold"


def claims_report(report: Mapping[str, Any]) -> RenderableType:
    """Every claim with its verdict, then how many of each kind there are."""
    claims = report["claims"]
    notes = [Text(f"note: {note}") for note in report.get("notes", ())]
    tables = [part for found in report.get("tables", ()) for part in (Text(), rows_table(found))]
    title = f"{report['study']} ({report['seconds']:.1f} s)"
    return Group(_Claims(title=title, claims=claims), *_summary(claims), *notes, *tables)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claims:
    """Claims as a table where there is room, else as paragraphs: text wraps, numbers are never cut."""

    title: str
    claims: Sequence[Mapping[str, Any]]

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        if options.max_width >= SIDE_BY_SIDE:
            yield self._table()
            return
        yield Text(self.title, style="bold italic")
        for claim in self.claims:
            yield Text(f"{verdict(claim)}  {claim['id']}", style="bold")
            paper = "" if claim["paper"] is None else f"paper {_number(claim['paper'])} ({claim['status']}), "
            yield Padding(Text(f"{paper}measured {_number(claim['measured'])}, expected {_band(claim)}"), (0, 0, 0, 2))
            yield Padding(Text(_words(claim)), (0, 0, 0, 2))

    def _table(self) -> RenderableType:
        headings = ["", "id", "claim", "paper", "measured", "expected", "status"]
        made = table(self.title, headings, left=3, wrapped=("id", "claim"))
        for claim in self.claims:
            numbers = _number(claim["paper"]), _number(claim["measured"]), _band(claim)
            status = claim["status"] if claim["paper"] is not None else "-"
            add(made, verdict(claim), claim["id"], _words(claim), *numbers, status)
        return made


def _words(claim: Mapping[str, Any]) -> str:
    """What is claimed, and why it is not met where that is known."""
    return (
        claim["note"] if claim["pass"] or not claim["reason"] else f"{claim['note']}; missed because {claim['reason']}"
    )


def _note(claim: Mapping[str, Any]) -> str:
    """What is claimed, and why it is not met where that is understood."""
    reason = "" if claim["pass"] else claim.get("reason", "")
    return f"{claim['note']}. Not met because: {reason}" if reason else str(claim["note"])


def _summary(claims: Sequence[Mapping[str, Any]]) -> list[Text]:
    figures = [claim for claim in claims if claim["paper"] is not None]
    properties = [claim for claim in claims if claim["paper"] is None]
    lines = []
    if figures:
        met = sum(claim["pass"] for claim in figures)
        lines.append(Text(f"{met} of {len(figures)} published figures met (inside the stated band)"))
    if properties:
        hold = sum(claim["pass"] for claim in properties)
        lines.append(Text(f"{hold} of {len(properties)} properties without a published figure hold"))
    return lines


def _band(claim: Mapping[str, Any]) -> str:
    """The band as a reader says it: `above 0`, `exactly 8`, `2 to 6`."""
    low, high = _number(claim["low"]), _number(claim["high"])
    if low == high:
        return f"exactly {low}"
    if 0 < claim["low"] < NOTHING and claim["paper"] is None:
        return f"above 0, up to {high}"
    return f"{low} to {high}"


def rows_table(found: Mapping[str, Any]) -> RenderableType:
    """A study's table: the columns it picks for a terminal."""
    columns = [
        Column(heading=heading, cells=[_cell(row[key], form) for row in found["rows"]], rank=-place, left=place == 0)
        for place, (key, heading, form) in enumerate(found["columns"])
    ]
    return Sheet(title=found["title"], columns=columns, elsewhere="a wider terminal, or --json")


def _cell(value: Any, form: str) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, str) or not form else format(value, form)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.6g}"
