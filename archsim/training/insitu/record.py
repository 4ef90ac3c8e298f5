"""What an in-situ training wrote, and where its cells stand: plain data, and the files made of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.files import write_whole
from archsim.training.insitu.counts import WriteCounts
from archsim.training.insitu.devices import conductance

BINS = 64
"""Parts of the window in a histogram."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRecord:
    """A layer's weights (cells), the counts of all its writes, and histograms of its cells over BINS equal parts of the
    window, before and after the training."""

    layer: str
    weights: int
    counts: WriteCounts
    before: tuple[int, ...]
    after: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """All layers of an in-situ training, and the on/off ratio of its devices."""

    layers: tuple[LayerRecord, ...]
    on_off: float

    @property
    def counts(self) -> WriteCounts:
        """Counts of all layers. Their parallel slots add up too: layers written one after the other."""
        return sum((layer.counts for layer in self.layers), WriteCounts())

    @property
    def pulses_per_cell(self) -> float:
        """Pulses per cell and update: `training.update.pulsed_cells` of a hardware file."""
        counts = self.counts
        return counts.pulses / counts.cells if counts.cells else 0.0


def histogram(weights: NDArray[Any]) -> tuple[int, ...]:
    """Cells in each of BINS equal parts of the window, -1 to 1."""
    return tuple(int(count) for count in np.histogram(weights, BINS, (-1, 1))[0])


def write_record(record: Record, folder: Path) -> None:
    """Write `writes.csv` (counts by layer) and `conductances.csv` (histograms over shares of the largest)."""
    writes = [{"layer": item.layer, "weights": item.weights, **asdict(item.counts)} for item in record.layers]
    write_whole(folder / "writes.csv", _table(list(writes[0]), (row.values() for row in writes)))
    middles = (np.arange(BINS) + 0.5) / BINS * 2 - 1
    found = conductance(middles, record.on_off)
    rows = [
        (item.layer, f"{middle:.6g}", f"{share:.6g}", before, after)
        for item in record.layers
        for middle, share, before, after in zip(middles, found, item.before, item.after, strict=True)
    ]
    write_whole(folder / "conductances.csv", _table(["layer", "weight", "conductance", "before", "after"], rows))


def _table(names: Sequence[str], rows: Iterable[Iterable[object]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(rows)
    return text.getvalue().encode()
