"""Charts against the results they are drawn from, and against Plotly's own schema."""

from __future__ import annotations

from importlib import import_module
from math import fsum
from typing import Any

import pytest

from archsim.accounting import energy_by
from archsim.report.page import charts
from archsim.report.page.palette import coloured, ranked, readable_on, shade
from archsim.report.page.quality import quality_charts
from archsim.report.page.roofline import buses_of, roofline, uses
from archsim.report.page.runs import common_axes, component_colours, runs_page
from archsim.report.page.text import axis_unit, literal, ratio, shown, typeset
from archsim.result import Result

Runs = tuple[Result, ...]


def sums(spec: dict[str, Any], size: float) -> dict[int, float]:
    """Length of the stacked bar at each place, in SI."""
    found: dict[int, list[float]] = {}
    for trace in spec["data"]:
        for place, value in zip(trace["y"], trace["x"], strict=True):
            found.setdefault(place, []).append(value * size)
    return {place: fsum(values) for place, values in found.items()}


def test_energy_bars_add_up(runs: Runs) -> None:
    colours = component_colours(runs)
    labels = [run.hardware.name for run in runs]
    size = axis_unit([run.totals.energy_j for run in runs], "J")[0]
    bars = sums(charts.energy_of_runs(labels, runs, colours), size)
    assert bars == pytest.approx({place: run.totals.energy_j for place, run in enumerate(runs)}, rel=1e-12)
    for run in runs:
        axis = common_axes([run])["energy"]
        layers = sums(charts.energy_by_layer(run, colours, axis), axis.size)
        assert layers == pytest.approx({n: row.energy_j for n, row in enumerate(run.layers) if row.energy_j}, rel=1e-12)
        rest = fsum(charts.unlayered(run).values())
        assert fsum(layers.values()) + rest == pytest.approx(run.totals.energy_j, rel=1e-12)
        assert (
            next(iter(charts.unlayered(run)))
            == max(
                energy_by([row for row in run.actions if row.layer == "chip"], "component").items(),
                key=lambda item: item[1],
            )[0]
        )


def test_times_of_a_layer_fill_its_bar_in_the_timeline(runs: Runs) -> None:
    for run in runs:
        axis = common_axes([run])["time"]
        (bar,) = charts.timeline(run, axis)["data"]
        lengths = dict(zip(bar["y"], (value * axis.size for value in bar["x"]), strict=True))
        assert sums(charts.time_by_layer(run, axis), axis.size) == pytest.approx(lengths, rel=1e-9)
        assert [start * axis.size for start in bar["base"]] == pytest.approx([row.start_s for row in run.layers])
        assert lengths == pytest.approx({n: row.end_s - row.start_s for n, row in enumerate(run.layers)})
        assert bar["marker"]["color"] == [shade(row.busy_s / (row.end_s - row.start_s)) for row in run.layers]


def test_critical_paths_are_whole(runs: Runs) -> None:
    bars = sums(charts.critical_path(["a", "b", "c"], runs), 0.01)
    assert bars == pytest.approx({0: 1.0, 1: 1.0, 2: 1.0})


def test_areas_are_those_of_the_result(runs: Runs) -> None:
    for run in runs:
        (trace,) = charts.area_treemap(run, component_colours(runs))["data"]
        assert fsum(trace["values"]) * 1e-6 == pytest.approx(run.totals.area_m2)
        found = dict(zip(trace["labels"], trace["values"], strict=True))
        assert found["adc"] * 1e-6 == pytest.approx(sum(row.area_m2 for row in run.area if row.component == "adc"))


def test_rates_stay_under_the_roof_and_match_a_hand_count(runs: Runs) -> None:
    for run in runs:
        found = uses(run)
        assert {item.name for item in found} == {row.name for row in run.layers if row.macs}
        for item in found:
            assert item.supply is not None
            assert 0 < item.achieved <= item.peak * (1 + 1e-12)
            assert item.achieved <= item.supply * (1 + 1e-12)
    # conv1 of LeNet-5 on isaac-8bit: arrays of 128 x 128 cells of 2 bits hold 128 x 32 weights of 8 bits
    run, item = runs[0], uses(runs[0])[0]
    row = run.layers[item.row]
    assert item.peak == pytest.approx(row.crossbars * 128 * 32 / row.interval_s)
    assert item.achieved == pytest.approx(row.macs * 3 / (row.end_s - row.start_s))
    bits = sum(action.count for action in run.actions if action.layer == row.name and action.component == "bus")
    # 1 KiB each cycle of 100 ns
    assert item.supply == pytest.approx(row.macs * 3 / (bits / 8) * 1024 / 100e-9 * row.tiles)


