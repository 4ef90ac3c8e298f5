"""The engine of arrays that open a few rows at a time: every read is one conversion of every column, with its own
noise.

Cells may be whole numbers or real ones, converters any, noise constant or growing with the rows that drive. Few rows
drive in a read, so their cells are added up row by row, all columns side by side: that takes fewer operations than
counting bits in packed columns, and does not care what cells are.

Exactness: converted values are multiples of 2**-FRACTION_BITS and sums of them exact in any order, so outputs equal the
oracle's bit for bit, whatever the threads, batches and blocks of windows. (Where weights are levels, outputs are
float64 products of exact sums.)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.errors import InputError
from archsim.function.crossbars.analog.engine import curve_of
from archsim.function.crossbars.arrays import programmed
from archsim.function.crossbars.circuit import Circuit
from archsim.function.crossbars.encodings import Drive, Encoded, RowGroup, cut_of
from archsim.function.crossbars.engines import Engine
from archsim.function.crossbars.integer import Multiply
from archsim.function.crossbars.meter import Meter
from archsim.function.crossbars.noise import Planes, ReadProduct, Windows, noise_key
from archsim.function.crossbars.openings import kernels
from archsim.function.crossbars.openings.members import POLICIES, Members, members_of
from archsim.function.quantization.network import MatrixLayer

Array = NDArray[Any]
Real = NDArray[np.float64]
Whole = NDArray[np.int64]


def conversion_noise(law: str, sigma: float, rows_at_once: int) -> NDArray[np.float32]:
    """Standard deviation of a conversion by the rows that drive: float32 [rows_at_once + 1]."""
    rows = np.sqrt(np.arange(rows_at_once + 1))
    laws = {"constant": np.ones_like(rows), "sqrt_rows": rows, "mixed": (1 + rows) / 2}
    return np.asarray(sigma * laws[law], np.float32)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Opened:
    """One row group: its converted columns are slices x lines, then unit columns. `cells` float32 [rows, columns] is
    padded; `base` is the number of the group's first draw."""

    group: RowGroup
    encoded: Encoded
    cells: NDArray[np.float32]
    used: int
    base: int


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Reads:
    """One layer on one machine: what all calls share. `line` float64 [7] is first threshold, 1 / distance, last code,
    value of code 0, step of values, lowest and highest sum in range (`kernels.decide`). `draws` counts the draws of one
    pass of a digit; `sides` the passes that add and that subtract."""

    layer: MatrixLayer
    drive: Drive
    members: Members
    parts: tuple[Opened, ...]
    at_once: int
    policy: int
    sigma: NDArray[np.float32]
    key: np.uint64
    draws: int
    sides: Whole
    mode: int
    line: Real
    thresholds: Real
    values: Real


def opening_engine(circuit: Circuit, meter: Meter | None = None, *, replica: int = 0) -> Engine:
    """Engine for `Slicing.rows_at_once`, row plans and noise laws.

    Parameters
    ----------
    meter : told of every conversion, if given.
    replica : which copy of each layer computes; copies have cells and noise of their own.
    """

    def prepare(layer: MatrixLayer) -> Multiply:
        reads = prepare_reads(layer, circuit, replica)

        def product(x: Array, windows: Windows, planes: Planes | None = None) -> Array:
            return multiply(reads, meter, x, windows, planes)

        return ReadProduct(product=product, geometry=layer.geometry)

    return prepare


def prepare_reads(layer: MatrixLayer, circuit: Circuit, replica: int = 0) -> Reads:
    """Everything about a layer that does not depend on its inputs.

    Raises
    ------
    InputError
        Inputs of several bits a digit that share a row.
    """
    slicing, drive = circuit.slicing, Drive.of(layer.format, circuit.slicing)
    members = members_of(cut_of(layer, slicing, circuit.rows.get(layer.name)))
    if not members.plain and drive.dac_bits > 1:
        raise InputError("shares rows between inputs; expected ima.dac.bits: 1", layer.name)
    curve = curve_of(circuit.converter)
    parts, base = [], 0
    for group, encoded in programmed(layer, circuit, replica):
        parts.append(_open(group, encoded, base))
        base += slicing.windows(len(group.weight)) * parts[-1].cells.shape[1] // kernels.NORMALS
    first, gap, last, lowest, highest = curve.line
    return Reads(
        layer=layer,
        drive=drive,
        members=members,
        parts=tuple(parts),
        at_once=slicing.opened_rows,
        policy=POLICIES[slicing.activation],
        sigma=conversion_noise(circuit.noise_law, circuit.read_noise, slicing.opened_rows),
        key=noise_key(circuit.seed, layer.name, replica),
        draws=base,
        sides=np.maximum(members.most, [1, 0]),
        mode=curve.mode,
        line=np.array([first, gap, last, curve.base, curve.step, lowest, highest]),
        thresholds=curve.thresholds,
        values=curve.values,
    )


