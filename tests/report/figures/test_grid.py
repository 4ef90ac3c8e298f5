from __future__ import annotations

import re
from typing import Any

import pytest

from archsim.errors import InputError
from archsim.report.figures.grid import lines, metrics_of, table_of

AXES = ("ima.adc.bits", "mapping.placement")


def rows() -> list[dict[str, Any]]:
    """Two axes and two seeds; latency is 10 bits + 1 for the second seed, + 5 for snake. One point failed."""
    found = []
    for bits in (8, 6):
        for placement in ("snake", "banded"):
            for seed in (0, 1):
                latency = 10 * bits + seed + 5 * (placement == "snake")
                common = {"point": len(found), "hardware": "h", "workload": "w", "seed": seed, "images": 1}
                settings = {"ima.adc.bits": bits, "mapping.placement": placement}
                found.append({**common, **settings, "error": "", "latency_s": latency, "area_m2": 1e-6, "key": "k"})
    found[-1] = {**found[-1], "error": "too small"}
    del found[-1]["latency_s"]
    return found


def test_only_what_varies_is_an_axis() -> None:
    table = table_of("t", AXES, rows())
    assert table.axes == (*AXES, "seed")
    assert (len(table.rows), table.failed) == (7, 1)
    assert table.values("ima.adc.bits") == [6, 8]
    assert table.values("mapping.placement") == ["snake", "banded"]
    assert metrics_of(table, ()) == ("latency_s",)


def test_lines_keep_axes_apart_and_spread_over_seeds() -> None:
    found, over = lines(table_of("t", AXES, rows()), "ima.adc.bits", "latency_s", most=7)
    assert over == ("seed",)
    assert [line.name for line in found] == ["mapping.placement=snake", "mapping.placement=banded"]
    assert (found[0].at, found[0].middle, found[0].low, found[0].high) == ([0, 1], [65.5, 85.5], [65, 85], [66, 86])
    assert found[1].middle == [60.0, 80.5]
    assert all(line.spread for line in found)


def test_too_many_combinations_are_spread_over() -> None:
    table = table_of("t", AXES, rows())
    found, over = lines(table, "ima.adc.bits", "latency_s", most=1)
    assert over == ("mapping.placement", "seed")
    assert [line.name for line in found] == [""]
    assert found[0].middle == [65.0, 83.0]


def test_one_value_of_an_axis() -> None:
    table = table_of("t", AXES, rows(), where={"mapping.placement": "snake", "seed": "0"})
    assert table.axes == ("ima.adc.bits",)
    assert [row["latency_s"] for row in table.rows] == [85, 65]


def test_wrong_wishes_are_told_together() -> None:
    with pytest.raises(InputError) as raised:
        table_of("t", AXES, rows(), where={"ima.adc.bit": "8", "mapping.placement": "snaik"})
    first, second = raised.value.problems
    assert re.search("--where ima.adc.bit: is no axis .*did you mean 'ima.adc.bits'", str(first))
    assert str(second) == "--where mapping.placement=snaik: no point has it; expected banded | snake"
    with pytest.raises(InputError, match="t: has no finished point"):
        table_of("t", AXES, [row for row in rows() if row["error"]])
    with pytest.raises(InputError, match=r"'latency' is no metric of every point.*did you mean 'latency_s'"):
        metrics_of(table_of("t", AXES, rows()), ["latency"])


def test_points_of_lists_may_lack_an_axis() -> None:
    table = table_of("t", AXES, [{**rows()[0]}, {k: v for k, v in rows()[2].items() if k != "ima.adc.bits"}])
    assert table.values("ima.adc.bits") == [8, None]
    found, _ = lines(table, "ima.adc.bits", "latency_s", most=7)
    assert [line.middle for line in found] == [[85.0], [80.0]]


def test_shares_of_pictures_have_intervals() -> None:
    table = table_of("t", AXES, [{**row, "accuracy": 0.9, "pictures": 100} for row in rows() if row["seed"] == 0])
    found, _ = lines(table, "ima.adc.bits", "accuracy", most=7)
    # Wilson's interval of 90 in 100
    assert found[0].low == pytest.approx([0.8256, 0.8256], abs=1e-4)
    assert found[0].high == pytest.approx([0.9448, 0.9448], abs=1e-4)
    assert found[0].sampled
    assert not found[0].spread
