"""Signed numbers on unsigned hardware: digits on the rows, levels in the cells, and the exact way back.

Weights of a crossbar become cell levels in one of three ways:

* `offset`: w + 2**(B-1) is stored; the sum of all inputs, times 2**(B-1), is subtracted (ISAAC, Sec. V).
* `flip`: the same, but a column whose sum could set the top bit of the converter that a full array needs stores the
  complement 2**v - 1 - level of every cell; its sum is (2**v - 1) * (sum of inputs) less the converted one (ISAAC,
  Sec. V).
* `differential`: positive and negative parts in two columns, subtracted. They hold magnitudes, up to 2**(B-1) - 1: the
  sign is in which column is not 0, and takes no cell.

One-bit weights are the signs -1 and 1: in `offset` and `flip` a cell holds (w + 1) / 2 and its column sum counts twice,
less the sum of inputs; a `differential` pair has one cell on.

The sum of inputs comes from the unit column of each array (all cells at level 1) that is converted like any other, or
from exact digital addition where arrays have none (`Slicing.unit_columns`). Complements are undone by the unit column
of their own array; with sibling arrays the weights' offset is the first one's.

Weights that take the values of level sets (`network.LevelSets`) have one cell each, whose conductance is the level
itself: G = Gmin + (q - q_min) / (q_max - q_min) * (Gmax - Gmin), with q_min and q_max of the output's set. In units of
one level of the cell, column sums times (q_max - q_min) / (2**v - 1) plus q_min times the sum of inputs are the product
(`offset`); the unit column's cells are fully on, so that it uses the converter's range as the others do. In a
`differential` pair 0 is the off state and the larger of |q_min|, |q_max| fully on.

Inputs enter digit by digit, `dac_bits` at a time, lowest first. A signed input on one-bit drivers is two's complement,
and its last digit is subtracted. A driver of several levels cannot drive half a digit negative: there signed inputs
are driven with an offset of 2**(bits-1), which costs the known constant 2**(bits-1) * (sum of weights).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.components import adc
from archsim.errors import InputError
from archsim.function.quantization.network import MatrixLayer, TensorFormat
from archsim.mapping.rows.plan import NOT_STORED, RowPlan
from archsim.mapping.slicing import RowCut, Slicing, row_cut

Array = NDArray[Any]
Whole = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drive:
    """How inputs of `bits` bits drive rows, `dac_bits` a cycle."""

    bits: int
    dac_bits: int
    signed: bool

    @classmethod
    def of(cls, form: TensorFormat, slicing: Slicing) -> Drive:
        """The drive of a layer whose inputs are stored in `form`."""
        return cls(bits=form.bits, dac_bits=slicing.dac_bits, signed=form.signed)

    @property
    def digits(self) -> int:
        """Input cycles."""
        return -(-self.bits // self.dac_bits)

    @property
    def largest(self) -> int:
        """Largest digit."""
        return int(2**self.dac_bits) - 1

    @property
    def offset(self) -> int:
        """What is added to every input before it is driven."""
        return int(2 ** (self.bits - 1)) if self.signed and self.dac_bits > 1 else 0

    @property
    def weights(self) -> Whole:
        """Place value of each digit: int64 [digits]."""
        found = 2 ** (self.dac_bits * np.arange(self.digits, dtype=np.int64))
        if self.signed and not self.offset:
            found[-1] *= -1
        return np.asarray(found)

    def streamed(self, digits: Array, first: Array) -> Whole:
        """Place values of windows that stream so many digits from `first` on, both [windows]: int64 [windows, digits],
        0 for digits that are not read. The last one of a signed stream is subtracted."""
        digit, low = np.arange(self.digits), first.astype(np.int64)[:, None]
        end = low + digits.astype(np.int64)[:, None]
        places = np.where((digit >= low) & (digit < end), np.abs(self.weights), 0)
        return np.asarray(np.where(digit == end - 1, -places, places) if self.weights[-1] < 0 else places)

    def codes(self, x: Array) -> Array:
        """Unsigned bit patterns driven for inputs x, in the unsigned type of x's width."""
        pattern = x.view(f"u{x.itemsize}") if x.dtype.kind == "i" else x
        mask = pattern.dtype.type(2**self.bits - 1)
        return (pattern + pattern.dtype.type(self.offset)) & mask if self.signed else pattern

    def split(self, x: Array) -> Array:
        """Digits of inputs x: [digits, *x.shape], unsigned."""
        codes = self.codes(x)
        shifts = (self.dac_bits * np.arange(self.digits)).astype(codes.dtype)
        digits = (codes >> shifts.reshape(-1, *(1,) * x.ndim)) & codes.dtype.type(self.largest)
        return np.asarray(digits)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class RowGroup:
    """Arrays driven by the same rows: placed rows `start` .. `stop` of a layer (`archsim.mapping.slicing.RowCut`) and
    the outputs `first` .. `last` they contribute to; `together` row groups share these. `weight` is int [rows,
    outputs], dense: convolution groups packed into one array meet the others' outputs with weight 0. `ends` int64
    [2, outputs] are the smallest and largest level of each output's set, where weights are levels."""

    index: int
    start: int
    stop: int
    first: int
    last: int
    weight: Array
    together: int = 1
    ends: Whole | None = None


