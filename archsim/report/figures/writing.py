"""Files of figures: PDF or SVG, the numbers of each as CSV beside it, captions, and the works that were used."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from archsim.errors import InputError, Problem
from archsim.files import write_whole
from archsim.report.figures.canvas import FORMATS, render, wants_page
from archsim.report.figures.naming import slugs, tex
from archsim.report.figures.ofruns import run_figures
from archsim.report.figures.ofsweeps import sweep_figures
from archsim.report.figures.panels import Figure
from archsim.report.figures.references import References, references_of
from archsim.report.figures.sources import Source, read_source
from archsim.report.figures.style import Style, find_style, require_matplotlib

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """How figures are wanted: `style` and `form` by name, `double` for the width of a page (None: what suits each
    figure), metrics to draw instead of the usual ones, values of a sweep's axes to keep to (`where`, by dotted path),
    and what axes, metrics and runs are called (`labels`, by path, key or name)."""

    style: str = "ieee"
    form: str = "pdf"
    double: bool | None = None
    font: str | None = None
    metrics: tuple[str, ...] = ()
    where: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def draw_figures(sources: Sequence[str], folder: Path, request: Request | None = None) -> list[Path]:
    """Draw saved runs and sweeps into a folder; returns the figures' files.

    Runs are drawn together, each sweep by itself. Beside each figure stands its table (`.csv`); `captions.txt` and
    `captions.tex` say what is shown, `references.bib` what the numbers rest on. Same input, same bytes.

    Raises
    ------
    InputError
        Without matplotlib, for sources, metrics or axes that cannot be drawn, or where files cannot be written.
    """
    request = request or Request()
    require_matplotlib("figures")
    problems: list[Problem] = []
    style = _kept(problems, partial(find_style, request.style, request.font))
    if request.form not in FORMATS:
        problems.append(Problem("--format", f"'{request.form}' is no format; expected {' | '.join(FORMATS)}"))
    read = [_kept(problems, partial(read_source, name, request.where, request.labels)) for name in sources]
    if problems or style is None:
        raise InputError(problems)
    known = [item for item in read if item is not None]
    return write_figures(figures_of(known, request), folder, style, request, references_of(known))


def _kept(problems: list[Problem], ask: Callable[[], T]) -> T | None:
    """What a call gives; what it complains of is kept for later, so that all problems are told at once."""
    try:
        return ask()
    except InputError as error:
        problems += error.problems
        return None


def figures_of(read: Sequence[Source], request: Request) -> list[Figure]:
    """All figures of what was read, with names of their own."""
    runs = [item for item in read if item.run is not None]
    tables = [item.table for item in read if item.table is not None]
    found: list[Figure] = []
    if runs:
        folders = [item.folder for item in runs]
        found += run_figures([item.run for item in runs if item.run], folders, request.metrics, request.labels)
    starts = slugs([table.name for table in tables]) if len(tables) + bool(runs) > 1 else [""] * len(tables)
    for table, start in zip(tables, starts, strict=True):
        made = sweep_figures(table, request.metrics)
        found += [replace(figure, name=f"{start}{figure.name}") for figure in made]
    found += [figure for item in read for figure in item.charts]
    return [replace(figure, name=name) for figure, name in zip(found, _apart(found), strict=True)]


def _apart(figures: Sequence[Figure]) -> list[str]:
    """Names of files that no file system takes for the same."""
    names: list[str] = []
    taken: set[str] = set()
    for figure in figures:
        name, number = figure.name, 1
        while name.casefold() in taken:
            number += 1
            name = f"{figure.name}-{number}"
        taken.add(name.casefold())
        names.append(name)
    return names


def write_figures(
    figures: Sequence[Figure], folder: Path, style: Style, request: Request, references: References
) -> list[Path]:
    """Write figures, tables, captions and references. Raises `InputError` where the folder cannot be written."""
    written, captions = [], []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for figure in figures:
            content, notes = render(figure, style, request.form, request.double)
            path = folder / f"{figure.name}.{request.form}"
            write_whole(path, content)
            write_whole(folder / f"{figure.name}.csv", table_text(figure))
            captions.append(" ".join([figure.caption, *[f"{note[:1].upper()}{note[1:]}." for note in notes]]))
            written.append(path)
        write_whole(folder / "captions.txt", captions_text(figures, captions))
        write_whole(folder / "captions.tex", captions_tex(figures, captions, references.keys, request.double))
        write_whole(folder / "references.bib", references.text)
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", where=str(folder)) from None
    return written


def table_text(figure: Figure) -> str:
    """The numbers behind a figure as CSV, SI units, full precision."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(figure.columns)
    writer.writerows(["" if cell is None else cell for cell in row] for row in figure.rows)
    return text.getvalue()


def captions_text(figures: Sequence[Figure], captions: Sequence[str]) -> str:
    """Captions as plain text."""
    return "\n\n".join(f"{figure.name}\n{caption}" for figure, caption in zip(figures, captions, strict=True)) + "\n"


def captions_tex(
    figures: Sequence[Figure], captions: Sequence[str], keys: Sequence[str], double: bool | None = None
) -> str:
    """A LaTeX figure for each, to copy into a paper; names and numbers are escaped."""
    works = (
        f" Simulated with archsim~\\cite{{archsim}}; hardware figures from~\\cite{{{','.join(keys)}}}." if keys else ""
    )
    parts = []
    for figure, caption in zip(figures, captions, strict=True):
        kind = "figure*" if (wants_page(figure.panel) if double is None else double) else "figure"
        parts.append(
            f"\\begin{{{kind}}}\n  \\centering\n  \\includegraphics{{{figure.name}}}\n"
            f"  \\caption{{{tex(caption)}{works}}}\n  \\label{{fig:{figure.name}}}\n\\end{{{kind}}}\n"
        )
    return "\n".join(parts)
