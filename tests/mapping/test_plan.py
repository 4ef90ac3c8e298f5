from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.config import load_hardware
from archsim.errors import InputError
from archsim.mapper import map_network
from archsim.mapping.buffers import build_edges, matched_slack
from archsim.mapping.stages import Stage, build_stages
from archsim.mapping.traffic import edge_bits, stage_traffic, stored_bits
from archsim.workload import load_workload

from .nets import fire, residual

SMALL = {"mapping.replication": "none"}


def eager(stages, edges):  # type: ignore[no-untyped-def]
    """Oracle of the eager execution: fire the deepest stage that can; a root only when nothing else can."""
    fired = [0] * len(stages)
    peak = [0] * len(edges)
    freed = [0] * len(edges)

    def can(s: int) -> bool:
        inward = [e for e in edges if e.target == s]
        return fired[s] < stages[s].windows and all(fired[e.source] >= e.need[fired[s]] for e in inward)

    while any(fired[s] < stages[s].windows for s in range(len(stages))):
        inner = [s for s in range(len(stages)) if any(e.target == s for e in edges) and can(s)]
        roots = [s for s in range(len(stages)) if not any(e.target == s for e in edges) and can(s)]
        s = inner[-1] if inner else min(roots, key=lambda r: fired[r] / stages[r].windows)
        fired[s] += 1
        for i, e in enumerate(edges):
            if e.target == s:
                freed[i] = int(np.searchsorted(e.last, fired[s], side="left"))
            if e.source == s:
                peak[i] = max(peak[i], fired[s] - freed[i])
    return peak


@pytest.mark.parametrize("graph", [residual(6), fire(6)], ids=["residual", "fire"])
def test_buffers_hold_what_an_eager_run_needs(graph) -> None:  # type: ignore[no-untyped-def]
    stages = build_stages(graph)
    edges = build_edges(stages)
    for edge, peak in zip(edges, eager(stages, edges), strict=True):
        assert edge.minimum == edge.capacity == peak


def test_the_skip_buffer_covers_the_long_branch() -> None:
    """The add's window needs c's, which needs two rows and more of a: the skip holds them all."""
    stages = build_stages(residual(8))
    edges = {(stages[e.source].name, stages[e.target].name): e for e in build_edges(stages)}
    assert edges["a", "s"].minimum >= 2 * 8 + 2
    assert edges["c", "s"].minimum <= 8
    # a row of slack each for a -> b, b -> c and c -> s; the skip around them has as much as all three
    slack = slack_of(stages, 1)
    assert [slack[ends] for ends in (("a", "b"), ("b", "c"), ("c", "s"))] == [8, 8, 8]
    assert slack["a", "s"] == 24


def slack_of(stages: tuple[Stage, ...], rows: int) -> dict[tuple[str, str], int]:
    edges = build_edges(stages)
    names = [(stages[edge.source].name, stages[edge.target].name) for edge in edges]
    return dict(zip(names, matched_slack(stages, edges, rows), strict=True))


def test_slack_of_a_skip_is_at_most_a_map() -> None:
    stages = build_stages(residual(8))
    slack = slack_of(stages, 5)
    assert slack["a", "s"] == 64
    assert slack["a", "b"] == 40


def test_outputs_for_residual_adds_travel_wide() -> None:
    plan = map_network(residual(), load_hardware("isaac-8bit", SMALL))
    by_name = {mapped.name: mapped for mapped in plan.stages}
    assert stored_bits(plan, by_name["c"].stage) == 16
    assert stored_bits(plan, by_name["a"].stage) == 8
    add = stage_traffic(plan, by_name["s"])
    assert add.read_bits.tolist() == [16 * 16 + 16 * 8]
    assert stage_traffic(plan, by_name["c"]).output_bits == 16 * 16
    wide = {plan.stages[e.source].name: edge_bits(plan, e) for e in plan.edges}
    assert wide["c"] == 256
    narrow = map_network(residual(), load_hardware("isaac-8bit", {**SMALL, "precision.residual_bits": 8}))
    assert stored_bits(narrow, by_name["c"].stage) == 8


