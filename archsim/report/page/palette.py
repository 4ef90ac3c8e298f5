"""Colours that readers with any colour vision tell apart, and that keep their meaning over a whole page.

Components and other kinds take Paul Tol's "muted" scheme (SRON technical note EPS/TN/09-002), runs the Okabe-Ito set;
runs have letters and marker shapes besides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

MUTED = ("#332288", "#88CCEE", "#44AA99", "#117733", "#999933", "#DDCC77", "#CC6677", "#882255", "#AA4499")
GREY = "#BBBBBB"
RUNS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7A7A7A", "#B8A800")
MARKERS = ("circle", "square", "diamond", "triangle-up", "cross", "triangle-down", "star", "hexagon")
GLYPHS = "●■◆▲✚▼★⬢"
"""The markers as characters, for legends in text."""
LETTERS = "ABCDEFGH"
BUSY = ("#DCE7F1", "#8FB3D3", "#3F78AE", "#12395F")
"""Pale to dark: a share from 0 to 1."""
OTHER = "other"

TIME_PARTS = {
    "busy_s": ("busy", "#332288"),
    "stall_input_s": ("waits for input", "#88CCEE"),
    "stall_output_s": ("waits to hand on", "#DDCC77"),
    "stall_contention_s": ("waits for the tile bus", "#CC6677"),
    "fill_s": ("fills", "#DDDDDD"),
    "drain_s": ("drains", "#AAAAAA"),
}
"""Parts of a layer's time: key, words, colour."""

LIMITS = {
    "crossbars": "#332288",
    "digital units": "#117733",
    "bus": "#CC6677",
    "link": "#DDCC77",
    "chip link": "#999933",
    "buffer": "#88CCEE",
    "registers": "#44AA99",
    "depth": "#BBBBBB",
}
"""What the critical path is ascribed to."""


def ranked(weights: Sequence[Mapping[str, float]]) -> list[str]:
    """Names by the largest share any of the mappings gives them; equal ones in order of appearance."""
    shares: dict[str, float] = {}
    for part in weights:
        total = sum(part.values())
        for name, value in part.items():
            shares[name] = max(shares.get(name, 0.0), value / total if total else 0.0)
    return sorted(shares, key=lambda name: -shares[name])


def coloured(names: Iterable[str]) -> dict[str, str]:
    """A colour for each of the first names, grey for the others."""
    return {name: MUTED[place] if place < len(MUTED) else GREY for place, name in enumerate(names)}


def shade(share: float) -> str:
    """The colour of a share from 0 to 1 on the ramp from pale to dark."""
    place = min(max(share, 0.0), 1.0) * (len(BUSY) - 1)
    left = min(int(place), len(BUSY) - 2)
    parts = [
        round(low + (high - low) * (place - left))
        for low, high in zip(_channels(BUSY[left]), _channels(BUSY[left + 1]), strict=True)
    ]
    return "#" + "".join(f"{part:02X}" for part in parts)


def _channels(colour: str) -> list[int]:
    return [int(colour[at : at + 2], 16) for at in (1, 3, 5)]


def readable_on(colour: str) -> str:
    """Black or white, whichever has more contrast on a colour (WCAG 2 relative luminance)."""
    parts = [channel / 255 for channel in _channels(colour)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#000000" if (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) else "#FFFFFF"
