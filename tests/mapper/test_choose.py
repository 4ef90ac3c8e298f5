"""The mapper takes what does best: against all proposals timed, and against itself on better chips."""

from __future__ import annotations

from itertools import permutations

import pytest

import archsim
from archsim.components import build_chip
from archsim.errors import InputError
from archsim.mapper import map_network
from archsim.mapper.choose import SLACK_ROWS, TOLERANCE
from archsim.mapper.judge import OBJECTIVES
from archsim.mapping import Plan, Proposals
from archsim.mapping.hosting import host_choices
from archsim.mapping.stages import build_stages
from archsim.timing.bounds import interval_bound_ps
from archsim.timing.compile import compile_machine
from archsim.timing.kernel_engine import run_kernel
from archsim.timing.summary import image_ends
from archsim.workload.graph import Add, Conv, Graph, Input, Layer

pytestmark = pytest.mark.usefixtures("all_timings")


def interval_of(plan: Plan, images: int = 48) -> float:
    """Oracle: the middle of a long stream, where neither its begin nor its end shows."""
    machine = compile_machine(plan, images)
    ends = image_ends(machine, run_kernel(machine))
    low, high = images * 3 // 8, images * 3 // 4
    return float(ends[high] - ends[low]) / (high - low)


@pytest.mark.parametrize("net", ["lenet5", "vgg8"])
@pytest.mark.parametrize("chip", ["isaac-8bit", "isaac-ce", "puma", "nvcnn-w4a3"])
def test_no_proposal_does_better(chip: str, net: str) -> None:
    graph, hardware = archsim.load_workload(net), archsim.load_hardware(chip)
    plan = map_network(graph, hardware)
    proposals = Proposals(graph, build_chip(hardware))
    whole = [one for one in proposals.all if one.copies == proposals.all[0].copies]
    best = min(interval_of(proposals.plan(one, plan.slack_rows)) for one in whole)
    assert interval_of(plan) <= best * (1 + TOLERANCE + 0.005)
    assert plan.layout in {one.name for one in proposals.all}
    assert plan.slack_rows in SLACK_ROWS


@pytest.mark.parametrize("net", ["lenet5", "resnet8-cifar10"])
def test_no_interval_is_below_the_bound(net: str) -> None:
    graph = archsim.load_workload(net)
    proposals = Proposals(graph, build_chip(archsim.load_hardware("isaac-8bit")))
    for proposal in proposals.all[:6]:
        for slack in (2,):
            plan = proposals.plan(proposal, slack)
            assert interval_of(plan, 24) >= interval_bound_ps(compile_machine(plan)) * 0.999


BETTER = {
    "links": {"tile.router.flit_rate": "2 GHz"},
    "bus": {"tile.edram.bytes_per_cycle": "4 KiB"},
    "pool": {"tile.pool.rate": "2.4 Gop/s"},
    "tiles": {"tile.count": 336, "tile.grid.columns": 28},
}


@pytest.mark.parametrize("net", ["lenet5", "vgg8"])
@pytest.mark.parametrize("objective", ["interval", "latency"])
def test_a_better_chip_is_not_slower(objective: str, net: str) -> None:
    graph = archsim.load_workload(net)

    def figure(changes: dict[str, object]) -> float:
        hardware = archsim.load_hardware("isaac-8bit", {"mapping.objective": objective, **changes})
        plan = map_network(graph, hardware)
        return interval_of(plan) if objective == "interval" else OBJECTIVES["latency"](plan, 0.0, 0.0)

    plain = figure({})
    for name, changes in BETTER.items():
        assert figure(changes) <= plain * (1.03 if objective == "interval" else 1.05), name


def test_each_objective_is_served_best_by_its_own_choice() -> None:
    graph = archsim.load_workload("vgg8")
    plans = {
        objective: map_network(graph, archsim.load_hardware("isaac-8bit", {"mapping.objective": objective}))
        for objective in OBJECTIVES
    }
    latency = {name: OBJECTIVES["latency"](plan, 0.0, 0.0) for name, plan in plans.items()}
    assert latency["latency"] <= latency["interval"]
    assert interval_of(plans["interval"]) <= interval_of(plans["latency"]) * 1.01


