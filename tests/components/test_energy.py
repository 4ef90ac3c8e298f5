"""Printed power to energy per action: the published figures, and that operating points carry over as physics says."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.components import build_chip, cost_table
from archsim.components.energy import FULL_LOAD, energy_per_action
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
    ("edram", "access"): 20.45e-12,
    ("bus", "bit"): 0.054e-12,
    ("router", "flit"): 20.74e-12 / 8,
    ("link", "static"): 2.6,
}


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
    assert table["adc", "convert"].energy_j * ima.adc.rate * ima.adc.count == pytest.approx(
        ima.adc.power_w * ima.adc.count, rel=1e-12
    )
    for component, action in FULL_LOAD:
        where = chip.tile if component in ("activation", "pool") or component.startswith("tile_") else ima
        circuit = getattr(where, component.removeprefix("tile_"))
        load = FULL_LOAD[component, action](hardware.model)
        assert table[component, action].energy_j * load == pytest.approx(circuit.count * circuit.power_w, rel=1e-12)


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


@pytest.mark.parametrize("name", ["isaac-ce", "isaac-8bit"])
@pytest.mark.parametrize("bits", [1, 2, 3, 4, 8])
def test_a_window_of_a_register_costs_its_bits_however_they_enter(name: str, bits: int) -> None:
    """248 pJ at 16 bits and 124 at 8, at every width of the drivers: 8 bits in 3 digits are no fewer bits."""
    hardware = load_hardware(name, {"ima.dac.bits": bits, "ima.dac.cost.at.bits": bits})
    chip, whole = build_chip(hardware), hardware.model.precision.input_bits / 16
    assert energy(chip, "input_register", "window") == pytest.approx(248e-12 * whole, rel=1e-12)
    assert energy(chip, "output_register", "window") == pytest.approx(46e-12 * whole, rel=1e-12)
    assert energy(chip, "tile_output_register", "window") == pytest.approx(28e-12 * whole, rel=1e-12)
    cycles = -(-hardware.model.precision.input_bits // bits)
    windows = 8 / (cycles * 100e-9)
    assert chip.tile.ima.input_register.power_w == pytest.approx(248e-12 * whole * windows, rel=1e-12)
