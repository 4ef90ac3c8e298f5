"""The definition, read by read, in NumPy: slow, for tests of the kernels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.function.crossbars.analog.kernels.normals import fill_normals
from archsim.function.crossbars.circuit import Circuit
from archsim.function.crossbars.engines import Engine
from archsim.function.crossbars.integer import Multiply
from archsim.function.crossbars.noise import Planes, ReadProduct, Windows
from archsim.function.crossbars.openings.engine import Opened, Reads, outputs_of, prepare_reads
from archsim.function.crossbars.openings.kernels import NORMALS
from archsim.function.crossbars.openings.members import POLICIES
from archsim.function.quantization.network import MatrixLayer

Array = NDArray[Any]


def reads_of(drives: Array, at_once: int, policy: str) -> Iterator[tuple[int, Array, int]]:
    """Reads that serve the driven rows of an array (drives bool [rows]): number, rows driven, rows opened."""
    rows = np.flatnonzero(drives)
    if policy == "compacting":
        for read, first in enumerate(range(0, len(rows), at_once)):
            yield read, rows[first : first + at_once], len(rows[first : first + at_once])
        return
    for window, first in enumerate(range(0, len(drives), at_once)):
        inside = rows[(rows >= first) & (rows < first + at_once)]
        if len(inside) or policy == "dense":
            yield window, inside, min(at_once, len(drives) - first)


def passes_of(reads: Reads, codes: Array, part: Opened) -> Iterator[tuple[int, int, int, Array, Array]]:
    """(digit, side, pass, driven rows, digits of all rows) that one window's codes [unrolled inputs] drive the array
    with."""
    members, drive = reads.members, reads.drive
    rows = range(part.group.start, part.group.stop)
    for digit in range(drive.digits):
        held = (codes >> (digit * drive.dac_bits)) & drive.largest
        values = np.zeros(len(rows), np.int64)
        waiting = np.zeros((2, len(rows)), np.int64)
        for row, place in enumerate(rows):
            for member in range(members.offsets[place], members.offsets[place + 1]):
                if held[members.member[member]]:
                    waiting[0 if members.sign[member] > 0 else 1, row] += 1
                    values[row] = held[members.member[member]]
        for side in range(2):
            least = 1 if reads.policy == POLICIES["dense"] and side == 0 else 0
            for passed in range(max(least, int(waiting[side].max()))):
                yield digit, side, passed, waiting[side] > passed, values


def convert_window(reads: Reads, circuit: Circuit, part: Opened, codes: Array, number: int) -> tuple[Array, int]:
    """Converted sums float64 [columns] of one window of a row group, all reads added up, and the reads."""
    out, made = np.zeros(part.used), 0
    blocks = part.cells.shape[1] // NORMALS
    for digit, side, passed, driven, values in passes_of(reads, codes, part):
        turn = (number * reads.drive.digits + digit) * int(reads.sides.sum()) + side * int(reads.sides[0]) + passed
        for read, rows, _ in reads_of(driven, reads.at_once, circuit.slicing.activation):
            sums = np.zeros(part.cells.shape[1], np.float32)
            for row in rows:
                sums += np.float32(values[row]) * part.cells[row]
            if reads.sigma.any():
                noise = np.empty(part.cells.shape[1], np.float32)
                draw = turn * reads.draws + part.base + read * blocks
                fill_normals(reads.key, np.uint64(16 * draw), noise)
                sums += reads.sigma[len(rows)] * noise
            factor = int(reads.drive.weights[digit]) * (-1 if side else 1)
            out += factor * circuit.converter.convert(sums[: part.used].astype(np.float64))
            made += 1
    return out, made


def opening_oracle(circuit: Circuit) -> Engine:
    """Arithmetic of any machine that opens a few rows at a time."""

    def prepare(layer: MatrixLayer) -> Multiply:
        reads = prepare_reads(layer, circuit)

        def product(x: Array, windows: Windows, _: Planes | None = None) -> Array:
            codes = reads.drive.codes(np.ascontiguousarray(x)).transpose(1, 0, 2).reshape(x.shape[1], -1)
            out = np.zeros((x.shape[1], layer.geometry.outputs))
            for part in reads.parts:
                numbered = zip(codes.astype(np.int64), windows.tolist(), strict=True)
                sums = np.stack([convert_window(reads, circuit, part, code, number)[0] for code, number in numbered])
                out[:, part.group.first : part.group.last] += outputs_of(reads, part, codes, sums)
            return out.reshape(len(out), layer.geometry.groups, -1).transpose(1, 0, 2)

        return ReadProduct(product=product, geometry=layer.geometry)

    return prepare
