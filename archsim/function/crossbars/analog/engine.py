"""The analog engine: cells that are no whole numbers, every digit through its converter, one noise draw for each
conversion.

Exactness. Column sums are float32 (even and odd groups of four rows added in order): they differ from exact sums by
less than rows * 2**-23 of the largest sum. Everything behind the converter is exact. A result therefore equals the
float64 oracle except where a sum lies that close to a decision threshold. In fixed point every cell is rounded to
2**-fraction levels, so there "close" is rows * 2**-(fraction + 1) levels (`pieces.FixedCells`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.errors import InputError
from archsim.function.crossbars.analog.kernels import tables
from archsim.function.crossbars.analog.kernels.vectors import LANES
from archsim.function.crossbars.analog.pieces import FixedCells, Piece, pieces
from archsim.function.crossbars.circuit import Circuit
from archsim.function.crossbars.converter import Converter
from archsim.function.crossbars.encodings import Drive, RowGroup, row_groups
from archsim.function.crossbars.engines import Engine
from archsim.function.crossbars.integer import Multiply
from archsim.function.crossbars.meter import Meter
from archsim.function.crossbars.noise import Planes, ReadProduct, Windows, noise_key
from archsim.function.quantization.network import MatrixLayer

Array = NDArray[Any]
Real = NDArray[np.float64]

HELD_CELLS = 1 << 26
"""Cells kept between calls, per layer (float32: 256 MiB). A larger layer is programmed again at each call, row group by
row group, from the same seeds."""

ARITHMETIC = ("float32", "int16")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Curve:
    """A converter as the kernels take it: `line` is first threshold, 1 / distance of thresholds, last code, lowest and
    highest sum inside the range. For UNIFORM, value = base + step * code."""

    mode: int
    line: tuple[float, float, float, float, float]
    thresholds: Real
    values: Real
    base: float = 0.0
    step: float = 1.0


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Reads:
    """What all calls of one layer share."""

    drive: Drive
    curve: Curve
    key: np.uint64
    noise: float
    meter: Meter | None
    layer: str

    def weights(self, group: RowGroup, planes: Planes | None) -> NDArray[np.int64]:
        """Place values of each window's digits, 0 where they are not read: [windows, digits], one window for all where
        all digits are. An even number of digits: the kernels take two at a time."""
        drive = self.drive
        found = drive.weights[None] if planes is None else drive.streamed(*(part[group.index] for part in planes))
        return np.pad(found, ((0, 0), (0, drive.digits % 2)))


def analog_engine(
    circuit: Circuit, meter: Meter | None = None, *, arithmetic: str = "float32", replica: int = 0
) -> Engine:
    """Engine for machines whose cells or reads are not ideal.

    Parameters
    ----------
    meter : counts clipped conversions.
    arithmetic : of the column sums: `float32`, or `int16` (twice as fast; needs one-bit DACs, a converter of one code
        per level, no read noise, and counts nothing).
    replica : which copy of each layer computes; copies have cells of their own.

    Raises
    ------
    InputError
        An unknown arithmetic, or one that the circuit does not allow.
    """
    if arithmetic not in ARITHMETIC:
        raise InputError(f"is {arithmetic!r}; expected {' | '.join(ARITHMETIC)}", "arithmetic")
    fixed = arithmetic == "int16"
    plain = circuit.slicing.dac_bits == 1 and circuit.read_noise == 0 and one_code_per_level(circuit.converter)
    if fixed and (meter is not None or not plain):
        what = "int16 needs one-bit DACs, one code per level, no read noise and no meter; expected float32"
        raise InputError(what, "arithmetic")
    return lambda layer: _prepare(layer, circuit, meter, fixed, replica)


def one_code_per_level(converter: Converter) -> bool:
    """Whether the codes are the levels 0, 1, 2, ..., decided halfway between them."""
    thresholds, values = converter.thresholds, converter.values
    if thresholds is None or values is None:
        return False
    places = np.arange(len(values))
    return np.array_equal(values, places) and np.array_equal(thresholds, places[1:] - 0.5)


def curve_of(converter: Converter) -> Curve:
    """The cheapest form of a converter that decides every whole sum as its thresholds do: thresholds and values both at
    equal distances, or lists."""
    none, bounds = np.zeros(0), (_single(converter.lowest, np.inf), _single(converter.highest, -np.inf))
    thresholds, values = converter.thresholds, converter.values
    if thresholds is None or values is None:
        return Curve(mode=tables.IDEAL, line=(0.0, 1.0, 0.0, *bounds), thresholds=none, values=none)
    count = len(thresholds)
    gap = (thresholds[-1] - thresholds[0]) / (count - 1) if count > 1 else 1.0
    step = values[1] - values[0]
    even = gap > 0 and np.allclose(thresholds, thresholds[0] + gap * np.arange(count), rtol=0, atol=1e-9 * gap)
    line = (float(thresholds[0]), 1.0 / gap, float(count), *bounds)
    if even and np.array_equal(values, values[0] + step * np.arange(count + 1)) and _decides(line, thresholds):
        return Curve(mode=tables.UNIFORM, line=line, thresholds=none, values=none, base=values[0], step=step)
    return Curve(mode=tables.CURVE, line=(0.0, 1.0, 0.0, *bounds), thresholds=thresholds, values=values)


def _single(bound: float, inwards: float) -> float:
    """A bound in single precision that sums of single precision lie within as they lie within the exact one."""
    near = float(np.float32(bound))
    inside = near >= bound if inwards > 0 else near <= bound
    return near if inside else float(np.nextafter(np.float32(near), np.float32(inwards)))


def _decides(line: tuple[float, ...], thresholds: Real) -> bool:
    """Whether the codes of a line (`tables.ON_THRESHOLD`) are those of the thresholds for whole sums. Both are
    monotone, so it takes only the whole sums around each threshold."""
    first, per_step, last, *_ = line
    upper = np.ceil(thresholds)
    whole = np.concatenate([upper - 1, upper])
    codes = np.clip(np.floor((whole - first) * per_step + tables.ON_THRESHOLD), 0, last)
    return np.array_equal(codes, np.searchsorted(thresholds, whole, side="right"))


def _prepare(layer: MatrixLayer, circuit: Circuit, meter: Meter | None, fixed: bool, replica: int) -> Multiply:
    drive = Drive.of(layer.format, circuit.slicing)
    reads = _Reads(
        drive=drive,
        curve=curve_of(circuit.converter),
        key=noise_key(circuit.seed, layer.name, replica),
        noise=circuit.read_noise,
        meter=meter,
        layer=layer.name,
    )
    stored = sum(group.weight.size for group in row_groups(layer, circuit.slicing))
    sides = 2 if circuit.slicing.encoding == "differential" else 1
    small = stored * circuit.slicing.weight_slices * sides <= HELD_CELLS
    held = list(pieces(layer, circuit, replica, fixed=fixed)) if small else None

    def product(x: Array, windows: Windows, planes: Planes | None = None) -> Array:
        rows = drive.codes(x).transpose(0, 2, 1).reshape(-1, x.shape[1])
        out = np.zeros((x.shape[1], layer.geometry.outputs))
        for piece in pieces(layer, circuit, replica, fixed=fixed) if held is None else held:
            weights = reads.weights(piece.group, planes)
            _multiply(piece, rows[piece.group.start : piece.group.stop], reads, weights, windows, out)
        return out.reshape(x.shape[1], layer.geometry.groups, -1).transpose(1, 0, 2)

    return ReadProduct(product=product, geometry=layer.geometry)


def _multiply(
    piece: Piece, codes: Array, reads: _Reads, weights: NDArray[np.int64], windows: Windows, out: Real
) -> None:
    """Add a row group's share, for input codes [rows, windows], to out [windows, all outputs]."""
    drive = reads.drive
    sums = np.zeros((codes.shape[1], piece.width))
    places = _places(codes, weights.shape[1] * drive.dac_bits, piece.cells.shape[1])
    if piece.fixed is None:
        _run_real(piece, places, reads, weights, windows, sums)
    else:
        _run_fixed(piece, piece.fixed, places, reads, weights, sums)
    if piece.analog_unit:
        inputs = sums[:, piece.units_at : piece.units_at + len(piece.unit)]
    else:
        inputs = _input_sums(codes, drive)[:, None]
    group = piece.group
    constant = drive.offset * group.weight.sum(axis=0, dtype=np.float64)
    tables.add_outputs(sums, inputs, piece.unit, piece.reach, constant, out[:, group.first : group.last])


