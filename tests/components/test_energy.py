"""Printed power to energy per action: the published figures, and that operating points carry over as physics says."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.components import build_chip, cost_table
from archsim.components.energy import adc_energy_ratio, energy_per_action
from archsim.components.load import FULL_LOAD, read_cycle
from archsim.components.rollup import part_rows
from archsim.components.tree import Chip
from archsim.config import load_hardware

ISAAC = load_hardware("isaac-ce")

DESIGN = {
    ("adc", "convert"): 1.5625e-12,
    ("shift_add", "add"): 0.01953125e-12,
    ("sample_hold", "sample"): 0.9765625e-15,
    ("dac", "drive"): 0.390625e-12,
    ("crossbar", "read"): 30e-12,
    ("input_register", "window"): 248e-12,
    ("output_register", "window"): 46e-12,
    ("edram", "access"): (1 - 0.051) * 20.7e-3 / 0.32e9,
    ("bus", "bit"): (1 - 0.143) * 7e-3 / 81.92e9,
    ("router", "flit"): (1 - 0.02) * 42e-3 / 8e9,
    ("activation", "activate"): 0.52e-3 / 2.4e9,
    ("pool", "compare"): 0.4e-3 / 1.2e9,
    ("tile_shift_add", "add"): 0.05e-3 / 1.2e9,
    ("tile_output_register", "bit"): 1.68e-3 * 1.6e-6 / (8 * 3 * 1024),
    ("link", "static"): 2.6,
}
LIBRARY = {("edram", "access"): 20.45e-12, ("bus", "bit"): 0.054e-12, ("router", "flit"): 20.74e-12 / 8}
BY_ACTIONS = {f"tile.{component}.energy": "actions" for component, _ in LIBRARY}


def chip_with(**changes: object) -> Chip:
    return build_chip(ISAAC.replace({path.replace("__", "."): value for path, value in changes.items()}))


def energy(chip: Chip, component: str, action: str) -> float:
    return cost_table(chip)[component, action].energy_j


@pytest.mark.parametrize(("component", "action"), DESIGN)
def test_isaac_energies(component: str, action: str) -> None:
    assert energy(build_chip(ISAAC), component, action) == pytest.approx(DESIGN[component, action], rel=1e-12)


def test_eight_bit_windows_move_half_the_bits() -> None:
    chip = build_chip(load_hardware("isaac-8bit"))
    assert energy(chip, "input_register", "window") == pytest.approx(124e-12, rel=1e-12)
    assert energy(chip, "output_register", "window") == pytest.approx(23e-12, rel=1e-12)
    for component, action in DESIGN:
        if action not in ("window", "static"):
            assert energy(chip, component, action) == energy(build_chip(ISAAC), component, action)


@given(
    bits=st.integers(1, 14),
    rate=st.floats(0.1, 4.0),
    count=st.integers(1, 64),
    rows=st.sampled_from([64, 128, 256, 512]),
    cycle=st.integers(10, 400),
)
@settings(deadline=None, max_examples=60)
def test_energy_times_full_load_is_power(bits: int, rate: float, count: int, rows: int, cycle: int) -> None:
    """No resolution sneaks in twice: power x (bits + 2) / rate, 8 to 10 times too high, is a known mistake."""
    hardware = ISAAC.replace(
        {
            "ima.adc.bits": bits,
            "ima.adc.rate": f"{rate!r} GS/s",
            "ima.adc.count": count,
            "ima.crossbar.rows": rows,
            "ima.cycle": f"{cycle} ns",
        }
    )
    chip = build_chip(hardware)
    ima, table = chip.tile.ima, cost_table(chip)
    assert table["adc", "convert"].energy_j == pytest.approx(1.5625e-12 * adc_energy_ratio(hardware.model), rel=1e-12)
    for component, action in FULL_LOAD:
        if (component, action) == ("bus", "access"):
            continue
        inside = component in ("edram", "bus", "router", "activation", "pool") or component.startswith("tile_")
        circuit = getattr(chip.tile if inside else ima, component.removeprefix("tile_"))
        watts = table[component, action].energy_j * FULL_LOAD[component, action](hardware.model)
        assert watts == pytest.approx(circuit.count * (circuit.power_w - circuit.static_w), rel=1e-12)


def test_energy_per_action_divides_and_nothing_else() -> None:
    assert energy_per_action(16e-3, 8 * 1.28e9) == 1.5625e-12


def test_a_slower_converter_takes_less_power_and_the_same_energy() -> None:
    slow = chip_with(ima__adc__rate="0.64 GS/s")
    assert energy(slow, "adc", "convert") == pytest.approx(1.5625e-12, rel=1e-12)
    assert energy(slow, "shift_add", "add") == pytest.approx(0.01953125e-12, rel=1e-12)
    assert slow.tile.ima.adc.power_w == pytest.approx(1e-3, rel=1e-12)


def test_resolution_follows_the_scaling_law() -> None:
    """hwcomponents-library's table: 1.20 pJ at 6 bits where it has 1.67 at 8; 626.91 um2 where it has 1200."""
    six = chip_with(ima__adc__bits=6)
    assert energy(six, "adc", "convert") == pytest.approx(1.5625e-12 * 1.20 / 1.67, rel=5e-3)
    assert six.tile.ima.adc.area_m2 == pytest.approx(626.91e-12, rel=5e-3)
    flat = chip_with(ima__adc__bits=6, ima__adc__scaling="none")
    assert energy(flat, "adc", "convert") == pytest.approx(1.5625e-12, rel=1e-12)
    double = chip_with(ima__adc__bits=9, ima__adc__scaling="exponential")
    assert energy(double, "adc", "convert") == pytest.approx(2 * 1.5625e-12, rel=1e-12)
    linear = build_chip(load_hardware("puma", {"ima.adc.bits": 4}))
    assert energy(linear, "adc", "convert") == pytest.approx(0.9e-12, rel=1e-12)
    assert linear.tile.ima.adc.area_m2 == pytest.approx(0.0012e-6, rel=1e-12)


