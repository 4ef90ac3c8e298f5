"""Style of paper figures: column widths, fonts, and colours and hatches that survive a black-and-white printer.

Colours are those of Okabe and Ito, "Color Universal Design" (2008), in an order that alternates light and dark; each
comes with a hatch and a marker of its own. IEEE: figures of 3.5 in (one column) and 7.16 in (two), letters of 8 to
10 pt in a Times-like or sans-serif face ("Preparation of Papers for IEEE Transactions and Journals"). ACM: 3.33 in and
7 in (columns of acmart's sigconf). The faces of all styles ship with matplotlib, so that a figure has the same bytes
on every machine; TrueType fonts are embedded in PDF, and letters are outlines in SVG.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any

from archsim.config.suggest import did_you_mean
from archsim.errors import InputError

BLACK, GREY = "#000000", "#999999"
LINES = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", BLACK, "#CC79A7")
"""Colours of lines: the yellow of areas would vanish on paper."""
INK = (
    ("#0072B2", "", "o"),
    ("#E69F00", "////", "s"),
    ("#009E73", "....", "^"),
    ("#F0E442", "\\\\\\\\", "D"),
    ("#D55E00", "xxxx", "v"),
    ("#56B4E9", "----", "P"),
    ("#CC79A7", "++++", "X"),
)
"""(colour, hatch, marker) of the series of a figure, in order."""
OTHER = ("#FFFFFF", "", "*")
"""Ink of what is lumped together."""
DASHES: tuple[Any, ...] = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 0.6)), (0, (8, 2)))
_SETTINGS: Mapping[str, Any] = MappingProxyType(
    {
        "text.parse_math": False,
        "text.usetex": False,
        "pdf.fonttype": 42,
        "svg.fonttype": "path",
        "axes.linewidth": 0.5,
        "lines.linewidth": 0.9,
        "lines.markersize": 3.6,
        "lines.markeredgewidth": 0.6,
        "patch.linewidth": 0.4,
        "hatch.linewidth": 0.35,
        "grid.linewidth": 0.3,
        "grid.color": "#bbbbbb",
        "xtick.major.width": 0.5,
        "ytick.major.width": 0.5,
        "xtick.minor.width": 0.35,
        "ytick.minor.width": 0.35,
        "xtick.major.size": 2.5,
        "ytick.major.size": 2.5,
        "xtick.minor.size": 1.5,
        "ytick.minor.size": 1.5,
        "xtick.major.pad": 2.0,
        "ytick.major.pad": 2.0,
        "axes.labelpad": 2.5,
        "axes.axisbelow": True,
        "legend.frameon": False,
        "legend.handlelength": 1.8,
        "legend.handleheight": 0.9,
        "legend.handletextpad": 0.5,
        "legend.columnspacing": 1.2,
        "legend.labelspacing": 0.3,
        "legend.borderaxespad": 0.2,
        "figure.constrained_layout.h_pad": 0.02,
        "figure.constrained_layout.w_pad": 0.02,
        "savefig.bbox": None,
    }
)
"""What is the same in all styles; lengths in points."""
EXTRA = "pip install 'archsim[figures]'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """Widths [in], height of a page's text [in], and sizes of letters [pt]: axis labels, and numbers at axes, names
    and legends."""

    name: str
    single: float
    double: float
    tallest: float
    font: tuple[str, ...]
    text: float = 8.0
    small: float = 7.0

    def width(self, double: bool) -> float:
        """Width of a figure [in]."""
        return self.double if double else self.single


STYLES: Mapping[str, Style] = MappingProxyType(
    {
        "ieee": Style(name="ieee", single=3.5, double=7.16, tallest=9.0, font=("STIXGeneral", "DejaVu Sans")),
        "acm": Style(name="acm", single=3.33, double=7.0, tallest=8.8, font=("STIXGeneral", "DejaVu Sans")),
        "plain": Style(name="plain", single=4.6, double=7.5, tallest=9.0, font=("DejaVu Sans",)),
    }
)


def can_draw() -> bool:
    """Whether matplotlib is installed."""
    return find_spec("matplotlib") is not None


def require_matplotlib(where: str) -> None:
    """Raises `InputError` that names the extra where matplotlib is missing."""
    if not can_draw():
        raise InputError(f"needs matplotlib; expected the extra: {EXTRA}", where)


def find_style(name: str, font: str | None = None) -> Style:
    """A style by name, with the face `font` (a family that is installed) instead of its own.

    Raises `InputError` for other names and for families that matplotlib does not find.
    """
    if name not in STYLES:
        raise InputError(f"'{name}' is no style; expected {' | '.join(STYLES)}{did_you_mean(name, STYLES)}", "--style")
    style = STYLES[name]
    if font is None:
        return style
    known = {entry.name for entry in import_module("matplotlib.font_manager").fontManager.ttflist}
    if font not in known:
        hint = did_you_mean(font, sorted(known))
        raise InputError(f"the font '{font}' is not installed; expected a family of this machine{hint}", "--font")
    return replace(style, font=(font, *(name for name in style.font if name != font)))


@contextmanager
def styled(style: Style, salt: str) -> Iterator[None]:
    """matplotlib's settings while a figure of this style is drawn and saved. `salt` seeds the element names of an SVG,
    which are random otherwise."""
    settings = {
        **_SETTINGS,
        "font.family": list(style.font),
        "font.size": style.text,
        "axes.labelsize": style.text,
        "axes.titlesize": style.text,
        "xtick.labelsize": style.small,
        "ytick.labelsize": style.small,
        "legend.fontsize": style.small,
        "svg.hashsalt": salt,
    }
    matplotlib = import_module("matplotlib")
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(settings)
        yield


def ink(place: int) -> tuple[str, str, str]:
    """(colour, hatch, marker) of a series; they begin again when all are used."""
    return INK[place % len(INK)]


def stroke(place: int) -> tuple[str, Any, str]:
    """(colour, dashes, marker) of a line."""
    return LINES[place % len(LINES)], DASHES[place % len(DASHES)], INK[place % len(INK)][2]


def literal(text: str, style: Style, most: int = 0) -> str:
    """Text as it is drawn: one line, at most `most` characters (0: all) with `…` in the middle, and characters that no
    face of the style has as their code points."""
    flat = " ".join(text.split())
    known = _glyphs(style.font)
    shown = "".join(char if ord(char) in known else f"<U+{ord(char):04X}>" for char in flat)
    if not most or len(shown) <= most:
        return shown
    head = (most - 1) // 2 + (most - 1) % 2
    return f"{shown[:head]}…{shown[len(shown) - (most - 1 - head) :]}"


@cache
def _glyphs(families: tuple[str, ...]) -> frozenset[int]:
    manager = import_module("matplotlib.font_manager")
    paths = [manager.findfont(manager.FontProperties(family=[name])) for name in families]
    return frozenset(code for path in paths for code in manager.get_font(path).get_charmap())
