"""The definition of a machine's arithmetic, without any shortcut: for tests and for checking engines.

One matrix product for each crossbar row group, input digit and bit slice; every column sum through the converter; then
shift-and-add. Slow.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.function.crossbars.arrays import programmed
from archsim.function.crossbars.circuit import Circuit
from archsim.function.crossbars.converter import FRACTION_BITS
from archsim.function.crossbars.encodings import Drive, combine
from archsim.function.crossbars.engines import Engine
from archsim.function.crossbars.integer import Multiply
from archsim.function.crossbars.meter import Meter
from archsim.function.quantization.network import MatrixLayer

Array = NDArray[Any]


def circuit_oracle(circuit: Circuit, meter: Meter | None = None) -> Engine:
    """Arithmetic of any circuit without read noise: converted values are exact, so is their sum (float64), up to the
    rounding of float64 where weights are levels."""

    def prepare(layer: MatrixLayer) -> Multiply:
        drive = Drive.of(layer.format, circuit.slicing)
        parts = list(programmed(layer, circuit))

        def multiply(x: Array) -> Array:
            flat = x.transpose(0, 2, 1).reshape(-1, x.shape[1])
            digits = drive.split(flat).astype(np.float64)
            out = np.zeros((layer.geometry.outputs, x.shape[1]), np.int64 if layer.levels is None else np.float64)
            for group, encoded in parts:
                driven = digits[:, group.start : group.stop]
                sums = np.einsum("drm,srl->dslm", driven, encoded.cells.astype(np.float64), optimize=True)
                units = np.einsum("drm,ru->dum", driven, encoded.unit_cells.astype(np.float64), optimize=True)
                converted = _words(circuit.converter.convert(sums))
                added = _words(circuit.converter.convert(units) if encoded.analog_unit else units)
                total = combine(encoded, converted, added, drive)
                constant = drive.offset * group.weight.sum(axis=0, dtype=np.int64) << FRACTION_BITS
                out[group.first : group.last] += total - constant[:, None]
                if meter is not None:
                    _count(meter, layer, circuit, sums, units if encoded.analog_unit else units[:, :0])
            shaped = out.reshape(layer.geometry.groups, -1, x.shape[1]).transpose(0, 2, 1)
            return np.ldexp(shaped.astype(np.float64), -FRACTION_BITS)

        return multiply

    return prepare


def _words(values: Array) -> NDArray[np.int64]:
    """Digital words of values, in units of 2**-FRACTION_BITS."""
    return np.rint(np.ldexp(values, FRACTION_BITS)).astype(np.int64)


def _count(meter: Meter, layer: MatrixLayer, circuit: Circuit, sums: Array, units: Array) -> None:
    clipped = circuit.converter.clips(sums).sum() + circuit.converter.clips(units).sum()
    meter.add(layer.name, sums.size + units.size, int(clipped))
