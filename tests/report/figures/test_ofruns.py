from __future__ import annotations

from math import fsum
from typing import Any

import pytest

from archsim.accounting import energy_by
from archsim.errors import InputError
from archsim.report.figures.canvas import sheet_of
from archsim.report.figures.ofruns import run_figures
from archsim.report.figures.panels import Figure, Grouped, Scatter, Stacked, Timeline
from archsim.result import Result


def named(figures: list[Figure]) -> dict[str, Figure]:
    return {figure.name: figure for figure in figures}


def test_figures_of_one_run(run: Result) -> None:
    assert list(named(run_figures([run]))) == [
        "energy",
        "energy-dynamic",
        "area",
        "critical-path",
        "energy-by-layer",
        "time-by-layer",
        "timeline",
    ]


def test_parts_of_the_bars_are_the_totals(run: Result) -> None:
    found = named(run_figures([run]))
    for name, total in (
        ("energy", run.totals.energy_j),
        ("energy-dynamic", run.totals.dynamic_energy_j),
        ("area", run.totals.area_m2),
        ("critical-path", 1.0),
    ):
        panel = found[name].panel
        assert isinstance(panel, Stacked)
        assert fsum(part.values[0] for part in panel.parts) == pytest.approx(total, rel=1e-9)
        assert [part.place for part in panel.parts].count(None) <= 1
    table = {row[1]: row[2] for row in found["energy"].rows}
    assert table == energy_by(run.actions, "component")


def test_bars_of_layers(run: Result) -> None:
    found = named(run_figures([run]))
    energy, time = found["energy-by-layer"].panel, found["time-by-layer"].panel
    assert isinstance(energy, Stacked)
    assert isinstance(time, Stacked)
    assert list(energy.bars) == list(time.bars) == [row.name for row in run.layers]
    for place, row in enumerate(run.layers):
        assert fsum(part.values[place] for part in energy.parts) == pytest.approx(row.energy_j, rel=1e-9)
        assert fsum(part.values[place] for part in time.parts) == pytest.approx(row.end_s - row.start_s, rel=1e-9)


def test_the_timeline_is_that_of_the_layers(run: Result) -> None:
    panel = named(run_figures([run]))["timeline"].panel
    assert isinstance(panel, Timeline)
    assert list(zip(panel.start, panel.end, strict=True)) == [(row.start_s, row.end_s) for row in run.layers]
    assert all(0 < share <= 1 for share in panel.busy)


def test_several_runs_stand_side_by_side(run: Result, coarse: Result) -> None:
    found = named(run_figures([run, coarse]))
    energy, totals, quality = (found[name].panel for name in ("energy", "totals", "accuracy-over-dynamic_energy_j"))
    assert isinstance(energy, Stacked)
    assert list(energy.bars) == ["ima.adc.bits=8", "ima.adc.bits=6"]
    assert isinstance(totals, Grouped)
    assert list(totals.categories) == ["Latency", "Energy per image", "Area"]
    assert list(totals.parts[0].values) == [1.0, 1.0, 1.0]
    assert totals.parts[1].values[2] == coarse.totals.area_m2 / run.totals.area_m2
    assert isinstance(quality, Scatter)
    assert run.function is not None
    assert run.function.accuracy_interval is not None
    first = quality.front[0]
    assert (first.x, first.y) == (run.totals.dynamic_energy_j, run.function.accuracy)
    assert (first.low, first.high) == run.function.accuracy_interval
    assert {"ima-adc-bits-8-timeline", "ima-adc-bits-6-timeline"} <= found.keys()


def test_runs_and_metrics_can_be_called_otherwise(run: Result, coarse: Result) -> None:
    found = named(run_figures([run, coarse], labels={"ima.adc.bits=6": "Six bits", "latency_s": "Delay"}))
    panel = found["totals"].panel
    assert isinstance(panel, Grouped)
    assert [part.name for part in panel.parts] == ["ima.adc.bits=8", "Six bits"]
    assert panel.categories[0] == "Delay"
    pipeline = found["ima-adc-bits-6-timeline"]
    assert pipeline.caption.startswith("Pipeline of lenet5-mnist on isaac-8bit (2 images; Six bits): ")


def test_captions_have_the_numbers(run: Result, coarse: Result) -> None:
    one, two = named(run_figures([run])), named(run_figures([run, coarse]))
    assert one["energy"].caption.startswith(
        "Energy of lenet5-mnist on isaac-8bit (2 images), all images, by component."
    )
    (link,) = (row.energy_j for row in run.actions if row.component == "link")
    assert f"link {link / run.totals.energy_j:.1%}" in one["energy"].caption
    assert run.bottleneck.sentence in one["critical-path"].caption
    assert "relative to ima.adc.bits=8 (latency " in two["totals"].caption


def test_a_metric_that_is_none_is_refused(run: Result) -> None:
    with pytest.raises(InputError, match=r"--metrics: 'latency' is no total of a run.*did you mean 'latency_s'"):
        run_figures([run], metrics=["latency"])


def test_what_is_drawn_is_the_run(run: Result, ieee: Any) -> None:
    """Widths of the artists, not only the data they were made from."""
    found = named(run_figures([run]))
    axes = sheet_of(found["energy"], ieee).axes
    widths = fsum(patch.get_width() for patch in axes.patches)
    assert axes.get_xlabel() == "Energy (µJ)"
    assert widths == pytest.approx(run.totals.energy_j * 1e6, rel=1e-9)
    bars = sheet_of(found["time-by-layer"], ieee).axes
    tops = [patch.get_y() + patch.get_height() for patch in bars.patches][-len(run.layers) :]
    spans = [row.end_s - row.start_s for row in run.layers]
    assert tops == pytest.approx([span * 1e6 for span in spans], rel=1e-9)
    pipeline = sheet_of(found["timeline"], ieee).axes
    drawn = [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in pipeline.patches]
    assert [start for start, _ in drawn] == pytest.approx([row.start_s * 1e6 for row in run.layers])
    assert [end for _, end in drawn] == pytest.approx([row.end_s * 1e6 for row in run.layers])
