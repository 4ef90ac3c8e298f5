"""How well each layer uses its crossbars, and whether data could reach them faster: a roofline for crossbar machines.

Weights stay where they are, so a layer's peak is that of the arrays it holds, and what it moves are inputs, partial
sums and outputs over the buses of its tiles. Both limits are per layer, so the roofline is drawn in shares of the peak
(after Williams, Waterman and Patterson, CACM 52(4), 2009, whose axes are absolute).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor, log10
from typing import Any

from pydantic import ValidationError

from archsim.config.model import HardwareFile
from archsim.report.page.palette import MARKERS
from archsim.report.page.text import literal, percent, shown
from archsim.result import LayerRow, Result

Spec = dict[str, Any]
EXPLAINED = (
    "Each mark is a layer: its height is the share of its arrays' peak it reaches (every cell of its crossbars in "
    "every initiation interval, while it runs), its place along the axis the rate at which its tiles' buses could "
    "feed it, in multiples of that peak. The line is what is possible: left of 1× the buses limit a layer, right of it "
    "its arrays; what a mark lies below the line is lost to unused cells and to waiting."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """Rates of one layer [MAC/s]: `achieved` while it runs, `peak` of the arrays it holds, `supply` what the buses of
    its tiles let through (None where it moves nothing over them). `intensity` is MAC per byte on these buses."""

    row: int
    name: str
    achieved: float
    peak: float
    supply: float | None
    intensity: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Buses:
    """What a hardware file says of arrays and tile buses: weights a crossbar holds (per layer's slices below), bytes a
    second through one tile's bus and eDRAM port, and bits of one counted bus action."""

    cells: int
    sides: int
    bytes_per_s: float
    bits_per_action: int


def buses_of(run: Result) -> Buses | None:
    """Read from the hardware document of a result; None where it has none that this version of archsim reads."""
    try:
        file = HardwareFile.model_validate(_as_text(run.hardware.expanded or {}))
    except ValidationError:
        return None
    (action,) = file.tile.bus.actions
    array, tile = file.ima.crossbar, file.tile
    return Buses(
        cells=array.rows * array.columns,
        sides=2 if file.precision.encoding == "differential" else 1,
        bytes_per_s=tile.edram.bytes_per_cycle / tile.cycle,
        bits_per_action=1 if action == "bit" else tile.bus.access_bits or 1,
    )


def uses(run: Result) -> list[Use]:
    """Rates of all layers with crossbars; nothing where the hardware document cannot be read."""
    buses = buses_of(run)
    if buses is None:
        return []
    moved: dict[str, float] = {}
    for action in run.actions:
        if action.component == "bus" and action.action != "static":
            moved[action.layer] = moved.get(action.layer, 0.0) + action.count * buses.bits_per_action / 8
    rows = [(place, row) for place, row in enumerate(run.layers) if row.crossbars and row.macs and row.interval_s > 0]
    return [_use(place, row, run.images, buses, moved.get(row.name, 0.0)) for place, row in rows]


def _use(place: int, row: LayerRow, images: int, buses: Buses, moved: float) -> Use:
    macs = row.macs * images
    weights = row.crossbars * buses.cells / (row.weight_slices * buses.sides)
    return Use(
        row=place,
        name=row.name,
        achieved=macs / (row.end_s - row.start_s),
        peak=weights / row.interval_s,
        supply=macs / moved * buses.bytes_per_s * row.tiles if moved else None,
        intensity=macs / moved if moved else None,
    )


def roofline(labels: Sequence[str], runs: Sequence[Result], colours: Sequence[str]) -> Spec | None:
    """Layers of all runs under one roof; None where no run has a layer that can be placed."""
    traces, reach = [], [1.0]
    names: list[str] = list(dict.fromkeys(row.name for run in runs for row in run.layers))
    for place, (label, run) in enumerate(zip(labels, runs, strict=True)):
        found = [item for item in uses(run) if item.supply]
        reach += [item.supply / item.peak for item in found if item.supply]
        if found:
            traces.append(_marks(label, found, names, colours[place], MARKERS[place]))
    if not traces:
        return None
    low, high = 10.0 ** floor(log10(min(reach)) - 0.1), max(reach) * 2
    roof = {
        "type": "scatter",
        "mode": "lines",
        "name": "possible",
        "x": [low, 1.0, high],
        "y": [low * 100, 100.0, 100.0],
        "hoverinfo": "skip",
        "meta": {"ink": True},
    }
    layout = {
        "showlegend": False,
        "hovermode": "closest",
        "xaxis": {"type": "log", "title": {"text": "bus supply ÷ peak of the arrays [×]"}, "dtick": 1},
        "yaxis": {"type": "log", "title": {"text": "achieved ÷ peak of the arrays [%]"}, "dtick": 1},
    }
    return {"data": [roof, *traces], "layout": layout, "layers": names, "free": True}


def _marks(label: str, found: Sequence[Use], names: Sequence[str], colour: str, symbol: str) -> Spec:
    where = {name: place for place, name in enumerate(names)}
    rows = [where[item.name] for item in found]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": literal(label),
        "x": [(item.supply or 0.0) / item.peak for item in found],
        "y": [item.achieved / item.peak * 100 for item in found],
        "marker": {"color": colour, "symbol": symbol, "size": 9, "opacity": 0.85, "line": {"width": 0.8}},
        "customdata": [
            [
                literal(item.name),
                literal(label),
                shown(item.achieved, "MAC/s"),
                percent(item.achieved / item.peak),
                shown(item.peak, "MAC/s"),
                shown(item.supply, "MAC/s"),
                f"{item.intensity:.3g} MAC/B",
            ]
            for item in found
        ],
        "hovertemplate": "<b>%{customdata[0]}</b> on %{customdata[1]}<br>achieved %{customdata[2]} (%{customdata[3]})"
        "<br>peak of its arrays %{customdata[4]}<br>buses could supply %{customdata[5]} (%{customdata[6]})"
        "<extra></extra>",
        "meta": {"rows": rows, "series": label},
    }


def _as_text(node: Any) -> Any:
    """A hardware document's plain values as the text they are read from."""
    if isinstance(node, Mapping):
        return {key: _as_text(child) for key, child in node.items()}
    if isinstance(node, list | tuple):
        return [_as_text(child) for child in node]
    return str(node).lower() if isinstance(node, bool) else str(node)
