"""Claims of a study as a table: what the paper says, what this call measured, and whether that is inside the stated
tolerance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from archsim.report.terminal import add, table


def claims_report(report: Mapping[str, Any]) -> RenderableType:
    """One line per claim."""
    made = table(
        f"{report['study']} ({report['seconds']:.1f} s)",
        ["id", "claim", "paper", "measured", "low", "high", "status", ""],
        left=2,
    )
    for claim in report["claims"]:
        numbers = [_number(claim[key]) for key in ("paper", "measured", "low", "high")]
        add(made, claim["id"], claim["note"], *numbers, claim["status"], "pass" if claim["pass"] else "FAIL")
    passed = sum(claim["pass"] for claim in report["claims"])
    summary = Text(f"{passed} of {len(report['claims'])} claims inside their tolerance")
    notes = [Text(f"note: {note}") for note in report.get("notes", ())]
    tables = [part for found in report.get("tables", ()) for part in (Text(), rows_table(found))]
    return Group(made, summary, *notes, *tables)


def rows_table(found: Mapping[str, Any]) -> RenderableType:
    """A study's table: the columns it picks for a terminal."""
    made = table(found["title"], [heading for _, heading, _ in found["columns"]])
    for row in found["rows"]:
        add(made, *[_cell(row[key], form) for key, _, form in found["columns"]])
    return made


def _cell(value: Any, form: str) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, str) or not form else format(value, form)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.6g}"