def _open(group: RowGroup, encoded: Encoded, base: int) -> Opened:
    """Slices and lines side by side, unit columns behind them."""
    rows = encoded.cells.shape[1]
    columns = [encoded.cells.transpose(1, 0, 2).reshape(rows, -1)]
    if encoded.analog_unit:
        columns.append(encoded.unit_cells)
    together = np.concatenate(columns, axis=1)
    used = together.shape[1]
    cells = np.zeros((rows, -(-used // kernels.NORMALS) * kernels.NORMALS), np.float32)
    cells[:, :used] = together
    return Opened(group=group, encoded=encoded, cells=cells, used=used, base=base)


def multiply(reads: Reads, meter: Meter | None, x: Array, windows: Windows, planes: Planes | None = None) -> Array:
    """Accumulators float64 [groups, windows, columns] of x [groups, windows, rows], the windows numbered as given;
    `planes` are the digits that they stream, where not all of them are."""
    geometry = reads.layer.geometry
    codes = reads.drive.codes(np.ascontiguousarray(x)).transpose(1, 0, 2).reshape(x.shape[1], -1)
    codes = np.ascontiguousarray(codes)
    out = np.zeros((x.shape[1], geometry.outputs))
    conversions, clipped = 0, np.zeros(1, np.int64)
    for part in reads.parts:
        sums = np.zeros((len(codes), part.used))
        weights = reads.drive.weights[None]
        if planes is not None:
            weights = reads.drive.streamed(*(each[part.group.index] for each in planes))
        conversions += _convert(reads, part, codes, windows, weights, sums, clipped)
        out[:, part.group.first : part.group.last] += outputs_of(reads, part, codes, sums)
    if meter is not None:
        meter.add(reads.layer.name, conversions, int(clipped[0]))
    return out.reshape(len(out), geometry.groups, -1).transpose(1, 0, 2)


def _convert(
    reads: Reads, part: Opened, codes: Array, windows: Windows, weights: Whole, sums: Real, clipped: Whole
) -> int:
    members = reads.members
    made = kernels.convert_reads(
        codes,
        np.asarray(windows, np.int64),
        part.cells,
        part.group.start,
        part.used,
        members.member,
        members.sign,
        members.offsets,
        weights,
        reads.drive.dac_bits,
        reads.at_once,
        reads.policy,
        reads.sigma,
        (reads.key, reads.draws, part.base, reads.sides),
        reads.mode,
        reads.line,
        reads.thresholds,
        reads.values,
        sums,
        clipped,
    )
    return int(made)


def outputs_of(reads: Reads, part: Opened, codes: Array, sums: Real) -> Real:
    """Outputs [windows, outputs of the group] from converted sums [windows, columns] of all digits."""
    encoded, members, drive = part.encoded, reads.members, reads.drive
    slices, _, lines = encoded.cells.shape
    scale = (encoded.sign * encoded.slice_weights[:, None]).ravel().astype(np.float64)
    own = (sums[:, : slices * lines] * scale).reshape(len(sums), -1, encoded.outputs)
    total = np.zeros((len(sums), encoded.outputs))
    for index in range(own.shape[1]):
        total += own[:, index]
    if encoded.gain is not None:
        total *= encoded.gain
    inputs = _driven(part.group, members, drive, codes)
    units = sums[:, slices * lines :] if encoded.analog_unit else inputs[:, None].repeat(len(encoded.unit), axis=1)
    for index, (first, last) in enumerate(encoded.reach.tolist()):
        total[:, first:last] += units[:, index, None] * encoded.unit[index, first:last]
    if drive.offset:
        low, high = members.offsets[part.group.start], members.offsets[part.group.stop]
        held = np.repeat(
            np.arange(len(part.group.weight)), np.diff(members.offsets[part.group.start : part.group.stop + 1])
        )
        total -= drive.offset * (members.sign[low:high] @ part.group.weight[held].astype(np.int64))
    return total


def _driven(group: RowGroup, members: Members, drive: Drive, codes: Array) -> Real:
    """Sum of a row group's inputs as driven, subtracted ones with their sign: float64 [windows]."""
    low, high = members.offsets[group.start], members.offsets[group.stop]
    part = codes[:, members.member[low:high]].astype(np.int64)
    if drive.signed and not drive.offset:
        part = part - ((part >> (drive.bits - 1)) << drive.bits)
    return np.asarray(part @ members.sign[low:high], np.float64)
