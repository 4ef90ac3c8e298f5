"""The last layer on a machine that opens a few rows at a time: sparsity-aware input control with noise.

7 rows at once before a 3-bit converter on arrays of 256 x 256 are recalled of the 40 nm chips, not published. Cells
hold (w + 1) / 2 and the sum of inputs is exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.function.circuit import Circuit
from archsim.function.converter import Sums, Transfer, converter_for
from archsim.function.meter import Meter
from archsim.function.network import MatrixLayer
from archsim.function.openings.engine import opening_engine
from archsim.mapping.rows import RowPlan
from archsim.mapping.slicing import Slicing

Array = NDArray[Any]

ROWS_AT_ONCE = 7
ADC_BITS = 3
ARRAY = 256
POLICIES = ("dense", "windowed", "compacting")
LAWS = ("constant", "mixed", "sqrt_rows")
"""Noise laws of a conversion: sigma, sigma * (1 + sqrt(n)) / 2 and sigma * sqrt(n) with n rows driving."""


@cache
def circuit_of(policy: str) -> Circuit:
    """The machine without noise."""
    slicing = Slicing(
        weight_bits=1,
        cell_bits=1,
        input_bits=2,
        dac_bits=1,
        encoding="offset",
        weight_slices=1,
        input_cycles=2,
        rows=ARRAY,
        columns=ARRAY,
        weights_per_array=ARRAY,
        arrays_per_weight=1,
        columns_per_weight=1,
        rows_at_once=ROWS_AT_ONCE,
        activation=policy,
    )
    transfer = Transfer(kind="unit", bits=ADC_BITS)
    return Circuit(slicing=slicing, converter=converter_for(transfer, Sums(largest=ROWS_AT_ONCE)))


def opened_outputs(
    layer: MatrixLayer, x: Array, order: Array, policy: str, *, law: str = "constant", sigma: float = 0.0, seed: int = 0
) -> tuple[Array, int]:
    """Outputs of a layer of signs, int64 [pictures, columns], and openings of windows over all pictures and bit planes.

    Parameters
    ----------
    x : inputs uint8 [pictures, rows].
    order : row at each place of the array, int64 [rows].
    law, sigma : noise of a conversion [levels]; `seed` keys its draws.
    """
    meter = Meter()
    circuit = replace(circuit_of(policy), rows=rows_of(layer, order), read_noise=sigma, noise_law=law, seed=seed)
    outputs = opening_engine(circuit, meter)(layer)(x[None])[0]
    conversions = meter.read()[layer.name].conversions
    return np.rint(outputs).astype(np.int64), conversions // outputs.shape[1]


def rows_of(layer: MatrixLayer, order: Array) -> Mapping[str, RowPlan]:
    """The plan that only reorders."""
    rows = np.arange(len(order), dtype=np.int64)
    plan = RowPlan(physical=rows, sign=np.ones(len(order), np.int8), order=np.asarray(order, np.int64))
    return {layer.name: plan}
