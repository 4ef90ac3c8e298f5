"""The analog engine: cells that are no whole numbers, every bit plane through its converter, one noise draw for each
conversion.

Exactness. Column sums are float32 (even and odd groups of four rows added in order): they differ from exact sums by less
than rows * 2**-23 of the largest sum. Everything behind the converter is exact. A result therefore equals the float64
oracle except where a sum lies that close to a decision threshold. In fixed point every cell is rounded to 2**-fraction
levels, so there "close" is rows * 2**-(fraction + 1) levels (`FixedCells`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.errors import InputError
from archsim.function.analog.kernels import tables
from archsim.function.analog.kernels.vectors import LANES
from archsim.function.arrays import crossbar_index, generator_for, program
from archsim.function.circuit import Circuit
from archsim.function.converter import Converter
from archsim.function.encodings import Drive, Encoded, RowGroup, encode, row_groups
from archsim.function.engines import Engine
from archsim.function.integer import Multiply
from archsim.function.network import MatrixLayer
from archsim.function.noise import NoisyProduct, Windows, noise_key

Array = NDArray[Any]
Real = NDArray[np.float64]

ROW_STEP = 8
"""Rows are padded to pairs of groups of four."""

HELD_CELLS = 1 << 26
"""Cells kept between calls, per layer (float32: 256 MiB). A larger layer is programmed again at each call, row group by
row group, from the same seeds."""

LEAST_FRACTION = 5
"""Binary places below which fixed-point tables are refused: 32 groups then err by up to half a level."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Piece:
    """One row group ready for the kernels: blocks of 16 columns, then blocks of unit columns.

    `cells` float32 [blocks, rows, 16]; `scale` float64 [blocks, 16]; `column` [blocks] is where a block adds to a row of
    `width` sums, unit columns from `units_at` on. `first_block` counts the blocks of the row groups before.
    """

    group: RowGroup
    unit: NDArray[np.int64]
    analog_unit: bool
    cells: NDArray[np.float32]
    scale: Real
    column: NDArray[np.int64]
    width: int
    units_at: int
    first_block: int
    fixed: FixedCells | None = None


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class FixedCells:
    """Cells of a piece in fixed point, two blocks side by side (see `tables.multiply_fixed`)."""

    cells: NDArray[np.uint16]
    fraction: NDArray[np.int64]
    bottom: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Curve:
    """A converter as the kernels take it. For UNIFORM, value = `base` + `step` * code."""

    mode: int
    line: tuple[float, float, float]
    thresholds: Real
    values: Real
    base: float = 0.0
    step: float = 1.0


def analog_engine(circuit: Circuit, *, arithmetic: str = "float32", replica: int = 0) -> Engine:
    """Engine for machines whose cells or reads are not ideal.

    Parameters
    ----------
    arithmetic : of the column sums: `float32`, or `int16` (about twice as fast; needs one-bit DACs, a converter of one
        code per level and no read noise).
    replica : which copy of each layer computes; copies have cells of their own.

    Raises
    ------
    InputError
        An unknown arithmetic, or one that the circuit does not allow.
    """
    if arithmetic not in ("float32", "int16"):
        raise InputError(f"is {arithmetic!r}; expected float32 | int16", "arithmetic")
    if arithmetic == "int16" and (circuit.slicing.dac_bits > 1 or circuit.read_noise or not one_code_per_level(circuit)):
        what = "int16 needs one-bit DACs, a converter of one code per level and no read noise; expected float32"
        raise InputError(what, "arithmetic")

    def prepare(layer: MatrixLayer) -> Multiply:
        return _prepare(layer, circuit, arithmetic == "int16", replica)

    return prepare


def one_code_per_level(circuit: Circuit) -> bool:
    """Whether the converter's codes are the levels 0, 1, 2, ... and it decides halfway between them."""
    thresholds, values = circuit.converter.thresholds, circuit.converter.values
    if thresholds is None or values is None:
        return False
    places = np.arange(len(values))
    return np.array_equal(values, places) and np.array_equal(thresholds, places[1:] - 0.5)


def curve_of(converter: Converter) -> Curve:
    """The cheapest form of a converter that is still exact: thresholds and values both at equal distances, or lists."""
    none = np.zeros(0)
    thresholds, values = converter.thresholds, converter.values
    if thresholds is None or values is None:
        return Curve(mode=tables.IDEAL, line=(0.0, 1.0, 0.0), thresholds=none, values=none)
    count = len(thresholds)
    gap = (thresholds[-1] - thresholds[0]) / (count - 1) if count > 1 else 1.0
    step = values[1] - values[0]
    even = gap > 0 and np.allclose(thresholds, thresholds[0] + gap * np.arange(count), rtol=0, atol=1e-9 * gap)
    if even and np.array_equal(values, values[0] + step * np.arange(count + 1)):
        line = (float(thresholds[0]), 1.0 / gap, float(count))
        return Curve(mode=tables.UNIFORM, line=line, thresholds=none, values=none, base=values[0], step=step)
    return Curve(mode=tables.CURVE, line=(0.0, 1.0, 0.0), thresholds=thresholds, values=values)


