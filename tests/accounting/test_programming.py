"""Cost of a load, worked by hand, and its way into the result."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import archsim
from archsim.accounting import charged_by_level, programming_cost
from archsim.function.crossbars.devices import stored_cells
from archsim.mapping import Plan
from archsim.result import load_result
from tests.accounting.networks import network

# LeNet-5 on isaac-8bit without replication: grids of 25 x 6, 150 x 16, 400 x 120, 120 x 84 and 84 x 10 weights
SIZES = ((25, 6), (150, 16), (400, 120), (120, 84), (84, 10))
ROW_GROUPS = (1, 2, 4, 1, 1)
COLUMN_GROUPS = (1, 1, 4, 3, 1)
WEIGHT_CELLS = 4 * sum(rows * columns for rows, columns in SIZES)
UNIT_CELLS = sum(rows * groups for (rows, _), groups in zip(SIZES, COLUMN_GROUPS, strict=True))
ARRAYS = sum(rows * columns for rows, columns in zip(ROW_GROUPS, COLUMN_GROUPS, strict=True))


def plan_of(**write: str) -> Plan:
    block = {"pulse": "50.88 ns", "energy": "3.91 nJ", "at_once": "row", "one_array_per": "chip", **write}
    changes = {f"device.write.{key}": value for key, value in block.items() if value}
    hardware = archsim.load_hardware("isaac-8bit", {**changes, "mapping.replication": "none"})
    return archsim.map_network(archsim.load_workload("lenet5"), hardware)


def test_without_write_figures_there_is_no_cost() -> None:
    plan = archsim.map_network(archsim.load_workload("lenet5"), archsim.load_hardware("isaac-8bit"))
    assert programming_cost(plan, None) is None
    assert not charged_by_level(plan)
    assert charged_by_level(plan_of())


def test_pulses_of_stated_energy() -> None:
    """PipeLayer's write spike: 3.91 nJ and 50.88 ns (HPCA 2017, Sec. 6.6)."""
    found = programming_cost(plan_of(), None)
    assert found is not None
    assert found.cells == found.pulses == WEIGHT_CELLS + UNIT_CELLS
    assert found.energy_j == pytest.approx(found.cells * 3.91e-9, rel=1e-12)
    rows = sum(rows * groups for (rows, _), groups in zip(SIZES, COLUMN_GROUPS, strict=True))
    assert found.time_s == pytest.approx(rows * 50.88e-9, rel=1e-12)
    assert found.levels.startswith("assumed")


def test_pulses_for_each_level_and_cell_by_cell() -> None:
    """NVSim's cell: 0.6 pJ, 10 ns. Mid-scale of two bits is 1.5 levels."""
    found = programming_cost(plan_of(pulse="10 ns", energy="0.6 pJ", pulses="2", per="level", at_once="cell"), None)
    assert found is not None
    assert found.pulses == pytest.approx(3 * (WEIGHT_CELLS + UNIT_CELLS))
    assert found.energy_j == pytest.approx(found.pulses * 0.6e-12)
    assert found.time_s == pytest.approx(found.pulses * 10e-9)
    rows = programming_cost(plan_of(pulse="10 ns", energy="0.6 pJ", pulses="2", per="level"), None)
    assert rows is not None
    # a row waits for a cell at the top level: 6 pulses
    lines = sum(rows * groups for (rows, _), groups in zip(SIZES, COLUMN_GROUPS, strict=True))
    assert rows.time_s == pytest.approx(lines * 6 * 10e-9)


def test_pulses_that_conduct() -> None:
    """V^2 (G_off + G) / 2 t (NeuroSim MLP V3.0): 2 V, 10 ns, cells of 1333 ohm to 20 kohm, mid-scale."""
    found = programming_cost(plan_of(pulse="10 ns", energy="", voltage="2 V"), None)
    assert found is not None
    off, on = 1 / 20e3, 1 / 1333
    pulse = 4 * (off + (off + (on - off) / 2)) / 2 * 10e-9
    assert found.energy_j == pytest.approx(found.cells * pulse, rel=1e-12)


