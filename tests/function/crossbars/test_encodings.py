"""Encodings: levels fit the cells, and the way back is exact whatever the bits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.components import build_chip, figures
from archsim.components.adc import bits_required_flip
from archsim.config import load_hardware
from archsim.errors import InputError
from archsim.function.crossbars.encodings import (
    Drive,
    combine,
    effective_weights,
    encode,
    flips,
    largest_sum,
    row_groups,
)
from archsim.mapping.slicing import Slicing, grid_for
from tests.function.circuits import inputs_for, layer_of, lowest_weight, slicing_of, slicings, with_units


@given(
    slicing=slicings, seed=st.integers(0, 999), rows=st.integers(1, 60), outputs=st.integers(1, 9), unit=st.booleans()
)
@settings(deadline=None)
def test_cells_hold_levels_that_stand_for_the_weights(
    slicing: Slicing, seed: int, rows: int, outputs: int, unit: bool
) -> None:
    weight = np.random.default_rng(seed).integers(
        lowest_weight(slicing), 2 ** (slicing.weight_bits - 1), (rows, outputs)
    )
    encoded = encode(weight, with_units(slicing, unit))
    assert encoded.cells.dtype == np.uint8
    assert encoded.cells.max(initial=0) < 2**slicing.cell_bits
    assert encoded.cells.shape[:2] == (slicing.weight_slices, rows)
    assert (effective_weights(encoded) == weight).all()
    assert encoded.analog_unit == (unit and slicing.encoding != "differential")


@given(bits=st.integers(2, 16), dac_bits=st.integers(1, 8), signed=st.booleans(), seed=st.integers(0, 999))
def test_digits_add_up_to_the_inputs(bits: int, dac_bits: int, signed: bool, seed: int) -> None:
    drive = Drive(bits=bits, dac_bits=dac_bits, signed=signed)
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1)) if signed else (0, 2**bits)
    kind = ("i" if signed else "u") + ("1" if bits <= 8 else "2")
    x = np.random.default_rng(seed).integers(low, high, (5, 7)).astype(kind)
    x.flat[:2] = low, high - 1
    digits = drive.split(x)
    assert digits.shape == (-(-bits // dac_bits), 5, 7)
    assert digits.max() <= drive.largest == 2**dac_bits - 1
    total = np.tensordot(drive.weights, digits.astype(np.int64), 1)
    assert (total - drive.offset == x).all()
    assert (drive.offset > 0) == (signed and dac_bits > 1)


def test_last_bit_of_a_signed_input_subtracts() -> None:
    drive = Drive(bits=4, dac_bits=1, signed=True)
    assert drive.weights.tolist() == [1, 2, 4, -8]
    assert drive.split(np.array([-3], np.int8)).ravel().tolist() == [1, 0, 1, 1]


@given(slicing=slicings, seed=st.integers(0, 999), signed=st.booleans())
@settings(deadline=None, max_examples=60)
def test_shift_and_add_of_lossless_sums_is_the_product(slicing: Slicing, seed: int, signed: bool) -> None:
    rng = np.random.default_rng(seed)
    weight = rng.integers(lowest_weight(slicing), 2 ** (slicing.weight_bits - 1), (1, min(40, slicing.rows), 5))
    layer = layer_of(weight, weight_bits=slicing.weight_bits, input_bits=slicing.input_bits, signed=signed)
    drive = Drive.of(layer.format, slicing)
    x = inputs_for(layer, 11, rng)[0].T
    encoded = encode(weight[0], with_units(slicing))
    digits = drive.split(np.ascontiguousarray(x)).astype(np.int64)
    sums = np.einsum("drm,srl->dslm", digits, encoded.cells.astype(np.int64))
    units = np.einsum("drm,ru->dum", digits, encoded.unit_cells.astype(np.int64))
    found = combine(encoded, sums, units, drive) - drive.offset * weight[0].sum(axis=0)[:, None]
    assert (found == weight[0].T @ x.astype(np.int64)).all()


@given(slicing=slicings, seed=st.integers(0, 999), kind=st.sampled_from(["random", "low", "high"]))
@settings(deadline=None)
def test_no_sum_exceeds_the_bound_of_its_encoding(slicing: Slicing, seed: int, kind: str) -> None:
    """With `flip`, columns whose sum could set the top bit store the complement and then cannot (ISAAC, Sec. V)."""
    rng = np.random.default_rng(seed)
    top = 2 ** (slicing.weight_bits - 1)
    low = lowest_weight(slicing)
    ends = {"random": (low, top), "low": (low, low + 1), "high": (top - 1, top)}[kind]
    encoded = encode(rng.integers(*ends, (slicing.rows, 4)), with_units(slicing))
    digit = 2**slicing.dac_bits - 1
    largest = max(encoded.cells.sum(axis=1, dtype=np.int64).max(), encoded.unit_cells.sum(axis=0).max(initial=0))
    assert largest * digit <= largest_sum(slicing)
    if slicing.encoding == "flip":
        bits = bits_required_flip(slicing.rows, slicing.dac_bits, slicing.cell_bits)
        assert int(encoded.cells.sum(axis=1, dtype=np.int64).max()) * digit < 2**bits
        assert not flips(encoded.cells, slicing).any()


@pytest.mark.parametrize(("cell_bits", "slices"), [(1, 7), (2, 4), (4, 2), (7, 1), (8, 1)])
def test_a_pair_stores_no_sign_bit(cell_bits: int, slices: int) -> None:
    """8-bit weights are magnitudes up to 127 in a pair: 7 bits of cells, and column sums up to 127 a row."""
    changes = {"precision.encoding": "differential", "ima.cell.bits": cell_bits, "ima.adc.bits": 9}
    chip = build_chip(load_hardware("isaac-8bit").replace(changes))
    slicing = Slicing.of(chip)
    assert slicing.weight_slices == slices
    assert chip.adc_bits_required == (128 * min(2**cell_bits - 1, 127)).bit_length()
    weight = np.array([[127, -127], [0, 1]])
    encoded = encode(weight, slicing)
    assert len(encoded.cells) == slices
    assert encoded.cells.max() == slicing.top_level == 2 ** min(cell_bits, 7) - 1
    assert (effective_weights(encoded) == weight).all()


def test_the_weight_that_no_pair_holds_is_refused_by_name() -> None:
    pair, offset = (slicing_of(encoding=encoding) for encoding in ("differential", "offset"))
    weight = np.array([[3, -128]])
    assert (effective_weights(encode(weight, offset)) == weight).all()
    with pytest.raises(InputError, match=r"8-bit weights from -127 to 127, not -128; expected offset or flip"):
        encode(weight, pair)


def test_pairs_have_no_unit_column_whatever_the_file_says() -> None:
    chip = build_chip(load_hardware("isaac-8bit").replace({"precision.encoding": "differential"}))
    assert chip.tile.ima.crossbar.unit_column
    assert Slicing.of(chip).unit_columns == 0
    assert sum("differential pairs do not need" in note for note in figures(chip)["notes"]) == 1  # type: ignore[attr-defined]
    plain = build_chip(load_hardware("isaac-8bit"))
    assert Slicing.of(plain).unit_columns == 1
    assert not any("differential pairs" in note for note in figures(plain)["notes"])  # type: ignore[attr-defined]


def test_flip_of_one_column_by_hand() -> None:
    """Four rows of 2-bit cells could sum to 12, four bits; the top bit is 8. Levels 3 3 2 0 reach it and are stored as
    0 0 1 3; levels 3 3 1 0 are not."""
    slicing = slicing_of(weight_bits=2, cell_bits=2, rows=4, encoding="flip")
    encoded = encode(np.array([[1, 1], [1, 1], [0, -1], [-2, -2]]), with_units(slicing))
    assert encoded.cells[0].T.tolist() == [[0, 0, 1, 3], [3, 3, 1, 0]]
    assert encoded.sign.tolist() == [[-1, 1]]
    assert encoded.unit.tolist() == [[-2 + 3, -2]]


@given(
    slicing=slicings,
    groups=st.integers(1, 9),
    rows=st.integers(1, 300),
    outputs=st.integers(1, 5),
    seed=st.integers(0, 99),
)
@settings(deadline=None, max_examples=60)
def test_row_groups_are_the_mapping_s(slicing: Slicing, groups: int, rows: int, outputs: int, seed: int) -> None:
    """Same rows per array as `grid_for`, every weight once, zero weights for packed neighbours."""
    weight = np.random.default_rng(seed).integers(-1, 2, (groups, rows, outputs))
    found = list(row_groups(layer_of(weight), slicing))
    grid = grid_for(rows, outputs, groups, slicing)
    assert [group.index for group in found] == list(range(len(found)))
    assert len(found) == len(np.unique(grid.row_set))
    for group in found:
        assert group.stop - group.start == grid.rows[grid.row_set == group.index][0]
    whole = np.zeros((groups * rows, groups * outputs), np.int64)
    for group in found:
        whole[group.start : group.stop, group.first : group.last] += group.weight
    expected = np.zeros((groups, rows, groups, outputs), np.int64)
    expected[np.arange(groups), :, np.arange(groups)] = weight
    assert (whole == expected.reshape(whole.shape)).all()


@pytest.mark.parametrize("encoding", ["offset", "flip", "differential"])
def test_stuck_cells_change_what_the_array_computes(encoding: str) -> None:
    """The effective weights of faulty cells differ from the weights exactly at the faulty places."""
    from dataclasses import replace

    slicing = slicing_of(encoding=encoding)
    weight = np.arange(-20, 20).reshape(20, 2)
    encoded = encode(weight, with_units(slicing))
    cells = encoded.cells.copy()
    cells[2, 7, 1] = 3 - cells[2, 7, 1]
    changed = effective_weights(replace(encoded, cells=cells)) - weight
    assert np.flatnonzero(changed).tolist() == [7 * 2 + 1]
    assert abs(changed[7, 1]) in (16, 48)
