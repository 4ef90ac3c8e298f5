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
from archsim.errors import InputError
from archsim.mapping.rows.plan import RowPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Slicing:
    """Bits of one multiplication on one machine. `weights_per_array` counts weights side by side in one crossbar row;
    `arrays_per_weight` is 1 when the slices share an array and `weight_slices` when each slice has its own."""

    weight_bits: int
    cell_bits: int
    level_bits: int
    """Bits of a cell that levels use (`archsim.components.Chip.level_bits`)."""
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
    rows_at_once: int | None = None
    """Rows open in one read; None: all."""
    activation: str = "dense"
    """Which rows are opened together (`archsim.config.rows.RowActivation`)."""
    unit_column: bool = False
    """Whether the hardware file asks for unit columns (`unit_columns` says whether there are any)."""

    @property
    def unit_columns(self) -> int:
        """Columns of ones in every array, beside its `columns`, that sum the inputs: one where the file asks for it
        (ISAAC, Sec. V, prints one an array), none in differential pairs, which need no sum of inputs."""
        return int(self.unit_column and self.encoding != "differential")

    @property
    def top_level(self) -> int:
        """Highest level of a cell as programmed."""
        return int(2**self.level_bits) - 1

    @property
    def opened_rows(self) -> int:
        """Rows open in one read."""
        return self.rows if self.rows_at_once is None else min(self.rows, self.rows_at_once)

    @property
    def windowed(self) -> bool:
        """Whether a digit of a full array takes more than one read."""
        return self.opened_rows < self.rows

    @property
    def largest_sum(self) -> int:
        """Largest sum of a column that a converter can meet."""
        return self.opened_rows * int(2**self.dac_bits - 1) * self.top_level

    def windows(self, rows: int) -> int:
        """Windows of neighbouring rows that so many rows of an array are opened in."""
        return ceil(rows / self.opened_rows)

    @classmethod
    def of(cls, chip: Chip) -> Slicing:
        """The slicing a chip's precision, cells and DACs ask for."""
        crossbar = chip.tile.ima.crossbar
        return cls(
            weight_bits=chip.precision.weight_bits,
            cell_bits=crossbar.cell.bits,
            level_bits=chip.level_bits,
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
            rows_at_once=crossbar.rows_at_once,
            activation=crossbar.activation,
            unit_column=crossbar.unit_column,
        )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class RowCut:
    """How the rows of a product are dealt to arrays: row group g holds the placed rows starts[g] .. starts[g + 1] - 1.

    Placed rows are the unrolled inputs of all convolution groups, one group after the other, unless `rows` gives each
    of them another place, or one it shares. `together` row groups belong to one convolution group, or `packed_groups`
    convolution groups share an array, block-diagonally (1 unless depthwise or grouped).
    """

    starts: NDArray[np.int64]
    together: int
    packed_groups: int
    rows: RowPlan | None = None

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Rows of each row group: int64 [row groups]."""
        return np.diff(self.starts)


def row_starts(inputs: int, groups: int, rows: int, packed: int) -> NDArray[np.int64]:
    """First placed row of each row group, and the end: whole arrays of rows within each of `groups` convolution groups
    of `inputs` rows, or `packed` groups an array."""
    total = inputs * groups
    if packed > 1:
        return np.append(np.arange(0, total, packed * inputs), total).astype(np.int64)
    starts = np.arange(groups)[:, None] * inputs + np.arange(0, inputs, rows)
    return np.append(starts.ravel(), total).astype(np.int64)


def row_cut(inputs: int, outputs: int, groups: int, slicing: Slicing, rows: RowPlan | None = None) -> RowCut:
    """The one place that decides which rows share an array.

    Raises `InputError` for a row plan of a grouped convolution, or of another number of rows.
    """
    if rows is not None:
        if groups > 1:
            raise InputError(
                "are placed for products of one group; expected no row plan for grouped convolutions", "rows"
            )
        inputs = rows.physical_rows
    fit = min(slicing.rows // inputs, slicing.weights_per_array // outputs, groups) if groups > 1 else 1
    packed = fit if fit >= 2 else 1
    return RowCut(
        starts=row_starts(inputs, groups, slicing.rows, packed),
        together=1 if packed > 1 else ceil(inputs / slicing.rows),
        packed_groups=packed,
        rows=rows,
    )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class CrossbarGrid:
    """The arrays of one replica of a layer, column group by column group, row groups inside, sibling slices last.

    `row_set`, `rows`, `columns` have one entry per array: which set of inputs drives it, how many rows and physical
    columns are used. Arrays of one `reduction` add up their partial sums.
    """

    cut: RowCut
    column_groups: int
    row_set: NDArray[np.int64]
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    reduction: NDArray[np.int64]
    used_cells: int
    slicing: Slicing

    @property
    def row_groups(self) -> int:
        """Row groups of one convolution group."""
        return self.cut.together

    @property
    def packed_groups(self) -> int:
        """Convolution groups that share an array."""
        return self.cut.packed_groups

    @property
    def crossbars(self) -> int:
        """Arrays of one replica."""
        return len(self.rows)

    @property
    def cells(self) -> int:
        """Cells of those arrays, used or not (unit columns are not counted)."""
        return self.crossbars * self.slicing.rows * self.slicing.columns

    @property
    def unit_columns(self) -> int:
        """Unit columns of each array, beside `columns`."""
        return self.slicing.unit_columns

    @property
    def window_reads(self) -> int:
        """Reads that one window takes when every row is opened: those of the array with most rows in use."""
        return self.slicing.input_cycles * self.slicing.windows(int(self.rows.max()))

    @property
    def utilization(self) -> float:
        """Used cells over all cells."""
        return self.used_cells / self.cells

    @property
    def wasted_cells(self) -> int:
        """Cells that hold no weight: ragged edges and the zero blocks of a block-diagonal packing."""
        return self.cells - self.used_cells


def grid_for(inputs: int, outputs: int, groups: int, slicing: Slicing, rows: RowPlan | None = None) -> CrossbarGrid:
    """Arrays for `groups` independent products of `inputs` rows by `outputs` columns each (a dense layer has one
    group), whose rows stand where `rows` says, if anywhere else.

    Small groups pack block-diagonally: as many as fit both ways share an array (14 channels of a 3x3 depthwise layer
    on 128 rows).
    """
    cut = row_cut(inputs, outputs, groups, slicing, rows)
    if cut.packed_groups > 1:
        return _packed_grid(inputs, outputs, groups, cut, slicing)
    row_groups, group_rows = cut.together, cut.lengths[: cut.together]
    column_groups = ceil(outputs / slicing.weights_per_array)
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
        cut=cut,
        column_groups=groups * column_groups,
        row_set=(group * row_groups + row).ravel(),
        rows=group_rows[row].ravel(),
        columns=group_columns[column].ravel(),
        reduction=(group * column_groups + column).ravel(),
        used_cells=groups * int(group_rows.sum()) * outputs * slicing.columns_per_weight * slicing.arrays_per_weight,
        slicing=slicing,
    )


def _packed_grid(inputs: int, outputs: int, groups: int, cut: RowCut, slicing: Slicing) -> CrossbarGrid:
    fit = cut.packed_groups
    arrays = ceil(groups / fit)
    held = np.full(arrays, fit, np.int64)
    held[-1] = groups - fit * (arrays - 1)
    index = np.repeat(np.arange(arrays), slicing.arrays_per_weight)
    return CrossbarGrid(
        cut=cut,
        column_groups=arrays,
        row_set=index,
        rows=held[index] * inputs,
        columns=held[index] * outputs * slicing.columns_per_weight,
        reduction=index,
        used_cells=groups * inputs * outputs * slicing.columns_per_weight * slicing.arrays_per_weight,
        slicing=slicing,
    )