def _places(codes: Array, planes: int, rows: int) -> NDArray[np.uint8]:
    """Table offsets of input codes [rows, windows]; padded rows are never driven."""
    padded = np.zeros((codes.shape[1], rows), codes.dtype)
    padded[:, : len(codes)] = codes.T
    places = np.empty((len(padded), planes, rows // tables.ROWS), np.uint8)
    tables.bit_places(padded, places)
    return places


def _run_real(
    piece: Piece, places: Array, reads: _Reads, weights: NDArray[np.int64], windows: Windows, sums: Real
) -> None:
    curve = reads.curve
    clips = np.zeros(piece.scale.size if reads.meter is not None else 0)
    tables.multiply_real(
        places,
        reads.drive.dac_bits,
        piece.cells.reshape(-1),
        weights.astype(np.float64),
        piece.scale,
        piece.column,
        curve.mode,
        curve.line,
        curve.thresholds,
        curve.values,
        (reads.key, reads.noise, piece.first_block),
        windows,
        sums.reshape(-1),
        clips,
    )
    if curve.mode == tables.UNIFORM and (curve.base, curve.step) != (0.0, 1.0):
        every = np.zeros(piece.width)
        np.add.at(every, piece.column[:, None] + np.arange(LANES), piece.scale.reshape(-1, LANES))
        sums *= curve.step
        sums += curve.base * weights.sum(axis=1)[:, None] * every
    if reads.meter is not None:
        used = piece.scale != 0
        digits = int(np.count_nonzero(weights)) * (len(places) // len(weights))
        reads.meter.add(reads.layer, int(used.sum()) * digits, int(clips[used].sum()))


def _run_fixed(
    piece: Piece, form: FixedCells, places: Array, reads: _Reads, weights: NDArray[np.int64], sums: Real
) -> None:
    if len(weights) > 1:
        raise ValueError("int16 computes whole digits of all windows")
    last = int(reads.curve.line[2])
    cells, flat = form.cells.reshape(-1), sums.reshape(-1)
    tables.multiply_fixed(places, cells, weights[0], piece.scale, piece.column, form.fraction, form.bottom, last, flat)


def _input_sums(codes: Array, drive: Drive) -> Real:
    """Sum of the inputs as driven (offset included) of codes [rows, windows]."""
    total = codes.sum(axis=0, dtype=np.int64)
    if drive.signed and not drive.offset:
        total = total - (codes >> (drive.bits - 1)).sum(axis=0, dtype=np.int64) * 2**drive.bits
    return np.asarray(total, np.float64)
