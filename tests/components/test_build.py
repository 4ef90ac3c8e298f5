"""The machine tree: durations in whole picoseconds, derived widths, per-instance figures."""

from __future__ import annotations

import pickle
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.components import build_chip
from archsim.components.build import picoseconds
from archsim.components.tree import Chip
from archsim.config import load_hardware

ISAAC = load_hardware("isaac-ce")


def chip_with(name: str = "isaac-ce", **changes: object) -> Chip:
    return build_chip(load_hardware(name, {path.replace("__", "."): value for path, value in changes.items()}))


def test_isaac_tree() -> None:
    chip = build_chip(ISAAC)
    tile, ima = chip.tile, chip.tile.ima
    assert (chip.name, chip.tiles, tile.imas, ima.crossbars, chip.crossbars) == ("isaac-ce", 168, 12, 8, 16128)
    assert (ima.cycle_ps, ima.bit_cycle_ps, tile.cycle_ps) == (100_000, 100_000, 100_000)
    assert (ima.crossbar.rows, ima.crossbar.columns, ima.crossbar.cell.bits) == (128, 128, 2)
    assert (ima.dac.count, ima.sample_hold.count, ima.adc.count, ima.columns_per_adc) == (1024, 1024, 8, 128)
    assert (tile.edram.size_bytes, tile.edram.access_bits, tile.edram.bytes_per_cycle) == (65536, 256, 1024)
    assert (tile.bus.charge, tile.bus.bits_per_action) == ("bit", 1)
    assert (tile.router.latency_ps, tile.router.shared_by, chip.routers) == (4000, 4, 42)
    assert (chip.links.count, chip.links.bandwidth, chip.links.latency_ps) == (4, 6.4e9, 5000)
    assert (chip.links.power_w, chip.links.static_w, chip.links.gated) == (2.6, 2.6, False)
    columns, rows = tile.grid
    assert (columns, rows) == (tile.grid.columns, tile.grid.rows) == (14, 12)
    assert (chip.overflow, chip.replication, chip.buffer_slack_rows) == ("spread", "balanced", None)
    assert chip.placement == "interleaved"
    assert ima.adc.area_m2 == pytest.approx(1200e-12, rel=1e-12)


def test_puma_tree() -> None:
    chip = build_chip(load_hardware("puma"))
    ima = chip.tile.ima
    assert (chip.weight_slices, chip.arrays_per_weight, chip.weights_per_row) == (8, 8, 128)
    assert (ima.dac.count, ima.dac.arrays_per_driver) == (256, 8)
    assert (ima.cycle_ps, ima.bit_cycle_ps, chip.tile.cycle_ps) == (128_000, 128_000, 1000)
    assert (chip.tile.bus.charge, chip.tile.bus.bits_per_action) == ("access", 128)
    assert (chip.links.always_on, chip.links.packet_bytes, chip.links.static_w) == (False, 32, 0.0)
    assert [overhead.name for overhead in ima.overheads] == ["core_control", "imem", "dmem", "mux1", "mux2"]
    assert ima.adc.static_w == 0.2e-3
    assert ima.adc.gated


@pytest.mark.parametrize(
    ("weights", "cells", "slices", "encoding", "per_row", "per_weight"),
    [
        (16, 2, "columns", "flip", 16, 1),
        (8, 2, "columns", "flip", 32, 1),
        (16, 2, "columns", "differential", 8, 1),
        (5, 2, "columns", "offset", 42, 1),
        (16, 2, "arrays", "offset", 128, 8),
        (16, 2, "arrays", "differential", 64, 8),
        (4, 4, "columns", "differential", 64, 1),
    ],
)
def test_weights_in_a_row(weights: int, cells: int, slices: str, encoding: str, per_row: int, per_weight: int) -> None:
    chip = chip_with(
        precision__weight_bits=weights,
        ima__cell__bits=cells,
        ima__crossbar__slices=slices,
        precision__encoding=encoding,
    )
    assert (chip.weights_per_row, chip.arrays_per_weight) == (per_row, per_weight)


@given(columns=st.integers(8, 1024), adcs=st.integers(1, 64), rate=st.integers(10, 4000), cycle=st.integers(1, 500))
@settings(deadline=None, max_examples=60)
def test_bit_cycle_is_the_slower_of_read_and_conversion(columns: int, adcs: int, rate: int, cycle: int) -> None:
    chip = chip_with(
        ima__crossbar__columns=columns, ima__adc__count=adcs, ima__adc__rate=f"{rate} MS/s", ima__cycle=f"{cycle} ns"
    )
    served = ceil(8 * columns / adcs)
    assert chip.tile.ima.bit_cycle_ps == max(cycle * 1000, ceil(served * 1_000_000 / rate))
    assert chip.window_interval_ps == 16 * chip.tile.ima.bit_cycle_ps


def test_the_rate_in_the_table_of_isaac_stretches_the_cycle() -> None:
    """At the 1.2 GS/s that Table I prints, 128 columns take 106.7 ns."""
    assert chip_with(ima__adc__rate="1.2 GS/s").tile.ima.bit_cycle_ps == 106_667


def test_pipeline_stages_use_the_clock_of_their_unit() -> None:
    puma = build_chip(load_hardware("puma"))
    assert (puma.pipeline.adc_trail_ps, puma.pipeline.shift_add_ps) == (128_000, 128_000)
    assert (puma.pipeline.edram_read_ps, puma.pipeline.activation_ps) == (2000, 1000)
    product_ps = puma.window_interval_ps + puma.pipeline.adc_trail_ps + puma.pipeline.shift_add_ps
    assert product_ps == 2_304_000  # PUMA, Sec. 7: a 16-bit product of 128 x 128 takes 2304 ns (V29)


def test_picoseconds_round_to_nearest() -> None:
    assert picoseconds(100e-9) == 100_000
    assert picoseconds(1e-12) == 1
    assert picoseconds(1.6e-12) == 2


def test_chips_pickle_and_compare() -> None:
    chip = build_chip(ISAAC)
    assert pickle.loads(pickle.dumps(chip)) == chip
    assert chip != chip_with(ima__adc__bits=7)