def test_buses_of_other_files(runs: Runs) -> None:
    puma = buses_of(runs[2])
    assert puma is not None
    assert puma.bits_per_action == 128
    assert puma.bytes_per_s == pytest.approx(16e9)


def test_a_document_of_another_version_gives_no_roof(runs: Runs) -> None:
    from dataclasses import replace

    from archsim.report.comparison import side_by_side

    old = replace(runs[0], hardware=replace(runs[0].hardware, expanded={"ima": {"crossbar": {}}}))
    assert buses_of(old) is None
    assert roofline(["old"], [old], ["#000000"]) is None
    assert "cannot be read by this version" in runs_page(side_by_side([old]))


def test_quality_has_the_values_and_intervals(runs: Runs) -> None:
    assert quality_charts(runs[2:], ["x"]) == {}
    made = quality_charts(runs, ["a", "b", "c"])
    accuracy = next(trace for trace in made["quality"]["data"] if trace["name"] == "accuracy")
    for place, run in enumerate(runs[:2]):
        function = run.function
        assert function is not None
        assert function.accuracy_interval is not None
        low, high = function.accuracy_interval
        assert accuracy["x"][place] == pytest.approx(100 * (function.accuracy or 0.0))
        assert accuracy["x"][place] + accuracy["error_x"]["array"][place] == pytest.approx(100 * high)
        assert accuracy["x"][place] - accuracy["error_x"]["arrayminus"][place] == pytest.approx(100 * low)
        snr = made["snr"]["data"][place]
        assert snr["x"] == [row.snr_db for row in run.layers if row.snr_db is not None]


def test_plotly_knows_every_attribute(runs: Runs) -> None:
    colours = component_colours(runs)
    axis = common_axes(runs)["energy"]
    made = [
        charts.energy_of_runs(["a", "b", "c"], runs, colours),
        charts.energy_by_layer(runs[0], colours, axis),
        charts.time_by_layer(runs[0], axis),
        charts.timeline(runs[0], axis),
        charts.critical_path(["a", "b", "c"], runs),
        charts.area_treemap(runs[0], colours),
        roofline(["a", "b", "c"], runs, ["#000000"] * 3),
        *quality_charts(runs, ["a", "b", "c"]).values(),
    ]
    figure = import_module("plotly.graph_objects").Figure
    for spec in made:
        assert spec is not None
        figure(data=spec["data"], layout=spec["layout"])


def test_runs_of_like_size_share_an_axis() -> None:
    assert charts.common_axis("energy", "J", [1.0, 7.0]).end == pytest.approx(7 * 1.03)
    assert charts.common_axis("energy", "J", [1.0, 9.0]).end is None
    assert charts.common_axis("energy", "J", [0.0, 0.0]).end is None


def test_components_of_large_share_have_colours() -> None:
    parts = [{f"part {n}": float(n) for n in range(20)}]
    colours = coloured(ranked(parts))
    assert [name for name, colour in colours.items() if colour != "#BBBBBB"] == [f"part {n}" for n in range(19, 10, -1)]
    assert readable_on("#332288") == "#FFFFFF"
    assert readable_on("#88CCEE") == "#000000"
    assert (shade(0.0), shade(1.0)) == ("#DCE7F1", "#12395F")


def test_figures_are_set_with_their_units() -> None:
    assert shown(1.25e-5, "s") == "12.5\u202fµs"
    assert shown(3e-6, "m2") == "3\u202fmm²"
    assert shown(None, "J") == "–"
    assert typeset("-3 uJ") == "\u22123\u202fµJ"
    assert [ratio(value) for value in (0.0123, 0.5, 1.0, 12.34, 1234.5, None)] == [
        "0.012×",
        "0.50×",
        "1.00×",
        "12.3×",
        "1,234×",
        "–",
    ]
    assert literal("<b>&") == "&lt;b&gt;&amp;"
    size, unit = axis_unit([2e-6, 3e-9], "s")
    assert (f"{size:.0e}", unit) == ("1e-06", "µs")
    assert axis_unit([], "J") == (1.0, "J")