@settings(deadline=None, max_examples=20)
@given(
    st.sampled_from(["resnet18", "squeezenet1.1", "mobilenetv2", "googlenet"]),
    st.sampled_from(["none", "isaac", "balanced"]),
)
def test_placement_fits_and_nothing_overlaps(net: str, policy: str) -> None:
    plan = map_network(
        load_workload(net), load_hardware("isaac-8bit", {"mapping.replication": policy, "mapping.timings": 0})
    )
    per_ima = plan.chip.tile.ima.crossbars
    taken: set[int] = set()
    for mapped in plan.stages:
        if mapped.grid is None:
            continue
        place = mapped.placement
        assert place.crossbars == mapped.grid.crossbars * mapped.replication
        imas = set((place.slots // per_ima).ravel().tolist())
        assert not imas & taken
        taken |= imas
        assert place.tiles.max() < plan.chips * plan.chip.tiles
        assert len(place.home) == mapped.replication
    assert plan.crossbars <= plan.chips * plan.chip.crossbars


def test_rows_are_loaded_once_per_tile() -> None:
    """A layer that spreads over tiles loads each tile's share; all of its rows at least once."""
    plan = map_network(load_workload("vgg16"), load_hardware("isaac-ce", SMALL))
    for mapped in plan.stages:
        if mapped.grid is None:
            continue
        assert mapped.placement.read_rows <= mapped.input_values
        assert mapped.placement.loaded_rows >= mapped.input_values
    [fc6] = [mapped for mapped in plan.stages if mapped.name == "fc6"]
    # 50,176 arrays on 523 tiles: the busiest tile sees at most 96 of the 196 row groups
    assert fc6.placement.span == 523
    assert fc6.placement.read_rows == 96 * 128


def test_windows_reach_exactly_the_tiles_whose_copies_use_them() -> None:
    """Against brute force: go through the windows of the consumer and collect the tiles that read each pixel."""
    plan = map_network(load_workload("resnet8-cifar10"), load_hardware("isaac-8bit"))
    checked = 0
    for number, edge in enumerate(plan.edges):
        producer, consumer = plan.stages[edge.source], plan.stages[edge.target]
        op = consumer.stage.layer.op
        if consumer.stage.kind != "conv" or len(consumer.placement.tiles) == 1:
            continue
        rows, columns = producer.stage.shape[1:]
        wanted: list[set[int]] = [set() for _ in range(rows * columns)]
        under = [
            set(range(first, last + 1))
            for first, last in zip(consumer.placement.first_tile, consumer.placement.home, strict=True)
        ]
        for window in range(consumer.windows):
            y, x = divmod(window, consumer.stage.shape[2])
            for ky in range(op.kernel[0]):
                for kx in range(op.kernel[1]):
                    r, c = y * op.stride[0] - op.padding[0] + ky, x * op.stride[1] - op.padding[1] + kx
                    if 0 <= r < rows and 0 <= c < columns:
                        wanted[r * columns + c] |= under[window % consumer.replication]
        before = sum(plan.stages[other.source].windows for other in plan.edges[:number])
        for window, tiles in enumerate(wanted):
            home = int(producer.placement.home[window % producer.replication])
            route = int(plan.routes.route_of[before + window])
            hops = plan.routes.channel[plan.routes.offset[route] : plan.routes.offset[route + 1]].tolist()
            reached = {hop.end for hop in map(plan.routes.channels.hop, hops) if hop.kind == "eject"}
            assert reached == tiles - {home}
            assert plan.routes.stops[route] == len(reached)
            checked += 1
    assert checked > 1000


def test_refusal_names_what_is_needed() -> None:
    with pytest.raises(InputError, match=r"needs \d+ crossbars in \d+ IMAs, 5 chips in all"):
        map_network(load_workload("vgg16"), load_hardware("isaac-ce", {"chip.overflow": "refuse"}))


def test_full_buffers_are_reported() -> None:
    plan = map_network(load_workload("resnet50"), load_hardware("isaac-ce"))
    assert any("exceed the tile eDRAM" in note for note in plan.notes)
    assert map_network(load_workload("lenet5"), load_hardware("isaac-8bit")).notes == ()
