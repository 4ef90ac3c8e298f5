"""Cells of single arrays: where columns stand, whose generator draws, and that ideal models change nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.function.crossbars.arrays import crossbar_index, generator_for, keeps_whole, layouts, program, programmed
from archsim.function.crossbars.converter import Transfer
from archsim.function.crossbars.encodings import effective_weights, encode, row_groups
from archsim.mapping.slicing import Slicing, grid_for
from tests.function.circuits import circuit_of, layer_of, lowest_weight, slicing_of, slicings, with_units


@given(slicing=slicings, outputs=st.integers(1, 40))
@settings(deadline=None)
def test_every_line_stands_once_and_arrays_fit(slicing: Slicing, outputs: int) -> None:
    encoded = encode(np.zeros((3, outputs), np.int64), with_units(slicing))
    places = list(layouts(encoded, slicing))
    grid = grid_for(3, outputs, 1, slicing)
    assert len(places) == grid.crossbars
    assert [len(place.lines) for place in places] == grid.columns.tolist()
    assert max(len(place.lines) for place in places) <= slicing.columns
    seen = np.zeros((len(encoded.cells), encoded.cells.shape[2]), np.int64)
    for place in places:
        np.add.at(seen, (place.slices, place.lines), 1)
    assert (seen == 1).all()


def test_slices_stand_side_by_side_positive_before_negative() -> None:
    slicing = slicing_of(weight_bits=4, cell_bits=2, encoding="differential", columns=8)
    encoded = encode(np.zeros((1, 3), np.int64), slicing)
    first, second = layouts(encoded, slicing)
    assert list(zip(first.slices.tolist(), first.lines.tolist(), strict=True)) == [
        (0, 0), (1, 0), (0, 3), (1, 3), (0, 1), (1, 1), (0, 4), (1, 4)
    ]  # fmt: skip
    assert second.lines.tolist() == [2, 2, 5, 5]


@given(slicing=slicings, groups=st.integers(1, 6), rows=st.integers(1, 250), outputs=st.integers(1, 12))
@settings(deadline=None, max_examples=60)
def test_crossbar_index_is_the_place_in_the_grid(slicing: Slicing, groups: int, rows: int, outputs: int) -> None:
    layer = layer_of(np.zeros((groups, rows, outputs), np.int64))
    grid = grid_for(rows, outputs, groups, slicing)
    found = []
    for group in row_groups(layer, slicing):
        encoded = encode(group.weight, with_units(slicing))
        for array, place in enumerate(layouts(encoded, slicing)):
            index = crossbar_index(group, array, slicing)
            assert grid.row_set[index] == group.index
            assert grid.columns[index] == len(place.lines)
            found.append(index)
    assert sorted(found) == list(range(grid.crossbars))


@given(slicing=slicings, seed=st.integers(0, 99), unit=st.booleans())
@settings(deadline=None, max_examples=60)
def test_programming_ideal_cells_changes_nothing(slicing: Slicing, seed: int, unit: bool) -> None:
    weight = np.random.default_rng(seed).integers(lowest_weight(slicing), 2 ** (slicing.weight_bits - 1), (9, 20))
    encoded = encode(weight, with_units(slicing, unit))
    real = program(encoded, lambda levels, _: levels.astype(np.float32), lambda _: np.random.default_rng(), slicing)
    assert (real.cells == encoded.cells).all()
    assert (effective_weights(real) == weight).all()
    if unit:
        # every array has a unit column of its own, unless pairs need none
        assert len(encoded.unit) == grid_for(9, 20, 1, slicing).crossbars * (slicing.encoding != "differential")


def test_each_array_draws_from_its_own_stream() -> None:
    """Cells depend on (seed, layer, copy, array) and on nothing else: not on other arrays, nor on the order."""
    layer = layer_of(np.random.default_rng(0).integers(-127, 128, (1, 300, 70)))
    circuit = circuit_of(slicing_of(), Transfer(), cells=lambda levels, rng: rng.random(levels.shape, np.float32))
    first, again = (list(programmed(layer, circuit)) for _ in range(2))
    assert all((a.cells == b.cells).all() for (_, a), (_, b) in zip(first, again, strict=True))
    copy = list(programmed(layer, circuit, replica=1))
    assert (first[0][1].cells != copy[0][1].cells).mean() > 0.99
    assert (first[0][1].cells[0, :128] != first[1][1].cells[0, :128]).mean() > 0.99
    place = generator_for(circuit.seed, "layer", 0, 0).random((128, 129), np.float32)
    assert (first[0][1].cells[:, :, 0] == place[:, :4].T).all()
    assert (first[0][1].unit_cells[:, 0] == place[:, 128]).all()


@pytest.mark.parametrize("sibling_arrays", [False, True])
def test_a_faulty_unit_column_hurts_its_own_array_only(sibling_arrays: bool) -> None:
    slicing = slicing_of(encoding="flip", sibling_arrays=sibling_arrays, columns=16)
    weight = np.random.default_rng(1).integers(-127, 128, (30, 40))
    encoded = encode(weight, with_units(slicing))
    calls = iter(range(1000))

    def cells(levels: np.ndarray, _: np.random.Generator) -> np.ndarray:
        real = levels.copy()
        if next(calls) == 0:
            real[3, -1] = 0
        return real

    wrong = effective_weights(program(encoded, cells, lambda _: np.random.default_rng(), slicing)) - weight
    rows, columns = np.nonzero(wrong)
    assert set(rows) == {3}
    assert columns.max() < slicing.weights_per_array


def test_whole_cells_are_told_from_real_ones() -> None:
    assert keeps_whole(None)
    assert keeps_whole(lambda levels, _: np.minimum(levels + 1, 3).astype(np.uint8))
    assert not keeps_whole(lambda levels, _: levels * np.float32(1.1))
