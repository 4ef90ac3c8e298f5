"""Sums and products commute: in whatever order a file lists their operands, a chip takes the same time and energy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import archsim
from archsim.workload.graph import Add, Graph, Input, Mul
from tests.mapping.nets import conv, layer

SIZE, CHANNELS = 8, 16
SHAPE = (CHANNELS, SIZE, SIZE)


def drawn(rng: np.random.Generator) -> Graph:
    """Convolutions, sums and products that read what came before them; what nobody reads is an output."""
    layers = [layer("x", Input(), (), (3, SIZE, SIZE)), conv("c", "x", CHANNELS, SIZE)]
    for number in range(int(rng.integers(6, 14))):
        names = [made.name for made in layers[1:]]
        kind = rng.choice(["conv", "add", "add", "mul"]) if len(names) > 2 else "conv"
        if kind == "conv":
            layers.append(conv(f"c{number}", str(rng.choice(names)), CHANNELS, SIZE, kernel=int(rng.choice([1, 3]))))
        else:
            most = 3 if kind == "add" else 2
            read = rng.choice(names, int(rng.integers(2, most + 1)), replace=False).tolist()
            layers.append(layer(f"{kind}{number}", Add() if kind == "add" else Mul(), tuple(read), SHAPE))
    used = {name for made in layers for name in made.inputs}
    return Graph(name="drawn", layers=tuple(layers), outputs=tuple(x.name for x in layers if x.name not in used))


def shuffled(graph: Graph, rng: np.random.Generator) -> Graph:
    return replace(
        graph,
        layers=tuple(
            replace(made, inputs=tuple(rng.permutation(made.inputs).tolist()))
            if isinstance(made.op, Add | Mul)
            else made
            for made in graph.layers
        ),
    )


def figures(graph: Graph, chip: str) -> tuple[float, float]:
    run = archsim.simulate(archsim.map_network(graph, archsim.load_hardware(chip)), engine="kernel", images=3)
    return run.totals.latency_s, run.totals.energy_j


@pytest.mark.parametrize("seed", range(20))
def test_operands_commute(seed: int) -> None:
    rng = np.random.default_rng(seed)
    graph, chip = drawn(rng), ("isaac-8bit", "puma")[seed % 2]
    assert figures(shuffled(graph, rng), chip) == figures(graph, chip)


@pytest.mark.parametrize("net", ["resnet8-cifar10", "resnet18", "efficientnet-lite0"])
def test_operands_of_shipped_networks_commute(net: str) -> None:
    graph = archsim.load_workload(net)
    assert figures(shuffled(graph, np.random.default_rng(1)), "isaac-8bit") == figures(graph, "isaac-8bit")
