"""For every figure of the shipped chips it is known what follows from it: each is changed, and what moves is said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import archsim
from archsim.accounting import charged_by_level
from archsim.config import Hardware
from archsim.config.merge import SUFFIXES
from archsim.config.shipped import names
from archsim.errors import InputError
from archsim.function.crossbars.devices import stored_cells
from archsim.function.inference.reads import array_reads
from archsim.simulation.computing import Computed, compute
from archsim.simulation.consequences import FIGURES, Consequences, Ran
from archsim.simulation.run import time_plan
from archsim.workload import Dataset, Graph, default_preprocessing
from tests.function.nets import everything, pictures, plain

from .leaves import figures, probes

CHIPS = names("hwconfigs", SUFFIXES)
SHARE = ("isaac-ce", "puma", "rram40nm")
"""Chips whose figures the suite looks at; `python -m tests.simulation.test_consequences` looks at all."""
ACTS = FIGURES | {"pictures", "training"}
MOST_PROBES = 2
SAID = "no figure follows from"


def network(chip: str) -> Graph:
    """All kinds of layers; rram40nm's cells hold no convolution groups."""
    return plain() if chip == "rram40nm" else everything()


def ran(hardware: Hardware, graph: Graph) -> Ran:
    """A run of two images, with pictures computed."""
    size = graph.layers[0].shape[1]
    data = Dataset(
        name="drawn",
        preprocessing=default_preprocessing(graph),
        names=("0", "1"),
        labels=None,
        source=np.ascontiguousarray(pictures(2, size).transpose(0, 2, 3, 1)),
        indices=np.arange(2),
    )
    plan = archsim.map_network(graph, hardware)
    computed = compute(plan, data)
    stored = stored_cells(plan) if charged_by_level(plan) else None
    return Ran(plan=plan, timing=time_plan(plan, computed, images=2), computed=computed, stored=stored)


def runs(chip: str) -> list[Ran]:
    """On the chip as it ships, and on so few arrays that the network takes several chips."""
    base, graph = archsim.load_hardware(chip, {"mapping.timings": 0}), network(chip)
    small = {"ima.count": 1, "mapping.replication": "none", "chip.overflow": "spread"}
    found = [ran(base, graph)]
    for tiles in (1, 2, 3, 4):
        try:
            run = ran(base.replace({**small, "tile.count": tiles}), graph)
        except InputError:
            continue
        if run.plan.chips > 1:
            return [*found, run]
    raise AssertionError(f"{chip}: expected a number of tiles at which the network takes two chips")


def moved(seen: list[Consequences], hardware: list[Hardware], path: str, value: object) -> set[str] | None:
    """Parts that a figure moves, up to the first that acts; None where no other value goes with the file."""
    found: set[str] | None = None
    tried = 0
    for probe in probes(path, value):
        for watch, base in zip(seen, hardware, strict=True):
            try:
                other = base.replace({path: probe})
            except InputError:
                continue
            if other.without() == base.without():
                continue
            found, tried = found or set(), tried + 1
            for part in watch.of(other):
                found.add(part)
                if part in ACTS:
                    return found
        if tried >= MOST_PROBES * len(seen):
            break
    return found


def siblings(hardware: Hardware, path: str) -> Iterator[tuple[str, object]]:
    """Figures of the same block, and of the blocks in it and just around it."""
    block = path.rpartition(".")[0]
    around = block.rpartition(".")[0] if block.count(".") > 1 else block
    yield from (
        (other, value) for other, value in figures(hardware) if other != path and other.startswith(f"{around}.")
    )


def acts_together(run: Ran, path: str, value: object) -> bool:
    """Whether a figure moves something once a figure beside it is another."""
    base = run.plan.hardware
    for other, found in siblings(base, path):
        for probe in list(probes(other, found))[:2]:
            try:
                changed = base.replace({other: probe})
                there = archsim.map_network(run.plan.graph, changed)
            except InputError:
                continue
            watch = Consequences(Ran(plan=there, timing=run.timing, computed=run.computed, stored=run.stored))
            if ACTS & (moved([watch], [changed], path, value) or set()):
                return True
    return False


def said(hardware: Hardware, path: str) -> bool:
    """Whether the notes of the innermost block that has some say that the figure documents."""
    node: object = hardware.expanded
    notes = ""
    for key in path.split("."):
        assert isinstance(node, dict)
        notes = str(node.get("notes", "")) or notes
        node = node[key]
    return SAID in notes.lower() and path.rpartition(".")[2] in notes


@pytest.mark.parametrize("chip", SHARE)
def test_no_figure_of_a_shipped_chip_is_silently_dead(chip: str) -> None:
    """Each acts on a run, alone or with one beside it; or is what a memory holds; or is printed by check; or no other
    value goes with the rest of the file; or its block says that no figure follows from it."""
    witnesses = runs(chip)
    seen, hardware = [Consequences(run) for run in witnesses], [run.plan.hardware for run in witnesses]
    kinds: dict[str, list[str]] = {}
    for path, value in figures(witnesses[0].plan.hardware):
        parts = moved(seen, hardware, path, value)
        if parts is None:
            kind = "bound"
        elif parts & ACTS:
            kind = "acts"
        elif parts:
            kind = "capacity" if "capacity" in parts else "check"
        elif acts_together(witnesses[0], path, value):
            kind = "acts"
        else:
            kind = "documents"
        kinds.setdefault(kind, []).append(path)
    print(chip, {kind: len(paths) for kind, paths in kinds.items()})
    assert [path for path in kinds["documents"] if not said(hardware[0], path)] == []
    assert {"technology.node", "tile.bus.wires"} <= set(kinds["documents"])
    assert {"ima.input_register.size", "ima.output_register.size", "tile.edram.size"} <= set(kinds["capacity"])
    assert len(kinds["acts"]) > 0.6 * sum(map(len, kinds.values()))


