"""Counts of training's phases against hand-worked values, mapped grids and inference."""

from __future__ import annotations

from math import ceil, fsum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.accounting import Count, count_actions
from archsim.accounting.training import (
    RuleState,
    error_counts,
    forward_counts,
    gradient_counts,
    gradient_load,
    update_counts,
    update_time_s,
)
from archsim.accounting.training.phases import assumed_reads
from archsim.components import build_chip
from archsim.components.training import error_chip, gradient_chip
from archsim.components.tree import Chip
from archsim.config import load_hardware
from archsim.config.training import Training
from archsim.mapper import map_on
from archsim.mapping.slicing import Slicing, grid_for
from archsim.timing import run_timing
from archsim.workload import load_workload
from archsim.workload.backward import GradientProduct, error_graph, gradient_products
from archsim.workload.graph import Conv, Graph, Input, Layer, Linear, Reshape


def chip_of(**values: object) -> Chip:
    changes = {key.replace("__", "."): value for key, value in values.items()}
    return build_chip(load_hardware("insitu-32nm").replace(changes))


def block_of(chip: Chip) -> Training:
    assert chip.training is not None
    return chip.training.block


def total(counts: list[Count], component: str, action: str) -> float:
    return fsum(item.count for item in counts if (item.component, item.action) == (component, action))


def product(positions: int, vectors: int, outputs: int, groups: int = 1, shifts: int = 1) -> GradientProduct:
    return GradientProduct(
        layer="l",
        source="x",
        inputs=positions * vectors // shifts,
        positions=positions,
        vectors=vectors,
        outputs=outputs,
        groups=groups,
        shifts=shifts,
    )


CHIPS = {stacked: chip_of(training__dataflow__stack_images=stacked) for stacked in ("true", "false")}


@given(
    positions=st.integers(1, 400),
    vectors=st.integers(1, 40),
    outputs=st.integers(1, 60),
    batch=st.integers(1, 9),
    stacked=st.sampled_from(["true", "false"]),
)
def test_gradient_counts_are_those_of_the_mapped_arrays(
    positions: int, vectors: int, outputs: int, batch: int, stacked: str
) -> None:
    chip = CHIPS[stacked]
    item = product(positions, vectors, outputs)
    load = gradient_load(item, chip, batch)
    counts = gradient_counts(load, chip)
    slicing = Slicing.of(gradient_chip(chip))
    share = stacked == "true" and positions < 128
    grid = grid_for(positions * (batch if share else 1), outputs, 1, slicing)
    repeats = 1 if share else batch
    reads = vectors * slicing.input_cycles * repeats
    assert total(counts, "gradient_adc", "convert") == reads * int(grid.columns.sum())
    assert total(counts, "gradient_shift_add", "add") == reads * int(grid.columns.sum())
    assert total(counts, "gradient_driver", "drive") == pytest.approx(0.25 * reads * int(grid.rows.sum()))
    assert total(counts, "gradient_array", "cell_read") == pytest.approx(0.0625 * reads * grid.used_cells)
    assert total(counts, "gradient_array", "write") == positions * outputs * 8 * batch
    assert load.row_groups == grid.row_groups * repeats
    assert load.column_groups == grid.column_groups
    # whatever does not fit at once comes in further loads, and nothing comes twice
    assert load.loads * load.row_groups_at_once >= load.row_groups
    assert load.row_groups_at_once * ceil(load.outputs_at_once / 16) <= 64


@given(positions=st.integers(1, 300), batch=st.integers(1, 300))
def test_sharing_rows_never_takes_more(positions: int, batch: int) -> None:
    item = product(positions, 5, 7)
    together, alone = (gradient_load(item, CHIPS[stacked], batch) for stacked in ("true", "false"))
    assert together.row_groups <= alone.row_groups
    assert together.accumulations <= alone.accumulations <= batch
    assert together.loads <= alone.loads


