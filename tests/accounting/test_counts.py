"""Counts by hand for one convolution whose every number is known."""

from __future__ import annotations

import pytest

from archsim.accounting import count_actions, price, total_energy
from archsim.components import cost_table
from archsim.config import load_hardware
from archsim.function.inference.reads import array_reads
from archsim.mapper import map_network
from archsim.timing import run_timing
from archsim.workload.graph import Activation, Conv, Graph, Input, Layer

WINDOWS = 36
READ = 16 * 9 + 16 * 6 + 4 * 4
"""Positions that all windows read: padding is put in at the registers."""


def conv_graph(padding: int = 1) -> Graph:
    """3x3 convolution of 64 channels to 40 on a 6x6 map: 576 rows (5 groups), 40 weights a row."""
    size = 4 + 2 * padding
    layers = (
        Layer(name="x", op=Input(), inputs=(), shape=(64, 6, 6)),
        Layer(name="c", op=Conv(out=40, kernel=(3, 3), padding=(padding,) * 4), inputs=("x",), shape=(40, size, size)),
        Layer(name="r", op=Activation(function="relu"), inputs=("c",), shape=(40, size, size)),
    )
    return Graph(name="conv", layers=layers, outputs=("r",))


def counted(
    hardware: str, changes: dict[str, object], images: int = 1, padding: int = 1
) -> dict[tuple[str, str], float]:
    plan = map_network(conv_graph(padding), load_hardware(hardware, {"mapping.replication": "none", **changes}))
    timing = run_timing(plan, images)
    return {
        (count.component, count.action): count.count for count in count_actions(plan, timing, array_reads(plan, {}))
    }


def test_isaac_8bit() -> None:
    """32 weights a row of an array: two column groups (32 and 8 weights), five row groups (4 x 128 + 64 rows), 8
    cycles."""
    found = counted("isaac-8bit", {})
    steps = WINDOWS * 8
    rows, columns, arrays = 2 * 576, 5 * 40 * 4, 10
    assert found["dac", "drive"] == steps * rows
    assert found["adc", "convert"] == steps * (columns + arrays)  # the unit column of every array is converted too
    assert found["sample_hold", "sample"] == found["shift_add", "add"] == found["adc", "convert"]
    assert found["crossbar", "read"] == pytest.approx(steps * 576 * 160 / 128 / 128)
    assert found["input_register", "window"] == WINDOWS * rows / 128
    assert found["output_register", "window"] == WINDOWS * (columns + arrays) / 128
    assert found["activation", "activate"] == WINDOWS * 40
    # inputs: 576 bytes = 18 lines of 256 bit, 12 where a row or column is padding, 8 in the corners; outputs: 2 lines
    assert found["edram", "access"] == 16 * 18 + 16 * 12 + 4 * 8 + WINDOWS * 2
    assert ("router", "flit") not in found


def test_partial_sums_between_imas_ride_the_bus() -> None:
    """Ten arrays fill one IMA and two arrays of the next: one column group crosses once, with 32 sums of 32 bit at
    most."""
    found = counted("isaac-8bit", {})
    assert found["bus", "bit"] == READ * 64 * 8 + WINDOWS * (40 * 8 + 1 * 32 * 32)


def test_partial_sums_between_imas_are_added_and_pass_the_tiles_register() -> None:
    found = counted("isaac-8bit", {})
    assert found["tile_shift_add", "add"] == WINDOWS * 32
    assert found["tile_output_register", "bit"] == WINDOWS * (40 * 8 + 1 * 32 * 32)


def test_partial_sums_of_other_tiles_are_added_too() -> None:
    """192 arrays of one sum fill two tiles: 22 of its parts cross units of a tile, one a tile, 16 values each."""
    layers = (
        Layer(name="x", op=Input(), inputs=(), shape=(24576, 2, 2)),
        Layer(name="c", op=Conv(out=16, kernel=(1, 1)), inputs=("x",), shape=(16, 2, 2)),
    )
    hardware = load_hardware("isaac-ce", {"mapping.replication": "none"})
    plan = map_network(Graph(name="tall", layers=layers, outputs=("c",)), hardware)
    assert (plan.crossbars, plan.tiles) == (192, 2)
    counts = count_actions(plan, run_timing(plan), array_reads(plan, {}))
    found = {(count.component, count.action): count.count for count in counts}
    assert found["tile_shift_add", "add"] == 4 * 23 * 16
    assert found["tile_output_register", "bit"] == 4 * (16 * 16 + 23 * 16 * 32)


