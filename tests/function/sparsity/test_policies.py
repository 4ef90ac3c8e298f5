"""ADC sparsity policies, all through one conformance test: their order, and that no shortened search changes a code."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.components.adc import bits_required
from archsim.errors import InputError
from archsim.function.crossbars.converter import Converter, Sums, Transfer, converter_for
from archsim.function.crossbars.encodings import Drive
from archsim.function.sparsity.oracle import decisions, shortened
from archsim.function.sparsity.policies import POLICIES, Columns, Search, search_of

ROWS = 24


def search(transfer: Transfer, cell_bits: int = 2, dac_bits: int = 1) -> tuple[Converter, Search]:
    digit, level = 2**dac_bits - 1, 2**cell_bits - 1
    converter = converter_for(transfer, Sums(largest=ROWS * digit * level))
    return converter, search_of(converter, transfer.bits, digit * level, digit)


@st.composite
def transfers(draw: st.DrawFn) -> Transfer:
    kind = draw(st.sampled_from(["unit", "full_scale", "fixed", "references"]))
    bits = draw(st.integers(1, 9 if kind != "references" else 3))
    high = draw(st.integers(3, 300))
    start = draw(st.floats(0.5, 5))
    references = tuple(start + step * step for step in range(2**bits - 1)) if kind == "references" else ()
    return Transfer(
        kind=kind,
        bits=bits,
        high=high if kind == "fixed" else 0.0,
        references=references,
        gain=draw(st.sampled_from([0.0, -0.1, 0.2])),
        inl=draw(st.sampled_from([0.0, 0.4])),
        offset=draw(st.sampled_from([0.0, -0.7, 0.6])),
    )


@settings(deadline=None, max_examples=200)
@given(transfers(), st.integers(1, 4), st.sampled_from([1, 2]), st.booleans(), st.integers(0, 2**32 - 1))
def test_conformance(transfer: Transfer, cell_bits: int, dac_bits: int, signed: bool, seed: int) -> None:
    """Each policy makes at most the decisions of the one before it, in every conversion, and finds the same code."""
    rng = np.random.default_rng(seed)
    try:
        converter, found = search(transfer, cell_bits, dac_bits)
    except InputError:  # an error that lifts the code of an empty column
        converter = converter_for(transfer, Sums(largest=ROWS * (2**dac_bits - 1) * (2**cell_bits - 1)))
        assert converter.convert(np.zeros(1)) != converter.values[0]  # type: ignore[index]
        return
    levels = rng.integers(0, 2**cell_bits, (ROWS, 6)).astype(np.uint8)
    levels[:, 0], levels[rng.random((ROWS, 6)) < 0.4] = 0, 0
    drive = Drive(bits=4, dac_bits=dac_bits, signed=signed)
    x = rng.integers(-7 if signed else 0, 8, (ROWS, 10)).astype(np.int8 if signed else np.uint8)
    x[:, rng.random(10) < 0.3] = 0
    lengths = {name: decisions(name, found, levels, x, drive) for name in POLICIES}
    for more, less in pairwise(lengths.values()):
        assert (more >= less).all()
    sums = np.einsum("drw,rc->dwc", drive.split(x).astype(np.int64), levels.astype(np.int64))
    thresholds = converter.thresholds
    assert thresholds is not None
    codes = np.searchsorted(thresholds, sums, side="right")
    for name, made in lengths.items():
        assert ((made >= 0) & (made <= transfer.bits)).all(), name
        assert (shortened(found, codes, made) == codes).all(), name
    # the oracle is the limit: one decision less would lose a code
    shortest = np.maximum(lengths["oracle"] - 1, 0)
    assert (shortened(found, codes, shortest) != codes)[lengths["oracle"] > 0].all()


def test_lengths_of_a_converter_of_one_code_per_level() -> None:
    """bit_length(n * (2^w - 1) * (2^v - 1)), at most N; ISAAC's array of 128 rows of 2-bit cells needs 9."""
    for cell_bits, dac_bits, bits in ((2, 1, 9), (8, 1, 15), (4, 1, 11), (2, 2, 10), (4, 1, 6)):
        digit, level = 2**dac_bits - 1, 2**cell_bits - 1
        converter = converter_for(Transfer(bits=bits), Sums(largest=128 * digit * level))
        found = search_of(converter, bits, digit * level, digit)
        active = np.arange(129)[:, None]
        columns = Columns(largest=np.array([level], float), total=np.array([128 * level], float))
        lengths = POLICIES["bound"](found, columns, active, np.zeros(1))[:, 0]
        assert lengths.tolist() == [min(bits, int(n * digit * level).bit_length()) for n in range(129)]
        assert bits < bits_required(128, dac_bits, cell_bits) or lengths[-1] == bits


def test_full_scale_drops_leading_decisions_of_the_range() -> None:
    """128 cells of 255 levels in 9 bits: a code is 63.9 levels. One active row reaches code 4: 3 decisions of 9."""
    converter = converter_for(Transfer(kind="full_scale", bits=9), Sums(largest=128 * 255))
    found = search_of(converter, 9, 255, 1)
    assert found.length(np.array([0, 31, 32, 255, 128 * 255])).tolist() == [0, 0, 1, 3, 9]


def test_column_limits_by_hand() -> None:
    """Levels 3, 1, 0, 0: one active row adds at most 3 (2 bits), four at most 4 (3 bits), and never more."""
    _, found = search(Transfer(bits=7))
    columns = Columns(largest=np.array([3.0, 0.0]), total=np.array([4.0, 0.0]))
    active = np.array([[0], [1], [2], [4], [24]])
    lengths = POLICIES["column_bound"](found, columns, active, np.zeros(1))
    assert lengths.tolist() == [[0, 0], [2, 0], [3, 0], [3, 0], [3, 0]]
    assert POLICIES["skip_zero"](found, columns, active, np.zeros(1)).tolist() == [[0, 0], *[[7, 0]] * 4]
    assert POLICIES["bound"](found, columns, active, np.zeros(1))[:, 0].tolist() == [0, 2, 3, 4, 7]


@pytest.mark.parametrize(
    "transfer",
    [
        Transfer(kind="fixed", bits=4, low=0.0, high=40.0, inl=-9.0),
        Transfer(bits=4, offset=0.6),
        Transfer(kind="ideal"),
    ],
)
def test_converters_that_answer_to_nothing_are_refused(transfer: Transfer) -> None:
    with pytest.raises(InputError, match=r"ima.adc.sparsity"):
        search(transfer)
