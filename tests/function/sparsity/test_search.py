"""Counting decisions on inputs: kernels against the definition, batches and threads, dynamic precision."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from archsim.errors import InputError
from archsim.function.crossbars.converter import Sums, Transfer, converter_for
from archsim.function.crossbars.encodings import Drive
from archsim.function.inference.activity import Counting
from archsim.function.inference.infer import infer
from archsim.function.precision.rule import Rule
from archsim.function.precision.stream import LayerStream, Streaming
from archsim.function.quantization.network import MatrixLayer
from archsim.function.sparsity.columns import array_columns
from archsim.function.sparsity.oracle import decisions
from archsim.function.sparsity.policies import POLICIES
from archsim.function.sparsity.search import LayerSearch, Searching
from archsim.mapping.slicing import Slicing, grid_for
from tests.function.circuits import inputs_for, layer_of, slicing_of, with_units
from tests.function.inference.test_infer import quantized
from tests.function.nets import everything, plain

Array = NDArray[Any]


def searching(slicing: Slicing, policy: str, transfer: Transfer | None = None, **options: Any) -> Searching:
    transfer = transfer or Transfer(bits=9)
    largest = slicing.rows * (2**slicing.cell_bits - 1) * (2**slicing.dac_bits - 1)
    made = converter_for(transfer, Sums(largest=largest))
    settings = {"every_column": False, **options}
    return Searching(policy=policy, bits=transfer.bits, slicing=slicing, converter=lambda _: made, **settings)


def expected(
    layer: MatrixLayer, wanted: Searching, unrolled: Array, planes: tuple[Array, Array] | None = None
) -> Array:
    """Histogram [arrays, bits + 1] by the definition, array by array."""
    rows = unrolled.reshape(-1, unrolled.shape[-1])
    drive = Drive.of(layer.format, wanted.slicing)
    search = LayerSearch(layer, wanted)._search
    options = {"every_column": wanted.every_column}
    items = list(array_columns(layer, wanted.slicing, **options))
    found = np.zeros((len(items), wanted.bits + 1), np.int64)
    for item in items:
        group = item.group
        made = decisions(wanted.policy, search, item.levels, rows[group.start : group.stop], drive)
        for digit in range(drive.digits):
            driven = np.ones(rows.shape[1], bool)
            if planes is not None:
                first = planes[1][group.index].astype(int)
                driven = (first <= digit) & (digit < first + planes[0][group.index])
            found[item.array] += np.bincount(made[digit][driven].ravel(), minlength=wanted.bits + 1)
    return found


SLICINGS = st.sampled_from(
    [
        slicing_of(rows=16, columns=24, encoding="differential", cell_bits=8),
        slicing_of(rows=16, columns=32, encoding="offset"),
        slicing_of(rows=16, columns=32, encoding="flip", sibling_arrays=True),
        slicing_of(rows=32, columns=16, encoding="offset", dac_bits=2, cell_bits=4),
        slicing_of(rows=24, columns=8, encoding="differential", cell_bits=4, weight_bits=4, input_bits=3),
    ]
)


@settings(deadline=None, max_examples=60)
@given(SLICINGS, st.sampled_from([*POLICIES]), st.integers(1, 2), st.booleans(), st.booleans(), st.integers(0, 2**32))
def test_kernels_count_what_the_definition_counts(
    slicing: Slicing, policy: str, groups: int, signed: bool, extra: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    high = 2 ** (slicing.weight_bits - 1)
    weight = rng.integers(1 - high, high, (groups, int(rng.integers(1, 60)), int(rng.integers(1, 9))))
    weight[rng.random(weight.shape) < 0.5] = 0
    layer = layer_of(weight, weight_bits=slicing.weight_bits, input_bits=slicing.input_bits, signed=signed)
    x = np.ascontiguousarray(inputs_for(layer, 21, rng, share=0.3).transpose(0, 2, 1))
    wanted = searching(with_units(slicing, extra), policy, every_column=extra)
    counter = LayerSearch(layer, wanted)
    parts = counter.count(x[..., :8]) + counter.count(x[..., 8:])
    found = counter.counts(parts, 21)
    np.testing.assert_array_equal(found.histogram, expected(layer, wanted, x))
    grid = grid_for(weight.shape[1], weight.shape[2], groups, slicing)
    columns = np.full(grid.crossbars, slicing.columns) if extra else grid.columns
    cycles = 21 * slicing.input_cycles
    np.testing.assert_array_equal(found.histogram.sum(axis=1), (columns + wanted.slicing.unit_columns) * cycles)


@pytest.mark.parametrize("policy", [*POLICIES])
@pytest.mark.parametrize("signed", [False, True])
def test_only_streamed_digits_are_converted(policy: str, signed: bool) -> None:
    """Planes left out by dynamic precision are no conversions, not even where a sign is copied into them."""
    rng = np.random.default_rng(3)
    layer = layer_of(rng.integers(-127, 128, (1, 40, 5)), signed=signed)
    slicing = slicing_of(rows=16, columns=24, encoding="differential", cell_bits=8)
    x = np.ascontiguousarray(inputs_for(layer, 30, rng, share=0.5).transpose(0, 2, 1)) // 3
    x = x.astype(layer.format.dtype)
    stream = LayerStream(
        layer,
        Streaming(rule=Rule(policy="redy_var", tau=0.01, fully_connected=True), counting=Counting(crossbar_rows=16)),
    )
    decided = stream.decide(x.reshape(-1, 30))
    streamed, bits, _ = stream.stream(x, decided)
    assert 0 < bits.mean() < 8
    wanted = searching(slicing, policy)
    counter = LayerSearch(layer, wanted)
    found = counter.counts(counter.count(streamed, decided), 30).histogram
    np.testing.assert_array_equal(found, expected(layer, wanted, streamed, decided))
    columns = grid_for(40, 5, 1, slicing)
    np.testing.assert_array_equal(found.sum(axis=1), bits.sum(axis=1)[columns.row_set] * columns.columns)


@pytest.mark.parametrize("policy", ["skip_zero", "column_bound", "oracle"])
def test_counts_do_not_depend_on_batches_or_threads(policy: str) -> None:
    network, images = quantized(everything())
    wanted = searching(slicing_of(rows=32, encoding="differential", cell_bits=8), policy, Transfer(bits=13))
    counting = Counting(crossbar_rows=32)
    runs = [
        infer(network, images, counting=counting, searching=wanted, batch=batch, threads=threads)
        for batch, threads in ((1, 1), (5, 2), (2, 3))
    ]
    for run in runs[1:]:
        for one, other in zip(runs[0].activity, run.activity, strict=True):
            assert one.reads is not None
            assert other.reads is not None
            assert one.reads.decisions is not None
            assert other.reads.decisions is not None
            assert one.reads.decisions.images == other.reads.decisions.images == 5
            np.testing.assert_array_equal(one.reads.decisions.histogram, other.reads.decisions.histogram)
    assert (runs[0].logits == infer(network, images).logits).all()


def test_refused_converters_are_named() -> None:
    network, images = quantized(plain())
    wanted = searching(slicing_of(), "bound", Transfer(bits=8, offset=2.0))
    with pytest.raises(InputError, match=r"a column sum of 0 the code 2"):
        infer(network, images, counting=Counting(), searching=wanted)
