"""Updates of whole rows: what a rule asks for, then what the device makes of it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from archsim.compiling import kernel
from archsim.training.insitu.kernels.requests import (
    fire_row,
    fire_small_row,
    map_row,
    round_row,
    store_velocity_row,
    transfer_row,
)
from archsim.training.insitu.kernels.streams import Array
from archsim.training.insitu.kernels.writes import BLOCK, Cells, Tally, write_row


@kernel(nogil=True)
def update_rounded(
    values: Array, factor: np.float32, cell: Cells, tally: Tally, key: np.uint64, first: int, last: int, columns: int
) -> None:
    """Rows first..last - 1 in the order `device`: value * factor pulses, rounded stochastically, then the device."""
    pulses, noise = np.empty(columns, np.int16), np.empty(BLOCK, np.float32)
    largest = np.float32(cell.steps.shape[0] // 2)
    for row in range(first, last):
        at = row * columns
        round_row(values, at, factor, key, at, largest, pulses)
        write_row(row, at, cell, pulses, noise, tally)


@kernel(nogil=True)
def update_mapped(
    values: Array,
    factor: np.float32,
    curve: Array,
    cells: Array,
    cell: Cells,
    tally: Tally,
    key: np.uint64,
    first: int,
    last: int,
    columns: int,
) -> None:
    """Rows first..last - 1 in the order `v21`: `map_row`, then whole levels with noise."""
    pulses, noise = np.empty(columns, np.int16), np.empty(BLOCK, np.float32)
    for row in range(first, last):
        at = row * columns
        map_row(values, at, factor, cell.weights, cell.limit, curve, cells, key, at, pulses)
        write_row(row, at, cell, pulses, noise, tally)


class Small(NamedTuple):
    """An int8 velocity [cells] and its update: decay and alpha as in `coming_velocity`, store steps per unit."""

    velocity: Array
    gradient: Array
    decay: np.float32
    alpha: np.float32
    store: np.float32
    key: np.uint64


@kernel(nogil=True)
def update_rounded_small(
    small: Small, factor: np.float32, cell: Cells, tally: Tally, key: np.uint64, first: int, last: int, columns: int
) -> None:
    """`update_rounded` by an int8 velocity, which is updated on the way."""
    pulses, noise = np.empty(columns, np.int16), np.empty(BLOCK, np.float32)
    wide = np.empty(columns, np.float32)
    largest = np.float32(cell.steps.shape[0] // 2)
    for row in range(first, last):
        at = row * columns
        store_velocity_row(small.velocity, small.gradient, at, small.decay, small.alpha, small.store, small.key, wide)
        round_row(wide, 0, factor, key, at, largest, pulses)
        write_row(row, at, cell, pulses, noise, tally)


@kernel(nogil=True)
def update_mapped_small(
    small: Small,
    factor: np.float32,
    curve: Array,
    cells: Array,
    cell: Cells,
    tally: Tally,
    key: np.uint64,
    first: int,
    last: int,
    columns: int,
) -> None:
    """`update_mapped` by an int8 velocity, which is updated on the way."""
    pulses, noise = np.empty(columns, np.int16), np.empty(BLOCK, np.float32)
    wide = np.empty(columns, np.float32)
    for row in range(first, last):
        at = row * columns
        store_velocity_row(small.velocity, small.gradient, at, small.decay, small.alpha, small.store, small.key, wide)
        map_row(wide, 0, factor, cell.weights, cell.limit, curve, cells, key, at, pulses)
        write_row(row, at, cell, pulses, noise, tally)


@kernel(nogil=True)
def update_fired(
    residual: Array,
    values: Array,
    factor: np.float32,
    cell: Cells,
    tally: Tally,
    key: np.uint64,
    first: int,
    last: int,
    columns: int,
) -> None:
    """Rows first..last - 1: accumulate and fire. residual float32, or int8 in 1/128 of a pulse."""
    pulses, noise = np.empty(columns, np.int16), np.empty(BLOCK, np.float32)
    largest = np.float32(cell.steps.shape[0] // 2)
    for row in range(first, last):
        at = row * columns
        if residual.itemsize == 1:
            fire_small_row(residual, values, at, factor, key, largest, pulses)
        else:
            fire_row(residual, values, at, factor, largest, pulses)
        write_row(row, at, cell, pulses, noise, tally)


class Fast(NamedTuple):
    """The fast array of Tiki-Taka v2 [cells], devices of its cells, resting weights of the devices, hidden weights."""

    weights: Array
    cells: Array
    rest: Array
    hidden: Array
    rate: np.float32
    steps: np.float32


@kernel(nogil=True)
def update_transferred(
    fast: Fast, cell: Cells, tally: Tally, key: np.uint64, first: int, last: int, columns: int
) -> None:
    """Rows first..last - 1 of the fast array are read and transferred (`transfer_row`)."""
    pulses, noise = np.empty(columns, np.int16), np.empty(BLOCK, np.float32)
    for row in range(first, last):
        at = row * columns
        transfer_row(fast.weights, fast.cells, fast.rest, fast.hidden, at, fast.rate, fast.steps, key, pulses)
        write_row(row, at, cell, pulses, noise, tally)
        tally.totals[4] += tally.slots.shape[1]
