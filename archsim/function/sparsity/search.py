"""Counting the decisions of one layer's converters, block of windows by block, on the inputs that really drive its
rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.function.crossbars.converter import Converter
from archsim.function.crossbars.encodings import Drive
from archsim.function.quantization.network import MatrixLayer, QuantizedNetwork
from archsim.function.sparsity import kernels
from archsim.function.sparsity.columns import ArrayColumns, array_columns
from archsim.function.sparsity.counts import DecisionCounts
from archsim.function.sparsity.policies import COLUMNS_DIFFER, POLICIES, SUMS_NEEDED, Columns, search_of
from archsim.mapping.rows.plan import RowPlan
from archsim.mapping.slicing import Slicing

Array = NDArray[Any]
Whole = NDArray[np.int64]
Planes = tuple[Array, Array]
"""Digits driven of each row group and window: how many, and the first; uint8 [row groups, windows]."""

NOTHING: Planes = (np.zeros((1, 1), np.uint8), np.zeros((1, 1), np.uint8))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Searching:
    """A policy on a machine. `converter` gives each layer's; `every_column` says that columns without weights are
    converted too, `rows` by layer name where rows do not stand in their order."""

    policy: str
    bits: int
    slicing: Slicing
    every_column: bool
    converter: Callable[[MatrixLayer], Converter]
    rows: Mapping[str, RowPlan] = field(default_factory=dict)

    def layers(self, network: QuantizedNetwork) -> Mapping[str, LayerSearch]:
        """Counting of each layer on crossbars, by layer name.

        Raises
        ------
        InputError
            Converters whose code for a sum of 0 is not 0.
        """
        return {layer.name: LayerSearch(layer, self) for layer in network.matrices}


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Lengths:
    """Decisions of an array's conversions by active rows: uint8 [rows + 1, kinds of columns], with the number of
    columns of each kind."""

    array: int
    group: int
    decisions: NDArray[np.uint8]
    alike: Whole


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Group:
    """Arrays driven by the unrolled inputs start .. stop: their levels side by side [columns, rows] float32, and the
    array of each column."""

    start: int
    stop: int
    levels: Array
    arrays: Whole


class LayerSearch:
    """One layer's arrays and searches: `count` for blocks of its windows, `counts` for what they sum up to.

    Without sums, a block is counted as cycles by row group and number of active rows; what each column makes of that
    many follows in the end.
    """

    def __init__(self, layer: MatrixLayer, searching: Searching) -> None:
        slicing = searching.slicing
        self._drive = Drive.of(layer.format, slicing)
        self._policy = searching.policy
        top = (2**slicing.cell_bits - 1) * self._drive.largest
        self._search = search_of(searching.converter(layer), searching.bits, top, self._drive.largest)
        self._groups: list[_Group] = []
        self._lengths: list[_Lengths] = []
        self._arrays = 0
        self._starts = np.zeros(1, np.int64)
        self._prepare(layer, searching)

    def _prepare(self, layer: MatrixLayer, searching: Searching) -> None:
        held: dict[int, tuple[int, int, list[Array], list[int]]] = {}
        every, rows = searching.every_column, searching.rows.get(layer.name)
        for item in array_columns(layer, searching.slicing, every_column=every, rows=rows):
            group = item.group
            self._arrays = max(self._arrays, item.array + 1)
            start, stop, levels, arrays = held.setdefault(group.index, (group.start, group.stop, [], []))
            if self._policy in SUMS_NEEDED:
                levels.append(item.levels.T)
                arrays += [item.array] * item.levels.shape[1]
            else:
                self._lengths.append(self._by_active(item))
        self._starts = np.array([0, *(held[index][1] for index in sorted(held))], np.int64)
        for start, stop, levels, arrays in held.values():
            if levels:
                whole = np.concatenate(levels)
                self._groups.append(_Group(start=start, stop=stop, levels=whole, arrays=np.array(arrays, np.int64)))

    def _by_active(self, item: ArrayColumns) -> _Lengths:
        """Decisions of an array's columns for 0 .. rows active rows."""
        wide = item.levels.astype(np.float64)
        largest, total = wide.max(axis=0), wide.sum(axis=0)
        alike = np.ones(len(total), np.int64)
        if self._policy not in COLUMNS_DIFFER:
            _, first, alike = np.unique(total > 0, return_index=True, return_counts=True)
            largest, total = largest[first], total[first]
        active = np.arange(len(wide) + 1)[:, None]
        found = POLICIES[self._policy](self._search, Columns(largest=largest, total=total), active, np.zeros(1))
        lengths = np.ascontiguousarray(np.broadcast_to(found, (len(active), len(total))), np.uint8)
        return _Lengths(array=item.array, group=item.group.index, decisions=lengths, alike=alike)

    def empty(self) -> Whole:
        """Nothing counted: what `count` results are added to."""
        if self._policy in SUMS_NEEDED:
            return np.zeros((self._arrays, self._search.bits + 1), np.int64)
        return np.zeros((len(self._starts) - 1, int(np.diff(self._starts).max()) + 1), np.int64)

    def count(self, unrolled: Array, planes: Planes | None = None) -> Whole:
        """What a block of windows adds.

        Parameters
        ----------
        unrolled : stored integers on the rows [groups, rows, windows], as they are streamed.
        planes : the digits that are streamed, where not all of them are.
        """
        rows = unrolled.reshape(-1, unrolled.shape[-1])
        codes = self._drive.codes(np.ascontiguousarray(rows))
        out = self.empty()
        if self._policy in SUMS_NEEDED:
            self._count_sums(codes, planes, out)
        else:
            drive, (streamed, first) = self._drive, planes or NOTHING
            limited = planes is not None
            kernels.count_active(codes, self._starts, drive.digits, drive.dac_bits, streamed, first, limited, out)
        return out

    def _count_sums(self, codes: Array, planes: Planes | None, out: Whole) -> None:
        drive, mask = self._drive, codes.dtype.type(self._drive.largest)
        driven = np.ones(codes.shape[1], np.bool_)
        for index, group in enumerate(self._groups):
            part = codes[group.start : group.stop]
            for digit in range(drive.digits):
                driving = (part >> codes.dtype.type(digit * drive.dac_bits)) & mask
                if planes is not None:
                    first = planes[1][index].astype(np.int64)
                    driven = (first <= digit) & (digit < first + planes[0][index])
                # exact for whole levels: sums stay below 2**24
                sums = group.levels @ driving.astype(np.float32)
                kernels.tally_sums(sums, self._search.edges, group.arrays, driven, out)

    def counts(self, counted: Whole, images: int) -> DecisionCounts:
        """Decisions of a batch, from the sum of what `count` gave for its blocks."""
        if self._policy in SUMS_NEEDED:
            return DecisionCounts(histogram=counted, images=images)
        histogram = np.zeros((self._arrays, self._search.bits + 1), np.int64)
        for item in self._lengths:
            kernels.tally(counted[item.group], item.decisions, item.alike, item.array, histogram)
        return DecisionCounts(histogram=histogram, images=images)
