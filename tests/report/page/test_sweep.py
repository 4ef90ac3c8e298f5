"""What the page of a sweep holds."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import pytest

from archsim.errors import InputError
from archsim.report.page import sweep_page
from archsim.report.page.sweep import axis_values, front_table, metrics_of, start, varying
from archsim.sweeps import Sweep


def test_figures_are_columns_that_vary(sweep: Sweep) -> None:
    metrics = {metric.key: metric for metric in metrics_of(sweep)}
    assert {"energy_per_image_j", "latency_s", "area_m2"} <= set(metrics)
    assert not {"point", "seed", "images", "macs", "ima.adc.bits"} & set(metrics)
    assert metrics["ops_per_j"].larger
    assert not metrics["latency_s"].larger
    assert metrics["latency_s"].shown(1.23456e-6) == "1.235\u202fµs"
    assert metrics["crossbar_utilization"].shown(0.25) == "25.00\u202f%"
    assert varying(sweep) == ("ima.adc.bits", "ima.cell.bits", "mapping.replication")


def test_axes_are_numbers_where_all_values_are() -> None:
    bits = axis_values("bits", ["4", "8", "-1"])
    assert bits == {"texts": ["4", "8", "-1"], "numbers": [4.0, 8.0, -1.0], "title": "bits"}
    rates = axis_values("rate", ["800 MS/s", "1.28 GS/s"])
    assert (rates["numbers"], rates["title"]) == ([0.8, 1.28], "rate [GS/s]")
    assert axis_values("policy", ["none", "8"])["numbers"] is None
    assert axis_values("size", ["64 KiB", "1 ns"])["numbers"] is None


def test_accuracy_comes_first_where_it_is_known(sweep: Sweep) -> None:
    first, second = start(metrics_of(sweep))
    assert first is not None
    assert second is not None
    assert (first.key, second.key) == ("energy_per_image_j", "latency_s")
    rows = tuple(MappingProxyType({**row, "accuracy": 0.5 + row["point"] / 100}) for row in sweep.rows)
    known = replace(sweep, rows=rows)
    first, second = start(metrics_of(known))
    assert first is not None
    assert second is not None
    assert second.key == "accuracy"
    table = front_table(known, ("ima.adc.bits",), first, second)
    wanted = {str(row["point"]) for row in known.front(["energy_per_image_j", "max:accuracy"])}
    assert {row.name for row in table.rows} == wanted


def test_failed_points_are_listed_with_their_errors(sweep: Sweep) -> None:
    assert len(sweep.failed) == 6
    page = sweep_page(sweep)
    assert "24 points, 6 of them failed" in page
    assert page.count('<td class="words"><bdi>' + sweep.failed[0]["error"].replace("'", "&#39;")[:20]) == 6


def test_sweeps_without_points_or_figures_have_a_page_too(sweep: Sweep) -> None:
    assert "Trade-offs" not in sweep_page(replace(sweep, rows=()))
    failed = sweep_page(replace(sweep, rows=sweep.failed))
    assert "Trade-offs" not in failed
    assert 'id="failed"' in failed
    assert "18 of 24 points finished" in sweep_page(replace(sweep, rows=sweep.done))


def test_the_same_rows_give_the_same_page(sweep: Sweep) -> None:
    assert sweep_page(sweep) == sweep_page(replace(sweep, rows=tuple(dict(row) for row in sweep.rows)))


def test_too_many_points_are_refused(sweep: Sweep) -> None:
    with pytest.raises(InputError, match="at most 5,000 points, this sweep has 5,016"):
        sweep_page(replace(sweep, rows=sweep.rows * 209))
