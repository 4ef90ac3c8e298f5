"""How many reads a layer's inputs take, block of windows by block."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.errors import InputError
from archsim.function.crossbars.encodings import Drive, cut_of
from archsim.function.crossbars.openings import kernels
from archsim.function.crossbars.openings.members import POLICIES, members_of
from archsim.function.quantization.network import MatrixLayer, QuantizedNetwork
from archsim.mapping.rows.plan import RowPlan
from archsim.mapping.slicing import Slicing

Array = NDArray[Any]
Counts = NDArray[np.int64]
Planes = tuple[Array, Array]
"""Digits driven of each row group and window: how many, and the first; uint8 [row groups, windows]."""

MOST_READS = 2**16 - 1
"""Reads of a window that are counted, in 16 bits."""

NOTHING: Planes = (np.zeros((1, 1), np.uint8), np.zeros((1, 1), np.uint8))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Opened:
    """What a block of windows adds. `reads` uint16 [row groups, windows]; `rows` int64 [row groups], rows opened;
    `active` int64 [row groups, rows at once + 1], reads by how many of their rows were driven."""

    reads: NDArray[np.uint16]
    rows: Counts
    active: Counts


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Opening:
    """How a machine opens rows; `rows` by layer name where they do not stand in their order."""

    slicing: Slicing
    rows: Mapping[str, RowPlan] = field(default_factory=dict)

    def layers(self, network: QuantizedNetwork) -> Mapping[str, LayerOpening]:
        """Counting of each layer on crossbars, by layer name."""
        return {layer.name: LayerOpening(layer, self.slicing, self.rows.get(layer.name)) for layer in network.matrices}


class LayerOpening:
    """One layer's arrays: `count` for blocks of its windows. `starts` int64 [row groups + 1] are places of rows."""

    def __init__(self, layer: MatrixLayer, slicing: Slicing, rows: RowPlan | None) -> None:
        cut = cut_of(layer, slicing, rows)
        self.starts = cut.starts
        self._members = members_of(cut)
        self._drive = Drive.of(layer.format, slicing)
        self._at_once = slicing.opened_rows
        self._policy = POLICIES[slicing.activation]
        most = self._drive.digits * max(1, self._members.passes) * slicing.windows(int(cut.lengths.max()))
        if most > MOST_READS:
            raise InputError(f"may take {most:,} reads a window; expected at most {MOST_READS:,}", layer.name)

    def empty(self) -> Opened:
        """Nothing counted (of no windows)."""
        groups = len(self.starts) - 1
        return Opened(
            reads=np.zeros((groups, 0), np.uint16),
            rows=np.zeros(groups, np.int64),
            active=np.zeros((groups, self._at_once + 1), np.int64),
        )

    def count(self, unrolled: Array, planes: Planes | None = None) -> Opened:
        """What a block of windows takes.

        Parameters
        ----------
        unrolled : stored integers on the rows [groups, rows, windows], as they are streamed.
        planes : the digits that are streamed, where not all of them are.
        """
        flat = unrolled.reshape(-1, unrolled.shape[-1])
        codes = np.ascontiguousarray(self._drive.codes(np.ascontiguousarray(flat)).T)
        found, members, drive = self.empty(), self._members, self._drive
        reads = np.zeros((len(self.starts) - 1, len(codes)), np.uint16)
        streamed, lowest = NOTHING if planes is None else planes
        kernels.count_reads(
            codes, members.member, members.sign, members.offsets, self.starts, drive.digits, drive.dac_bits,
            self._at_once, self._policy, streamed, lowest, planes is not None, reads, found.rows, found.active,
        )  # fmt: skip
        return Opened(reads=reads, rows=found.rows, active=found.active)
