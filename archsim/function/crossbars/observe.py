"""Column sums as pictures make them: what converters are calibrated on."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.function.crossbars.arrays import programmed
from archsim.function.crossbars.circuit import Circuit
from archsim.function.crossbars.converter import Sums
from archsim.function.crossbars.encodings import Drive, Encoded
from archsim.function.crossbars.engines import integer_engine
from archsim.function.crossbars.integer import Multiply
from archsim.function.inference.infer import infer
from archsim.function.quantization.network import MatrixLayer, QuantizedNetwork

Array = NDArray[Any]
Counts = NDArray[np.int64]

OBSERVED_MACS = 4_000_000_000
"""Work observed: as many pictures as have this many multiply-accumulates, at least one, at most MOST_PICTURES. Every
picture costs about 50 times its inference, and hundreds of thousands of sums a layer settle a range long before."""

MOST_PICTURES = 8
WINDOWS = 256
"""Windows whose sums are formed together."""


def observe_sums(network: QuantizedNetwork, pictures: Array, circuit: Circuit, largest: int) -> Mapping[str, Sums]:
    """Histograms of the column sums of each layer, by name, with all converters ideal.

    Parameters
    ----------
    pictures : as `infer` takes them; only the first few are used (OBSERVED_MACS).
    largest : the largest sum possible; real-valued cells are counted at the nearest whole sum.
    """
    macs = sum(layer.weight.size * layer.geometry.windows for layer in network.matrices)
    few = pictures[: max(1, min(MOST_PICTURES, OBSERVED_MACS // max(1, macs)))]
    counts = {layer.name: np.zeros(largest + 1, np.int64) for layer in network.matrices}
    lock = Lock()

    def engine(layer: MatrixLayer) -> Multiply:
        exact, drive = integer_engine(layer), Drive.of(layer.format, circuit.slicing)
        parts = list(programmed(layer, circuit))

        def product(x: Array) -> Array:
            flat = x.transpose(0, 2, 1).reshape(-1, x.shape[1])
            for group, encoded in parts:
                found = _histogram(drive, encoded, flat[group.start : group.stop], largest)
                with lock:
                    counts[layer.name] += found
            return exact(x)

        return product

    infer(network, few, engine=engine)
    return {name: Sums(largest=largest, observed=found) for name, found in counts.items()}


def _histogram(drive: Drive, encoded: Encoded, rows: Array, largest: int) -> Counts:
    """How often each column sum 0 .. largest occurs for inputs [rows, windows], unit columns included."""
    slices, height, lines = encoded.cells.shape
    columns = [encoded.cells.transpose(0, 2, 1).reshape(slices * lines, height)]
    if encoded.analog_unit:
        columns.append(encoded.unit_cells.T)
    cells = np.concatenate(columns).astype(np.float32)
    counts = np.zeros(largest + 1, np.int64)
    for first in range(0, rows.shape[1], WINDOWS):
        for digit in drive.split(np.ascontiguousarray(rows[:, first : first + WINDOWS])):
            # float32 adds whole numbers below 2**24 exactly; sums beyond are of no less than 2**-24 relative accuracy
            sums = np.rint(cells @ digit.astype(np.float32)).astype(np.int64)
            counts += np.bincount(np.clip(sums, 0, largest).ravel(), minlength=largest + 1)
    return counts
