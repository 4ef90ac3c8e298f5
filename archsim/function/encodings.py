"""Signed numbers on unsigned hardware: digits on the rows, levels in the cells, and the exact way back.

Weights of a crossbar become cell levels in one of three ways:

* `offset`: w + 2**(B-1) is stored; the sum of all inputs, times 2**(B-1), is subtracted (ISAAC, Sec. V).
* `flip`: the same, but a column whose sum could set the top bit of the converter that a full array needs stores the
  complement 2**v - 1 - level of every cell; its sum is (2**v - 1) * (sum of inputs) less the converted one (ISAAC,
  Sec. V).
* `differential`: positive and negative parts in two columns, subtracted.

The sum of inputs comes from a unit column (all cells at level 1) that is converted like any other, or from exact
digital addition where an array has none.

Inputs enter digit by digit, `dac_bits` at a time, lowest first. A signed input on one-bit drivers is two's complement,
and its last digit is subtracted. A driver of several levels cannot drive half a digit negative: there signed inputs
are driven with an offset of 2**(bits-1), which costs the known constant 2**(bits-1) * (sum of weights).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.components.adc import bits_required
from archsim.function.network import MatrixLayer, TensorFormat
from archsim.mapping.slicing import Slicing, grid_for

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
    """Arrays driven by the same rows: unrolled inputs `start` .. `stop` of a layer (its groups one after the other) and
    the outputs `first` .. `last` they contribute to. `weight` is int [rows, outputs], dense: convolution groups packed
    into one array meet the others' outputs with weight 0."""

    index: int
    start: int
    stop: int
    first: int
    last: int
    weight: Array


def row_groups(layer: MatrixLayer, slicing: Slicing) -> Iterator[RowGroup]:
    """Row groups of a layer as `archsim.mapping.slicing.grid_for` cuts them, in that order."""
    geometry = layer.geometry
    inputs, outputs = geometry.rows, geometry.columns
    packed = grid_for(inputs, outputs, geometry.groups, slicing).packed_groups
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
            )
        return
    index = 0
    for group in range(geometry.groups):
        for start in range(0, inputs, slicing.rows):
            stop = min(inputs, start + slicing.rows)
            yield RowGroup(
                index=index,
                start=group * inputs + start,
                stop=group * inputs + stop,
                first=group * outputs,
                last=(group + 1) * outputs,
                weight=layer.weight[group, start:stop],
            )
            index += 1


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Encoded:
    """One row group as cells, and how its column sums become the product.

    output[n] = sum over slices s of 2**(cell_bits * s) * (sum over lines l of n of sign[s, l] * sum[s, l])
                + sum over units u of unit[u, n] * sum of inputs weighted with unit_cells[:, u]

    Lines are columns of one slice: one an output, or (`differential`) the positive ones and then the negative ones.

    Attributes
    ----------
    cells : [slices, rows, lines] levels (uint8), or what the cells really are (integers or float32).
    sign : int8 [slices, lines], 1 or -1.
    unit : int64 [units, outputs]; units 0 when the encoding needs no sum of inputs.
    unit_cells : [rows, units] levels of the unit columns, 1 when ideal.
    analog_unit : whether unit columns are converted (else added up exactly).
    """

    cells: Array
    sign: NDArray[np.int8]
    unit: Whole
    unit_cells: Array
    cell_bits: int
    analog_unit: bool

    @property
    def outputs(self) -> int:
        """Outputs the lines add up to."""
        return int(self.unit.shape[1])

    @property
    def slice_weights(self) -> Whole:
        """Place value of each slice: int64 [slices]."""
        return np.asarray(2 ** (self.cell_bits * np.arange(len(self.cells), dtype=np.int64)))


