"""What `archsim check` prints: derived figures, components of an IMA, a tile and the chip, and what the file notes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from archsim.report.formatting import dotted, quantity
from archsim.report.tables import Column, Sheet, add, table
from archsim.units import format_quantity


def figures_report(figures: Mapping[str, Any]) -> RenderableType:
    """Derived figures of a chip, one dotted name a line, its components, and all notes."""
    made = table(str(figures.get("name", "")), ["figure", "value"])
    for key, value in _flatten(figures):
        if key not in ("name", "hash"):
            add(made, dotted(key), quantity(key, value))
    parts: list[RenderableType] = [made]
    if figures.get("components"):
        parts += [Text(), components_table(figures["components"])]
    if figures.get("notes"):
        parts += [Text(), *[Text(f"note: {note}") for note in figures["notes"]]]
    if figures.get("file_notes"):
        parts += [Text(), Text("Notes of the hardware file", style="bold italic")]
        parts += [Text(f"{path}: {' '.join(text.split())}") for path, text in figures["file_notes"].items()]
    if "hash" in figures:
        parts += [Text(), Text(f"hash {figures['hash']}", style="dim")]
    return Group(*parts)


def components_table(rows: Iterable[Mapping[str, Any]]) -> Sheet:
    """Area and power of each component, in one IMA, tile or chip, and what runs charge for it at full load."""
    rows = list(rows)

    def cells(key: str, unit: str) -> list[str]:
        return [format_quantity(row[key], unit) for row in rows]

    charged = ["-" if row["charged_w"] is None else format_quantity(row["charged_w"], "W") for row in rows]
    columns = [
        Column(heading="component", cells=[row["component"] for row in rows], rank=9, left=True),
        Column(heading="in one", cells=[row["level"] for row in rows], rank=8, left=True),
        Column(heading="count", cells=[f"{row['count']:,}" for row in rows], rank=5),
        Column(heading="area each", cells=cells("area_each_m2", "m2"), rank=3),
        Column(heading="area", cells=cells("area_m2", "m2"), rank=7),
        Column(heading="power each", cells=cells("power_each_w", "W"), rank=2),
        Column(heading="power", cells=cells("power_w", "W"), rank=6),
        Column(heading="charged", cells=charged, rank=4),
    ]
    return Sheet(title="Components", columns=columns, elsewhere="--wide, or --json")


def _flatten(node: Mapping[str, Any], path: str = "") -> Iterable[tuple[str, Any]]:
    for key, value in node.items():
        if key == "file_notes" and not path:
            continue
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{path}{key}.")
        elif not isinstance(value, list | tuple):
            yield f"{path}{key}", value