def outcome(graph: Graph, hardware: Hardware) -> tuple[object, ...]:
    """All figures of a run from the very beginning, sources and settings left out."""
    run = archsim.simulate(archsim.map_network(graph, hardware), images=2, engine="kernel", idle=False)
    actions = [(row.layer, row.component, row.action, row.count, row.energy_j) for row in run.actions]
    area = [(row.component, row.area_m2) for row in run.area]
    programming = None if run.programming is None else (run.programming.energy_j, run.programming.time_s)
    return run.totals, run.layers, actions, area, programming, run.stream, run.critical_path


@pytest.mark.parametrize("chip", ["isaac-8bit"])
def test_what_is_said_of_a_figure_is_what_runs_do(chip: str) -> None:
    """The slow way: the network mapped, timed and priced anew for every third figure."""
    graph = network(chip)
    base = archsim.load_hardware(chip, {"mapping.timings": 0})
    plan = archsim.map_network(graph, base)
    run = Computed(reads=array_reads(plan, {}))
    shapes = Ran(
        plan=plan,
        timing=time_plan(plan, run, images=2),
        computed=run,
        stored=stored_cells(plan) if charged_by_level(plan) else None,
    )
    watch, before = Consequences(shapes), outcome(graph, base)
    checked = 0
    for path, value in figures(base)[::3]:
        for probe in list(probes(path, value))[:1]:
            try:
                changed = base.replace({path: probe})
                after = outcome(graph, changed)
            except InputError:
                continue
            parts, checked = set(watch.of(changed)), checked + 1
            if not parts & FIGURES and "capacity" not in parts:
                assert after == before, f"{path} = {probe} moves a run"
            if parts & {"energy", "area", "programming"}:
                assert after != before, f"{path} = {probe} moves nothing"
    assert checked > 20


def said_by(hardware: Hardware, **options: object) -> list[str]:
    run = archsim.simulate(archsim.map_network(plain(), hardware), engine="kernel", **options)  # type: ignore[arg-type]
    return [note for note in run.notes if "moves" in note or "acts as capacity" in note]


def test_a_run_names_what_was_set_in_vain() -> None:
    """At 7 nm nothing is computed, a bus of 16 wires is as fast as one of 384, a larger memory is free."""
    changes = {
        "technology.node": "7 nm", "tile.bus.wires": 16, "tile.router.ports": 2, "tile.edram.size": "1 MiB",
        "ima.input_register.size": "4 KiB", "ima.adc.bits": 9, "tile.router.cost.power": "1 mW",
        "ima.adc.transfer.kind": "ideal", "tile.count": 84, "mapping.timings": 0,
    }  # fmt: skip
    nothing = "moves nothing: as the chip is, no figure follows from it"
    memory = "acts as capacity: where it suffices no figure follows from it, and its cost stays as printed"
    assert sorted(said_by(archsim.load_hardware("isaac-8bit", changes))) == sorted(
        [
            f"technology.node = 7 nm {nothing}",
            f"tile.bus.wires = 16 {nothing}",
            f"tile.edram.size = 1 MiB {memory}",
            f"ima.input_register.size = 4 KiB {memory}",
            "ima.adc.transfer.kind = ideal moves no figure of a run; it acts on what is computed from pictures",
        ]
    )
    assert said_by(archsim.load_hardware("isaac-8bit")) == []


def test_a_child_file_is_told_what_it_changes_in_vain(tmp_path: Path) -> None:
    child = tmp_path / "mine.yaml"
    child.write_text(
        "name: mine\nextends: isaac-8bit\ntechnology: {node: 7 nm, notes: mine}\n"
        "tile: {count: 84, notes: mine, bus: {wires: 16, notes: mine}}\nmapping: {timings: 0}\n"
    )
    found = said_by(archsim.load_hardware(child))
    assert [note.partition(" moves nothing")[0] for note in found] == ["technology.node = 7 nm", "tile.bus.wires = 16"]
    grandchild = tmp_path / "ours.yaml"
    grandchild.write_text("name: ours\nextends: mine.yaml\ntechnology: {node: 5 nm, notes: ours}\n")
    assert [note.partition(" moves nothing")[0] for note in said_by(archsim.load_hardware(grandchild))] == [
        "technology.node = 5 nm"
    ]


def test_a_shipped_chip_and_a_default_in_words_are_told_nothing(tmp_path: Path) -> None:
    for chip in CHIPS:
        assert said_by(archsim.load_hardware(chip, {"mapping.timings": 0})) == []
    child = tmp_path / "mine.yaml"
    child.write_text("name: mine\nextends: isaac-8bit\nmapping: {timings: 0, placement: interleaved}\n")
    assert said_by(archsim.load_hardware(child)) == []


if __name__ == "__main__":
    for each in CHIPS:
        test_no_figure_of_a_shipped_chip_is_silently_dead(each)
