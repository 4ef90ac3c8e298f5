"""Shortened streams played out bit by bit with compiled loops: what the fast path is checked against on real layers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.function.crossbars.circuit import Circuit
from archsim.function.crossbars.converter import FRACTION_BITS
from archsim.function.crossbars.encodings import encode, row_groups
from archsim.function.precision import kernels
from archsim.function.quantization.network import MatrixLayer

Array = NDArray[Any]


def stream_literally(layer: MatrixLayer, circuit: Circuit, x: Array, bits: Array, shift: Array) -> Array:
    """Sums that ideal cells and the circuit's converters add up to: float64 [outputs, windows].

    Parameters
    ----------
    x : stored inputs [rows of all groups, windows], in the layer's type.
    bits, shift : streamed and dropped bits, uint8 [row groups, windows].
    """
    out = np.zeros((layer.geometry.outputs, x.shape[1]), np.int64)
    slicing = circuit.slicing
    table = circuit.converter.table(slicing.rows * (2**slicing.cell_bits - 1))
    exact = np.arange(slicing.rows + 1, dtype=np.int64) << FRACTION_BITS
    for group in row_groups(layer, slicing):
        encoded = encode(group.weight, slicing)
        kernels.stream_group(
            np.ascontiguousarray(x[group.start : group.stop]),
            np.ascontiguousarray(bits[group.index]),
            np.ascontiguousarray(shift[group.index]),
            encoded.cells,
            encoded.sign * np.int8(encoded.place),
            encoded.unit,
            table,
            table if encoded.analog_unit else exact,
            encoded.cell_bits,
            out[group.first : group.last],
        )
    return out / 2.0**FRACTION_BITS