def sums(order: tuple[int, ...], windows: int = 4) -> Graph:
    """Three branches of one convolution, added in an order, and a convolution behind."""
    shape = (8, windows, windows)
    names = ["a", "b", "c"]
    layers = [Layer(name="x", op=Input(), inputs=(), shape=(3, windows, windows))]
    pad = (1, 1, 1, 1)
    layers += [
        Layer(name=name, op=Conv(out=8, kernel=(3, 3), padding=pad), inputs=("x",), shape=shape) for name in names
    ]
    layers.append(Layer(name="s", op=Add(), inputs=tuple(names[place] for place in order), shape=shape))
    layers.append(Layer(name="d", op=Conv(out=8, kernel=(3, 3), padding=pad), inputs=("s",), shape=shape))
    return Graph(name="sums", layers=tuple(layers), outputs=("d",))


def test_the_order_of_operands_does_not_matter() -> None:
    found = set()
    for order in permutations(range(3)):
        run = archsim.simulate(map_network(sums(order), archsim.load_hardware("isaac-8bit")), engine="kernel")
        found.add((run.totals.latency_s, run.totals.energy_j))
    assert len(found) == 1


def test_a_sum_stands_with_what_sends_most() -> None:
    latest, earliest = host_choices(build_stages(sums((2, 0, 1))))
    assert (latest["s"], earliest["s"]) == ("c", "a")


def test_reuse_gives_the_same_choice_and_a_change_that_mapping_does_not_read_times_nothing() -> None:
    from archsim.simulation import Reuse

    graph, reuse = archsim.load_workload("lenet5"), Reuse()
    hardware = archsim.load_hardware("isaac-8bit")
    first = map_network(graph, hardware, reuse=reuse)
    again = map_network(graph, hardware.replace({"ima.adc.cost.power": "20 mW"}), reuse=reuse)
    assert (reuse.hits["mapping"], reuse.misses["mapping"]) == (1, 1)
    assert first.layout == again.layout == map_network(graph, hardware).layout
    other = map_network(graph, hardware.replace({"pipeline.output_registers": 3}), reuse=reuse)
    assert reuse.misses["mapping"] == 2
    assert other.chip.pipeline.output_registers == 3


SMALL = {"tile.edram.size": "1 KiB", "mapping.placement": "snake"}


def test_full_tiles_spread_hold_less_or_refuse() -> None:
    graph = archsim.load_workload("resnet8-cifar10")

    def plan(overflow: str) -> Plan:
        changes = {**SMALL, "mapping.buffer_overflow": overflow, "mapping.buffer_slack_rows": 4}
        return map_network(graph, archsim.load_hardware("isaac-8bit", changes))

    spread, less = plan("spread"), plan("less")
    wide = map_network(graph, archsim.load_hardware("isaac-8bit", {"mapping.buffer_slack_rows": 4}))
    assert [edge.capacity for edge in spread.edges] == [edge.capacity for edge in wide.edges]
    assert sum(edge.capacity for edge in less.edges) < sum(edge.capacity for edge in wide.edges)
    assert any(mapped.remote_share > 0 for mapped in spread.stages)
    assert any("stand in tiles around" in note for note in spread.notes)
    assert any("hold less slack than asked for" in note for note in less.notes)
    with pytest.raises(InputError, match=r"mapping\.buffer_overflow: is refuse, and the least buffers take"):
        plan("refuse")
    with pytest.raises(InputError, match=r"tile\.edram\.size: is too small"):
        map_network(graph, archsim.load_hardware("isaac-8bit", {**SMALL, "tile.edram.size": "32 B"}))


def test_what_stands_elsewhere_costs_the_way() -> None:
    graph = archsim.load_workload("resnet8-cifar10")
    changes = {"mapping.buffer_slack_rows": 1, "mapping.placement": "snake", "tile.router.shared_by": 1}
    plain, spread = (
        archsim.simulate(
            map_network(graph, archsim.load_hardware("isaac-8bit", {**changes, "tile.edram.size": size})),
            engine="kernel",
        )
        for size in ("64 KiB", "4 KiB")
    )
    flits = [sum(row.count for row in run.actions if row.component == "router") for run in (plain, spread)]
    assert flits[1] > flits[0]
    assert spread.totals.latency_s > plain.totals.latency_s


def test_figures_are_arrays_of_the_machine_alone() -> None:
    """The bound is that of the busiest lane by hand: one copy, 16 windows of 16 reads."""
    hardware = archsim.load_hardware("isaac-ce", {"mapping.replication": "none"})
    machine = compile_machine(map_network(sums((0, 1, 2)), hardware))
    assert interval_bound_ps(machine) == 16 * 16 * 100_000
