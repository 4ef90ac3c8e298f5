"""What training costs: one account from all phases, in time and energy."""

from __future__ import annotations

import json
from dataclasses import asdict
from math import fsum

import pytest

import archsim
from archsim.config import Hardware
from archsim.errors import InputError
from archsim.training.costs import Clock, TrainingCost, training_cost
from archsim.workload.graph import Graph

CLOCK = Clock()


@pytest.fixture(scope="module")
def net() -> Graph:
    return archsim.load_workload("resnet8-cifar10")


def chip(**values: object) -> Hardware:
    changes = {"training.batch": 10} | {key.replace("__", "."): value for key, value in values.items()}
    return archsim.load_hardware("insitu-32nm-published-adc").replace(changes)


def cost(net: Graph, **values: object) -> TrainingCost:
    return training_cost(net, chip(**values), clock=CLOCK)


def test_parts_add_up(net: Graph) -> None:
    found = cost(net)
    assert found.energy_j == fsum(row.energy_j for row in found.rows)
    assert fsum(phase.energy_j for phase in found.phases) == pytest.approx(found.energy_j, rel=1e-12)
    assert all(row.energy_j == row.count * row.energy_per_action_j and row.energy_j > 0 for row in found.rows)
    assert all(row.source for row in found.rows)
    for phase in found.phases:
        rows = [row for row in found.rows if row.phase == phase.phase]
        assert phase.energy_j == fsum(row.energy_j for row in rows)
        dram = fsum(row.count for row in rows if row.component == "dram")
        assert phase.memory_s == pytest.approx(dram / 8 / 1.9e12)
        assert phase.latency_s == max(phase.arrays_s, phase.memory_s)
    assert [phase.phase for phase in found.phases] == ["forward", "error", "gradient", "update"]
    assert found.latency_s == fsum(phase.latency_s for phase in found.phases)
    assert found.ops_per_j == found.ops / found.energy_j
    assert found.ops == 2 * 10 * (2 * net.total_macs() + found.phases[1].macs // 10)


def test_the_forward_phase_takes_as_long_as_inference(net: Graph) -> None:
    plan = archsim.map_network(net, chip())
    run = archsim.simulate(plan, images=10, engine="kernel")
    found = cost(net)
    assert found.phases[0].arrays_s == run.totals.latency_s
    assert found.area_m2 == run.totals.area_m2
    conversions = sum(row.count for row in run.actions if row.component == "adc")
    assert found.count("forward", "adc", "convert") == conversions


def test_engines_agree(net: Graph) -> None:
    small = archsim.load_workload("lenet5")
    engines = [training_cost(small, chip(), clock=Clock(name)) for name in ("kernel", "simpy")]
    assert engines[0] == engines[1]


def test_a_clock_changes_nothing(net: Graph) -> None:
    known = cost(net, training__dataflow__name="naive_b")
    assert known == training_cost(net, chip(training__dataflow__name="naive_b"))


def test_naive_data_flows_cost_more(net: Graph) -> None:
    best = cost(net).energy_j
    a, b, c, d, e = (cost(net, training__dataflow__name=f"naive_{letter}").energy_j for letter in "abcde")
    assert best < e < a < b
    assert best < d < a < c
    assert cost(net, training__dataflow__name="naive").energy_j == a


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("training__dataflow__stack_images", "false"),
        ("training__dataflow__activation_fetch", "each_shift"),
        ("training__dataflow__errors_in", "dram"),
        ("training__dataflow__error_writes", "each_shift"),
        ("training__dataflow__gradients", "spilled"),
    ],
)
def test_every_choice_of_the_optimised_data_flow_saves(net: Graph, path: str, value: str) -> None:
    assert cost(net, **{path: value}).energy_j > cost(net).energy_j


def test_the_share_of_momentum_falls_with_the_batch(net: Graph) -> None:
    shares = {batch: cost(net, training__batch=batch).rule_share for batch in (5, 10, 20)}
    assert shares[5] > shares[10] > shares[20]
    energies = {batch: cost(net, training__batch=batch).rule_energy_j for batch in (5, 20)}
    assert energies[5] == pytest.approx(energies[20])


def test_rules(net: Graph) -> None:
    plain = cost(net, training__update__rule="sgd")
    assert plain.rule_energy_j == 0
    assert not [row for row in plain.storage if row.name in ("velocity", "residual")]
    momentum, wide = cost(net), cost(net, training__update__state_bits=16)
    assert wide.rule_energy_j > 1.8 * momentum.rule_energy_j
    reading = cost(net, training__update__gradient_read="true")
    extra = reading.energy_j - momentum.energy_j
    assert extra == pytest.approx(momentum.weights * 8 * 3.9e-12)
    inside = cost(net, training__update__state_in="chip")
    assert inside.rule_energy_j < momentum.rule_energy_j
    assert {row.name: row.where for row in inside.storage}["velocity"] == "accumulator"
    tiny = {"ima__crossbar__count": 1, "ima__adc__count": 16, "tile__count": 4, "ima__count": 1}
    tiny |= {"tile__grid__columns": 2, "tile__grid__rows": 2}
    double = cost(net, training__update__rule="tiki_taka", **tiny)
    assert any("crossbars" in note for note in double.notes)
    assert {row.name: row.where for row in double.storage}["fast array"] == "array"


def test_capacity_is_said(net: Graph) -> None:
    full = cost(net, training__accumulator__count=1)
    assert any(note.startswith("accumulators hold 0.1 MB") for note in full.notes)
    assert not any(note.startswith("accumulators") for note in cost(net).notes)


def test_standing_power_counts_over_all_phases(net: Graph) -> None:
    found = cost(net, training__accumulator__static__power="1 mW", training__accumulator__static__gated="false")
    (row,) = [row for row in found.rows if row.phase == "standing"]
    working = fsum(phase.latency_s for phase in found.phases if phase.phase != "standing")
    assert row.count == pytest.approx(608 * working)
    assert row.energy_j == pytest.approx(608e-3 * working)


def test_plain_data(net: Graph) -> None:
    found = cost(net)
    data = json.loads(found.to_json())
    assert data["totals"]["energy_j"] == found.energy_j
    assert data["rows"][0] == asdict(found.rows[0])
    assert data["schema_version"] == 1


def test_one_layer_has_no_error_phase() -> None:
    from archsim.workload.graph import Input, Layer, Linear

    layers = (
        Layer(name="x", op=Input(), inputs=(), shape=(200,)),
        Layer(name="f", op=Linear(out=30), inputs=("x",), shape=(30,)),
    )
    found = cost(Graph(name="one", layers=layers, outputs=("f",)))
    assert found.phases[1].energy_j == found.phases[1].latency_s == 0
    assert found.ops == 2 * 10 * 2 * 6000


def test_what_is_refused(net: Graph) -> None:
    with pytest.raises(InputError, match="has no training block"):
        training_cost(net, archsim.load_hardware("isaac-8bit"))
    with pytest.raises(InputError, match="expected auto"):
        Clock("fast")
    with pytest.raises(InputError, match="no way back"):
        training_cost(archsim.load_workload("alexnet"), chip())
