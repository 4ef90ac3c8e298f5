"""Tables for notebooks: small HTML in which every text is escaped, as names come from files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

MOST = 40
"""Rows of a table; notebooks show these objects often, and `to_pandas` has all of them."""


def html_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, text: int = 1, most: int = MOST
) -> str:
    """A table with a caption. The first `text` columns are words, the others numbers; rows beyond `most` are counted
    in a last one."""
    rows = list(rows)
    parts = [f'<table><caption style="text-align:left;font-weight:bold">{escape(title)}</caption>']
    if any(columns):
        parts.append(_row("th", columns, text, "<thead>", "</thead>"))
    parts.append("<tbody>")
    parts += [_row("td", row, text) for row in rows[:most]]
    if len(rows) > most:
        parts.append(f'<tr><td colspan="{len(columns)}">... and {len(rows) - most:,} more</td></tr>')
    return "".join([*parts, "</tbody></table>"])


def html_lines(lines: Iterable[str]) -> str:
    """A paragraph a line."""
    return "".join(f"<p>{escape(line)}</p>" for line in lines)


def _row(tag: str, cells: Sequence[object], text: int, start: str = "", end: str = "") -> str:
    words = [
        f'<{tag} style="text-align:{"left" if place < text else "right"}">{escape(str(cell))}</{tag}>'
        for place, cell in enumerate(cells)
    ]
    return f"{start}<tr>{''.join(words)}</tr>{end}"
