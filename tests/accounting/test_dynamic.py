"""How counts and times fall with the bits that are streamed, against plain sums over windows and arrays."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import archsim
from archsim.accounting import count_actions, mean_input_bits, timed_cycles
from archsim.accounting.dynamic import used_cells
from archsim.config import Hardware, load_hardware
from archsim.function.inference.activity import LayerActivity
from archsim.function.inference.reads import array_reads
from archsim.mapper import map_network
from archsim.mapping import Plan
from archsim.mapping.reads import fixed_digits
from archsim.result import Result
from archsim.timing import run_timing
from archsim.workload import Dataset, Graph, Preprocessing
from tests.function.nets import everything, pictures, plain

GRAPH = everything()
DATA = Dataset(
    name="drawn",
    preprocessing=Preprocessing(size=(12, 12), mean=(100.0,), scale=(0.01,)),
    names=("0", "1", "2"),
    labels=None,
    source=np.ascontiguousarray(pictures(3, 12).transpose(0, 2, 3, 1)),
    indices=np.arange(3, dtype=np.int64),
)
ALONE = {"mapping.replication": "none", "ima.crossbar.rows": 32}


def hardware(name: str = "redy", **precision: Any) -> Hardware:
    changes = {f"activation_precision.{key}": value for key, value in precision.items()}
    return load_hardware(name).replace({**ALONE, **changes})


def simulate(chip: Hardware, graph: Graph = GRAPH, **options: Any) -> Result:
    return archsim.simulate(map_network(graph, chip), inputs=DATA, **options)


def totals(run: Result, layer: str) -> dict[tuple[str, str], float]:
    return {(row.component, row.action): row.count for row in run.actions if row.layer == layer}


def drawn_activity(plan: Plan, layer: LayerActivity, seed: int) -> LayerActivity:
    """The same activity with bits drawn for every group and window of two pictures."""
    assert layer.reads is not None
    rng = np.random.default_rng(seed)
    assert layer.reads.cycles is not None
    bits = rng.integers(0, 9, (2, *layer.reads.cycles.shape[1:])).astype(np.uint16)
    histogram = np.stack([np.bincount(bits[:, group].ravel(), minlength=9) for group in range(bits.shape[1])])
    digits = bits.sum(axis=(0, 2), dtype=np.int64)
    (grid,) = (mapped.grid for mapped in plan.stages if mapped.name == layer.name)
    assert grid is not None
    changes = {"cycles": bits, "histogram": histogram, "digits": digits, "rows": digits * grid.cut.lengths}
    return replace(layer, reads=replace(layer.reads, images=2, **changes))


@pytest.fixture(scope="module")
def measured() -> tuple[Plan, dict[str, LayerActivity]]:
    from archsim.function.inference.evaluate import evaluate
    from archsim.function.precision.offline import plan_counting, plan_precision, plan_streaming

    plan = map_network(GRAPH, hardware())
    found = evaluate(
        GRAPH, DATA, precision=plan_precision(plan), counting=plan_counting(plan), streaming=plan_streaming(plan)
    )
    return plan, {
        name: layer if layer.reads is None else drawn_activity(plan, layer, 7) for name, layer in found.activity.items()
    }


def test_counts_are_sums_over_windows_and_arrays(measured: tuple[Plan, dict[str, LayerActivity]]) -> None:
    """Every array of every window: its own cycles times its own rows, columns (and unit column) and cells."""
    plan, activity = measured
    reads = array_reads(plan, activity)
    counts = count_actions(plan, run_timing(plan), reads)
    for mapped in plan.stages:
        if mapped.grid is None or activity[mapped.name].reads is None:
            continue
        grid, bits = mapped.grid, activity[mapped.name].reads.cycles.astype(int)  # type: ignore[union-attr]
        wanted = {"convert": 0.0, "drive": 0.0, "read": 0.0}
        cells = used_cells(mapped, grid)
        assert cells.sum() == grid.used_cells
        for array, row_set in enumerate(grid.row_set.tolist()):
            cycles = bits[:, row_set].sum() / 2
            wanted["convert"] += cycles * (grid.columns[array] + 1)
            wanted["drive"] += cycles * grid.rows[array]
            wanted["read"] += cycles * cells[array] / (32 * 128)
        found = {(count.component, count.action): count.count for count in counts if count.layer == mapped.name}
        assert found["adc", "convert"] == pytest.approx(wanted["convert"], rel=1e-12)
        assert found["shift_add", "add"] == found["sample_hold", "sample"] == found["adc", "convert"]
        assert found["dac", "drive"] == pytest.approx(wanted["drive"], rel=1e-12)
        assert found["crossbar", "read"] == pytest.approx(wanted["read"], rel=1e-12)
        mean = mean_input_bits(plan, mapped, reads[mapped.name])
        static = mapped.windows * 8 * (int(grid.columns.sum()) + grid.crossbars)
        assert found["adc", "convert"] / static == pytest.approx(mean / 8, rel=1e-12)


def test_what_happens_once_a_window_stays() -> None:
    static, redy = (simulate(chip) for chip in (load_hardware("isaac-8bit").replace(ALONE), hardware()))
    for layer in ("c1", "dw", "e3", "fc"):
        before, after = totals(static, layer), totals(redy, layer)
        for action in (
            ("input_register", "window"),
            ("output_register", "window"),
            ("edram", "access"),
            ("bus", "bit"),
        ):
            assert before[action] == after[action]
    assert totals(static, "fc") == {key: n for key, n in totals(redy, "fc").items() if key[0] != "precision_decision"}
    assert totals(redy, "c1")["adc", "convert"] < totals(static, "c1")["adc", "convert"]


def test_range_computes_what_the_static_chip_computes() -> None:
    static, trimmed = (
        simulate(chip) for chip in (load_hardware("isaac-8bit").replace(ALONE), hardware(policy="range"))
    )
    assert static.function == trimmed.function
    dynamic = [sum(row.energy_j for row in run.actions if row.action != "static") for run in (static, trimmed)]
    assert dynamic[1] < dynamic[0]
    bits = {row.name: row.input_bits_mean for row in trimmed.layers}
    assert bits["fc"] == 8.0
    assert bits["mp"] is None
    assert 0 < bits["c2"] < 8  # type: ignore[operator]


def test_decisions_are_counted_once_for_each_ima_and_row_set() -> None:
    """c1 has 27 rows and 16 outputs: one array. dw packs three groups of 9 rows on 32: six row sets of 27 (the last of
    9), all in one IMA. fc takes no decision."""
    run = simulate(hardware())
    c1, dw = totals(run, "c1"), totals(run, "dw")
    assert c1["precision_decision", "decide"] == 144
    assert c1["precision_decision", "value"] == 144 * 27
    assert dw["precision_decision", "decide"] == 144 * 6
    assert dw["precision_decision", "value"] == 144 * 16 * 9
    assert ("precision_decision", "decide") not in totals(run, "fc")
    many = simulate(hardware(fully_connected=True))
    assert totals(many, "fc")["precision_decision", "value"] == 24


def test_arrays_of_one_ima_share_a_decision_and_those_of_others_repeat_it() -> None:
    """144 rows and 320 columns of cells on 32 x 32 arrays: 5 row sets by 10 column groups, column groups first, on 8
    arrays an IMA."""
    from archsim.workload.graph import Conv, Input, Layer
    from archsim.workload.weights import seeded_weights

    layers = (
        Layer(name="x", op=Input(), inputs=(), shape=(16, 4, 4)),
        Layer(name="c", op=Conv(out=80, kernel=(3, 3)), inputs=("x",), shape=(80, 2, 2)),
    )
    graph = seeded_weights(Graph(name="wide", layers=layers, outputs=("c",)), 0)
    chip = load_hardware("redy").replace({**ALONE, "ima.crossbar.columns": 32, "ima.adc.rate": "0.32 GS/s"})
    plan = map_network(graph, chip)
    counts = count_actions(plan, run_timing(plan), array_reads(plan, {}))
    held = {(array // 8, array % 5) for array in range(50)}
    decides = [count.count for count in counts if count.action == "decide"]
    assert decides == [4 * len(held)]


def test_static_policies_need_no_pictures() -> None:
    """7 of 8 bits: 7 cycles a window in time and energy, with and without inputs; layers can have their own."""
    seven = hardware(policy="static", bits=7)
    bare, full = archsim.simulate(map_network(GRAPH, seven)), simulate(seven)
    for one, other in zip(bare.layers, full.layers, strict=True):
        assert (one.adc_conversions, one.input_bits_mean, one.busy_s) == (
            other.adc_conversions, other.input_bits_mean, other.busy_s
        )  # fmt: skip
    eight = archsim.simulate(map_network(GRAPH, hardware(policy="static", bits=8)))
    for one, other in zip(bare.layers, eight.layers, strict=True):
        if one.kind != "linear" and one.crossbars:
            assert one.adc_conversions * 8 == other.adc_conversions * 7
            assert one.busy_s * 8 == pytest.approx(other.busy_s * 7)
            assert one.input_bits_mean == 7.0


def test_layer_bits_by_name() -> None:
    chip = load_hardware("redy").replace(
        {**ALONE, "activation_precision.policy": "static_mixed", "activation_precision.bits": 8}
        | {"activation_precision.layer_bits.c2": 5}
    )
    run = simulate(chip)
    assert {row.name: row.input_bits_mean for row in run.layers if row.name in ("c1", "c2")} == {"c1": 8.0, "c2": 5.0}
    wrong = chip.replace({"activation_precision.layer_bits.c22": 5})
    with pytest.raises(archsim.InputError, match=r"no such layer on crossbars.*did you mean 'c2'"):
        archsim.simulate(map_network(GRAPH, wrong))


def test_times_follow_the_longest_group(measured: tuple[Plan, dict[str, LayerActivity]]) -> None:
    plan, activity = measured
    cycles = timed_cycles(plan, activity, 1)
    assert "fc" not in cycles
    bits = activity["c2"].reads.cycles  # type: ignore[union-attr]
    assert (cycles["c2"] == bits[0].max(axis=0)).all()
    assert (timed_cycles(plan, activity, 3)["c2"] == np.concatenate([bits[i].max(axis=0) for i in (0, 1, 0)])).all()
    timing = run_timing(plan, input_cycles=cycles)
    stage = next(stage for stage in timing.stages if stage.name == "c2")
    assert stage.busy_s == pytest.approx(int(cycles["c2"].sum()) * 100e-9)


@pytest.mark.parametrize("engine", ["simpy", "kernel"])
def test_engines_agree_on_streams_of_different_pictures(engine: str) -> None:
    reference = simulate(hardware(free_running=True), images=4, engine="simpy")
    other = simulate(hardware(free_running=True), images=4, engine=engine)
    assert other.totals.latency_s == reference.totals.latency_s
    assert [row.end_s for row in other.layers] == [row.end_s for row in reference.layers]


def test_bit_detail_plays_out_the_same_streams_windows_of_zeros_included() -> None:
    """Three quarters of black pixels make windows of conv c1 that stream nothing; the times are the same."""
    black = np.zeros((1, 8, 8, 3), np.uint8)
    black[:, 4:, 4:] = pictures(1, 8).transpose(0, 2, 3, 1)[:, 4:, 4:]
    small = replace(DATA.preprocessing, size=(8, 8))
    data = replace(DATA, source=black, names=("0",), indices=np.zeros(1, np.int64), preprocessing=small)
    plan = map_network(plain(padding=0), hardware())
    runs = [archsim.simulate(plan, inputs=data, detail=detail) for detail in ("window", "bit")]
    assert runs[0].layers[0].input_bits_mean != runs[0].layers[1].input_bits_mean
    for first, second in zip(runs[0].layers, runs[1].layers, strict=True):
        assert (first.start_s, first.end_s, first.busy_s) == (second.start_s, second.end_s, second.busy_s)
    found = simulate_cycles(plan, data)
    assert (found["c1"] == 0).any()
    assert (found["c1"] > 0).any()


def simulate_cycles(plan: Plan, data: Dataset) -> dict[str, Any]:
    """Crossbar cycles of every window of one picture."""
    from archsim.function.inference.evaluate import evaluate
    from archsim.function.precision.offline import plan_counting, plan_precision, plan_streaming

    found = evaluate(
        plan.graph, data, precision=plan_precision(plan), counting=plan_counting(plan), streaming=plan_streaming(plan)
    )
    return dict(timed_cycles(plan, found.activity, 1))


def test_without_inputs_a_note_says_that_nothing_was_decided() -> None:
    run = archsim.simulate(map_network(GRAPH, hardware()))
    assert any("every group streams all 8 bits" in note for note in run.notes)
    assert {row.input_bits_mean for row in run.layers} == {8.0, None}
    free = load_hardware("isaac-8bit").replace({**ALONE, "activation_precision.policy": "range"})
    assert any("costs nothing here" in note for note in simulate(free).notes)


def test_fixed_digits_of_the_shipped_chips() -> None:
    for name, cycles in (("isaac-8bit", 8), ("isaac-ce", 16), ("redy", 8)):
        plan = map_network(GRAPH, load_hardware(name))
        assert {fixed_digits(plan, mapped) for mapped in plan.stages if mapped.grid is not None} == {cycles}


def test_gated_drivers_are_charged_for_streamed_ones() -> None:
    """With drivers that gate, dropping bits drops the ones in them; trimming zeros changes no drive."""
    gate = {"ima.dac.charge": "active"}
    static = simulate(load_hardware("isaac-8bit").replace({**ALONE, **gate}))
    trimmed = simulate(hardware(policy="range").replace(gate))
    rough = simulate(hardware(policy="significant_bits", bits=2).replace(gate))
    drives = [totals(run, "c1")["dac", "drive"] for run in (static, trimmed, rough)]
    assert drives[0] == pytest.approx(drives[1], rel=1e-12)
    assert drives[2] < drives[1]


def test_a_converter_that_sees_something_in_nothing_is_refused() -> None:
    chip = hardware().replace(
        {
            "ima.adc.transfer.kind": "uniform",
            "ima.adc.transfer.range": "fixed",
            "ima.adc.transfer.low": 3,
            "ima.adc.transfer.high": 90,
        }
    )
    with pytest.raises(archsim.InputError, match="turns a column sum of 0 into 3"):
        simulate(chip)
