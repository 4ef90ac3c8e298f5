"""The verb figures: paper-ready drawings of saved runs and sweeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import click

from archsim.cli.group import cli
from archsim.errors import InputError, Problem


@cli.command()
@click.argument("sources", nargs=-1, required=True, metavar="RUN_DIR|SWEEP_DIR...")
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), metavar="DIR", help="Write the figures here."
)
@click.option(
    "--style",
    default="ieee",
    show_default=True,
    metavar="ieee|acm|plain",
    help="Widths and fonts: ieee 3.5 and 7.16 in, acm 3.33 and 7 in, plain 4.6 and 7.5 in.",
)
@click.option(
    "--format", "form", default="pdf", show_default=True, metavar="pdf|svg", help="pdf embeds fonts, svg outlines text."
)
@click.option(
    "--width",
    type=click.Choice(["single", "double"]),
    help="One column or both; by default figures with many layers take both.",
)
@click.option("--metrics", metavar="A,B,...", help="Metrics to draw, e.g. latency_s,energy_per_image_j,accuracy.")
@click.option("--where", multiple=True, metavar="PATH=VALUE", help="Of a sweep, draw only points with this value.")
@click.option(
    "--label", multiple=True, metavar="NAME=TEXT", help="What an axis, metric or run is called in the figures."
)
@click.option("--font", metavar="FAMILY", help="An installed typeface instead of the style's own.")
def figures(
    sources: tuple[str, ...],
    output: Path,
    style: str,
    form: str,
    width: str | None,
    metrics: str | None,
    where: tuple[str, ...],
    label: tuple[str, ...],
    font: str | None,
) -> None:
    """Draw runs and sweeps for a paper: PDF or SVG, CSV of the numbers, captions, BibTeX.

    Runs are drawn side by side, sweeps each by itself. The same input gives the same bytes.
    """
    from archsim.report.figures import Request, draw_figures

    request = Request(
        style=style,
        form=form,
        double=None if width is None else width == "double",
        font=font,
        metrics=tuple(part.strip() for part in metrics.split(",") if part.strip()) if metrics else (),
        where=_pairs("--where PATH=VALUE", where, str.partition),
        labels=_pairs("--label NAME=TEXT", label, str.rpartition),
    )
    for path in draw_figures(sources, output, request):
        click.echo(path)


def _pairs(option: str, given: tuple[str, ...], split: Callable[[str, str], tuple[str, str, str]]) -> Mapping[str, str]:
    """Options of two parts, by the first; names of runs may hold the sign between them (`ima.adc.bits=6=Six bits`)."""
    name, _, form = option.partition(" ")
    found: dict[str, str] = {}
    problems = []
    for text in given:
        key, equals, value = split(text, "=")
        if not key or not equals:
            problems.append(Problem(f"{name} {text}", f"expected {form}"))
        found[key] = value
    if problems:
        raise InputError(problems)
    return found
