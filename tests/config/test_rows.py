"""The `ima.crossbar.row_activation` block and noise laws: what is refused, and what follows from them."""

from __future__ import annotations

import pytest

from archsim.components import build_chip
from archsim.config import load_hardware
from archsim.errors import InputError
from archsim.mapping.slicing import Slicing

BLOCK = "ima.crossbar.row_activation"


@pytest.mark.parametrize(
    ("changes", "path", "what"),
    [
        ({f"{BLOCK}.rows_at_once": 300}, f"{BLOCK}.rows_at_once", "more than ima.crossbar.rows: 256"),
        ({f"{BLOCK}.policy": "sparse"}, f"{BLOCK}.policy", "dense"),
        ({"precision.encoding": "flip"}, "precision.encoding", "expected offset or differential"),
        ({"ima.adc.transfer.range": "calibrated"}, "ima.adc.transfer", "observed sums of whole columns"),
        ({"ima.adc.sparsity.policy": "oracle"}, "ima.adc.sparsity.policy", "sums of whole columns"),
        ({"device.read_noise.law": "cubic"}, "device.read_noise.law", "sqrt_rows"),
    ],
)
def test_contradictions_are_refused(changes: dict[str, object], path: str, what: str) -> None:
    with pytest.raises(InputError) as caught:
        load_hardware("rram40nm").replace(changes)
    found = [str(problem) for problem in caught.value.problems if path in str(problem)]
    assert any(what in text for text in found), found


def test_a_block_that_opens_every_row_is_no_block() -> None:
    whole = load_hardware("isaac-8bit").replace({f"{BLOCK}.rows_at_once": 128})
    chip, plain = build_chip(whole), build_chip(load_hardware("isaac-8bit"))
    assert not Slicing.of(chip).windowed
    assert (chip.window_interval_ps, chip.adc_bits_required) == (plain.window_interval_ps, plain.adc_bits_required)
    energies = [part.tile.ima.crossbar.actions["read"].energy_j for part in (chip, plain)]
    assert energies[0] == energies[1]
    assert chip.tile.ima.crossbar.power_w == plain.tile.ima.crossbar.power_w


def test_figures_of_a_chip_that_opens_seven_rows() -> None:
    """256 rows are 37 windows; 7 cells of one bit need 3 bits; 8 columns a converter at 10 ns are a read of 80 ns."""
    chip = build_chip(load_hardware("rram40nm"))
    ima = chip.tile.ima
    assert (ima.columns_per_adc, ima.bit_cycle_ps, chip.adc_bits_required) == (8, 80_000, 3)
    assert chip.window_reads == 2 * 37
    assert chip.window_interval_ps == 74 * 80_000
    slicing = Slicing.of(chip)
    assert (slicing.opened_rows, slicing.largest_sum, slicing.windows(84), slicing.activation) == (7, 7, 12, "windowed")
    slow = build_chip(load_hardware("rram40nm").replace({"ima.adc.count": 64}))
    assert slow.tile.ima.bit_cycle_ps == 160_000


def test_power_falls_with_the_rows_open_and_energies_stay() -> None:
    """An array that opens an eighth of its rows in a read reads an eighth of its cells and needs eight reads for
    all."""
    plain = build_chip(load_hardware("isaac-8bit").replace({"precision.encoding": "offset"}))
    few = build_chip(load_hardware("isaac-8bit").replace({"precision.encoding": "offset", f"{BLOCK}.rows_at_once": 16}))
    for part, action in (("crossbar", "read"), ("dac", "drive")):
        whole, shared = (getattr(chip.tile.ima, part).actions[action].energy_j for chip in (plain, few))
        assert shared == pytest.approx(whole)
    whole, shared = (chip.tile.ima.input_register.actions["window"].energy_j for chip in (plain, few))
    assert shared == pytest.approx(whole)
    for part in ("crossbar", "dac", "input_register", "output_register"):
        whole, shared = (getattr(chip.tile.ima, part).power_w for chip in (plain, few))
        assert shared == pytest.approx(whole / 8)
