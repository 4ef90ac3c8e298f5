"""From encoded levels to the cells of single arrays: which line stands in which column, and what a cell model makes of
it.

Every engine programs arrays through `program`, so the same seed gives the same cells whichever engine computes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.function.crossbars.circuit import CellModel, Circuit
from archsim.function.crossbars.encodings import Encoded, RowGroup, encode, row_groups
from archsim.function.quantization.network import MatrixLayer
from archsim.mapping.slicing import Slicing

Array = NDArray[Any]
Index = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Layout:
    """Columns of one array, left to right: column c holds line `lines[c]` of slice `slices[c]`. The unit column, where
    there is one, follows them. `outputs` are the first and the end of the outputs the array contributes to."""

    slices: Index
    lines: Index
    outputs: tuple[int, int]


def layouts(encoded: Encoded, slicing: Slicing) -> Iterator[Layout]:
    """Arrays of one row group, column group by column group, sibling slices last. The slices of a weight stand side by
    side (ISAAC, Sec. V), those of its positive column before those of its negative one, or in sibling arrays."""
    outputs, slices = encoded.outputs, len(encoded.cells)
    sides = encoded.cells.shape[2] // outputs
    siblings = [np.arange(slices)] if slicing.arrays_per_weight == 1 else [np.array([s]) for s in range(slices)]
    for first in range(0, outputs, slicing.weights_per_array):
        stop = min(outputs, first + slicing.weights_per_array)
        for held in siblings:
            output, side, part = np.meshgrid(np.arange(first, stop), np.arange(sides), held, indexing="ij")
            yield Layout(slices=part.ravel(), lines=(output + side * outputs).ravel(), outputs=(first, stop))


def crossbar_index(group: RowGroup, array: int, slicing: Slicing) -> int:
    """Place of a row group's array in `archsim.mapping.slicing.CrossbarGrid`."""
    siblings = slicing.arrays_per_weight
    column, sibling = divmod(array, siblings)
    columns = -(-(group.last - group.first) // slicing.weights_per_array)
    convolution, row = divmod(group.index, group.together)
    return ((convolution * columns + column) * group.together + row) * siblings + sibling


def generator_for(seed: int, layer: str, replica: int, crossbar: int) -> np.random.Generator:
    """The random numbers of one array: its own stream for each (seed, layer, copy, array)."""
    name = int.from_bytes(sha256(layer.encode()).digest()[:8], "little")
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, name, replica, crossbar])))


def program(
    encoded: Encoded, cells: CellModel, generator: Callable[[int], np.random.Generator], slicing: Slicing
) -> Encoded:
    """`encoded` with real cells: the model sees the levels of each array (its unit column last), with that array's
    generator.

    Parameters
    ----------
    generator : from the array's place in the row group to its random numbers.
    """
    columns, units = [], []
    places = list(layouts(encoded, slicing))
    for index, place in enumerate(places):
        levels = encoded.cells[place.slices, :, place.lines].T
        if encoded.analog_unit:
            levels = np.concatenate([levels, encoded.unit_cells[:, index, None]], axis=1)
        kind = np.uint8 if encoded.gain is None else np.float32
        real = cells(np.ascontiguousarray(levels, kind), generator(index))
        columns.append(real[:, : len(place.lines)])
        units.append(real[:, len(place.lines) :])
    found = np.empty(encoded.cells.shape, columns[0].dtype)
    for place, real in zip(places, columns, strict=True):
        found[place.slices, :, place.lines] = real.T
    if not encoded.analog_unit:
        return replace(encoded, cells=found)
    return replace(encoded, cells=found, unit_cells=np.concatenate(units, axis=1))


def programmed(layer: MatrixLayer, circuit: Circuit, replica: int = 0) -> Iterator[tuple[RowGroup, Encoded]]:
    """Row groups of one copy of a layer with the cells they have on a machine."""
    for group in row_groups(layer, circuit.slicing, circuit.rows.get(layer.name)):
        encoded = encode(group.weight, circuit.slicing, ends=group.ends)
        if circuit.cells is not None:
            keys = partial(_array_generator, group, layer, circuit, replica)
            encoded = program(encoded, circuit.cells, keys, circuit.slicing)
        yield group, encoded


def _array_generator(
    group: RowGroup, layer: MatrixLayer, circuit: Circuit, replica: int, array: int
) -> np.random.Generator:
    return generator_for(circuit.seed, layer.name, replica, crossbar_index(group, array, circuit.slicing))


def keeps_whole(cells: CellModel | None) -> bool:
    """Whether a cell model leaves levels whole numbers (stuck cells do, programming errors do not)."""
    if cells is None:
        return True
    sample = cells(np.zeros((2, 2), np.uint8), np.random.default_rng(0))
    return sample.dtype.kind in "ui"