def test_a_larger_array_costs_by_its_cells_and_lines() -> None:
    large = chip_with(ima__crossbar__rows=256, ima__crossbar__columns=512)
    assert energy(large, "crossbar", "read") == pytest.approx(8 * 30e-12, rel=1e-12)
    assert large.tile.ima.crossbar.area_m2 == pytest.approx(8 * 25e-12, rel=1e-12)
    assert energy(large, "input_register", "window") == pytest.approx(2 * 248e-12, rel=1e-12)
    assert energy(large, "output_register", "window") == pytest.approx(4 * 46e-12, rel=1e-12)
    assert energy(large, "dac", "drive") == pytest.approx(0.390625e-12, rel=1e-12)
    assert (large.tile.ima.dac.count, large.tile.ima.sample_hold.count) == (8 * 256, 8 * 512)


def test_a_longer_read_drives_cells_longer_and_moves_the_same_bits() -> None:
    slow = chip_with(ima__cycle="200 ns")
    assert energy(slow, "crossbar", "read") == pytest.approx(60e-12, rel=1e-12)
    assert energy(slow, "dac", "drive") == pytest.approx(2 * 0.390625e-12, rel=1e-12)
    for component, action in (("input_register", "window"), ("sample_hold", "sample"), ("adc", "convert")):
        assert energy(slow, component, action) == pytest.approx(DESIGN[component, action], rel=1e-12)


def test_more_arrays_share_a_register_without_cheaper_windows() -> None:
    wide = chip_with(ima__crossbar__count=16, ima__adc__count=16)
    for component, action in DESIGN:
        assert energy(wide, component, action) == pytest.approx(DESIGN[component, action], rel=1e-12), component


def test_stated_energies_win_over_power_and_keep_their_source() -> None:
    stated = chip_with(ima__dac__actions={"drive": {"energy": "6 fJ", "per": 2, "source": "Andrulis2024"}})
    cost = cost_table(stated)["dac", "drive"]
    assert cost.energy_j == pytest.approx(3e-15, rel=1e-12)
    assert cost.source == "Andrulis2024"
    assert "Shafiee2016" in cost_table(build_chip(ISAAC))["dac", "drive"].source


PRINTED_MW = {
    "adc": 16,
    "dac": 4,
    "sample_hold": 0.01,
    "crossbar": 2.4,
    "shift_add": 0.2,
    "input_register": 1.24,
    "output_register": 0.23,
    "edram": 20.7,
    "bus": 7,
    "router": 42,
    "activation": 0.52,
    "pool": 0.4,
    "tile_shift_add": 0.05,
    "tile_output_register": 1.68,
}
"""Shafiee2016, Table I: totals of one IMA, one tile, and the router that four tiles share [mW]."""
A_SECOND = {
    ("adc", "convert"): 8 * 1.28e9,
    ("shift_add", "add"): 8 * 1.28e9,
    ("sample_hold", "sample"): 1024 / 100e-9,
    ("dac", "drive"): 1024 / 100e-9,
    ("crossbar", "read"): 8 / 100e-9,
    ("input_register", "window"): 8 / 1.6e-6,
    ("output_register", "window"): 8 / 1.6e-6,
    ("edram", "access"): 32 / 100e-9,
    ("bus", "bit"): 8192 / 100e-9,
    ("router", "flit"): 8e9,
    ("activation", "activate"): 2.4e9,
    ("pool", "compare"): 1.2e9,
    ("tile_shift_add", "add"): 1.2e9,
    ("tile_output_register", "bit"): 96 * 16 * 16 / 1.6e-6,
}
"""What follows from the text of ISAAC: cycles of 100 ns, windows of 16, 1 KB a cycle, 8 ports at 1 GHz, 1.2 GHz."""


@pytest.mark.parametrize(("component", "action"), A_SECOND)
def test_both_views_of_a_component_close_at_full_load(component: str, action: str) -> None:
    table = cost_table(build_chip(ISAAC))
    standing = table[component, "static"].energy_j if (component, "static") in table else 0.0
    watts = table[component, action].energy_j * A_SECOND[component, action] + standing
    assert watts == pytest.approx(1e-3 * PRINTED_MW[component], rel=0.01)