@pytest.mark.parametrize(("bits", "nanojoules"), [(1, 527), (2, 623), (4, 1393), (8, 11450)])
def test_pulses_and_their_energy_rise_together(bits: int, nanojoules: float, tmp_path: Path) -> None:
    """The sum over the cells of uniform 8-bit weights: 2 V^2 (G_off + G) / 2 t for each level of each. Mean pulses
    times mean energy would be 24 to 48 % less."""
    weight = np.random.default_rng(2).integers(-127, 128, (32, 100))
    weight[:, 0] = 127
    block = {
        "pulse": "100 ns",
        "pulses": 2,
        "voltage": "2 V",
        "per": "level",
        "at_once": "row",
        "one_array_per": "chip",
    }
    changes = {
        "mapping.replication": "none",
        "precision.encoding": "offset",
        "ima.crossbar.unit_column": False,
        "ima.cell.bits": bits,
        "ima.cell.on_resistance": "10 kohm",
        "ima.cell.off_resistance": "1 Mohm",
        **{f"device.write.{key}": value for key, value in block.items()},
    }
    plan = archsim.map_network(network(tmp_path, weight, 10), archsim.load_hardware("isaac-8bit", changes))
    found = programming_cost(plan, stored_cells(plan))
    assert found is not None
    levels = [((weight + 128) >> low) & (2**bits - 1) for low in range(0, 8, bits)]
    each = [2 * level * 2.0**2 * (1e-6 + 1e-6 + 99e-6 * level / (2**bits - 1)) / 2 * 100e-9 for level in levels]
    assert found.energy_j == pytest.approx(float(np.sum(each)), rel=1e-12)
    assert found.energy_j == pytest.approx(nanojoules * 1e-9, rel=1e-3)
    assert found.pulses == pytest.approx(2 * float(np.sum(levels)), rel=1e-12)


def test_levels_of_a_set_are_summed_too() -> None:
    """mlc-rram-16, one cell a weight: LeNet-5's cells as they are stored."""
    plan = archsim.map_network(archsim.load_workload("lenet5-mnist"), archsim.load_hardware("mlc-rram-16"))
    stored = stored_cells(plan)
    found = programming_cost(plan, stored)
    assert found is not None
    assert stored is not None
    write_energy = found.energy_j - found.cells * 0.97e-12
    off, on = 1 / 10e3, 1 / 1428.6
    copies = {mapped.name: mapped.replication for mapped in plan.stages}
    summed = sum(
        copies[name] * held.cells * 4 * 40e-9 * (off * held.mean_level + (on - off) * held.mean_square / 15 / 2)
        for name, held in stored.items()
    )
    assert write_energy == pytest.approx(summed, rel=1e-9)


def test_units_write_side_by_side() -> None:
    times = {}
    for unit in ("chip", "tile", "ima", "array"):
        found = programming_cost(plan_of(one_array_per=unit), None)
        assert found is not None
        times[unit] = found.time_s
    # 8 arrays in an IMA; layers begin in an IMA of their own, and the largest one fills two with 128-row arrays
    assert times["array"] == pytest.approx(128 * 50.88e-9)
    assert times["ima"] == pytest.approx(2 * (128 + 128 + 128 + 16) * 50.88e-9)
    assert times["tile"] == times["chip"]
    assert times["array"] < times["ima"] < times["tile"]
    assert ARRAYS == 1 + 2 + 16 + 3 + 1


def test_copies_are_written_too_and_levels_measured() -> None:
    hardware = archsim.load_hardware("isaac-8bit-wan")
    plan = archsim.map_network(archsim.load_workload("resnet8-cifar10"), hardware)
    stored = stored_cells(plan)
    found = programming_cost(plan, stored)
    assert found is not None
    assert stored is not None
    copies = {mapped.name: mapped.replication for mapped in plan.stages}
    assert max(copies.values()) > 1
    assert found.cells == sum(copies[name] * cells.written for name, cells in stored.items())
    assert found.levels == "measured"
    assert "rram_wan" in found.source


def test_a_result_carries_it_apart_from_inference(tmp_path: Path) -> None:
    graph = archsim.load_workload("lenet5")
    run = archsim.simulate(archsim.map_network(graph, archsim.load_hardware("isaac-8bit-wan")))
    assert run.programming is not None
    assert run.programming.energy_j > 0
    run.save(tmp_path)
    assert load_result(tmp_path) == run
    plain = archsim.simulate(
        archsim.map_network(graph, archsim.load_hardware("isaac-8bit-wan", {"device.write.voltage": "3 V"}))
    )
    assert plain.totals == run.totals
    assert plain.programming is not None
    assert plain.programming.energy_j == pytest.approx(run.programming.energy_j * (3 / 1.75) ** 2)
