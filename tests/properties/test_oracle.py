"""Random small networks on random chips, against a machine that shares no code with the package: what encodings and
converters compute, what is counted, and what it costs."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

import archsim
from archsim.config import Hardware
from archsim.function.crossbars.select import Machine, select
from archsim.function.inference.evaluate import ranges_of
from archsim.function.inference.infer import infer
from archsim.function.precision.offline import network_pictures, plan_streaming, quantized_for
from archsim.function.quantization.network import MatrixLayer
from archsim.result import Result
from archsim.workload import Dataset, Graph, Preprocessing
from archsim.workload.graph import Activation, Conv, Linear, Reshape
from tests.function.nets import Builder
from tests.properties.oracle import WORD, Array, Chip, Done, compute

NETWORKS = 200
CELL_J, DRIVE_J, SAMPLE_J, CONVERT_J, ADD_J = 30e-12 / (128 * 128), 0.4e-12, 0.01e-12, 2e-12, 0.02e-12
COSTS = {
    "ima.crossbar.actions.read": "30 pJ",
    "ima.dac.actions.drive": "0.4 pJ",
    "ima.sample_hold.actions.sample": "0.01 pJ",
    "ima.adc.actions.convert": "2 pJ",
    "ima.adc.scaling": "none",
    "ima.shift_add.actions.add": "0.02 pJ",
    "mapping.replication": "none",
    "mapping.timings": 0,
}


@cache
def base() -> Hardware:
    return archsim.load_hardware("isaac-8bit")


def drawn_chip(rng: np.random.Generator) -> Chip:
    siblings = bool(rng.random() < 0.3)
    weight_bits, cell_bits = int(rng.integers(2, 9)), int(rng.integers(1, 5))
    return Chip(
        rows=int(rng.integers(5, 40)),
        columns=int(rng.integers(16, 49)),
        cell_bits=cell_bits,
        weight_bits=weight_bits,
        input_bits=int(rng.integers(2, 9)),
        encoding=str(rng.choice(["offset", "flip", "differential"])),
        siblings=siblings,
        unit_column=bool(rng.random() < 0.5),
        adc_bits=int(rng.integers(2, 9)),
        full_scale=bool(rng.random() < 0.3),
        every_column=bool(rng.random() < 0.3),
        skips_zeros=bool(rng.random() < 0.3),
    )


def settings_of(chip: Chip, *, gated: bool, trims: bool) -> dict[str, Any]:
    settings: dict[str, Any] = {
        **COSTS,
        "ima.crossbar.rows": chip.rows,
        "ima.crossbar.columns": chip.columns,
        "ima.crossbar.slices": "arrays" if chip.siblings else "columns",
        "ima.crossbar.unit_column": chip.unit_column,
        "ima.cell.bits": chip.cell_bits,
        "precision.weight_bits": chip.weight_bits,
        "precision.input_bits": chip.input_bits,
        "precision.residual_bits": chip.input_bits,
        "precision.encoding": chip.encoding,
        "ima.adc.bits": chip.adc_bits,
        "ima.adc.converts": "all" if chip.every_column else "used",
        "ima.adc.transfer.kind": "uniform",
        "ima.adc.transfer.range": "full_scale" if chip.full_scale else "unit",
        "ima.dac.charge": "active" if gated else "used",
    }
    if chip.skips_zeros:
        settings["ima.adc.sparsity.policy"] = "skip_zero"
    if trims:
        settings["activation_precision.policy"] = "range"
    return settings


def drawn_graph(rng: np.random.Generator) -> Graph:
    """A convolution, with groups or not, a rectifier or not, and a fully connected layer or not."""
    channels, size = int(rng.choice([1, 3])), int(rng.integers(2, 5))
    kernel = int(rng.integers(1, min(size, 3) + 1))
    groups = channels if rng.random() < 0.3 else 1
    net = Builder((channels, size, size))
    padding = (int(rng.integers(0, kernel)),) * 4
    out = groups * int(rng.integers(1, 8 // groups + 1))
    stride = int(rng.integers(1, 3))
    conv = Conv(out=out, kernel=(kernel, kernel), stride=(stride, stride), padding=padding, groups=groups)
    last = net.add("c", conv, "x")
    if rng.random() < 0.6:
        last = net.add("r", Activation(function="relu"), last)
    if rng.random() < 0.6:
        last = net.add("flat", Reshape(), last, target=(int(np.prod(net.layers[-1].shape)),))
        last = net.add("fc", Linear(out=int(rng.integers(1, 9))), last)
    return net.graph(last, seed=int(rng.integers(1000)))


def drawn_pictures(rng: np.random.Generator, graph: Graph) -> Dataset:
    channels, height, width = graph.inputs()[0].shape
    pictures = rng.integers(0, 256, (2, height, width, channels)).astype(np.uint8)
    pictures[rng.random(pictures.shape) < 0.3] = 0
    preprocessing = Preprocessing(
        size=(height, width), mean=(float(rng.choice([0.0, 100.0])),) * channels, scale=(0.01,) * channels
    )
    return Dataset(
        name="drawn", preprocessing=preprocessing, names=("0", "1"), labels=None, source=pictures,
        indices=np.arange(2, dtype=np.int64),
    )  # fmt: skip


def unrolled(x: Array, pad: Array, op: Conv | Linear) -> Array:
    """Inputs [groups, rows (ky, kx, channel), windows of all pictures]."""
    if isinstance(op, Linear):
        return x.reshape(1, len(x), -1).transpose(0, 2, 1)
    top, left, bottom, right = op.padding
    images, channels, height, width = x.shape
    wide = np.empty((images, channels, height + top + bottom, width + left + right), x.dtype)
    wide[:] = pad[:, None, None]
    wide[:, :, top : top + height, left : left + width] = x
    each, (kernel, step) = channels // op.groups, (op.kernel[0], op.stride[0])
    found: list[list[Array]] = [[] for _ in range(op.groups)]
    for image in wide:
        for y in range(0, image.shape[1] - kernel + 1, step):
            for z in range(0, image.shape[2] - kernel + 1, step):
                window = image[:, y : y + kernel, z : z + kernel]
                for group, columns in enumerate(found):
                    columns.append(window[group * each : (group + 1) * each].transpose(1, 2, 0).ravel())
    return np.array(found).transpose(0, 2, 1)


def check_counts(run: Result, name: str, done: Done, gated: bool) -> None:
    """Counts and energies are means per picture, of two."""
    counts = done.counts
    row = next(row for row in run.layers if row.name == name)
    assert 2 * row.adc_conversions == counts["made"]
    assert row.clipped_fraction is not None
    assert row.clipped_fraction * counts["made"] == pytest.approx(counts["clipped"], abs=1e-6)
    if row.adc_skipped_fraction is not None:
        assert row.adc_skipped_fraction * counts["sampled"] == pytest.approx(counts["sampled"] - counts["made"])
    expected = {
        ("adc", "convert"): (counts["made"], CONVERT_J),
        ("sample_hold", "sample"): (counts["sampled"], SAMPLE_J),
        ("shift_add", "add"): (counts["sampled"], ADD_J),
        ("dac", "drive"): (counts["driven" if gated else "rows"], DRIVE_J),
    }
    actions = {(item.component, item.action): item for item in run.actions if item.layer == name}
    for key, (count, joules) in expected.items():
        found = actions.get(key)
        assert 2 * (found.count if found else 0) == pytest.approx(count, rel=1e-12), key
        assert 2 * (found.energy_j if found else 0) == pytest.approx(count * joules, rel=1e-9), key
    read = actions.get(("crossbar", "read"))
    assert 2 * (read.energy_j if read else 0) == pytest.approx(counts["cells"] * CELL_J, rel=1e-9)


def check_network(seed: int) -> None:
    rng = np.random.default_rng(seed)
    chip, graph = drawn_chip(rng), drawn_graph(rng)
    data, gated, trims = drawn_pictures(rng, graph), bool(rng.random() < 0.5), bool(rng.random() < 0.3)
    hardware = base().replace(settings_of(chip, gated=gated, trims=trims))
    plan = archsim.map_network(graph, hardware)
    run = archsim.simulate(plan, inputs=data, engine="kernel")
    network = quantized_for(plan, graph, ranges_of(graph, data), data)
    pictures = network_pictures(network, data)
    selection = select(network, Machine.of(plan), lambda: pictures)
    sources = {step.matrix.name: step.step.inputs[0] for step in network.steps if step.matrix is not None}
    stored = infer(
        network,
        pictures,
        engine=selection.engine,
        streaming=plan_streaming(plan),
        keep=list(sources.values()),
        threads=1,
    ).tensors
    operations = {layer.name: layer.op for layer in graph.layers}
    for layer in network.matrices:
        op = operations[layer.name]
        assert isinstance(op, Conv | Linear)
        x = unrolled(stored[sources[layer.name]], layer.pad, op)
        done = expected_of(chip, layer, x, trims and isinstance(op, Conv))
        found = np.asarray(selection.engine(layer)(x.transpose(0, 2, 1)), np.float64)
        assert np.array_equal(found.transpose(0, 2, 1) * WORD, done.accumulators)
        check_counts(run, layer.name, done, gated)


def expected_of(chip: Chip, layer: MatrixLayer, x: Array, trims: bool) -> Done:
    assert layer.format.bits == chip.input_bits
    return compute(chip, layer.weight, x, bits=chip.input_bits, signed=layer.format.signed, trims=trims)


@pytest.mark.parametrize("first", range(0, NETWORKS, 25))
def test_networks_compute_count_and_cost_what_the_oracle_says(first: int) -> None:
    for seed in range(first, first + 25):
        try:
            check_network(seed)
        except AssertionError as error:
            raise AssertionError(f"network {seed}") from error
