"""V14 and V15: the timeline of ISAAC's Fig. 4b, simulated on one array of the shipped chip."""

from __future__ import annotations

import pytest

import archsim
from archsim.studies.isaac import one_conv
from archsim.workload.graph import Activation, Conv, Graph, Input, Layer


@pytest.mark.parametrize("windows", [1, 2, 3, 40])
def test_a_window_takes_22_cycles_and_one_enters_every_16(windows: int) -> None:
    hardware = archsim.load_hardware("isaac-ce", {"mapping.replication": "none"})
    run = archsim.simulate(archsim.map_network(one_conv(windows), hardware))
    assert round(run.totals.latency_s * 1e12) == (22 + 16 * (windows - 1)) * 100_000
    [layer] = run.layers
    assert layer.interval_s == pytest.approx(1.6e-6)


def test_copies_wait_for_their_tile_bus() -> None:
    """96 copies in one tile read 256 bytes each: 25 ns of a bus that moves 1 KiB in 100 ns. A round of reads takes
    2.4 us, longer than the 1.6 us of a window, so the bus limits the tile: 192 windows take 2 rounds and the last
    window's way."""
    hardware = archsim.load_hardware("isaac-ce", {"tile.count": 1, "tile.grid.columns": 1, "tile.grid.rows": 1})
    run = archsim.simulate(archsim.map_network(one_conv(192), hardware))
    [layer] = run.layers
    assert layer.replication == 96
    assert run.resource_busy_s["bus 0"] == pytest.approx(192 * (256 + 32) / 1024 * 100e-9)
    assert run.totals.latency_s > 2 * 96 * 25e-9 + 2.1e-6
    assert layer.stall_contention_s > 0


@pytest.mark.parametrize("bits", [2, 3, 8])
def test_short_windows_follow_each_other_without_pause(bits: int) -> None:
    """Fig. 4b is a pipeline: what follows the reads keeps its latency and takes a window every crossbar step, down to
    two cycles."""
    hardware = archsim.load_hardware("isaac-8bit", {"mapping.replication": "none", "precision.input_bits": bits})
    plan = archsim.map_network(archsim.load_workload("vgg8"), hardware)
    run = archsim.simulate(plan, images="steady", engine="kernel")
    windows = max(mapped.windows for mapped in plan if mapped.grid is not None)
    assert run.totals.interval_s == pytest.approx(windows * bits * 100e-9, rel=1e-9)


def test_a_macro_reaches_its_own_peak() -> None:
    """A 256 x 256 array that multiplies in 130 ns (as HERMES, 14 nm PCM) does so every 130 ns."""
    macro = {
        "ima.crossbar.rows": 256, "ima.crossbar.columns": 256, "ima.cycle": "130 ns", "ima.dac.bits": 8,
        "ima.dac.cost.at.bits": 8, "ima.adc.rate": "20 GS/s", "ima.adc.bits": 12, "mapping.replication": "none",
    }  # fmt: skip
    layers = (
        Layer(name="x", op=Input(), inputs=(), shape=(64, 8, 8)),
        Layer(name="c", op=Conv(out=64, kernel=(1, 1)), inputs=("x",), shape=(64, 8, 8)),
        Layer(name="r", op=Activation(function="relu"), inputs=("c",), shape=(64, 8, 8)),
    )
    graph = Graph(name="one", layers=layers, outputs=("r",))
    run = archsim.simulate(archsim.map_network(graph, archsim.load_hardware("isaac-8bit", macro)), images="steady")
    assert run.totals.interval_s == pytest.approx(64 * 130e-9, rel=1e-9)
