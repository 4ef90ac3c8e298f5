"""Cells and mean levels of mapped networks, against the levels the engines program."""

from __future__ import annotations

import numpy as np
import pytest

import archsim
from archsim.function.crossbars.arrays import programmed
from archsim.function.crossbars.circuit import Circuit
from archsim.function.crossbars.converter import Converter
from archsim.function.crossbars.devices import stored_cells
from archsim.function.quantization.calibrate import calibrate
from archsim.function.quantization.quantize import quantize


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"precision.encoding": "differential", "ima.crossbar.unit_column": "false"},
        {"precision.encoding": "offset", "ima.cell.bits": 4, "ima.crossbar.rows": 64},
    ],
)
def test_levels_are_those_the_engines_program(changes: dict[str, object]) -> None:
    graph = archsim.load_workload("resnet8-cifar10")
    plan = archsim.map_network(graph, archsim.load_hardware("isaac-8bit", changes))
    found = stored_cells(plan)
    assert found is not None
    pictures = np.random.default_rng(0).normal(size=(2, 3, 32, 32)).astype(np.float32)
    network = quantize(graph, calibrate(graph, [pictures], origin="test"))
    unit = plan.slicing.unit_columns
    circuit = Circuit(slicing=plan.slicing, converter=Converter(name="ideal"))
    assert found.keys() == {layer.name for layer in network.matrices}
    for layer in network.matrices:
        groups = [encoded for _, encoded in programmed(layer, circuit)]
        held = found[layer.name]
        assert held.cells == sum(encoded.cells.size for encoded in groups)
        assert held.mean_level == pytest.approx(sum(encoded.cells.sum() for encoded in groups) / held.cells, abs=2e-3)
        assert held.row_cells.sum() == held.cells
        assert held.row_levels.sum() == pytest.approx(held.cells * held.mean_level)
        by_row = np.concatenate([encoded.cells.sum(axis=(0, 2), dtype=np.int64) for encoded in groups])
        assert held.row_levels == pytest.approx(by_row, rel=0.05)  # the first layer's weights are scaled by pixels
        squares = sum(int(np.square(encoded.cells, dtype=np.int64).sum()) for encoded in groups)
        assert held.mean_square == pytest.approx(squares / held.cells, rel=5e-3)
        grid = next(mapped.grid for mapped in plan.stages if mapped.name == layer.name)
        assert grid is not None
        assert held.cells == grid.used_cells
        assert held.unit_cells == (grid.rows.sum() if unit else 0)
        assert held.unit_level == (1.0 if unit else 0.0)
        assert held.written == held.cells + held.unit_cells
        assert held.level == pytest.approx((held.cells * held.mean_level + held.unit_cells) / held.written)


def test_packed_groups_write_the_blocks_between() -> None:
    graph = archsim.load_workload("mobilenetv2")
    from archsim.workload import seeded_weights

    plan = archsim.map_network(seeded_weights(graph, 0), archsim.load_hardware("isaac-8bit"))
    found = stored_cells(plan)
    assert found is not None
    packed = [mapped for mapped in plan.stages if mapped.grid is not None and mapped.grid.packed_groups > 1]
    assert packed
    for mapped in packed:
        assert mapped.grid is not None
        assert found[mapped.name].cells == (mapped.grid.rows * mapped.grid.columns).sum() > mapped.grid.used_cells


def test_a_network_without_weights_stores_nothing_known() -> None:
    assert (
        stored_cells(archsim.map_network(archsim.load_workload("lenet5"), archsim.load_hardware("isaac-8bit"))) is None
    )
