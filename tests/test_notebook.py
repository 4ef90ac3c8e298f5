"""Every public type shows itself: short as text, as escaped tables in a notebook."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import archsim
from archsim.notebook import html_table
from archsim.sweeps import Network, Study

EVIL = "<script>alert('1')</script>&\"<b>"
TYPES = [
    name
    for name in archsim.__all__
    if isinstance(getattr(archsim, name), type) and not issubclass(getattr(archsim, name), BaseException)
]


class Parser(HTMLParser):
    """Tags and text of a piece of HTML."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, _: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def evil_hardware() -> archsim.Hardware:
    hardware = archsim.load_hardware("isaac-8bit", {"ima.adc.bits": 7})
    return replace(hardware, model=hardware.model.model_copy(update={"name": EVIL, "description": EVIL}))


def evil_graph() -> archsim.Graph:
    graph = archsim.load_workload("lenet5")
    first = graph.layers[1].name
    layers = [
        replace(
            layer,
            name=EVIL if layer.name == first else layer.name,
            inputs=tuple(EVIL if name == first else name for name in layer.inputs),
        )
        for layer in graph.layers
    ]
    return replace(graph, name=EVIL, layers=tuple(layers))


def evil_run() -> archsim.Result:
    run = archsim.simulate(archsim.map_network(archsim.load_workload("lenet5"), archsim.load_hardware("isaac-8bit")))
    layers = tuple(replace(row, name=EVIL) for row in run.layers)
    return replace(run, layers=layers, notes=(EVIL,), workload=replace(run.workload, name=EVIL))


def evil_comparison() -> archsim.Comparison:
    run = evil_run()
    other = replace(run, hardware=replace(run.hardware, name=EVIL, expanded={**(run.hardware.expanded or {}), EVIL: 1}))
    return archsim.compare([run, other])


def evil_cost() -> archsim.TrainingCost:
    cost = archsim.training_cost(archsim.load_workload("lenet5"), archsim.load_hardware("insitu-32nm"))
    return replace(cost, workload=EVIL, notes=(EVIL,))


def evil_sweep(folder: Path) -> archsim.Sweep:
    swept = archsim.sweep("isaac-8bit", "lenet5", {"ima.adc.bits": [7, 8]}, output=folder, workers=0)
    return replace(swept, name=EVIL, rows=tuple({**row, "ima.adc.bits": EVIL, "error": EVIL} for row in swept.rows))


def evil_search() -> archsim.SearchStudy:
    space = Study(
        name=EVIL,
        hardware=("isaac-8bit",),
        workloads=(Network(workload="lenet5"),),
        axes={"ima.adc.bits": ("6", "7", "8"), "mapping.replication": ("none", "balanced")},
    )
    return archsim.SearchStudy(space=space, objectives=("area_m2", "latency_s"), trials=2, batch=2, sampler="random")


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One object of each public type, full of markup that no notebook may run."""
    makers: dict[str, Callable[[], Any]] = {
        "Hardware": evil_hardware,
        "Graph": evil_graph,
        "Plan": lambda: archsim.map_network(evil_graph(), evil_hardware()),
        "Result": evil_run,
        "Comparison": evil_comparison,
        "TrainingCost": evil_cost,
        "SearchStudy": evil_search,
        "SearchOutcome": lambda: archsim.search(evil_search(), workers=0),
        "Sweep": lambda: evil_sweep(tmp_path_factory.mktemp("sweep")),
    }
    return {name: make() for name, make in makers.items()}


@pytest.mark.parametrize("name", TYPES)
def test_every_public_type_shows_itself(name: str, shown: dict[str, Any]) -> None:
    """A public type without a representation, or without an object here, fails."""
    item = shown[name]
    assert type(item) is getattr(archsim, name)
    text = repr(item)
    assert text.startswith(f"<{name} ")
    assert len(text) < 400
    assert "\n" not in text
    html = Parser(item._repr_html_())
    assert not html.open
    assert html.tags <= {"table", "caption", "thead", "tbody", "tr", "th", "td", "p", "div", "style"}, name
    assert EVIL in " ".join(html.words)


def test_objects_of_all_types_are_there(shown: dict[str, Any]) -> None:
    assert sorted(shown) == sorted(TYPES)


def test_main_figures_are_shown_with_units(shown: dict[str, Any]) -> None:
    hardware, plan, run = (" ".join(Parser(shown[key]._repr_html_()).words) for key in ("Hardware", "Plan", "Result"))
    assert "8 an IMA, 7 bits, 1.28 GS/s" in hardware
    assert "set: ima.adc.bits 7" in hardware
    assert f"{shown['Plan'].crossbars:,} crossbars" in plan
    assert "area_m2 85.4 mm2" in run
    assert shown["Result"].bottleneck.sentence in run
    assert repr(archsim.load_workload("lenet5")) == (
        "<Graph lenet5: 13 layers, input 1x28x28, 417 kMACs, weights: none>"
    )


def test_long_tables_are_cut_and_say_so() -> None:
    html = Parser(html_table("t", ("a", "b"), [(n, n) for n in range(50)], most=3))
    assert html.words == ["t", "a", "b", "0", "0", "1", "1", "2", "2", "... and 47 more"]
