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
    return Group(made, Text(f"{passed} of {len(report['claims'])} claims inside their tolerance"))


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.6g}"
