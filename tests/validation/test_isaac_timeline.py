"""V14 and V15: the timeline of ISAAC's Fig. 4b, simulated on one array of the shipped chip."""

from __future__ import annotations

import pytest

import archsim
from archsim.studies.isaac import one_conv


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
