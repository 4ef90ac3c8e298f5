from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from archsim.report.figures.canvas import DRAWERS, render, sheet_of
from archsim.report.figures.ofruns import run_figures
from archsim.report.figures.panels import (
    Curve,
    Curves,
    Dot,
    Figure,
    Grouped,
    HeatMap,
    Panel,
    Part,
    Scatter,
    Stacked,
    Timeline,
)
from archsim.report.figures.scales import measure
from archsim.report.figures.sheet import SMALLEST, thinned
from archsim.report.figures.style import STYLES
from archsim.result import Result
from tests.report.figures.conftest import HOSTILE

START = "$x_1$ 100% <"
"""What a figure has room for of it at least."""
ENERGY, LATENCY = measure("energy_j"), measure("latency_s")


def figure(panel: Panel, title: str = "") -> Figure:
    return Figure(name="test", caption="", columns=(), rows=(), panel=panel, title=title)


def panels() -> Iterator[Panel]:
    """One of each kind, with more layers than have room."""
    names = [HOSTILE, "_b", *[f"layer4.{place}.downsample" for place in range(60)]]
    values = [1e-6 * (place + 1) for place in range(len(names))]
    many = [Part(name=f"${place}$", values=values, place=place) for place in range(7)]
    yield Stacked(bars=names, parts=[*many, Part(name="_o", values=values, place=None)], measure=ENERGY, lying=False)
    yield Stacked(bars=[HOSTILE, "b"], parts=[Part(name=HOSTILE, values=[1, 2], place=0)], measure=ENERGY, lying=True)
    yield Grouped(categories=[HOSTILE, "b"], parts=[Part(name="_p", values=[1, 2], place=0)], measure=ENERGY)
    yield Curves(x=HOSTILE, curves=[Curve(name="_c", x=[1, 2], y=[1, 2])] * 2, measure=ENERGY, ticks=[(1, "1 $a$")])
    yield Scatter(dots=[Dot(name="d", x=2, y=2)], front=[Dot(name=HOSTILE, x=1, y=1)], x=ENERGY, y=LATENCY, apart=True)
    yield HeatMap(x=HOSTILE, y="_y", columns=["1"], rows=["$2$", "3"], values=[[1.0], [None]], measure=ENERGY)
    yield Timeline(names=names, start=[0.0] * len(names), end=values, busy=[0.5] * len(names))


def texts(sheet: Any) -> list[Any]:
    """All text of a figure; of labels at axes those within the axes, as matplotlib keeps others that it never draws."""
    from matplotlib.text import Text

    beyond = set()
    for axes in sheet.figure.axes:
        for axis, place in ((axes.xaxis, 0), (axes.yaxis, 1)):
            low, high = sorted(axis.get_view_interval())
            labels = axis.get_ticklabels(which="both")
            beyond |= {label for label in labels if not low <= label.get_position()[place] <= high}
    found = [text for text in sheet.figure.findobj(Text) if text.get_text() and text.get_visible()]
    return [text for text in found if text not in beyond]


def test_every_panel_has_its_drawer() -> None:
    assert {type(panel) for panel in panels()} == set(DRAWERS)


@pytest.mark.parametrize("double", [False, True])
def test_width_letters_and_names_of_every_panel(double: bool, ieee: Any) -> None:
    for panel in panels():
        sheet = sheet_of(figure(panel), ieee, double)
        sheet.figure.canvas.draw()
        kind = type(panel).__name__
        assert sheet.figure.get_figwidth() == (7.16 if double else 3.5)
        assert sheet.figure.get_figheight() <= ieee.tallest
        found = texts(sheet)
        assert min(text.get_fontsize() for text in found) >= SMALLEST, kind
        shown = " ".join(text.get_text() for text in found)
        assert START in shown, kind
        assert not any(text.get_parse_math() for text in found), kind
        assert not any(text.get_usetex() for text in found), kind


def test_nothing_is_cut_off(run: Result, ieee: Any) -> None:
    """All text lies within the figure; its size is exactly the column's, so nothing is added around it."""
    for item in run_figures([run]):
        sheet = sheet_of(item, ieee)
        sheet.figure.canvas.draw()
        renderer = sheet.figure.canvas.get_renderer()
        width, height = sheet.figure.get_size_inches() * sheet.figure.dpi
        for text in texts(sheet):
            box = text.get_window_extent(renderer)
            assert box.x0 >= -1, (item.name, text.get_text())
            assert box.y0 >= -1, (item.name, text.get_text())
            assert box.x1 <= width + 1, (item.name, text.get_text())
            assert box.y1 <= height + 1, (item.name, text.get_text())


def test_names_are_literal(hostile: Result, ieee: Any) -> None:
    figures = {item.name: item for item in run_figures([hostile])}
    assert HOSTILE.startswith(START)
    for name in ("energy-by-layer", "time-by-layer", "timeline"):
        drawn = [text.get_text() for text in texts(sheet_of(figures[name], ieee))]
        assert any(text.startswith(START) and text.endswith("<U+4E2D>") for text in drawn), name
    assert "$adc$" in [text.get_text() for text in texts(sheet_of(figures["energy"], ieee))]


def test_names_give_way_where_there_is_no_room() -> None:
    style = STYLES["ieee"]
    assert thinned(["a"] * 10, 3.0, style) == (list(range(10)), style.small)
    assert thinned(["a"] * 33, 3.0, style) == (list(range(33)), SMALLEST)
    assert thinned(["a"] * 60, 3.0, style) == (list(range(0, 60, 2)), SMALLEST)


def test_a_title_is_drawn_only_where_it_is_asked_for(ieee: Any) -> None:
    panel = Curves(x="x", curves=[Curve(name="", x=[1, 2], y=[1, 2])], measure=LATENCY)
    assert sheet_of(figure(panel), ieee).axes.get_title() == ""
    assert sheet_of(figure(panel, title="A $title$"), ieee).axes.get_title() == "A $title$"


def test_logarithmic_axes_have_plain_numbers(ieee: Any) -> None:
    panel = Curves(x="x", curves=[Curve(name="", x=[1, 10, 1000], y=[1e-6, 1e-4, 1e-2])], measure=LATENCY, log_x=True)
    sheet = sheet_of(figure(panel), ieee)
    sheet.figure.canvas.draw()
    assert sheet.axes.get_yscale() == "log"
    labels = [text.get_text() for text in (*sheet.axes.get_xticklabels(), *sheet.axes.get_yticklabels())]
    assert {"0.001", "0.1", "10", "1000"} <= set(labels)
    assert not any("$" in label or "^" in label for label in labels)


def test_same_figure_same_bytes() -> None:
    panel = Stacked(bars=["a"], parts=[Part(name="b", values=[1.0], place=1)], measure=ENERGY, lying=True)
    for form in ("pdf", "svg"):
        first, _ = render(figure(panel), STYLES["acm"], form)
        assert render(figure(panel), STYLES["acm"], form)[0] == first
