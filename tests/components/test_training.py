"""Training's circuits, and the chip as each phase sees it."""

from __future__ import annotations

import pytest

from archsim.components import area_rows, build_chip, cost_table
from archsim.components.training import error_chip, gradient_chip
from archsim.components.tree import Chip
from archsim.config import load_hardware


def chip(name: str = "insitu-32nm", **values: object) -> Chip:
    return build_chip(load_hardware(name).replace({key.replace("__", "."): value for key, value in values.items()}))


@pytest.mark.parametrize(
    ("name", "read_pj", "gradient_pj"),
    [
        ("insitu-32nm", 1.20, 0.79),
        ("insitu-32nm-published-adc", 0.6425 / 1.2, 15.2 / 32 / 2.1),
        ("insitu-32nm-neurosim-implied", 0.245, 0.18),
    ],
)
def test_the_three_sets_of_constants(name: str, read_pj: float, gradient_pj: float) -> None:
    costs = cost_table(chip(name))
    # the SAR law fits the library's table to 0.002 pJ of an 8-bit conversion of 1.67 pJ
    assert costs["adc", "convert"].energy_j == pytest.approx(read_pj * 1e-12, rel=4e-3)
    assert costs["transposed_adc", "convert"].energy_j == pytest.approx(read_pj * 1e-12, rel=4e-3)
    assert costs["gradient_adc", "convert"].energy_j == pytest.approx(gradient_pj * 1e-12, rel=4e-3)


def test_energies_by_hand() -> None:
    costs = cost_table(chip())
    # 0.5 V on 240 kohm for 10 ns; 4 V on a cell at mid-window for 50 ns; 4 mW / 1024 for 10 ns
    assert costs["crossbar", "cell_read"].energy_j == pytest.approx(0.25 / 240e3 * 10e-9)
    assert costs["crossbar", "pulse"].energy_j == pytest.approx(16 * (1 / 240e3 + 1 / 24e6) / 2 * 50e-9)
    assert costs["dac", "drive"].energy_j == pytest.approx(0.0390625e-12)
    assert costs["dram", "bit"].energy_j == 3.9e-12


def test_a_conversion_keeps_its_energy_when_the_rate_changes_and_follows_its_bits() -> None:
    slow, base = chip(training__gradient__adc__rate="100 MS/s"), chip()
    costs = [cost_table(item)["gradient_adc", "convert"].energy_j for item in (slow, base)]
    assert costs[0] == pytest.approx(costs[1], rel=1e-12)
    wider = cost_table(chip(training__gradient__adc__bits=6))["gradient_adc", "convert"].energy_j
    assert wider == pytest.approx(cost_table(base)["adc", "convert"].energy_j)


def test_inference_chips_have_no_training_rows() -> None:
    isaac = build_chip(load_hardware("isaac-ce"))
    assert isaac.training is None
    assert not {name for name, _ in cost_table(isaac)} & {"dram", "accumulator", "transposed_adc"}
    assert ("crossbar", "pulse") not in cost_table(isaac)


def test_area_of_the_parts() -> None:
    rows = {row.component: row for row in area_rows(chip())}
    assert rows["accumulator"].area_m2 == pytest.approx(608 * 0.083e-6)
    assert rows["gradient_adc"].count == 16 * 4 * 128 // 8
    assert rows["transposed_adc"].count == rows["adc"].count == 1024 * 16
    assert rows["gradient_driver"].area_m2 == pytest.approx(16 * 4 * 0.00002125e-6)
    assert rows["dram"].area_m2 == 0


def test_errors_pass_the_arrays_in_the_other_direction() -> None:
    forward = chip(ima__crossbar__columns=64, ima__adc__count=128)
    turned = error_chip(forward)
    assert (turned.tile.ima.crossbar.rows, turned.tile.ima.crossbar.columns) == (64, 128)
    assert turned.tile.ima.adc.bits == 6
    assert turned.crossbars == forward.crossbars
    # 8 lines a converter, 10 ns each
    assert turned.tile.ima.bit_cycle_ps == forward.tile.ima.bit_cycle_ps == 80_000
    assert turned.pipeline.adc_trail_ps == 80_000


def test_gradient_arrays_hold_the_bits_of_errors() -> None:
    sram = gradient_chip(chip())
    assert (sram.crossbars, sram.columns_per_weight, sram.weights_per_row) == (64, 8, 16)
    assert sram.input_cycles == 8
    # 8 columns a converter at 1 GS/s
    assert sram.tile.ima.bit_cycle_ps == 8_000
    assert gradient_chip(chip(training__gradient__cycle="20 ns")).tile.ima.bit_cycle_ps == 20_000
