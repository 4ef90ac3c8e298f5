from __future__ import annotations

import pytest

from archsim.errors import InputError
from archsim.report.figures.style import (
    INK,
    LINES,
    STYLES,
    find_style,
    ink,
    literal,
    require_matplotlib,
    stroke,
    styled,
)


def test_widths_are_those_of_the_publishers() -> None:
    assert (STYLES["ieee"].width(False), STYLES["ieee"].width(True)) == (3.5, 7.16)
    assert STYLES["acm"].width(False) == 3.33


def test_series_differ_without_colour() -> None:
    assert len({hatch for _, hatch, _ in INK}) == len({marker for _, _, marker in INK}) == len(INK)
    assert len(set(LINES)) == len({str(stroke(place)[1]) for place in range(len(LINES))}) == len(LINES)
    assert ink(len(INK)) == ink(0)


def test_text_is_drawn_as_it_stands() -> None:
    style = STYLES["ieee"]
    assert literal("$x_1$\n100 %", style) == "$x_1$ 100 %"
    assert literal("\u4e2d\x00", style) == "<U+4E2D><U+0000>"
    assert literal("a" * 9 + "z" * 9, style, 9) == "aaaa…zzzz"
    assert literal("abcd", style, 4) == "abcd"


def test_settings_end_with_the_figure() -> None:
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    with styled(STYLES["ieee"], "x"):
        assert mpl.rcParams["pdf.fonttype"] == 42
    assert dict(mpl.rcParams) == before


def test_unknown_styles_and_fonts_are_named() -> None:
    with pytest.raises(InputError, match=r"--style: 'iee' is no style; expected ieee \| acm \| plain.*did you mean"):
        find_style("iee")
    with pytest.raises(InputError, match=r"--font: the font 'STIXGenral' is not installed.*did you mean"):
        find_style("ieee", "STIXGenral")
    assert find_style("ieee", "DejaVu Serif").font == ("DejaVu Serif", "STIXGeneral", "DejaVu Sans")


def test_the_extra_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archsim.report.figures.style.find_spec", lambda _: None)
    with pytest.raises(
        InputError, match=r"here: needs matplotlib; expected the extra: pip install 'archsim\[figures\]'"
    ):
        require_matplotlib("here")
