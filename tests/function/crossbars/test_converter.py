"""Converters: every transfer keeps the contract of a converter, and each does what its definition says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.components.adc import bits_required, bits_required_flip
from archsim.errors import InputError
from archsim.function.crossbars.converter import FRACTION_BITS, OBSERVED, TRANSFERS, Sums, Transfer, converter_for
from tests.function.circuits import transfers

RNG = np.random.default_rng(3)
MET = np.bincount(np.minimum(RNG.poisson(30, 100_000), 384), minlength=385).astype(np.int64)
SUMS = Sums(largest=384, observed=MET)


def example(kind: str) -> Transfer:
    references = tuple(np.arange(15) * 7 + 1.5) if kind == "references" else ()
    return Transfer(kind=kind, bits=4, low=3.0, high=200.0, references=references)


@pytest.mark.parametrize("kind", sorted(TRANSFERS))
def test_conformance(kind: str) -> None:
    """Monotone, at most 2**bits values, digital words, the table is the function, values within range are stable."""
    converter = converter_for(example(kind), SUMS)
    sums = np.linspace(-10, 500, 5101)
    found = converter.convert(sums)
    assert found.shape == sums.shape
    assert found.dtype == np.float64
    assert (np.diff(found) >= 0).all()
    assert (converter.table(384) == np.rint(converter.convert(np.arange(385)) * 2**FRACTION_BITS)).all()
    if kind == "ideal":
        assert (found == sums).all()
        assert converter.codes == 0
        assert not converter.clips(sums).any()
        return
    assert 2 <= converter.codes <= 16
    assert len(np.unique(found)) <= 16
    assert (found * 2**FRACTION_BITS == np.rint(found * 2**FRACTION_BITS)).all()
    assert converter.values is not None
    assert (converter.convert(converter.values) == converter.values).all()
    inside = ~converter.clips(sums)
    assert inside.any()
    assert not inside.all()
    assert (found[sums > converter.highest] == converter.values[-1]).all()
    assert (found[sums < converter.lowest] == converter.values[0]).all()


@given(transfer=transfers, largest=st.integers(1, 500))
@settings(deadline=None)
def test_exact_part_is_exact_and_no_larger(transfer: Transfer, largest: int) -> None:
    converter = converter_for(transfer, SUMS)
    values = converter.convert(np.arange(largest + 1))
    exact = converter.exact_up_to(largest)
    same = values == np.arange(largest + 1)
    assert same[: exact + 1].all()
    assert exact == largest or not same[exact + 1]
    beyond = np.arange(exact + 1, largest + 1)
    saturated = exact >= 0 and (values[beyond] == exact).all() and converter.clips(beyond).all()
    assert converter.saturates_only(largest) == (exact == largest or saturated)


def test_unit_saturates_at_the_last_code() -> None:
    """Bits are codes of one level each: 7 bits hold 0 .. 127."""
    converter = converter_for(Transfer(kind="unit", bits=7), SUMS)
    assert (converter.convert(np.arange(385)) == np.minimum(np.arange(385), 127)).all()
    assert converter.clips(np.array([127, 128])).tolist() == [False, True]


def test_full_scale_spans_the_largest_sum() -> None:
    converter = converter_for(Transfer(kind="full_scale", bits=4), Sums(largest=30))
    assert converter.convert(np.array([0, 1, 2, 29, 30])).tolist() == [0, 2, 2, 30, 30]  # steps of 2, halves up
    assert not converter.clips(np.arange(31)).any()


@pytest.mark.parametrize("percentile", [100.0, 99.0, 90.0])
def test_calibrated_range_holds_the_share_asked_for(percentile: float) -> None:
    converter = converter_for(Transfer(kind="calibrated", bits=8, percentile=percentile), SUMS)
    outside = MET[converter.clips(np.arange(385))].sum() / MET.sum()
    assert outside <= (100 - percentile) / 100
    seen = np.flatnonzero(MET)
    if percentile == 100:
        assert converter.values is not None
        ends = (converter.values[0], converter.values[-1])
        assert ends == pytest.approx((seen[0], seen[-1]), abs=256 * 2.0 ** -(FRACTION_BITS + 1))
    else:
        assert outside > 0


def test_quantile_codes_are_met_equally_often() -> None:
    converter = converter_for(Transfer(kind="quantiles", bits=2), SUMS)
    assert converter.thresholds is not None
    code = np.searchsorted(converter.thresholds, np.arange(385), side="right")
    share = np.bincount(code, MET) / MET.sum()
    assert share == pytest.approx([0.25] * 4, abs=MET.max() / MET.sum())
    means = [np.average(np.flatnonzero(code == c), weights=MET[code == c]) for c in range(4)]
    assert converter.values == pytest.approx(means, abs=2.0**-FRACTION_BITS)


def test_quantiles_beat_a_uniform_range_on_their_own_sums() -> None:
    def error(kind: str) -> float:
        converted = converter_for(Transfer(kind=kind, bits=3), SUMS).convert(np.arange(385))
        return float((MET * (converted - np.arange(385)) ** 2).sum())

    assert error("quantiles") < error("calibrated") < error("full_scale")


def test_references_decide_where_they_say() -> None:
    transfer = Transfer(kind="references", bits=2, references=(1.0, 4.0, 10.0))
    found = converter_for(transfer, SUMS).convert(np.array([0.99, 1.0, 3.99, 4.0, 9.99, 10.0]))
    assert found.tolist() == [-0.5, 2.5, 2.5, 7.0, 7.0, 13.0]


def test_offset_and_gain_move_what_a_sum_looks_like() -> None:
    """A sum S reads as gain * S + offset: with +2 codes and 10 % more, 20 reads as 24."""
    converter = converter_for(Transfer(kind="unit", bits=8, offset=2.0, gain=0.1), SUMS)
    sums = np.array([0, 10, 20, 100])
    assert converter.convert(sums).tolist() == np.rint(sums * 1.1 + 2).tolist()


def test_inl_bows_and_keeps_the_ends() -> None:
    plain = converter_for(Transfer(kind="unit", bits=6), SUMS)
    bowed = converter_for(Transfer(kind="unit", bits=6, inl=1.5), SUMS)
    assert plain.thresholds is not None
    assert bowed.thresholds is not None
    shift = bowed.thresholds - plain.thresholds
    assert shift.max() == pytest.approx(1.5, rel=1e-12)
    assert shift.argmax() == 31
    assert abs(shift[[0, -1]]).max() < 0.1


def test_dnl_is_a_seeded_spread_of_widths() -> None:
    plain = converter_for(Transfer(kind="unit", bits=10), SUMS)
    spread = converter_for(Transfer(kind="unit", bits=10, dnl=0.1, seed=1), SUMS)
    again = converter_for(Transfer(kind="unit", bits=10, dnl=0.1, seed=1), SUMS)
    other = converter_for(Transfer(kind="unit", bits=10, dnl=0.1, seed=2), SUMS)
    assert plain.thresholds is not None
    assert spread.thresholds is not None
    assert (spread.thresholds == again.thresholds).all()
    assert (spread.thresholds != other.thresholds).any()
    widths = np.diff(spread.thresholds)
    assert widths.std() == pytest.approx(0.1, rel=0.1)
    assert widths.mean() == pytest.approx(1.0, abs=2e-3)


def test_large_dnl_gives_missing_codes_not_disorder() -> None:
    converter = converter_for(Transfer(kind="unit", bits=8, dnl=1.0, seed=4), SUMS)
    assert converter.thresholds is not None
    assert (np.diff(converter.thresholds) >= 0).all()
    assert (np.diff(converter.thresholds) == 0).any()


@pytest.mark.parametrize(
    ("transfer", "said"),
    [
        (Transfer(kind="sigma"), "unknown transfer 'sigma'"),
        (Transfer(kind="fixed", low=4, high=4), "expected low < high"),
        (Transfer(kind="references", bits=2, references=(1.0, 2.0)), "expected 3 ascending"),
        (Transfer(kind="references", bits=2, references=(1.0, 3.0, 2.0)), "expected 3 ascending"),
        *[(Transfer(kind=kind), "none were observed") for kind in OBSERVED],
    ],
)
def test_contradictions_are_refused(transfer: Transfer, said: str) -> None:
    with pytest.raises(InputError, match=said):
        converter_for(transfer, Sums(largest=384))


def test_isaac_resolution_rule() -> None:
    """V16: ISAAC's array (128 rows, 1-bit inputs, 2-bit cells) needs 9 bits, 8 with the flip encoding. A converter of
    that width is exact for every sum of a full array; one bit less is not."""
    assert (bits_required(128, 1, 2), bits_required_flip(128, 1, 2)) == (9, 8)
    for rows, dac, cell in [(128, 1, 2), (16, 1, 1), (256, 2, 2), (1024, 1, 4), (100, 3, 5)]:
        largest = rows * (2**dac - 1) * (2**cell - 1)
        bits = bits_required(rows, dac, cell)
        assert converter_for(Transfer(bits=bits), Sums(largest=largest)).exact_up_to(largest) == largest
        assert converter_for(Transfer(bits=bits - 1), Sums(largest=largest)).exact_up_to(largest) < largest
