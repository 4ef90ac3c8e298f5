"""The state of a layer that learns in place: its arrays of cells, what its rule keeps, and how a row kernel is run."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archsim.errors import InputError, Problem
from archsim.function.parallel import spread
from archsim.training.insitu.counts import WriteCounts, write_counts
from archsim.training.insitu.devices import ENTRIES, StepTable, SynapticDevice, rounding_table, step_table
from archsim.training.insitu.kernels.writes import HALF_LEVELS, Cells, Tally
from archsim.training.insitu.settings import UpdateSettings

Array = NDArray[Any]

_CELLS_A_TASK = 1 << 18
"""Cells of a task for a thread: some milliseconds of work."""


@dataclass(slots=True, eq=False, kw_only=True)
class CellArray:
    """The cells of one matrix of weights, which updates change in place.

    Parameters
    ----------
    weights : float32 [rows, columns], within -limit to limit.
    devices : uint8 [rows, columns], which of the table's devices each cell is; None if all are alike.
    wear : uint32 [rows, columns], pulses each cell has taken; None if not kept.
    table : steps of the devices.
    limit : largest weight.
    levels : sum of all conductances in 1/65535 of the window; follows the weights exactly.
    """

    weights: NDArray[np.float32]
    devices: NDArray[np.uint8] | None
    wear: NDArray[np.uint32] | None
    table: StepTable
    limit: float
    levels: int


@dataclass(slots=True, eq=False, kw_only=True)
class LayerState:
    """A layer in training: its cells, and by name what its rule keeps besides (`slots`, updated in place)."""

    device: SynapticDevice
    settings: UpdateSettings
    array: CellArray
    seed: int
    number: int
    slots: dict[str, Array] = field(default_factory=dict)
    fast: CellArray | None = None

    @property
    def weights(self) -> NDArray[np.float32]:
        """Weights [rows (inputs), columns (outputs)] as the cells hold them."""
        return self.array.weights

    def keys(self, step: int) -> list[np.uint64]:
        """Keys of the update's streams: rounding, noise, digital rounding, rounding and noise of a second array."""
        return _keys(self.seed, self.number, step)


def _keys(*numbers: int) -> list[np.uint64]:
    return list(np.random.SeedSequence(numbers).generate_state(5, np.uint64))


def start_layer(
    weights: ArrayLike,
    device: SynapticDevice,
    settings: UpdateSettings,
    *,
    seed: int = 0,
    number: int = 0,
    wear: bool = False,
) -> LayerState:
    """A layer before its first update.

    Parameters
    ----------
    weights : [rows (inputs), columns (outputs)]; stored within the window, in the order `v21` below one level of its
        ends.
    number : of the layer; with the seed it keys all its random numbers.
    wear : keep the pulses of every cell (4 bytes each).

    Raises
    ------
    InputError
        Weights that are no matrix, or not finite.
    """
    matrix = np.array(weights, np.float32, order="C")
    if matrix.ndim != 2 or not matrix.size or not np.isfinite(matrix).all():
        raise InputError([Problem(f"layer {number}", "weights have to be a matrix of finite numbers")])
    limit = 1.0 if settings.order == "device" else 1 - device.level
    draws = np.random.default_rng(np.random.SeedSequence((seed, number, 0, 0xD2D)))
    array = _cells(matrix, device, step_table(device), limit, draws, wear)
    fast = None
    if settings.rule == "tiki_taka":
        fast = _cells(np.zeros_like(matrix), device, step_table(device), limit, draws, wear)
        fast.weights[:] = fast.table.rest[0 if fast.devices is None else fast.devices]
        fast.levels = _levels(fast.weights)
    if settings.order == "v21":
        array.table = rounding_table(device)
    return LayerState(device=device, settings=settings, array=array, seed=seed, number=number, fast=fast)


def _cells(
    weights: NDArray[np.float32],
    device: SynapticDevice,
    table: StepTable,
    limit: float,
    draws: np.random.Generator,
    wear: bool,
) -> CellArray:
    np.clip(weights, -np.float32(limit), np.float32(limit), out=weights)
    return CellArray(
        weights=weights,
        devices=None if device.d2d == 0 else draws.integers(0, ENTRIES, weights.shape, np.uint8),
        wear=np.zeros(weights.shape, np.uint32) if wear else None,
        table=table,
        limit=limit,
        levels=_levels(weights),
    )


def _levels(weights: NDArray[np.float32]) -> int:
    return int(((weights + np.float32(1)) * HALF_LEVELS).astype(np.int32).sum(dtype=np.int64))


def device_numbers(array: CellArray) -> NDArray[np.uint8]:
    """Devices of the cells as kernels take them: flat, empty if all are alike."""
    return np.empty(0, np.uint8) if array.devices is None else array.devices.reshape(-1)


Rows = Callable[[Cells, Tally, int, int, int], None]
"""A row kernel with its own arguments bound: (cells, tally, first row, last row, columns)."""


def run_rows(
    layer: LayerState,
    array: CellArray,
    rows: Rows,
    *,
    noise: np.uint64,
    pool: Executor | None,
    only: tuple[int, int] | None = None,
) -> WriteCounts:
    """Run a row kernel over all rows of an array, or over `only` these, and count what was written.

    Tasks are whole rows of physical arrays, so no two share a counter; all sums are of integers.
    """
    height, width = array.weights.shape
    settings, device = layer.settings, layer.device
    shape = (-(-height // settings.array_rows), -(-width // settings.array_columns))
    slots = np.zeros((*shape, 4), np.int64)
    cells = Cells(
        array.weights.reshape(-1),
        np.empty(0, np.uint8) if array.table.entries == 1 else device_numbers(array),
        np.empty(0, np.uint32) if array.wear is None else array.wear.reshape(-1),
        array.table.steps,
        np.float32(array.limit),
        noise,
        int(device.c2c > 0),
    )

    def task(part: tuple[int, int]) -> Array:
        totals = np.zeros(5, np.int64)
        tally = Tally(settings.array_rows, settings.array_columns, slots, totals)
        rows(cells, tally, part[0], part[1], width)
        return totals

    first, last = only or (0, height)
    parts = _parts(first, last, settings.array_rows, width, pool)
    totals = np.sum(list(spread(pool, task, parts)), axis=0)
    matrix, physical = (height, width), (settings.array_rows, settings.array_columns)
    counts = write_counts(matrix, physical, slots, totals, array.levels)
    array.levels += int(totals[3])
    return counts


def _parts(first: int, last: int, rows: int, width: int, pool: Executor | None) -> list[tuple[int, int]]:
    """Rows first..last - 1 in one part, or in parts that end between physical arrays."""
    if pool is None:
        return [(first, last)]
    size = max(1, _CELLS_A_TASK // (rows * width)) * rows
    edges = [first, *range(first // size * size + size, last, size), last]
    return list(pairwise(edges))


def pieces(count: int, pool: Executor | None) -> list[slice]:
    """Ranges of `count` cells for tasks without rows."""
    size = count if pool is None else _CELLS_A_TASK
    return [slice(start, min(count, start + size)) for start in range(0, count, size)]
