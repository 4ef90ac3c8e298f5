"""What levels cost beside cells: multiplying q_min, adding inputs up, looking conductances up."""

from __future__ import annotations

import pytest

import archsim
from archsim.accounting import programming_cost
from archsim.accounting.levels import level_actions
from archsim.function.crossbars.devices import stored_cells
from archsim.mapping import Plan


def plan_of(**changes: object) -> Plan:
    hardware = archsim.load_hardware("mlc-rram-16", {name.replace("__", "."): v for name, v in changes.items()})
    return archsim.map_network(archsim.load_workload("lenet5-mnist"), hardware)


@pytest.mark.parametrize(
    ("granularity", "unit", "multiplied", "added"),
    [
        # c1: 5 x 5 inputs, 6 outputs, 28 x 28 windows
        ("layer", "false", 1, 6 + 25),
        ("shared", "false", 1, 6 + 25),
        ("channel", "false", 6, 6 + 25),
        ("channel", "true", 6, 6),
    ],
)
def test_offset_arithmetic(granularity: str, unit: str, multiplied: int, added: int) -> None:
    plan = plan_of(weight_levels__granularity=granularity, ima__crossbar__unit_column=unit)
    first = next(mapped for mapped in plan.stages if mapped.grid is not None)
    assert first.windows == 784
    assert level_actions(plan, first) == [("alu", "multiply", 784 * multiplied), ("alu", "add", 784 * added)]
    assert level_actions(plan, next(mapped for mapped in plan.stages if mapped.grid is None)) == []


def test_pairs_and_uniform_weights_need_none() -> None:
    pairs = plan_of(precision__encoding="differential")
    assert all(level_actions(pairs, mapped) == [] for mapped in pairs.stages)
    plain = archsim.map_network(archsim.load_workload("lenet5-mnist"), archsim.load_hardware("isaac-8bit"))
    assert all(level_actions(plain, mapped) == [] for mapped in plain.stages)


def test_loading_looks_every_cell_up() -> None:
    costs = []
    for energy in ("0 pJ", "0.97 pJ"):
        plan = plan_of(weight_levels__table__actions__look_up=energy)
        found = programming_cost(plan, stored_cells(plan))
        assert found is not None
        costs.append(found)
    assert costs[1].cells == costs[0].cells
    assert costs[1].energy_j - costs[0].energy_j == pytest.approx(costs[0].cells * 0.97e-12, rel=1e-6)


def test_reads_are_charged_by_what_the_levels_conduct() -> None:
    runs = [
        archsim.simulate(plan_of(weight_levels__quantizer=name, weight_levels__granularity="layer"), engine="kernel")
        for name in ("lloyd", "minmax")
    ]
    energies = [sum(row.energy_j for row in run.actions if row.action == "cell_read") for run in runs]
    assert energies[0] != pytest.approx(energies[1], rel=1e-3)
    assert 0.2 < energies[0] / energies[1] < 5
    notes = " ".join(runs[0].notes)
    assert "weights are 16 levels (lloyd), a set for each layer" in notes
    assert "standard deviations of the programming error" in notes


def test_gaps_are_noted_only_where_writing_errs() -> None:
    run = archsim.simulate(plan_of(device__programming__scale=0), engine="kernel")
    assert any("weights are 16 levels" in note for note in run.notes)
    assert not any("standard deviations" in note for note in run.notes)
