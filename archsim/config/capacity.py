"""What registers must hold: `size` of `ima.input_register`, `ima.output_register` and `tile.output_register`.

A register holds one window of the arrays it serves: an input of `input_bits` for each row, once for arrays that share
row drivers, or an output of `input_bits` for each weight side by side in a row. So are the registers of ISAAC sized
(Shafiee2016, Table I: 8 arrays of 128 rows at 16 bits take 2 KiB, 8 times 16 weights 256 B, 12 such IMAs 3 KiB). One
that cannot hold the window of a single array is contradictory; one that cannot hold those of all arrays is noted, as
time and energy are worked out as if it could.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from archsim.config.model import HardwareFile, Register, TileRegister


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """A register's bytes and what it needs: for a window of one array, and of all that it serves."""

    path: str
    holds: float
    array: float
    window: float


def holdings(file: HardwareFile) -> Iterator[Holding]:
    """The registers of a hardware file; `path` names what sizes them."""
    ima, tile = file.ima, file.tile
    arrays, bits = ima.crossbar.count, file.precision.input_bits
    apart = _slices(file) if ima.crossbar.slices == "arrays" else 1
    drivers = ima.dac.count or arrays * ima.crossbar.rows
    shared = min(max(1, round(arrays * ima.crossbar.rows / drivers)), apart)
    inputs, outputs = ima.crossbar.rows * bits / 8, array_outputs(file) * bits / 8
    yield _holding("ima.input_register", ima.input_register, inputs, ceil(arrays / shared))
    yield _holding("ima.output_register", ima.output_register, outputs, arrays)
    if tile.output_register is not None:
        yield _holding("tile.output_register", tile.output_register, outputs, arrays * ima.count)


def array_outputs(file: HardwareFile) -> float:
    """Outputs of an array: weights side by side in a row, over the arrays that a weight takes."""
    columns, slices = file.ima.crossbar.columns, _slices(file)
    sides = 2 if file.precision.encoding == "differential" else 1
    here, apart = (1, slices) if file.ima.crossbar.slices == "arrays" else (slices, 1)
    return columns // (here * sides) / apart


def _slices(file: HardwareFile) -> int:
    """Cells of a weight, on one side of a pair."""
    return ceil(file.precision.stored_bits / file.ima.cell.bits)


def _holding(path: str, register: Register | TileRegister, array: float, arrays: int) -> Holding:
    return Holding(path=path, holds=register.count * register.size, array=array, window=array * arrays)
