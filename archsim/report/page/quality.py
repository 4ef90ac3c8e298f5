"""Charts of what a chip computes: accuracy with its interval, and the signal-to-noise ratio layer by layer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from archsim.report.page.palette import MARKERS, RUNS
from archsim.report.page.text import figure, literal, percent
from archsim.result import Result

Spec = dict[str, Any]
MEASURES = (
    ("accuracy", "accuracy_interval", "accuracy", "#0072B2", "circle", -0.2),
    ("float_accuracy", "float_accuracy_interval", "accuracy in float", "#7A7A7A", "circle-open", 0.0),
    ("top1_agreement", "agreement_interval", "agreement with float", "#D55E00", "square", 0.2),
)
"""Field, its interval, words, colour, marker, and where its mark stands within a run's line."""


def quality_charts(runs: Sequence[Result], labels: Sequence[str]) -> dict[str, Spec]:
    """Charts of the runs that computed pictures, by name; none where no run did."""
    made = {}
    if any(run.function for run in runs):
        made["quality"] = _accuracy(runs, labels)
    if any(row.snr_db is not None for run in runs for row in run.layers):
        made["snr"] = _snr(runs, labels)
    return made


def _accuracy(runs: Sequence[Result], labels: Sequence[str]) -> Spec:
    data = list(_measures(runs, labels))
    layout = {
        "xaxis": {"title": {"text": "share of the pictures [%]"}, "range": [0, 103], "zeroline": False},
        "yaxis": {},
        "showlegend": False,
    }
    return {"data": data, "layout": layout, "rows": list(labels)}


def _measures(runs: Sequence[Result], labels: Sequence[str]) -> Iterator[Spec]:
    for field, interval, words, colour, symbol, offset in MEASURES:
        places = [place for place, run in enumerate(runs) if run.function and getattr(run.function, field) is not None]
        values = [getattr(runs[place].function, field) for place in places]
        ends = [getattr(runs[place].function, interval) for place in places]
        if not places:
            continue
        yield {
            "type": "scatter",
            "mode": "markers",
            "name": words,
            "x": [value * 100 for value in values],
            "y": [place + offset for place in places],
            "error_x": {
                "type": "data",
                "symmetric": False,
                "array": [(high - value) * 100 for value, (_, high) in zip(values, ends, strict=True)],
                "arrayminus": [(value - low) * 100 for value, (low, _) in zip(values, ends, strict=True)],
                "thickness": 1.5,
                "width": 4,
            },
            "marker": {"color": colour, "symbol": symbol, "size": 9},
            "customdata": [
                [literal(labels[place]), percent(value), f"{low * 100:.1f} to {high * 100:.1f}"]
                for place, value, (low, high) in zip(places, values, ends, strict=True)
            ],
            "hovertemplate": f"<b>%{{customdata[0]}}</b><br>{words}: %{{customdata[1]}}"
            "<br>95 % interval %{customdata[2]}<extra></extra>",
            "meta": {"series": words},
        }


def _snr(runs: Sequence[Result], labels: Sequence[str]) -> Spec:
    """Signal-to-noise ratio after each layer, a mark for each run; smaller ones lie on larger ones."""
    names = list(dict.fromkeys(row.name for run in runs for row in run.layers if row.snr_db is not None))
    where = {name: place for place, name in enumerate(names)}
    data = []
    for place, (run, label) in enumerate(zip(runs, labels, strict=True)):
        rows = [row for row in run.layers if row.snr_db is not None]
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": literal(label),
                "x": [row.snr_db for row in rows],
                "y": [where[row.name] for row in rows],
                "marker": {
                    "color": RUNS[place],
                    "symbol": MARKERS[place],
                    "size": max(5, 12 - 2 * place),
                    "line": {"width": 0.8},
                },
                "customdata": [[literal(row.name), literal(label), figure("snr_db", row.snr_db)] for row in rows],
                "hovertemplate": "<b>%{customdata[0]}</b> on %{customdata[1]}<br>%{customdata[2]}<extra></extra>",
                "meta": {"rows": [where[row.name] for row in rows], "series": label},
            }
        )
    layout = {
        "xaxis": {"title": {"text": "signal-to-noise ratio against the float network [dB]"}, "zeroline": False},
        "yaxis": {},
        "showlegend": False,
    }
    return {"data": data, "layout": layout, "layers": names}