def programmed_groups(layer: MatrixLayer, circuit: Circuit, replica: int = 0) -> Iterator[tuple[RowGroup, Encoded]]:
    """Row groups of a layer with the cells that its arrays really have."""
    for group in row_groups(layer, circuit.slicing):
        encoded = encode(group.weight, circuit.slicing, unit_column=circuit.unit_column)
        if circuit.cells is not None:

            def generator(array: int, group: RowGroup = group) -> np.random.Generator:
                place = crossbar_index(group, array, layer, circuit.slicing)
                return generator_for(circuit.seed, layer.name, replica, place)

            encoded = program(encoded, circuit.cells, generator, circuit.slicing)
        yield group, encoded


def _pieces(layer: MatrixLayer, circuit: Circuit, fixed: bool, replica: int) -> Iterator[Piece]:
    first = 0
    for group, encoded in programmed_groups(layer, circuit, replica):
        piece = piece_of(group, encoded, first)
        first += len(piece.column)
        yield replace(piece, fixed=fixed_cells(piece)) if fixed else piece


def piece_of(group: RowGroup, encoded: Encoded, first_block: int) -> Piece:
    """Columns of a row group in blocks of 16: outputs of one slice and side together, unit columns last."""
    slices, rows, lines = encoded.cells.shape
    outputs = encoded.outputs
    sides, padded = lines // outputs, -(-outputs // LANES) * LANES
    units = encoded.unit_cells.shape[1] if encoded.analog_unit else 0
    unit_width = -(-units // LANES) * LANES
    own = slices * sides * padded
    cells = np.zeros((-(-rows // ROW_STEP) * ROW_STEP, own + unit_width), np.float32)
    view = cells[:rows, :own].reshape(rows, slices, sides, padded)
    view[..., :outputs] = encoded.cells.reshape(slices, rows, sides, outputs).transpose(1, 0, 2, 3)
    scale = np.zeros(own + unit_width)
    signs = scale[:own].reshape(slices, sides, padded)
    signs[..., :outputs] = encoded.sign.reshape(slices, sides, outputs) * encoded.slice_weights[:, None, None]
    if units:
        cells[:rows, own : own + units] = encoded.unit_cells
        scale[own : own + units] = 1
    column = np.concatenate([np.tile(np.arange(0, padded, LANES), slices * sides), padded + np.arange(0, unit_width, LANES)])
    blocks = cells.reshape(len(cells), -1, LANES).transpose(1, 0, 2)
    if len(column) % 2:
        blocks = np.concatenate([blocks, np.zeros((1, *blocks.shape[1:]), np.float32)])
        scale, column = np.append(scale, np.zeros(LANES)), np.append(column, 0)
    return Piece(
        group=group,
        unit=encoded.unit,
        analog_unit=encoded.analog_unit,
        cells=np.ascontiguousarray(blocks),
        scale=scale,
        column=column.astype(np.int64),
        width=padded + unit_width,
        units_at=padded,
        first_block=first_block,
    )


def fixed_cells(piece: Piece) -> FixedCells:
    """Cells with as many binary places as leave room for every sum they can make.

    Raises
    ------
    InputError
        Sums so large that fewer than LEAST_FRACTION places are left.
    """
    pairs = piece.cells.reshape(-1, 2, *piece.cells.shape[1:]).transpose(0, 2, 1, 3)
    pairs = pairs.reshape(len(pairs), -1, 2 * LANES).astype(np.float64)
    top = np.maximum(pairs, 0).sum(axis=1).max(axis=1)
    bottom = np.ceil(np.maximum(-pairs, 0).sum(axis=1).max(axis=1)).astype(np.int64)
    fraction = np.minimum(np.floor(np.log2((2**16 - 1) / (top + bottom + 2.0))), 12).astype(np.int64)
    if fraction.min() < LEAST_FRACTION:
        what = f"int16 leaves {fraction.min()} binary places for these column sums; expected float32"
        raise InputError(what, "arithmetic")
    whole = np.rint(pairs * 2.0 ** fraction[:, None, None]).astype(np.int64)
    return FixedCells(cells=(whole & 0xFFFF).astype(np.uint16), fraction=fraction, bottom=bottom)


def _prepare(layer: MatrixLayer, circuit: Circuit, fixed: bool, replica: int) -> Multiply:
    drive = Drive.of(layer.format, circuit.slicing)
    slicing = circuit.slicing
    cells = layer.weight.size * slicing.weight_slices * (2 if slicing.encoding == "differential" else 1)
    packed = next(row_groups(layer, slicing)).weight.size // max(1, layer.weight[0].size)
    held = list(_pieces(layer, circuit, fixed, replica)) if cells * max(1, packed) <= HELD_CELLS else None
    curve = curve_of(circuit.converter)
    blocks = _count_blocks(layer, circuit)
    key = noise_key(circuit.seed, layer.name, replica)
    last = circuit.converter.codes - 1

    def product(x: Array, windows: Windows) -> Array:
        rows = drive.codes(x).transpose(0, 2, 1).reshape(-1, x.shape[1])
        out = np.zeros((x.shape[1], layer.geometry.outputs))
        for piece in held if held is not None else _pieces(layer, circuit, fixed, replica):
            codes = rows[piece.group.start : piece.group.stop]
            sums = np.zeros((x.shape[1], piece.width))
            places = _places(codes, drive, piece.cells.shape[1])
            if piece.fixed is not None:
                _run_fixed(piece, piece.fixed, places, drive, last, sums)
            else:
                noise = (key, circuit.read_noise, piece.first_block, blocks)
                _run_real(piece, places, drive, curve, noise, windows, sums)
            _add_outputs(piece, sums, codes, drive, out[:, piece.group.first : piece.group.last])
        return out.reshape(x.shape[1], *layer.weight.shape[::2]).transpose(1, 0, 2)

    return NoisyProduct(product=product) if circuit.read_noise else lambda x: product(x, np.arange(x.shape[1]))


def _count_blocks(layer: MatrixLayer, circuit: Circuit) -> int:
    """Blocks of all row groups; known from shapes, so that a layer programmed piece by piece counts alike."""
    total = 0
    for group in row_groups(layer, circuit.slicing):
        ideal = encode(group.weight[:1], circuit.slicing, unit_column=circuit.unit_column)
        slices, _, lines = ideal.cells.shape
        arrays = -(-ideal.outputs // circuit.slicing.weights_per_array) * circuit.slicing.arrays_per_weight
        units = (arrays if circuit.cells is not None else len(ideal.unit)) if ideal.analog_unit else 0
        own = slices * (lines // ideal.outputs) * -(-ideal.outputs // LANES) + -(-units // LANES)
        total += own + own % 2
    return total


def _places(codes: Array, drive: Drive, rows: int) -> NDArray[np.uint8]:
    """Table offsets of input codes [rows, windows]; rows without an input are never driven."""
    padded = np.zeros((codes.shape[1], rows), codes.dtype)
    padded[:, : len(codes)] = codes.T
    digits = drive.digits + drive.digits % 2
    places = np.zeros((len(padded), digits * drive.dac_bits, rows // tables.ROWS), np.uint8)
    tables.bit_places(padded, places)
    return places


def _run_real(
    piece: Piece,
    places: Array,
    drive: Drive,
    curve: Curve,
    noise: tuple[np.uint64, float, int, int],
    windows: Windows,
    sums: Real,
) -> None:
    weights = _even(drive.weights.astype(np.float64))
    tables.multiply_real(
        places,
        drive.dac_bits,
        piece.cells.reshape(-1),
        weights,
        piece.scale,
        piece.column,
        curve.mode,
        curve.line,
        curve.thresholds,
        curve.values,
        noise,
        windows,
        sums.reshape(-1),
    )
    if curve.mode == tables.UNIFORM and (curve.base, curve.step) != (0.0, 1.0):
        every = np.zeros(piece.width)
        np.add.at(every, piece.column[:, None] + np.arange(LANES), piece.scale.reshape(-1, LANES))
        sums *= curve.step
        sums += curve.base * weights.sum() * every


def _run_fixed(piece: Piece, form: FixedCells, places: Array, drive: Drive, last: int, sums: Real) -> None:
    weights, flat = _even(drive.weights), sums.reshape(-1)
    cells = form.cells.reshape(-1)
    tables.multiply_fixed(places, cells, weights, piece.scale, piece.column, form.fraction, form.bottom, last, flat)


def _even(weights: Array) -> Array:
    """Place values with a digit of weight 0 where that makes their number even."""
    return np.append(weights, weights.dtype.type(0)) if len(weights) % 2 else weights


def _add_outputs(piece: Piece, sums: Real, codes: Array, drive: Drive, out: Real) -> None:
    """Add a row group's columns to out [windows, outputs], with the sum of inputs and the constant they owe."""
    if piece.analog_unit:
        inputs = sums[:, piece.units_at : piece.units_at + len(piece.unit)]
    else:
        inputs = _input_sums(codes, drive)[:, None]
    constant = drive.offset * piece.group.weight.sum(axis=0, dtype=np.float64)
    used = piece.unit != 0
    reach = np.stack([used.argmax(axis=1), piece.unit.shape[1] - used[:, ::-1].argmax(axis=1)], axis=1)
    tables.add_outputs(sums, inputs, piece.unit.astype(np.float64), reach * used.any(axis=1)[:, None], constant, out)


def _input_sums(codes: Array, drive: Drive) -> Real:
    """Sum of the inputs as driven (offset included) of codes [rows, windows]."""
    total = codes.sum(axis=0, dtype=np.int64)
    if drive.signed and not drive.offset:
        total = total - (codes >> (drive.bits - 1)).sum(axis=0, dtype=np.int64) * 2**drive.bits
    return total.astype(np.float64)
