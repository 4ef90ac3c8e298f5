"""Areas and powers add up; static power is listed with its level."""

from __future__ import annotations

from math import fsum

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.components import area_rows, build_chip, cost_table, figures, power_rows, static_rows
from archsim.components.rollup import total_area, total_power
from archsim.config import load_hardware

NAMES = ["isaac-ce", "isaac-8bit", "puma"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("chips", [1, 3, 17])
def test_rows_add_up_to_the_chip(name: str, chips: int) -> None:
    chip = build_chip(load_hardware(name))
    found = figures(chip)["chip"]
    assert isinstance(found, dict)
    assert fsum(row.area_m2 for row in area_rows(chip)) == found["area_m2"]
    assert total_area(area_rows(chip, chips)) == pytest.approx(chips * found["area_m2"], rel=1e-15)
    assert total_power(power_rows(chip, chips)) == pytest.approx(chips * found["power_w"], rel=1e-15)
    whole = found["tiles_area_m2"] + chip.links.count * chip.links.area_m2
    assert found["area_m2"] == pytest.approx(whole, rel=1e-12)
    assert len({row.component for row in area_rows(chip)}) == len(area_rows(chip))


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "ima.count": st.integers(1, 40),
            "ima.crossbar.count": st.integers(8, 64),
            "ima.crossbar.rows": st.sampled_from([32, 128, 256]),
            "ima.adc.bits": st.integers(1, 16),
            "ima.adc.count": st.integers(1, 32),
            "tile.router.shared_by": st.sampled_from([1, 2, 4, 8]),
        },
    ),
    st.sampled_from(NAMES),
)
@settings(deadline=None, max_examples=40)
def test_any_change_keeps_the_sums(changes: dict[str, object], name: str) -> None:
    chip = build_chip(load_hardware(name, changes))
    found = figures(chip)
    tile, whole = found["tile"], found["chip"]
    assert isinstance(tile, dict)
    assert isinstance(whole, dict)
    assert total_area(area_rows(chip)) == pytest.approx(
        chip.tiles * tile["area_m2"] + chip.links.count * chip.links.area_m2, rel=1e-12
    )
    assert total_power(power_rows(chip)) == pytest.approx(
        chip.tiles * tile["power_w"] + chip.links.count * chip.links.power_w, rel=1e-12
    )
    for share in ("power_share", "area_share"):
        parts = {name: value for name, value in tile[share].items() if name != "edram_bus"}
        assert fsum(parts.values()) == pytest.approx(1, rel=1e-12)


def test_routers_are_whole() -> None:
    chip = build_chip(load_hardware("isaac-ce", {"tile.count": 5, "tile.grid": {"columns": 5, "rows": 1}}))
    (row,) = [row for row in area_rows(chip) if row.component == "router"]
    assert row.count == 2


def test_static_power() -> None:
    *tile, router, link = static_rows(build_chip(load_hardware("isaac-ce")))
    assert [(row.component, row.level, row.count, row.gated) for row in tile] == [
        ("edram", "tile", 1, False),
        ("bus", "tile", 1, False),
    ]
    assert (router.component, router.level, router.count, router.gated) == ("router", "chip", 42, False)
    assert (link.component, link.level, link.count, link.power_each_w, link.gated) == ("link", "chip", 4, 2.6, False)
    puma = build_chip(load_hardware("puma"))
    rows = {row.component: row for row in static_rows(puma)}
    assert (rows["adc"].level, rows["adc"].count, rows["adc"].gated) == ("ima", 16, True)
    assert (rows["router"].level, rows["router"].count, rows["router"].gated) == ("chip", 42, False)
    assert "link" not in rows
    table = cost_table(puma)
    assert {component for component, action in table if action == "static"} == set(rows)
    assert all(table[name, "static"].energy_j == row.power_each_w for name, row in rows.items())
