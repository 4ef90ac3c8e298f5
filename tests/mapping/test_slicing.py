from __future__ import annotations

from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from archsim.mapping.slicing import Slicing, grid_for


def slicing(rows: int = 128, columns: int = 128, slices: int = 4, arrays: bool = False) -> Slicing:
    return Slicing(
        weight_bits=2 * slices,
        cell_bits=2,
        level_bits=2,
        input_bits=8,
        dac_bits=1,
        encoding="flip",
        weight_slices=slices,
        input_cycles=8,
        rows=rows,
        columns=columns,
        weights_per_array=columns if arrays else columns // slices,
        arrays_per_weight=slices if arrays else 1,
        columns_per_weight=1 if arrays else slices,
    )


@given(st.integers(1, 700), st.integers(1, 300), st.sampled_from([1, 1, 2, 5, 32]), st.booleans())
def test_every_weight_has_its_cells(inputs: int, outputs: int, groups: int, arrays: bool) -> None:
    cut = slicing(arrays=arrays)
    grid = grid_for(inputs, outputs, groups, cut)
    weights = inputs * outputs * groups
    assert grid.used_cells == weights * cut.weight_slices
    assert (grid.rows <= cut.rows).all()
    assert (grid.columns <= cut.columns).all()
    assert grid.crossbars == len(grid.row_set) == len(grid.reduction)
    assert 0 < grid.utilization <= 1
    if grid.packed_groups == 1:
        # the rectangles of the arrays tile the unrolled matrix exactly
        assert int((grid.rows * grid.columns).sum()) == grid.used_cells
    else:
        assert grid.row_groups == 1
        assert int(grid.columns.sum()) == groups * outputs * cut.weight_slices


def test_isaac_array_holds_128_by_16_weights() -> None:
    cut = slicing(slices=8)
    assert cut.weights_per_array == 16
    grid = grid_for(3 * 3 * 512, 512, 1, cut)
    assert (grid.row_groups, grid.column_groups, grid.crossbars) == (36, 32, 36 * 32)


def test_depthwise_packs_14_channels_of_3x3() -> None:
    """9 rows a channel: 14 channels fill 126 of 128 rows, 14 x 4 of 128 columns."""
    grid = grid_for(9, 1, 32, slicing())
    assert grid.packed_groups == 14
    assert grid.crossbars == ceil(32 / 14)
    assert grid.rows.tolist() == [126, 126, 36]
    assert grid.columns.tolist() == [56, 56, 16]
    assert grid.used_cells == 32 * 9 * 4
    assert grid.wasted_cells == 3 * 128 * 128 - 32 * 9 * 4


def test_sibling_arrays_hold_the_slices_of_puma() -> None:
    grid = grid_for(128, 128, 1, slicing(slices=8, arrays=True))
    assert grid.crossbars == 8
    assert set(grid.reduction.tolist()) == {0}
