from __future__ import annotations

from typing import Any

import pytest

from archsim.errors import InputError
from archsim.report.figures.canvas import sheet_of
from archsim.report.figures.grid import table_of
from archsim.report.figures.ofsweeps import sweep_figures
from archsim.report.figures.panels import Curves, Figure, Grouped, HeatMap, Scatter

AXES = ("ima.adc.bits", "tile.router.flit_rate")


def point(**values: Any) -> dict[str, Any]:
    return {"hardware": "h", "workload": "w", "seed": 0, "images": 1, "error": "", **values}


def grid() -> list[dict[str, Any]]:
    found = []
    for bits in (4, 6, 8):
        for rate in ("0.5 GHz", "1 GHz", "2 GHz", "8 GHz"):
            speed = float(rate.split()[0])
            metrics = {
                "latency_s": 1e-5 / speed,
                "energy_per_image_j": 1e-6 * bits * (1 + speed),
                "accuracy": bits / 10,
            }
            found.append(point(point=len(found), **{AXES[0]: bits, AXES[1]: rate}, **metrics))
    return found


def named(rows: list[dict[str, Any]], axes: tuple[str, ...] = AXES, **wishes: Any) -> dict[str, Figure]:
    return {figure.name: figure for figure in sweep_figures(table_of("demo", axes, rows, **wishes))}


def test_a_metric_over_a_numeric_axis(ieee: Any) -> None:
    figure = named(grid())["latency_s-over-tile-router-flit_rate"]
    panel = figure.panel
    assert isinstance(panel, Curves)
    assert panel.x == "Mesh link rate (GHz)"
    assert panel.log_x
    assert list(panel.ticks) == [(0.5, "0.5"), (1.0, "1"), (2.0, "2"), (8.0, "8")]
    assert [curve.name for curve in panel.curves] == ["adc.bits=4", "adc.bits=6", "adc.bits=8"]
    assert list(panel.curves[0].y) == [2e-5, 1e-5, 5e-6, 1.25e-6]
    assert figure.caption.startswith("Latency of w on h over mesh link rate (study demo): ")
    assert "from 1.25 µs (adc.bits=4, router.flit_rate=8 GHz) to 20 µs" in figure.caption
    assert [row[-1] for row in figure.rows] == [row["latency_s"] for row in grid()]
    sheet = sheet_of(figure, ieee)
    assert sheet.axes.get_ylabel() == "Latency (µs)"
    assert list(sheet.axes.lines[0].get_ydata()) == pytest.approx([20, 10, 5, 1.25])
    assert [text.get_text() for text in sheet.figure.legends[0].get_texts()] == [curve.name for curve in panel.curves]


def test_a_metric_over_words() -> None:
    rows = [
        point(point=n, **{"mapping.placement": name, "seed": seed}, latency_s=1e-6 * (n + 1))
        for n, (name, seed) in enumerate([("snake", 0), ("snake", 1), ("banded", 0)])
    ]
    figure = named(rows, ("mapping.placement", "seed"))["latency_s-over-mapping-placement"]
    panel = figure.panel
    assert isinstance(panel, Grouped)
    assert list(panel.categories) == ["snake", "banded"]
    assert list(panel.parts[0].values) == pytest.approx([1.5e-6, 3e-6])
    assert list(panel.low[0]) == pytest.approx([1e-6, 3e-6])
    assert list(panel.high[0]) == pytest.approx([2e-6, 3e-6])
    assert "Median over seed; bars end at the least and the largest value." in figure.caption


def test_error_bars_of_neighbouring_lines_do_not_hide_each_other(ieee: Any) -> None:
    rows = [{**row, "seed": seed, "latency_s": row["latency_s"] * (1 + seed)} for row in grid() for seed in (0, 1)]
    sheet = sheet_of(named(rows)["latency_s-over-tile-router-flit_rate"], ieee)
    sheet.figure.canvas.draw()
    places = {round(bars.get_transform().transform((1.0, 1.0))[0], 2) for bars in sheet.axes.collections}
    assert len(places) == 3


def test_a_heat_map_of_two_axes(ieee: Any) -> None:
    rows = grid()
    rows[0]["error"] = "does not fit"
    figure = named(rows)["energy_per_image_j-map"]
    panel = figure.panel
    assert isinstance(panel, HeatMap)
    assert (panel.y, list(panel.rows)) == ("ADC resolution (bits)", ["4", "6", "8"])
    assert (panel.x, list(panel.columns)) == ("Mesh link rate", ["0.5 GHz", "1 GHz", "2 GHz", "8 GHz"])
    assert panel.values[0][0] is None
    assert panel.values[2][1] == pytest.approx(16e-6)
    assert "1 of 12 points failed and are left out." in figure.caption
    written = [text.get_text() for text in sheet_of(figure, ieee).axes.texts]
    assert written == ["8", "12", "36", "9", "12", "18", "54", "12", "16", "24", "72"]


def test_the_front_is_that_of_the_points(ieee: Any) -> None:
    figures = named(grid())
    figure = figures["pareto-energy_per_image_j-accuracy"]
    panel = figure.panel
    assert isinstance(panel, Scatter)
    assert panel.more_is_better == (False, True)
    assert [dot.x for dot in panel.front] == pytest.approx([6e-6, 9e-6, 12e-6])
    assert [dot.y for dot in panel.front] == [0.4, 0.6, 0.8]
    assert len(panel.dots) == 9
    assert "Pareto front: 1: adc.bits=4, router.flit_rate=0.5 GHz (6 µJ, 40 %); 2: " in figure.caption
    assert [row[-1] for row in figure.rows if row[-1]] == [1, 2, 3]
    axes = sheet_of(figure, ieee).axes
    assert [text.get_text() for text in axes.texts] == ["1", "2", "3"]
    assert axes.lines[1].get_drawstyle() == "steps-post"
    assert list(axes.lines[1].get_xdata()) == pytest.approx([6, 9, 12])


def test_networks_have_fronts_of_their_own() -> None:
    rows = [*grid(), *[{**row, "workload": "other"} for row in grid()]]
    names = named(rows, ("workload", *AXES))
    assert {"pareto-energy_per_image_j-latency_s-w", "pareto-energy_per_image_j-latency_s-other"} <= names.keys()


def test_points_of_a_hypercube_are_not_joined() -> None:
    rows = [
        point(point=n, **{AXES[0]: n, AXES[1]: f"{1 + n * 7 % 20} GHz"}, latency_s=1e-6 * (n + 1)) for n in range(20)
    ]
    panel = named(rows)["latency_s-over-tile-router-flit_rate"].panel
    assert isinstance(panel, Curves)
    assert [curve.joined for curve in panel.curves] == [False]
    assert sorted(panel.curves[0].y) == pytest.approx([1e-6 * (n + 1) for n in range(20)])


def test_own_labels() -> None:
    figures = named(grid(), labels={AXES[0]: "Converter bits", "latency_s": "Delay"})
    panel = figures["latency_s-over-ima-adc-bits"].panel
    assert isinstance(panel, Curves)
    assert (panel.x, panel.measure.label) == ("Converter bits", "Delay")
    other = figures["latency_s-over-tile-router-flit_rate"].panel
    assert isinstance(other, Curves)
    assert other.curves[0].name == "Converter bits = 4"


def test_nothing_varies() -> None:
    with pytest.raises(InputError, match="demo: has nothing to draw"):
        named(grid()[:1])