def test_the_tiles_register_has_a_price() -> None:
    """In every run: a register that draws 1 W is seen in the energy."""
    plan = map_network(conv_graph(), load_hardware("isaac-8bit", {"tile.output_register.cost.power": "1 W"}))
    rows = price(count_actions(plan, run_timing(plan), array_reads(plan, {})), cost_table(plan.chip))
    [register] = [row for row in rows if row.component == "tile_output_register"]
    assert register.energy_j == pytest.approx(register.count * 1.0 * 1.6e-6 / (8 * 3 * 1024), rel=1e-12)


def test_converters_that_always_convert_count_every_column() -> None:
    found = counted("isaac-8bit", {"ima.adc.converts": "all"})
    assert found["adc", "convert"] == WINDOWS * 8 * 10 * 129


def test_gated_drivers_without_inputs_assume_half_the_bits() -> None:
    found = counted("isaac-8bit", {"ima.dac.charge": "active"})
    assert found["dac", "drive"] == 0.5 * WINDOWS * 8 * 2 * 576


def test_counts_grow_with_images() -> None:
    one, three = counted("isaac-8bit", {}), counted("isaac-8bit", {}, images=3)
    assert three == {key: pytest.approx(3 * count) for key, count in one.items()}


def test_copies_do_not_change_what_is_computed() -> None:
    """More copies spread the same windows: conversions, drives and reads stay."""
    plan = map_network(conv_graph(), load_hardware("isaac-8bit"))
    assert plan.stages[0].replication > 1
    timing = run_timing(plan)
    copied = {
        (count.component, count.action): count.count for count in count_actions(plan, timing, array_reads(plan, {}))
    }
    alone = counted("isaac-8bit", {})
    for key in (("adc", "convert"), ("dac", "drive"), ("crossbar", "read"), ("input_register", "window")):
        assert copied[key] == alone[key]


def test_puma_counts_control_cycles_and_sibling_arrays() -> None:
    """Eight arrays hold the slices of 16-bit weights; three cores of 16 arrays work for 36 windows of 2048 ns at 1
    ns."""
    found = counted("puma", {})
    arrays = 5 * 1 * 8
    assert found["adc", "convert"] == WINDOWS * 16 * arrays * 128
    # one driver serves the eight arrays; per input cycle the input register is read once for each of the five
    # groups of rows
    # and every one of the 40 sums of a group is read and written back
    assert found["dac", "drive"] == WINDOWS * 16 * 576
    assert found["input_register", "read"] == WINDOWS * 16 * 5
    assert found["input_register", "write"] == WINDOWS * 576
    assert found["output_register", "read"] == found["output_register", "write"] == WINDOWS * 16 * 5 * 40
    # the bus moves every line of 128 bits that the memory does: 9 x 64 inputs of 16 bits (fewer at borders), 40 outputs
    assert found["bus", "access"] == found["edram", "access"] == 16 * 72 + 16 * 48 + 4 * 32 + WINDOWS * 5
    # two of its three cores send 40 sums to the third, whose arithmetic units add them
    assert found["alu", "add"] == WINDOWS * 2 * 40
    unpadded = counted("puma", {}, padding=0)
    assert unpadded["bus", "access"] == unpadded["edram", "access"] == 16 * (72 + 5)
    assert found["core_control", "cycle"] == pytest.approx(WINDOWS * 2048 * 3)


def test_energy_of_a_known_convolution() -> None:
    """Conversions dominate: 1.5625 pJ each."""
    plan = map_network(conv_graph(), load_hardware("isaac-8bit", {"mapping.replication": "none"}))
    rows = price(count_actions(plan, run_timing(plan), array_reads(plan, {})), cost_table(plan.chip))
    conversions = WINDOWS * 8 * (800 + 10) * 1.5625e-12
    [adc] = [row.energy_j for row in rows if row.component == "adc"]
    assert adc == pytest.approx(conversions, rel=1e-12)
    assert adc < total_energy(rows) < 2.5 * adc
