"""Tables that fit the terminal they are printed on: whole columns are left out, never a digit of a number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

PLAIN_WIDTH = 200
"""Columns outside a terminal: nothing there is cut by a window."""
WIDE = 400
GAP = 2


def console(width: int | None = None, *, wide: bool = False) -> Console:
    """A console on standard output; outside a terminal, and with `wide`, wide enough for every column."""
    if wide:
        return Console(width=WIDE)
    plain = Console()
    return plain if plain.is_terminal or width else Console(width=width or PLAIN_WIDTH)


def table(title: str, columns: Iterable[str], *, left: int = 1, wrapped: Sequence[str] = ()) -> Table:
    """An empty table: the first `left` columns are text, the others numbers. Only `wrapped` columns break lines."""
    made = Table(
        title=Text(title, style="bold italic"),
        title_justify="left",
        header_style="bold",
        pad_edge=False,
        box=None,
        min_width=min(60, cell_len(title)),
    )
    for index, column in enumerate(columns):
        breaks = column in wrapped
        justify = "left" if index < left else "right"
        made.add_column(column, justify=justify, no_wrap=not breaks, overflow="fold")  # type: ignore[arg-type]
    return made


def add(made: Table, *cells: str) -> None:
    """Append a row. Cells are taken literally: text from a file is never markup."""
    made.add_row(*[Text(cell) for cell in cells])


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """Heading and cells of a column; of those that do not fit, the ones with the lowest `rank` are left out."""

    heading: str
    cells: Sequence[str]
    rank: int
    left: bool = False

    @property
    def width(self) -> int:
        """Characters the column takes."""
        return max(map(cell_len, (self.heading, *self.cells)), default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A table of many columns, of which a narrow terminal shows the important ones. `elsewhere` says where the others
    are. The first column always stays; its cells break where even two columns do not fit."""

    title: str
    columns: Sequence[Column]
    elsewhere: str

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        chosen = self.fitting(options.max_width)
        yield drawn(self.title, chosen, options.max_width)
        missing = [column.heading for column in self.columns if column not in chosen]
        if missing:
            yield Text(f"not shown: {', '.join(missing)} ({self.elsewhere})", style="dim")

    def fitting(self, width: int) -> list[Column]:
        """The columns that fit, in order."""
        room = width - self.columns[0].width
        kept = [self.columns[0]]
        for column in sorted(self.columns[1:], key=lambda column: -column.rank):
            if column.width + GAP > room:
                break
            room -= column.width + GAP
            kept.append(column)
        if len(kept) == 1:
            kept.append(max(self.columns[1:], key=lambda column: column.rank))
        return [column for column in self.columns if column in kept]


@dataclass(frozen=True, slots=True, kw_only=True)
class SideBySide:
    """A table with one group of columns for each run; where they do not fit, further tables go on, each with the names
    and the first run again. Names break lines where the reference and one run would not fit otherwise."""

    title: str
    names: Column
    groups: Sequence[Sequence[Column]]
    below: RenderableType | None = field(default=None)

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        for number, part in enumerate(self.parts(options.max_width)):
            if number:
                yield Text()
            title = self.title if not number else f"{self.title}, continued"
            columns = [self.names, *self.groups[0], *[column for group in part for column in group]]
            yield drawn(title, columns, options.max_width)
        if self.below is not None:
            yield self.below

    def parts(self, width: int) -> list[list[Sequence[Column]]]:
        """The groups after the first, as many to a table as fit."""
        start = self.names.width + _taken(self.groups[0])
        found: list[list[Sequence[Column]]] = [[]]
        room = width - start
        for group in self.groups[1:]:
            if found[-1] and _taken(group) > room:
                found.append([])
                room = width - start
            found[-1].append(group)
            room -= _taken(group)
        return found


def _taken(group: Sequence[Column]) -> int:
    return sum(column.width + GAP for column in group)


def drawn(title: str, columns: Sequence[Column], width: int) -> Table:
    """A table of just these columns; text of the first breaks where they are wider than `width` together."""
    crowded = columns[0].width + _taken(columns[1:]) > width
    made = table(title, (), left=1)
    for index, column in enumerate(columns):
        justify = "left" if column.left or index == 0 else "right"
        breaks = crowded and index == 0
        made.add_column(column.heading, justify=justify, no_wrap=not breaks, overflow="fold")  # type: ignore[arg-type]
    for cells in zip(*[column.cells for column in columns], strict=True):
        add(made, *cells)
    return made