def encode(weight: Array, slicing: Slicing, *, unit_column: bool) -> Encoded:
    """Cell levels of signed weights [rows, outputs] of `slicing.weight_bits` bits."""
    bits, cell = slicing.weight_bits, slicing.cell_bits
    wide = weight.astype(np.int64)
    sides = [wide + 2 ** (bits - 1)]
    if slicing.encoding == "differential":
        sides = [np.maximum(wide, 0), np.maximum(-wide, 0)]
    stored = np.concatenate(sides, axis=1)
    shifts = cell * np.arange(slicing.weight_slices)
    cells = ((stored >> shifts[:, None, None]) & (2**cell - 1)).astype(np.uint8)
    sign = np.ones((len(cells), stored.shape[1]), np.int8)
    outputs = weight.shape[1]
    if slicing.encoding == "differential":
        sign[:, outputs:] = -1
        unit = np.zeros((0, outputs), np.int64)
    else:
        unit = np.full((1, outputs), -(2 ** (bits - 1)), np.int64)
    if slicing.encoding == "flip":
        flipped = flips(cells, slicing)
        cells = np.where(flipped[:, None, :], 2**cell - 1 - cells, cells).astype(np.uint8)
        sign[flipped] = -1
        places = 2 ** shifts.astype(np.int64) * (2**cell - 1)
        unit = unit + places @ flipped
    return Encoded(
        cells=cells,
        sign=sign,
        unit=unit,
        unit_cells=np.ones((len(weight), len(unit)), np.uint8),
        cell_bits=cell,
        analog_unit=unit_column and len(unit) > 0,
    )


def flips(cells: Array, slicing: Slicing) -> NDArray[np.bool_]:
    """Which columns [slices, lines] of levels [slices, rows, lines] could set the top bit of the converter that a full
    array needs, and so store the complement (ISAAC, Sec. V)."""
    top = 2 ** (bits_required(slicing.rows, slicing.dac_bits, slicing.cell_bits) - 1)
    return np.asarray(cells.sum(axis=1, dtype=np.int64) * (2**slicing.dac_bits - 1) >= top)


def largest_sum(slicing: Slicing) -> int:
    """Largest sum that any column of ideal cells can have, whatever the weights: with complements the sum that all but
    sets the top bit, or that of the unit column (ISAAC, Sec. V)."""
    digit = 2**slicing.dac_bits - 1
    whole = int(slicing.rows * digit * (2**slicing.cell_bits - 1))
    if slicing.encoding != "flip":
        return whole
    return int(max(2 ** (whole.bit_length() - 1) - 1, slicing.rows * digit))


def combine(encoded: Encoded, sums: Array, units: Array, drive: Drive) -> Array:
    """Shift-and-add: converted sums to outputs of one row group, before the constant of offset inputs.

    Parameters
    ----------
    sums : [digits, slices, lines, windows] converted column sums.
    units : [digits, units, windows] converted (or exact) sums of inputs.

    Returns
    -------
    [outputs, windows] in the type of the sums.
    """
    places = drive.weights[:, None] * encoded.slice_weights
    signed = np.einsum("ds,sl,dslm->lm", places.astype(sums.dtype), encoded.sign.astype(sums.dtype), sums)
    total = signed.reshape(-1, encoded.outputs, sums.shape[-1]).sum(axis=0)
    inputs = np.einsum("d,dum->um", drive.weights.astype(units.dtype), units)
    return np.asarray(total + encoded.unit.T.astype(inputs.dtype) @ inputs)


def effective_weights(encoded: Encoded) -> Array:
    """What a lossless converter would compute with: [rows, outputs], int64 for whole cells, float64 for others.

    With ideal cells these are the weights themselves.
    """
    wide = np.int64 if encoded.cells.dtype.kind in "ui" and encoded.unit_cells.dtype.kind in "ui" else np.float64
    rows = encoded.cells.shape[1]
    found = np.zeros((rows, encoded.outputs), wide)
    for cells, sign, place in zip(encoded.cells, encoded.sign, encoded.slice_weights, strict=True):
        lines = (cells.astype(wide) * sign) * place
        found += lines.reshape(rows, -1, encoded.outputs).sum(axis=1)
    return found + encoded.unit_cells.astype(wide) @ encoded.unit.astype(wide)