def test_power_that_is_drawn_anyway_is_part_of_the_printed_one() -> None:
    """PUMA's shares: 0.46 of 9.06 mW, 0.5 of 3.5 mW, 1.04 of 52.52 mW."""
    table = cost_table(build_chip(ISAAC))
    for component, share in {"edram": 0.46 / 9.06, "bus": 0.5 / 3.5, "router": 1.04 / 52.52}.items():
        assert table[component, "static"].energy_j == pytest.approx(share * 1e-3 * PRINTED_MW[component], rel=0.02)
    (memory,) = [row for row in part_rows(build_chip(ISAAC)) if row.component == "edram"]
    assert memory.power_w == pytest.approx(20.7e-3, rel=1e-12)


def test_the_libraries_energies_can_be_chosen() -> None:
    table = cost_table(build_chip(ISAAC.replace(BY_ACTIONS)))
    for key, joules in LIBRARY.items():
        assert table[key].energy_j == pytest.approx(joules, rel=1e-12)
        assert (key[0], "static") not in table
    halves = cost_table(chip_with(tile__edram__always_on="50 %"))
    assert halves["edram", "access"].energy_j == pytest.approx(0.5 * 20.7e-3 / 0.32e9, rel=1e-12)
    assert halves["edram", "static"].energy_j == pytest.approx(0.5 * 20.7e-3, rel=1e-12)


def test_faster_memories_and_routers_draw_more_power_for_the_same_accesses() -> None:
    fast = chip_with(tile__edram__bytes_per_cycle="2 KiB", tile__router__flit_rate="2 GHz", tile__router__ports=4)
    for key in (("edram", "access"), ("bus", "bit"), ("router", "flit")):
        assert energy(fast, *key) == pytest.approx(DESIGN[key], rel=1e-12)
    assert fast.tile.edram.power_w == pytest.approx(2 * 20.7e-3, rel=1e-12)
    assert fast.tile.bus.power_w == pytest.approx(2 * 7e-3, rel=1e-12)
    assert fast.tile.router.power_w == pytest.approx(42e-3, rel=1e-12)


@pytest.mark.parametrize("component", ["shift_add", "input_register", "output_register"])
def test_more_units_share_the_work(component: str) -> None:
    more = chip_with(**{f"ima__{component}__count": 16})
    action = "add" if component == "shift_add" else "window"
    assert energy(more, component, action) == pytest.approx(DESIGN[component, action], rel=1e-12)


@pytest.mark.parametrize(
    ("changes", "cycle"),
    [
        ({"ima.adc.rate": "0.64 GS/s"}, 200e-9),
        ({"ima.adc.count": 2}, 400e-9),
        ({"ima.cycle": "200 ns"}, 200e-9),
        ({"ima.adc.rate": "5.12 GS/s"}, 100e-9),
    ],
)
def test_full_load_waits_for_the_slower_of_arrays_and_converters(changes: dict[str, object], cycle: float) -> None:
    """Columns wait in the sample-and-holds and rows are not driven meanwhile: actions take what they take, and power
    falls as reads get rarer; only `ima.cycle` itself makes a read longer and dearer."""
    file = ISAAC.replace(changes)
    chip, longer = build_chip(file), 2 if "ima.cycle" in changes else 1
    assert read_cycle(file.model) == pytest.approx(cycle, rel=1e-12)
    for key in (("crossbar", "read"), ("dac", "drive")):
        assert energy(chip, *key) == pytest.approx(longer * DESIGN[key], rel=1e-12)
    parts = {row.component: row for row in part_rows(chip)}
    for component in ("adc", "shift_add", "sample_hold", "input_register", "output_register"):
        assert parts[component].power_w == pytest.approx(1e-3 * PRINTED_MW[component] * 100e-9 / cycle, rel=1e-6)
    for component in ("crossbar", "dac"):
        assert parts[component].power_w == pytest.approx(
            1e-3 * PRINTED_MW[component] * longer * 100e-9 / cycle, rel=1e-12
        )
    assert all(row.charged_w == pytest.approx(row.power_w, rel=1e-12) for row in parts.values() if row.charged_w)


@pytest.mark.parametrize(("dac_bits", "cycles"), [(1, 8), (2, 4), (3, 3), (4, 2), (8, 1)])
def test_a_window_of_the_same_bits_costs_the_same_whatever_the_drivers_take(dac_bits: int, cycles: int) -> None:
    """124 pJ for 128 inputs of 8 bits; faster windows draw more power."""
    chip = build_chip(load_hardware("isaac-8bit", {"ima.dac.bits": dac_bits, "ima.dac.cost.at.bits": dac_bits}))
    assert energy(chip, "input_register", "window") == pytest.approx(124e-12, rel=1e-12)
    assert energy(chip, "output_register", "window") == pytest.approx(23e-12, rel=1e-12)
    assert chip.tile.ima.input_register.power_w == pytest.approx(8 * 124e-12 / (cycles * 100e-9), rel=1e-12)
