"""How one matrix-vector product is cut into crossbars: bit slices, row groups and column groups.

A convolution unrolls to K*K*Cin rows (order ky, kx, channel) and Cout columns. A weight takes `weight_slices` cells;
they sit side by side in one array (ISAAC, Sec. V) or in sibling arrays (PUMA, Sec. 3). Inputs enter `input_cycles`
bits (or DAC digits) at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from archsim.components import Chip


@dataclass(frozen=True, slots=True, kw_only=True)
class Slicing:
    """Bits of one multiplication on one machine. `weights_per_array` counts weights side by side in one crossbar row;
    `arrays_per_weight` is 1 when the slices share an array and `weight_slices` when each slice has its own."""

    weight_bits: int
    cell_bits: int
    input_bits: int
    dac_bits: int
    encoding: str
    weight_slices: int
    input_cycles: int
    rows: int
    columns: int
    weights_per_array: int
    arrays_per_weight: int
    columns_per_weight: int
    """Physical columns a weight takes inside one array (slices there, doubled by a differential pair)."""

    @classmethod
    def of(cls, chip: Chip) -> Slicing:
        """The slicing a chip's precision, cells and DACs ask for."""
        crossbar = chip.tile.ima.crossbar
        return cls(
            weight_bits=chip.precision.weight_bits,
            cell_bits=crossbar.cell.bits,
            input_bits=chip.precision.input_bits,
            dac_bits=chip.tile.ima.dac.bits,
            encoding=chip.precision.encoding,
            weight_slices=chip.weight_slices,
            input_cycles=chip.input_cycles,
            rows=crossbar.rows,
            columns=crossbar.columns,
            weights_per_array=chip.weights_per_row,
            arrays_per_weight=chip.arrays_per_weight,
            columns_per_weight=chip.columns_per_weight,
        )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CrossbarGrid:
    """The arrays of one replica of a layer, column group by column group, row groups inside, sibling slices last.

    `row_set`, `rows`, `columns` have one entry per array: which set of inputs drives it, how many rows and physical
    columns are used. Arrays of one `reduction` add up their partial sums.
    """

    row_groups: int
    column_groups: int
    packed_groups: int
    """Convolution groups that share an array, block-diagonally (1 unless depthwise or grouped)."""
    row_set: NDArray[np.int64]
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    reduction: NDArray[np.int64]
    used_cells: int
    slicing: Slicing

    @property
    def crossbars(self) -> int:
        """Arrays of one replica."""
        return len(self.rows)

    @property
    def cells(self) -> int:
        """Cells of those arrays, used or not (a unit column is not counted)."""
        return self.crossbars * self.slicing.rows * self.slicing.columns

    @property
    def utilization(self) -> float:
        """Used cells over all cells."""
        return self.used_cells / self.cells

    @property
    def wasted_cells(self) -> int:
        """Cells that hold no weight: ragged edges and the zero blocks of a block-diagonal packing."""
        return self.cells - self.used_cells


def grid_for(inputs: int, outputs: int, groups: int, slicing: Slicing) -> CrossbarGrid:
    """Arrays for `groups` independent products of `inputs` rows by `outputs` columns each (a dense layer has one
    group).

    Small groups pack block-diagonally: as many as fit both ways share an array (14 channels of a 3x3 depthwise layer
    on 128 rows).
    """
    fit = min(slicing.rows // inputs, slicing.weights_per_array // outputs, groups) if groups > 1 else 1
    if fit >= 2:
        return _packed_grid(inputs, outputs, groups, fit, slicing)
    row_groups = ceil(inputs / slicing.rows)
    column_groups = ceil(outputs / slicing.weights_per_array)
    row_edges = np.minimum(np.arange(1, row_groups + 1) * slicing.rows, inputs)
    group_rows = np.diff(row_edges, prepend=0)
    weight_edges = np.minimum(np.arange(1, column_groups + 1) * slicing.weights_per_array, outputs)
    group_columns = np.diff(weight_edges, prepend=0) * slicing.columns_per_weight
    group, column, row, _ = np.meshgrid(
        np.arange(groups),
        np.arange(column_groups),
        np.arange(row_groups),
        np.arange(slicing.arrays_per_weight),
        indexing="ij",
    )
    return CrossbarGrid(
        row_groups=row_groups,
        column_groups=groups * column_groups,
        packed_groups=1,
        row_set=(group * row_groups + row).ravel(),
        rows=group_rows[row].ravel(),
        columns=group_columns[column].ravel(),
        reduction=(group * column_groups + column).ravel(),
        used_cells=groups * inputs * outputs * slicing.columns_per_weight * slicing.arrays_per_weight,
        slicing=slicing,
    )


def _packed_grid(inputs: int, outputs: int, groups: int, fit: int, slicing: Slicing) -> CrossbarGrid:
    arrays = ceil(groups / fit)
    held = np.full(arrays, fit, np.int64)
    held[-1] = groups - fit * (arrays - 1)
    index = np.repeat(np.arange(arrays), slicing.arrays_per_weight)
    return CrossbarGrid(
        row_groups=1,
        column_groups=arrays,
        packed_groups=fit,
        row_set=index,
        rows=held[index] * inputs,
        columns=held[index] * outputs * slicing.columns_per_weight,
        reduction=index,
        used_cells=groups * inputs * outputs * slicing.columns_per_weight * slicing.arrays_per_weight,
        slicing=slicing,
    )
