"""Heat maps of two axes, and the timeline of a pipeline."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from archsim.report.figures.panels import HeatMap, Timeline
from archsim.report.figures.sheet import LONGEST, SMALLEST, Sheet, plain_numbers, spare, thinned
from archsim.report.figures.style import BLACK

COLOURS = "cividis"
"""Even in lightness, for readers who see few colours and for print in grey."""
DARK = 0.5
CELL = 0.2
"""Height of a row of cells [in]."""
ROW = 0.105
"""Height of a layer in the timeline [in]."""


def heat_map(panel: HeatMap, sheet: Sheet) -> None:
    """Cells with their value written into them where it fits; a missing one is hatched."""
    axes = sheet.axes
    present = [value for row in panel.values for value in row if value is not None]
    factor, label = panel.measure.axis(present)
    values = np.array([[np.nan if value is None else value * factor for value in row] for row in panel.values])
    axes.set_facecolor("white")
    axes.patch.set_hatch("xxxx")
    axes.patch.set_edgecolor("#aaaaaa")
    mesh = axes.pcolormesh(np.ma.masked_invalid(values), cmap=COLOURS, edgecolors="white", linewidth=0.5)
    bar = sheet.figure.colorbar(mesh, ax=axes, pad=0.02, fraction=0.06, aspect=14)
    bar.set_label(sheet.text(label, LONGEST * 2))
    bar.outline.set_linewidth(0.4)
    plain_numbers(bar.ax.yaxis, log=False)
    _ends(axes.set_xticks, panel.columns, sheet)
    _ends(axes.set_yticks, panel.rows, sheet)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel(sheet.text(panel.x, LONGEST * 2))
    axes.set_ylabel(sheet.text(panel.y, LONGEST * 2))
    _write(axes, values, mesh, sheet)
    sheet.fit(max(1.5, 0.45 + CELL * len(panel.rows)))


def _ends(set_ticks: Any, names: Any, sheet: Sheet) -> None:
    step = max(1, -(-len(names) // 14))
    chosen = list(range(0, len(names), step))
    set_ticks([place + 0.5 for place in chosen], [sheet.text(names[place], 12) for place in chosen])


def _write(axes: Any, values: Any, mesh: Any, sheet: Sheet) -> None:
    """The value in each cell, light on dark and dark on light."""
    rows, columns = values.shape
    room = (sheet.width - 1.2) / columns * 72
    texts = [[_digits(value) for value in row] for row in values]
    longest = max(len(text) for row in texts for text in row)
    if longest * SMALLEST * 0.5 > room or rows > 14:
        return
    for row in range(rows):
        for column in range(columns):
            if not np.isfinite(values[row, column]):
                continue
            red, green, blue, _ = mesh.cmap(mesh.norm(values[row, column]))
            light = 0.2126 * red + 0.7152 * green + 0.0722 * blue
            axes.text(
                column + 0.5,
                row + 0.5,
                texts[row][column],
                ha="center",
                va="center",
                fontsize=SMALLEST,
                color="white" if light < DARK else BLACK,
            )


def _digits(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def timeline(panel: Timeline, sheet: Sheet) -> None:
    """A bar for each layer from its first window to its last, the darker the busier it was between them."""
    axes = sheet.axes
    factor = _time_factor(panel)
    colours, plain = (
        import_module("matplotlib").colormaps["Greys"],
        import_module("matplotlib.colors").Normalize(0, 100),
    )
    # the lightest grey still shows on paper
    shades = import_module("matplotlib.colors").ListedColormap(colours(np.linspace(0.08, 0.85, 256)))
    places = np.arange(len(panel.names))
    axes.barh(
        places,
        [(end - start) * factor[0] for start, end in zip(panel.start, panel.end, strict=True)],
        left=[start * factor[0] for start in panel.start],
        height=0.8,
        color=[shades(plain(share * 100)) for share in panel.busy],
        edgecolor=BLACK,
        linewidth=0.35,
    )
    height = min(max(1.1, ROW * len(places) + 0.05), sheet.style.tallest / 2)
    named, size = thinned(panel.names, height, sheet.style)
    axes.set_yticks(named, [sheet.text(panel.names[place]) for place in named], fontsize=size)
    if len(named) < len(places):
        sheet.notes.append(f"one layer in {named[1]} is named")
    axes.set_ylim(len(places) - 0.4, -0.6)
    axes.set_xlim(0, max(panel.end) * factor[0] * 1.01)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(f"Time ({factor[1]})")
    mappable = import_module("matplotlib.cm").ScalarMappable(norm=plain, cmap=shades)
    bar = sheet.figure.colorbar(mappable, ax=axes, pad=0.01, fraction=0.05, aspect=18)
    bar.set_label("Busy (%)")
    bar.outline.set_linewidth(0.4)
    plain_numbers(axes.xaxis, log=False)
    spare(axes, grid="x")
    sheet.fit(height + 0.4)


def _time_factor(panel: Timeline) -> tuple[float, str]:
    from archsim.report.figures.scales import measure

    return measure("latency_s").scale(panel.end)