def cut_of(layer: MatrixLayer, slicing: Slicing, rows: RowPlan | None = None) -> RowCut:
    """How a layer's rows are dealt to arrays."""
    geometry = layer.geometry
    return row_cut(geometry.rows, geometry.columns, geometry.groups, slicing, rows)


def placed_weight(layer: MatrixLayer, rows: RowPlan | None) -> Array:
    """What placed rows hold: [groups, placed rows, columns].

    Raises
    ------
    InputError
        Rows of different weights at one place: the network is not the one that the plan was made for.
    """
    if rows is None:
        return layer.weight
    weight, stored = layer.weight[0], np.flatnonzero(rows.physical != NOT_STORED)
    _, first = np.unique(rows.physical[stored], return_index=True)
    held = weight[stored[first]] * rows.sign[stored[first], None]
    if not np.array_equal(held[rows.physical[stored]] * rows.sign[stored, None], weight[stored]):
        what = "shares rows between inputs of different weights; expected the network that its row plan was made for"
        raise InputError(what, layer.name)
    return np.asarray(held[rows.order][None], layer.weight.dtype)


def row_groups(layer: MatrixLayer, slicing: Slicing, rows: RowPlan | None = None) -> Iterator[RowGroup]:
    """Row groups of a layer, cut by `cut_of`."""
    geometry = layer.geometry
    inputs, outputs = geometry.rows, geometry.columns
    cut = cut_of(layer, slicing, rows)
    packed = cut.packed_groups
    ends = None if layer.levels is None else layer.levels.ends
    if packed > 1:
        for index, group in enumerate(range(0, geometry.groups, packed)):
            part = layer.weight[group : group + packed]
            dense = np.zeros((len(part), inputs, len(part), outputs), layer.weight.dtype)
            dense[np.arange(len(part)), :, np.arange(len(part))] = part
            yield RowGroup(
                index=index,
                start=group * inputs,
                stop=(group + len(part)) * inputs,
                first=group * outputs,
                last=(group + len(part)) * outputs,
                weight=dense.reshape(len(part) * inputs, -1),
                ends=None if ends is None else ends[:, group * outputs : (group + len(part)) * outputs],
            )
        return
    weight = placed_weight(layer, rows)
    weight = weight.reshape(-1, outputs)
    for index, (start, stop) in enumerate(pairwise(cut.starts.tolist())):
        first = index // cut.together * outputs
        yield RowGroup(
            index=index,
            start=start,
            stop=stop,
            first=first,
            last=first + outputs,
            weight=weight[start:stop],
            together=cut.together,
            ends=None if ends is None else ends[:, first : first + outputs],
        )


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Encoded:
    """One row group as cells, and how its column sums become the product.

    output[n] = gain[n] * sum over slices s of place * 2**(cell_bits * s) * (sum over lines l of sign[s, l] * sum[s, l])
                + sum over units u of unit[u, n] * sum of inputs weighted with unit_cells[:, u]

    Lines are columns of one slice: one an output, or (`differential`) the positive ones and then the negative ones.

    Attributes
    ----------
    cells : [slices, rows, lines] levels (uint8), or what the cells really are (integers or float32).
    sign : int8 [slices, lines], 1 or -1.
    unit : int64 [units, outputs] (float64 where weights are levels); units 0 when the encoding needs no sum of inputs,
        the arrays of the row group (`arrays.layouts`) where each has a unit column, else 1.
    unit_cells : [rows, units] levels of the unit columns, 1 when ideal (fully on where they are converted beside
        levels).
    analog_unit : whether unit columns are converted (else added up exactly).
    gain : float64 [outputs], integers for one level of a cell, where weights are levels; None stands for 1.
    place : place value of the first slice, 2 where cells hold (w + 1) / 2.
    """

    cells: Array
    sign: NDArray[np.int8]
    unit: Array
    unit_cells: Array
    cell_bits: int
    analog_unit: bool
    gain: NDArray[np.float64] | None = None
    place: int = 1

    @property
    def outputs(self) -> int:
        """Outputs the lines add up to."""
        return int(self.unit.shape[1])

    @property
    def slice_weights(self) -> Whole:
        """Place value of each slice: int64 [slices]."""
        return np.asarray(self.place * 2 ** (self.cell_bits * np.arange(len(self.cells), dtype=np.int64)))

    @property
    def reach(self) -> Whole:
        """First and end of the outputs that each unit's sum goes to: int64 [units, 2]."""
        used = self.unit != 0
        ends = np.stack([used.argmax(axis=1), self.outputs - used[:, ::-1].argmax(axis=1)], axis=1)
        return np.asarray(ends * used.any(axis=1)[:, None])


