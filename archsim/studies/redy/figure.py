"""Energy against SNR of all policies, one panel a network. Needs matplotlib (extra `figures`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from archsim.errors import InputError

MARKERS = {
    "static": "s",
    "static_mixed": "D",
    "range": "^",
    "redy_var": "o",
    "redy_mean": "v",
    "significant_bits": "x",
}
EXACT_DB = 3.0
"""Rows without any error are drawn so far above the best of the others."""


def draw(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write the figure; its suffix (.svg, .pdf, .png) chooses the format.

    Parameters
    ----------
    rows : the study's rows (`Row.to_dict`), of any networks.

    Raises
    ------
    InputError
        Without matplotlib.
    """
    try:
        figures = import_module("matplotlib.figure")
    except ImportError:
        raise InputError("needs matplotlib; expected the extra: pip install 'archsim[figures]'", str(path)) from None
    networks = list(dict.fromkeys(row["network"] for row in rows))
    figure = figures.Figure(figsize=(4.2 * len(networks), 3.6), layout="constrained")
    panels = figure.subplots(1, len(networks), squeeze=False)[0]
    for axes, network in zip(panels, networks, strict=True):
        _panel(axes, [row for row in rows if row["network"] == network and row["rows"] == 128], network)
    panels[0].set_ylabel("logit SNR against static 8 bit [dB]")
    panels[-1].legend(fontsize=7, loc="lower left")
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def _panel(axes: Any, rows: Sequence[Mapping[str, Any]], network: str) -> None:
    """One network: filled markers at percentile ranges, hollow at min-max."""
    finite = [row["snr_db"] for row in rows if row["snr_db"] is not None]
    top = max(finite, default=0.0) + EXACT_DB
    for policy, marker in MARKERS.items():
        for method, fill in (("p99.99", "C0"), ("minmax", "none")):
            chosen = [row for row in rows if (row["policy"], row["calibration"]) == (policy, method)]
            x = [100 * row["net_saved"] for row in chosen]
            y = [top if row["snr_db"] is None else row["snr_db"] for row in chosen]
            colour = {"c": "C0"} if marker == "x" else {"facecolors": fill, "edgecolors": "C0"}
            if chosen:
                axes.scatter(x, y, marker=marker, s=22, label=f"{policy}, {method}", **colour)
    axes.axhline(top, color="0.8", lw=0.8, zorder=0)
    axes.annotate("exact", (0, top), fontsize=7, va="bottom")
    axes.set_xlabel("energy saved, decision included [%]")
    axes.set_title(network, fontsize=9)