def test_sums_by_hand() -> None:
    chip = chip_of()
    # 256 positions fill 2 row groups an image: 2 partial sums are added, the running sum is touched once an image
    counts = gradient_counts(gradient_load(product(256, 9, 16), chip, 10), chip)
    assert total(counts, "alu", "add") == 9 * 16 * 2 * 10
    assert total(counts, "bus", "bit") == 9 * 16 * 2 * 10 * 16 + 9 * 256 * 8 * 10 + 256 * 16 * 8 * 10
    assert total(counts, "accumulator", "access") == ceil(2 * 9 * 16 * 10 * 24 / 256)
    assert total(counts, "dram", "bit") == 9 * 16 * 8 + 256 * 9 * 8 * 10
    # 32 positions: four images share the rows
    counts = gradient_counts(gradient_load(product(32, 9, 16), chip, 10), chip)
    assert total(counts, "accumulator", "access") == ceil(2 * 9 * 16 * 3 * 24 / 256)


def test_naive_traffic_by_hand() -> None:
    item = product(64, 9 * 4, 300, shifts=9)
    for name, fetched, spilled in (
        ("naive_a", 9 * 3, 16),
        ("naive_b", 9 * 3, 30),
        ("naive_c", 9 * 19, 16),
        ("naive_d", 1, 16),
    ):
        chip = chip_of(training__dataflow__name=name)
        counts = gradient_counts(gradient_load(item, chip, 5), chip)
        inputs, errors = 64 * 4 * 8 * 5, 64 * 300 * 8 * 5
        assert total(counts, "dram", "bit") == inputs * fetched + errors + item.weights * spilled * 5
        assert total(counts, "accumulator", "access") == 0
        assert total(counts, "gradient_array", "write") == errors * 9


def test_digital_gradients_count_products() -> None:
    source = {"training__gradient_mac__source": "NeuroSim21, none", "training__gradient_mac__notes": "a test"}
    mac = {"count": 8, "rate": "1 Gop/s", "cost__area": "0 mm2", "actions__mac": "0.3 pJ"}
    values = {f"training__gradient_mac__{key}": value for key, value in mac.items()}
    chip = chip_of(training__dataflow__gradient_in="mac", **values, **source)
    counts = gradient_counts(gradient_load(product(64, 36, 30), chip, 5), chip)
    assert total(counts, "gradient_mac", "mac") == 64 * 36 * 30 * 5
    assert total(counts, "gradient_adc", "convert") == 0


@pytest.fixture(scope="module")
def phases() -> dict[str, list[Count]]:
    """Forward and error phase of LeNet-5, batches of 3, on weights in two cells."""
    chip = chip_of(training__batch=3, precision__weight_bits=8)
    graph = load_workload("lenet5")
    back = error_graph(graph)
    assert back is not None
    products = gradient_products(graph)
    plans = map_on(graph, chip), map_on(back.graph, error_chip(chip))
    times = [run_timing(plan, 3, engine="kernel") for plan in plans]
    block = block_of(chip)
    return {
        "forward": forward_counts(plans[0], times[0], block, products),
        "inference": count_actions(plans[0], times[0], assumed_reads(plans[0], 0.25)),
        "error": error_counts(plans[1], times[1], block, products, back),
    }


def test_the_forward_phase_is_inference_and_what_leaves_the_chip(phases: dict[str, list[Count]]) -> None:
    extra = [item for item in phases["forward"] if item.component == "dram"]
    assert [item for item in phases["forward"] if item.component != "dram"] == phases["inference"]
    inputs = {product.layer: product.inputs for product in gradient_products(load_workload("lenet5"))}
    assert {item.layer: item.count for item in extra} == {layer: size * 8 * 3 for layer, size in inputs.items()}


def test_conversions_of_both_directions_by_formula(phases: dict[str, list[Count]]) -> None:
    """FF: px ceil(rows / R) Cout s 8; EB: px rows ceil(Cout / C) s 8 without the first layer; s = 2 sibling arrays."""
    products = gradient_products(load_workload("lenet5"))
    forward = sum(p.positions * ceil(p.vectors / 128) * p.outputs * 2 * 8 for p in products)
    error = sum(p.positions * p.vectors * ceil(p.outputs / 128) * 2 * 8 for p in products[1:])
    assert total(phases["forward"], "adc", "convert") == forward * 3
    assert total(phases["error"], "transposed_adc", "convert") == error * 3
    assert total(phases["error"], "adc", "convert") == 0
    overlapping = sum(p.positions * p.vectors for p in products[1:] if p.shifts > 1)
    assert total(phases["error"], "alu", "add") == overlapping * 3
    assert total(phases["error"], "alu", "multiply") == 0