def encode(weight: Array, slicing: Slicing, *, ends: Whole | None = None) -> Encoded:
    """Cell levels of signed weights [rows, outputs] of `slicing.weight_bits` bits, or of weights that are levels
    between `ends` [2, outputs].

    Raises
    ------
    InputError
        Weights that the encoding cannot hold: 0 as a sign, -2**(B-1) in a differential pair, levels in bit slices.
    """
    if ends is not None:
        return _encode_levels(weight, ends, slicing)
    bits, cell = slicing.weight_bits, slicing.cell_bits
    wide = weight.astype(np.int64)
    signs = bits == 1 and slicing.encoding != "differential"
    if signs and not wide.all():
        what = "hold the zeros between convolution groups that share an array; expected encoding: differential"
        raise InputError(f"is {slicing.encoding}, whose 1-bit cells cannot {what}", "precision.encoding")
    sides = [(wide + 1) // 2 if signs else wide + 2 ** (bits - 1)]
    if slicing.encoding == "differential":
        sides = [np.maximum(wide, 0), np.maximum(-wide, 0)]
        most = max(1, 2 ** (bits - 1) - 1)
        if max(side.max(initial=0) for side in sides) > most:
            what = f"is differential, whose pairs hold {bits}-bit weights from -{most} to {most}"
            raise InputError(f"{what}, not {wide.min()}; expected offset or flip", "precision.encoding")
    stored = np.concatenate(sides, axis=1)
    shifts = cell * np.arange(slicing.weight_slices)
    cells = ((stored >> shifts[:, None, None]) & (2**cell - 1)).astype(np.uint8)
    sign = np.ones((len(cells), stored.shape[1]), np.int8)
    outputs = weight.shape[1]
    if slicing.encoding == "differential":
        sign[:, outputs:] = -1
        owed = np.zeros((len(cells), 0), np.int64)
    else:
        owed = np.zeros((len(cells), outputs), np.int64)
        owed[0] = -(2 ** (bits - 1))  # -1 for signs, as for 1 bit of any number
    if slicing.encoding == "flip":
        flipped = flips(cells, slicing)
        cells = np.where(flipped[:, None, :], 2**cell - 1 - cells, cells).astype(np.uint8)
        sign[flipped] = -1
        places = (1 + signs) * 2 ** shifts.astype(np.int64) * (2**cell - 1)
        owed += places[:, None] * flipped
    unit = np.zeros((0, outputs), np.int64) if not owed.size else _shares(owed, slicing)
    return Encoded(
        cells=cells,
        sign=sign,
        unit=unit,
        unit_cells=np.ones((len(weight), len(unit)), np.uint8),
        cell_bits=cell,
        analog_unit=slicing.unit_columns > 0,
        place=1 + signs,
    )


def _shares(owed: Array, slicing: Slicing) -> Array:
    """What outputs owe of the sum of inputs, [slices, outputs], by the unit column that gives it: [units, outputs]."""
    if not slicing.unit_columns:
        return np.asarray(owed.sum(axis=0, keepdims=True))
    siblings = owed.sum(axis=0, keepdims=True) if slicing.arrays_per_weight == 1 else owed
    column_group = np.arange(owed.shape[1]) // slicing.weights_per_array
    own = column_group == np.arange(column_group[-1] + 1)[:, None]
    return np.asarray((own[:, None] * siblings).reshape(-1, owed.shape[1]))


def _encode_levels(weight: Array, ends: Whole, slicing: Slicing) -> Encoded:
    """One multi-level cell (or a differential pair) for each weight. Raises `InputError` where cells cannot hold it."""
    if slicing.weight_slices > 1 or slicing.encoding == "flip":
        what = "cannot hold weights that are levels; expected one cell for a weight, in offset or differential encoding"
        raise InputError(f"{slicing.weight_slices} bit slices in {slicing.encoding} encoding {what}", "precision")
    top, pair = 2**slicing.cell_bits - 1, slicing.encoding == "differential"
    low, high = ends.astype(np.float64)
    gain = (np.maximum(np.abs(low), np.abs(high)) if pair else high - low) / top
    # a set of one level needs no cell: all of it is q_min
    per_integer = np.divide(1, gain, out=np.zeros_like(gain), where=gain > 0)
    wide = weight.astype(np.float64)
    sides = [np.maximum(wide, 0), np.maximum(-wide, 0)] if pair else [wide - low]
    outputs = weight.shape[1]
    sign = np.ones((1, len(sides) * outputs), np.int8)
    sign[:, outputs:] = -1
    full = top if slicing.unit_columns else 1
    unit = np.zeros((0, outputs)) if pair else _shares(low[None] / full, slicing)
    return Encoded(
        cells=np.concatenate([side * per_integer for side in sides], axis=1, dtype=np.float32, casting="unsafe")[None],
        sign=sign,
        unit=unit,
        unit_cells=np.full((len(weight), len(unit)), full, np.uint8),
        cell_bits=slicing.cell_bits,
        analog_unit=slicing.unit_columns > 0,
        gain=gain,
    )


def flips(cells: Array, slicing: Slicing) -> NDArray[np.bool_]:
    """Which columns [slices, lines] of levels [slices, rows, lines] could set the top bit of the converter that a full
    array needs, and so store the complement (ISAAC, Sec. V)."""
    top = 2 ** (adc.bits_required(slicing.rows, slicing.dac_bits, slicing.level_bits) - 1)
    return np.asarray(cells.sum(axis=1, dtype=np.int64) * (2**slicing.dac_bits - 1) >= top)


def largest_sum(slicing: Slicing) -> int:
    """Largest sum that any column of ideal cells can have, whatever the weights: with complements the sum that all but
    sets the top bit, or that of the unit column (ISAAC, Sec. V)."""
    whole = slicing.largest_sum
    if slicing.encoding != "flip":
        return whole
    unit = adc.largest_sum(slicing.opened_rows, slicing.dac_bits, 1)
    return int(max(2 ** (whole.bit_length() - 1) - 1, unit))


def combine(encoded: Encoded, sums: Array, units: Array, drive: Drive) -> Array:
    """Shift-and-add: converted sums to outputs of one row group, before the constant of offset inputs.

    Parameters
    ----------
    sums : [digits, slices, lines, windows] converted column sums.
    units : [digits, units, windows] converted (or exact) sums of inputs.

    Returns
    -------
    [outputs, windows] in the type of the sums (float64 where weights are levels).
    """
    places = drive.weights[:, None] * encoded.slice_weights
    signed = np.einsum("ds,sl,dslm->lm", places.astype(sums.dtype), encoded.sign.astype(sums.dtype), sums)
    total = signed.reshape(-1, encoded.outputs, sums.shape[-1]).sum(axis=0)
    total = total if encoded.gain is None else total * encoded.gain[:, None]
    inputs = np.einsum("d,dum->um", drive.weights.astype(units.dtype), units)
    unit = encoded.unit if encoded.gain is not None else encoded.unit.astype(inputs.dtype)
    return np.asarray(total + unit.T @ inputs)


def effective_weights(encoded: Encoded) -> Array:
    """What a lossless converter would compute with: [rows, outputs], int64 for whole cells, float64 for others.

    With ideal cells these are the weights themselves (to float32's accuracy of a level where weights are levels).
    """
    whole = encoded.gain is None and encoded.cells.dtype.kind in "ui" and encoded.unit_cells.dtype.kind in "ui"
    wide = np.int64 if whole else np.float64
    rows = encoded.cells.shape[1]
    found: Array = np.zeros((rows, encoded.outputs), wide)
    for cells, sign, place in zip(encoded.cells, encoded.sign, encoded.slice_weights, strict=True):
        lines = (cells.astype(wide) * sign) * place
        found += lines.reshape(rows, -1, encoded.outputs).sum(axis=1)
    found = found if encoded.gain is None else found * encoded.gain
    return found + encoded.unit_cells.astype(wide) @ encoded.unit.astype(wide)
