"""Runs with and without a shared store are the same to the byte, and share what they have in common."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import archsim
from archsim.components import build_chip
from archsim.config import Hardware
from archsim.mapping.view import mapping_view
from archsim.simulation import Reuse
from archsim.simulation.reuse import size_of

from .leaves import changed, numbers

CHIPS = ("isaac-ce", "isaac-8bit", "puma", "redy", "nvcnn-w4a3", "rram40nm", "mlc-rram-16", "stt-mram-4")
SHARED = Reuse()
"""One store for all examples of a test run, so that each meets what the others left there."""
FACTOR = st.sampled_from([0.5, 2.0, 3.0])


def outcome(net: str, hardware: Hardware, reuse: Reuse | None, **options: Any) -> str:
    """The result of a run, or what was wrong with it."""
    try:
        plan = archsim.map_network(archsim.load_workload(net), hardware, reuse=reuse)
        return archsim.simulate(plan, engine="kernel", reuse=reuse, **options).to_json()
    except archsim.InputError as error:
        return str(error)


@st.composite
def machines(draw: st.DrawFn) -> Hardware:
    """A shipped chip with one or two of its numbers changed."""
    hardware = archsim.load_hardware(draw(st.sampled_from(CHIPS)))
    known = numbers(hardware)
    for path, value in draw(st.lists(st.sampled_from(known), min_size=1, max_size=2, unique=True)):
        try:
            hardware = hardware.replace({path: changed(value, draw(FACTOR))})
        except archsim.InputError:
            continue  # a number that does not go with the others
    return hardware


@settings(deadline=None, max_examples=30)
@given(hardware=machines(), images=st.integers(1, 2), net=st.sampled_from(["lenet5", "mlp-784-100-10"]))
def test_a_shared_store_changes_no_timing_and_no_energy(hardware: Hardware, images: int, net: str) -> None:
    assert outcome(net, hardware, SHARED, images=images) == outcome(net, hardware, None, images=images)


@settings(deadline=None, max_examples=12)
@given(hardware=machines(), limit=st.integers(1, 2), seed=st.integers(0, 1))
def test_a_shared_store_changes_no_computed_picture(hardware: Hardware, limit: int, seed: int) -> None:
    options = {"inputs": "digits", "limit": limit, "seed": seed}
    assert outcome("lenet5-mnist", hardware, SHARED, **options) == outcome("lenet5-mnist", hardware, None, **options)


def hits(reuse: Reuse, run: Any) -> Counter[str]:
    """What was at hand during a run."""
    before = reuse.hits.copy()
    run()
    return reuse.hits - before


def test_what_is_shared() -> None:
    """Converters and costs leave the mapping and the time, rows do not; the network and its float logits stay."""
    reuse, base = Reuse(), archsim.load_hardware("isaac-8bit")

    def shared(changes: dict[str, Any], seed: int = 0) -> Counter[str]:
        options: dict[str, Any] = {"inputs": "digits", "limit": 3, "seed": seed}
        return hits(reuse, lambda: outcome("lenet5-mnist", base.replace(changes), reuse, **options))

    assert shared({}) == {}
    everything = {"mapping": 1, "timing": 1, "evaluation": 1}
    assert shared({}) == everything
    assert shared({"ima.adc.cost.power": "1 mW"}) == everything
    parts = {"mapping": 1, "timing": 1, "quantized network": 1, "float logits": 1}
    assert shared({"ima.adc.bits": 6}) == parts
    assert shared({}, seed=1) == parts
    assert shared({"tile.router.flit_rate": "2 GHz"}) == {"evaluation": 1}
    assert shared({"ima.crossbar.rows": 64, "ima.dac.count": 512, "ima.adc.bits": 7}) == {
        "quantized network": 1,
        "float logits": 1,
    }
    assert shared({"precision.weight_bits": 4}) == {"timing": 1, "float logits": 1}


def test_drawn_weights_and_ranges_are_shared(tmp_path: Path) -> None:
    """A network without weights, calibrated on its own pictures."""
    np.savez(tmp_path / "x.npz", x=np.random.default_rng(0).integers(0, 255, (3, 28, 28), np.uint8))
    reuse, base = Reuse(), archsim.load_hardware("isaac-8bit")
    for bits, seed, expected in (
        (8, 0, {}),
        (6, 0, {"drawn weights": 1, "activation ranges": 1, "quantized network": 1, "float logits": 1}),
        (6, 1, {}),
    ):
        hardware, options = base.replace({"ima.adc.bits": bits}), {"inputs": tmp_path / "x.npz", "seed": seed}
        found = hits(reuse, lambda h=hardware, o=options: outcome("lenet5", h, reuse, **o))
        assert {kind: n for kind, n in found.items() if kind not in ("mapping", "timing")} == expected
        assert outcome("lenet5", hardware, reuse, **options) == outcome("lenet5", hardware, None, **options)


def test_changed_files_are_met_anew(tmp_path: Path) -> None:
    """Pictures, calibration pictures and labels under the names they had before."""
    path, ranges = tmp_path / "x.npz", tmp_path / "ranges.npz"
    rng, reuse, hardware = np.random.default_rng(0), Reuse(), archsim.load_hardware("isaac-8bit")

    def fresh(file: Path, labels: bool = False) -> None:
        y = {"y": rng.integers(0, 10, 2)} if labels else {}
        np.savez(file, x=rng.integers(0, 255, (2, 28, 28), np.uint8), **y)

    def run() -> None:
        options = {"inputs": path, "calibrate": ranges}
        assert outcome("lenet5-mnist", hardware, reuse, **options) == outcome("lenet5-mnist", hardware, None, **options)

    fresh(path)
    fresh(ranges)
    run()
    assert hits(reuse, run)["evaluation"] == 1
    for change in (lambda: fresh(path), lambda: fresh(ranges), lambda: fresh(path, labels=True)):
        change()
        assert hits(reuse, run)["evaluation"] == 0
        assert hits(reuse, run)["evaluation"] == 1


def test_a_network_with_other_weights_is_another_one() -> None:
    graph, hardware, reuse = archsim.load_workload("lenet5-mnist"), archsim.load_hardware("isaac-8bit"), Reuse()
    for scale in (1.0, 0.5):
        parameters = {
            name: type(item)(item.weight * np.float32(scale), item.bias) for name, item in graph.parameters.items()
        }
        plan = archsim.map_network(graph.with_parameters(parameters, graph.weights), hardware, reuse=reuse)
        with_store, without = (
            archsim.simulate(plan, inputs="digits", limit=2, engine="kernel", reuse=store).to_json()
            for store in (reuse, None)
        )
        assert with_store == without
    assert reuse.hits["mapping"] == reuse.hits["timing"] == 1
    assert reuse.misses["evaluation"] == 2


def test_what_only_one_run_shows_is_not_taken_over() -> None:
    """An observer sees its run, at any detail; a store in between does not hide it."""
    plan, seen, reuse = archsim.map_network(*lenet()), [], Reuse()
    for _ in range(2):
        archsim.simulate(plan, engine="kernel", reuse=reuse, observe=lambda machine, _: seen.append(machine))
        archsim.simulate(plan, detail="bit", reuse=reuse)
    assert len(seen) == 2
    assert not reuse.hits


def lenet() -> tuple[archsim.Graph, Hardware]:
    return archsim.load_workload("lenet5"), archsim.load_hardware("isaac-8bit")


def test_a_result_that_is_changed_afterwards_leaves_the_store_as_it_was() -> None:
    reuse = Reuse()
    plan = archsim.map_network(*lenet(), reuse=reuse)
    first = archsim.simulate(plan, engine="kernel", reuse=reuse)
    expected = first.to_json()
    first.resource_busy_s.clear()  # type: ignore[attr-defined]
    assert archsim.simulate(plan, engine="kernel", reuse=reuse).to_json() == expected


def test_refused_mappings_are_refused_again() -> None:
    reuse, hardware = Reuse(), archsim.load_hardware("isaac-8bit").replace({"chip.overflow": "refuse"})
    for _ in range(2):
        with pytest.raises(archsim.InputError, match=r"chip\.overflow: refuse"):
            archsim.map_network(archsim.load_workload("vgg16"), hardware, reuse=reuse)
    assert not len(reuse)


# ---------------------------------------------------------------------- the store


def test_the_store_is_bounded_and_drops_what_was_unused_for_longest() -> None:
    def array(name: str, reuse: Reuse, size: int = 1000) -> None:
        reuse("array", (name,), lambda: np.zeros(size, np.uint8))

    reuse = Reuse(limit=3 * size_of(np.zeros(1000, np.uint8)))
    for name in ("a", "b", "c", "a", "d"):
        array(name, reuse)
    assert len(reuse) == 3
    assert reuse.bytes <= reuse.limit
    assert reuse.hits == {"array": 1}
    array("a", reuse)
    array("b", reuse)  # was dropped
    assert (reuse.hits["array"], reuse.misses["array"]) == (2, 5)
    array("large", reuse, size=10_000)
    assert len(reuse) == 3  # it would not fit, and nothing goes for it


def test_memory_of_a_long_walk_stays_within_the_limit() -> None:
    net, base = lenet()
    reuse = Reuse(limit=300_000)
    for rate in range(100, 112):
        hardware = base.replace({"tile.router.flit_rate": f"{rate} MHz"})
        archsim.simulate(archsim.map_network(net, hardware, reuse=reuse), engine="kernel", reuse=reuse)
        assert reuse.bytes <= reuse.limit
    assert len(reuse) > 1


def test_a_step_that_fails_is_tried_again() -> None:
    reuse = Reuse()
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            reuse("quotient", (1, 0), lambda: 1 // 0)
    assert reuse.misses["quotient"] == 2


def test_sizes_count_arrays_once_and_views_whole() -> None:
    array = np.zeros(100_000)
    assert 800_000 <= size_of(array) < 801_000
    assert size_of([array, {"again": array}]) < 801_000
    assert size_of((array[:50_000], "x" * 1000)) >= 401_000


# ---------------------------------------------------------------------- what mapping reads


def test_a_view_has_nothing_but_what_mapping_reads() -> None:
    view = mapping_view(build_chip(archsim.load_hardware("isaac-ce")))
    for part, name in ((view, "hardware"), (view.tile.ima, "adc"), (view.tile.edram, "actions")):
        with pytest.raises(AttributeError):
            getattr(part, name)


@pytest.mark.parametrize("chip", CHIPS)
def test_mappings_are_the_same_on_a_view(chip: str) -> None:
    graph, hardware = archsim.load_workload("resnet8-cifar10"), archsim.load_hardware(chip)
    plain, kept = (archsim.map_network(graph, hardware, reuse=store) for store in (None, Reuse()))
    assert kept.graph is graph
    assert kept.hardware is hardware
    assert kept.notes == plain.notes
    for one, other in zip(plain.stages, kept.stages, strict=True):
        assert one.stage == other.stage
        assert one.placement.slots.tolist() == other.placement.slots.tolist()
    assert plain.routes.channel.tolist() == kept.routes.channel.tolist()