def test_errors_carry_their_layers_names(phases: dict[str, list[Count]]) -> None:
    names = {layer.name for layer in load_workload("lenet5").layers}
    assert {item.layer for item in phases["error"]} <= names


def named(*names: str) -> Graph:
    """Three convolutions and a classifier, by these names."""
    one, two, three, last = names
    layers = (
        Layer(name="x", op=Input(), inputs=(), shape=(3, 8, 8)),
        Layer(name=one, op=Conv(out=4, kernel=(3, 3), padding=(1, 1, 1, 1)), inputs=("x",), shape=(4, 8, 8)),
        Layer(name=two, op=Conv(out=4, kernel=(3, 3), padding=(1, 1, 1, 1)), inputs=(one,), shape=(4, 8, 8)),
        Layer(name=three, op=Conv(out=4, kernel=(3, 3), padding=(1, 1, 1, 1)), inputs=(two,), shape=(4, 8, 8)),
        Layer(name="flat", op=Reshape(), inputs=(three,), shape=(256,)),
        Layer(name=last, op=Linear(out=10), inputs=("flat",), shape=(10,)),
    )
    return Graph(name="named", layers=layers, outputs=(last,))


@pytest.mark.parametrize(
    "names",
    [("a", "b", "b.overlap", "b.back"), ("a.overlap", "a", "a.back", "a.part"), ("b.error", "b.0.back", "b", "d")],
)
def test_names_of_layers_mean_nothing(names: tuple[str, ...]) -> None:
    def counted(graph: Graph) -> list[tuple[str, str, str, float]]:
        chip, errors = chip_of(training__batch=2), error_graph(graph)
        assert errors is not None
        plan = map_on(errors.graph, error_chip(chip))
        time = run_timing(plan, 2, engine="kernel")
        counts = error_counts(plan, time, block_of(chip), gradient_products(graph), errors)
        return [(item.layer, item.component, item.action, item.count) for item in counts]

    plain = ("p", "q", "r", "s")
    turned = dict(zip(plain, names, strict=True)) | {"x": "x", "flat": "flat"}
    expected = [(turned[layer], *rest) for layer, *rest in counted(named(*plain))]
    assert counted(named(*names)) == expected


def test_updates_by_hand() -> None:
    chip = chip_of(training__update__pulsed_cells="5 %", training__update__gradient_read="true")
    graph = load_workload("lenet5")
    plan, products = map_on(graph, chip), gradient_products(graph)
    weights = sum(product.weights for product in products)
    velocity = RuleState(name="velocity", where="digital", bits=8, reads=1, writes=1, multiplications=2, additions=1)
    counts = update_counts(plan, block_of(chip), products, [velocity])
    assert total(counts, "crossbar", "pulse") == pytest.approx(0.05 * weights)
    assert total(counts, "dram", "bit") == 24 * weights
    assert total(counts, "alu", "multiply") == 2 * weights
    assert total(counts, "alu", "add") == weights
    assert update_counts(plan, block_of(chip), products, []) == [
        item for item in counts if item.component == "crossbar"
    ]
    on_chip = chip_of(training__update__state_in="chip")
    counts = update_counts(map_on(graph, on_chip), block_of(on_chip), products, [velocity])
    assert total(counts, "dram", "bit") == 0
    assert total(counts, "accumulator", "access") == sum(ceil(p.weights * 16 / 256) for p in products)


def test_a_second_array_is_read_and_pulsed() -> None:
    chip = chip_of(training__update__rule="tiki_taka")
    graph = load_workload("lenet5")
    products = gradient_products(graph)
    weights = sum(product.weights for product in products)
    fast = RuleState(name="fast", where="array", cells=1, array_reads=0.5)
    counts = update_counts(map_on(graph, chip), block_of(chip), products, [fast])
    assert total(counts, "crossbar", "pulse") == pytest.approx((0.01 + 0.1) * weights)
    assert total(counts, "adc", "convert") == pytest.approx(0.5 * weights)
    assert total(counts, "crossbar", "cell_read") == pytest.approx(0.5 * weights * 0.505)


def test_writing_takes_both_polarities_row_by_row() -> None:
    # LeNet-5's largest unit has arrays of 128 rows one after the other: both trains of 50 ns for each row
    chip = chip_of(device__write__one_array_per="array")
    assert update_time_s(map_on(load_workload("lenet5"), chip)) == pytest.approx(2 * 128 * 50e-9)
