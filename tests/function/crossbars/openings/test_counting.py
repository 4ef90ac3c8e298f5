"""Reads of measured inputs, against the oracle's list of reads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.errors import InputError
from archsim.function.crossbars.circuit import Circuit
from archsim.function.crossbars.converter import Sums, Transfer, converter_for
from archsim.function.crossbars.openings.counting import LayerOpening, Opening
from archsim.function.crossbars.openings.engine import opening_engine, prepare_reads
from archsim.function.crossbars.openings.oracle import passes_of, reads_of
from archsim.function.inference.activity import Counting
from archsim.function.inference.infer import infer
from archsim.function.inference.reads import ReadCounts, merge_reads, reads_histogram
from archsim.function.sparsity.search import Searching
from archsim.mapping.rows import RowPlan, rename
from archsim.mapping.slicing import Slicing, grid_for
from tests.function.circuits import inputs_for, layer_of, slicing_of
from tests.function.inference.test_infer import quantized
from tests.function.nets import everything

Array = np.ndarray[Any, Any]
POLICIES = ("dense", "windowed", "compacting")


def opening(slicing: Slicing, rows_at_once: int, policy: str) -> Slicing:
    return replace(slicing, rows_at_once=rows_at_once, activation=policy)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(POLICIES), st.integers(1, 20), st.sampled_from([8, 17, 64]), st.sampled_from([1, 2]), st.booleans(),
    st.floats(0, 1), st.integers(0, 10**6),
)  # fmt: skip
def test_counts_are_the_oracles(
    policy: str, at_once: int, rows: int, dac_bits: int, shared: bool, share: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    slicing = opening(
        slicing_of(weight_bits=1, cell_bits=1, input_bits=2, dac_bits=dac_bits, rows=rows, columns=16), at_once, policy
    )
    layer = layer_of(rng.choice([-1, 1], (1, 40, 3)), weight_bits=1, input_bits=2)
    plan = rename(layer.weight[0], complement=True).plan if shared and dac_bits == 1 else None
    circuit = Circuit(
        slicing=slicing,
        converter=converter_for(Transfer(kind="unit", bits=8), Sums(largest=8)),
        rows={} if plan is None else {layer.name: plan},
    )
    x = inputs_for(layer, 5, rng, share)
    found = LayerOpening(layer, slicing, plan).count(x.transpose(0, 2, 1))
    reads = prepare_reads(layer, circuit)
    counted, opened = np.zeros_like(found.reads), np.zeros_like(found.rows)
    active = np.zeros_like(found.active)
    for group, part in enumerate(reads.parts):
        for window, codes in enumerate(x[0].astype(np.int64)):
            for *_, driven, _values in passes_of(reads, codes, part):
                for _, rows_driven, rows_opened in reads_of(driven, slicing.opened_rows, policy):
                    counted[group, window] += 1
                    opened[group] += rows_opened
                    active[group, len(rows_driven)] += 1
    assert np.array_equal(found.reads, counted)
    assert np.array_equal(found.rows, opened)
    assert np.array_equal(found.active, active)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 20), st.floats(0, 1), st.integers(0, 10**6))
def test_sparsity_control_never_converts_more(at_once: int, share: float, seed: int) -> None:
    """Conversions: compacting <= windowed <= dense; equal where every row is active."""
    rng = np.random.default_rng(seed)
    layer = layer_of(rng.choice([-1, 1], (1, 40, 3)), weight_bits=1, input_bits=2)
    x = inputs_for(layer, 6, rng, share).transpose(0, 2, 1)
    for inputs in (x, np.full_like(x, 3)):
        totals = []
        for policy in POLICIES:
            slicing = opening(slicing_of(weight_bits=1, cell_bits=1, input_bits=2, rows=16), at_once, policy)
            totals.append(LayerOpening(layer, slicing, None).count(inputs).reads.astype(int))
        dense, windowed, compacting = totals
        assert (compacting <= windowed).all()
        assert (windowed <= dense).all()
    assert (dense == compacting).all()
    assert (dense == 2 * -(-grid_for(40, 3, 1, slicing).cut.lengths // min(16, at_once))[:, None]).all()


def test_a_number_of_reads_beyond_16_bits_is_refused() -> None:
    layer = layer_of(np.ones((1, 40_000, 1)), weight_bits=1, input_bits=2)
    plan = RowPlan(physical=np.zeros(40_000, np.int64), sign=np.ones(40_000, np.int8), order=np.zeros(1, np.int64))
    with pytest.raises(InputError, match="80,000 reads a window"):
        LayerOpening(layer, slicing_of(weight_bits=1, cell_bits=1, input_bits=2), plan)


@pytest.mark.parametrize("policy", POLICIES)
def test_results_do_not_depend_on_threads_or_batches(policy: str) -> None:
    """Noisy outputs, reads and decisions, bit for bit."""
    network, images = quantized(everything())
    slicing = opening(slicing_of(rows=32, encoding="differential", cell_bits=8), 7, policy)
    converter = converter_for(Transfer(kind="unit", bits=11), Sums(largest=slicing.largest_sum))
    circuit = Circuit(slicing=slicing, converter=converter, read_noise=3.0, noise_law="mixed", seed=1)
    searching = Searching(
        policy="column_bound",
        bits=11,
        slicing=slicing,
        every_column=False,
        converter=lambda _: converter,
    )
    runs = [
        infer(
            network, images, engine=opening_engine(circuit), counting=Counting(crossbar_rows=32),
            opening=Opening(slicing=slicing), searching=searching, batch=batch, threads=threads,
        )
        for batch, threads in ((1, 1), (5, 1), (5, 2), (2, 3))
    ]  # fmt: skip
    for run in runs[1:]:
        assert run.logits.tobytes() == runs[0].logits.tobytes()
        for one, other in zip(runs[0].activity, run.activity, strict=True):
            assert same(one.reads, other.reads)
    for layer in runs[0].activity:
        assert layer.reads is not None
        assert layer.reads.decisions is not None
        matrix = next(item for item in network.matrices if item.name == layer.name)
        grid = grid_for(matrix.geometry.rows, matrix.geometry.columns, matrix.geometry.groups, slicing)
        conversions = layer.reads.reads[grid.row_set] * grid.columns
        assert np.array_equal(layer.reads.decisions.histogram.sum(axis=1), conversions)
        assert (layer.reads.rows <= layer.reads.digits * grid.cut.lengths).all()


def same(one: ReadCounts | None, other: ReadCounts | None) -> bool:
    assert one is not None
    assert other is not None
    assert one.cycles is not None
    assert other.cycles is not None
    assert one.decisions is not None
    assert other.decisions is not None
    most = max(one.histogram.shape[1], other.histogram.shape[1])
    wide = [np.pad(item.histogram, ((0, 0), (0, most - item.histogram.shape[1]))) for item in (one, other)]
    parts = [(item.cycles, item.digits, item.rows, item.reads, item.decisions.histogram) for item in (one, other)]
    return np.array_equal(*wide) and all(np.array_equal(a, b) for a, b in zip(*parts, strict=True))


CYCLES = np.random.default_rng(0).integers(0, 300, (6, 3, 10)).astype(np.uint16)


def counts(cycles: Array, drives: int | None = None) -> ReadCounts:
    reads = cycles.sum(axis=(0, 2), dtype=np.int64)
    return ReadCounts(
        images=len(cycles),
        histogram=reads_histogram(cycles),
        digits=reads,
        rows=7 * reads,
        cycles=cycles,
        drives=drives,
    )


def test_histogram_and_reads() -> None:
    found = counts(CYCLES)
    for group in range(3):
        expected = np.bincount(CYCLES[:, group].ravel(), minlength=found.histogram.shape[1])
        assert (found.histogram[group] == expected).all()
    assert (found.reads == CYCLES.astype(int).sum(axis=(0, 2))).all()
    assert found.windows == 60
    assert found.zero_group_fraction == (CYCLES == 0).mean()


def test_merging_equals_counting_together() -> None:
    whole, parts = counts(CYCLES, 7), merge_reads([counts(CYCLES[:1], 3), counts(CYCLES[1:], 4)])
    assert (parts.histogram == whole.histogram).all()
    assert (parts.cycles == CYCLES).all()
    assert (parts.rows == whole.rows).all()
    assert (parts.images, parts.drives) == (6, 7)


def test_kept_images_are_the_first_ones_in_any_split() -> None:
    for cut in (1, 2, 3, 5):
        found = merge_reads([counts(CYCLES[:cut]).keep(2), counts(CYCLES[cut:])]).keep(2)
        assert found.cycles is not None
        assert (found.cycles == CYCLES[:2]).all()
        assert found.images == 6
        assert found.drives is None
