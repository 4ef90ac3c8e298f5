"""Reads charged by conductance, against the sum over cells and rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import archsim
from archsim.accounting import count_actions, energy_by, price
from archsim.accounting.conduction import conducting_cells, relative_conductance
from archsim.components import cost_table
from archsim.errors import InputError
from archsim.function.crossbars.devices import cell_read_energy, stored_cells
from archsim.function.inference.reads import array_reads
from archsim.mapping import Plan
from archsim.mapping.reads import planned_reads
from archsim.timing import run_timing
from tests.accounting.networks import network


def plan_of(**changes: object) -> Plan:
    paths = {"ima.crossbar.energy": "v2gt", "ima.cell.read_pulse": "1 ns", **changes}
    return archsim.map_network(archsim.load_workload("resnet8-cifar10"), archsim.load_hardware("isaac-8bit", paths))


def read_energy(plan: Plan, **found: Any) -> dict[str, float]:
    rows = price(count_actions(plan, run_timing(plan), array_reads(plan, {}), **found), cost_table(plan.chip))
    return energy_by([row for row in rows if row.component == "crossbar"], "layer")


def test_the_unit_of_count_is_a_published_figure() -> None:
    """V35: CiMLoop's ISAAC cell takes 30 fJ on and 2 fJ off."""
    plan = plan_of()
    cost = cost_table(plan.chip)["crossbar", "cell_read"].energy_j
    assert cost == pytest.approx(30e-15, rel=0.005)
    assert cost == pytest.approx(cell_read_energy(0.2, 1 / 1333, 1e-9))
    assert cost * relative_conductance(plan, 0) == pytest.approx(2e-15, rel=0.005)
    assert relative_conductance(plan, 3) == 1


def test_without_a_pulse_the_whole_read_cycle_conducts() -> None:
    plan = archsim.map_network(
        archsim.load_workload("lenet5"), archsim.load_hardware("isaac-8bit", {"ima.crossbar.energy": "v2gt"})
    )
    assert cost_table(plan.chip)["crossbar", "cell_read"].energy_j == pytest.approx(0.04 / 1333 * 100e-9)


def test_energy_of_a_layer_is_the_sum_over_its_cells() -> None:
    """Half of the rows driven, eight cycles: first layer of ResNet-8, 27 x 16 weights in four slices, 1024 windows."""
    plan = plan_of()
    stored = stored_cells(plan)
    assert stored is not None
    first = plan.stages[0]
    held = stored[first.name]
    off, step = 1 / 20e3, (1 / 1333 - 1 / 20e3) / 3
    assert held.cells == 27 * 16 * 4
    cells = held.cells * (off + held.mean_level * step) + 27 * (off + step)
    expected = first.windows * 8 * 0.5 * 0.2**2 * 1e-9 * cells
    assert read_energy(plan, stored=stored)[first.name] == pytest.approx(expected, rel=1e-9)
    assumed = first.windows * 8 * 0.5 * 0.04e-9 * (held.cells * (off + 1.5 * step) + 27 * (off + step))
    assert read_energy(plan)[first.name] == pytest.approx(assumed, rel=1e-9)


def test_measured_inputs_replace_the_assumed_half(tmp_path: Path) -> None:
    """Black and white noise: the share of driven rows is that of the ones among their bits, nearly the same in all."""
    plan = plan_of()
    pictures = np.where(np.random.default_rng(0).random((2, 32, 32, 3)) < 0.2, 255, 0).astype(np.uint8)
    np.savez(tmp_path / "pictures.npz", x=pictures)
    run = archsim.simulate(plan, inputs=tmp_path / "pictures.npz", engine="kernel")
    stored = stored_cells(plan)
    assert stored is not None
    first = plan.stages[0].name
    (row,) = (row for row in run.actions if row.layer == first and row.component == "crossbar")
    layer = run.layers[0]
    assert layer.name == first
    assert layer.bit_density is not None
    assumed = read_energy(plan, stored=stored)[first]
    assert row.energy_j == pytest.approx(assumed * layer.bit_density / 0.5, rel=2e-3)


ON, OFF = 1 / 1333, 1 / 20e3


@pytest.mark.parametrize(
    ("encoding", "cell_bits", "units"), [("offset", 2, True), ("offset", 8, False), ("differential", 4, False)]
)
def test_rows_that_are_never_driven_do_not_count(encoding: str, cell_bits: int, units: bool, tmp_path: Path) -> None:
    """Inputs and weights of a row go together: half of the rows hold light weights and carry the pictures, as inside a
    picture's border. The sum over pictures, digits, driven rows and cells; a product of means is 54 % off."""
    rng = np.random.default_rng(3)
    weight = rng.integers(90, 128, (32, 100))
    weight[:, 50:] = rng.integers(-127, -90, (32, 50))
    weight[:, 0] = 127
    pictures = rng.integers(0, 256, (6, 10, 10)).astype(np.uint8)
    pictures.reshape(6, -1)[:, :50] = 0
    np.savez(tmp_path / "x.npz", x=pictures)
    changes = {"precision.encoding": encoding, "ima.cell.bits": cell_bits, "ima.crossbar.unit_column": units}
    hardware = archsim.load_hardware("isaac-8bit", {"ima.crossbar.energy": "v2gt", **changes})
    run = archsim.simulate(
        archsim.map_network(network(tmp_path, weight, 10), hardware), inputs=tmp_path / "x.npz", engine="kernel"
    )
    (row,) = (row for row in run.actions if row.action == "cell_read")
    sides = [np.maximum(weight, 0), np.maximum(-weight, 0)] if encoding == "differential" else [weight + 128]
    total, top, x = 0.0, 2**cell_bits - 1, pictures.reshape(6, -1).astype(int)
    for digit in ((x >> bit) & 1 for bit in range(8)):
        for side in sides:
            for low in range(0, 8, cell_bits):
                levels = (side >> low) & top
                total += float((digit @ (OFF + (ON - OFF) * levels / top).T).sum())
        if units:
            total += float(digit.sum() * (OFF + (ON - OFF) / top))
    assert row.count == pytest.approx(total / ON / 6, rel=1e-9)


def test_pairs_of_rows_and_cells_in_a_convolution() -> None:
    """First layer of ResNet-8 on pictures that are dark but for one channel, against unrolled inputs and its cells."""
    plan = plan_of()
    stored = stored_cells(plan)
    assert stored is not None
    held, first = stored[plan.stages[0].name], plan.stages[0]
    drives = np.arange(27, dtype=np.int64)
    done = replace(planned_reads(plan, first), driven=int(drives.sum()), row_drives=drives)
    found = conducting_cells(plan, first, done, held)
    cells = held.row_cells * OFF + held.row_levels * (ON - OFF) / 3
    assert found == pytest.approx(float(drives @ (cells + OFF + (ON - OFF) / 3)) / ON, rel=1e-12)


def test_tables_stay_the_default() -> None:
    plan = archsim.map_network(archsim.load_workload("lenet5"), archsim.load_hardware("isaac-8bit"))
    actions = {
        (count.component, count.action) for count in count_actions(plan, run_timing(plan), array_reads(plan, {}))
    }
    assert ("crossbar", "read") in actions
    assert ("crossbar", "cell_read") not in actions


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [("ima.dac.bits", 2, "1-bit DACs"), ("ima.cell.read_pulse", "101 ns", "read cycle")],
)
def test_what_does_not_fit_is_refused(path: str, value: object, expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        plan_of(**{path: value})
