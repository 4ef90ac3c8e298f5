"""The last layer on a machine that opens a few rows at a time: sparsity-aware input control with noise.

The machine is `hwconfigs/rram40nm.yaml`, which says what of it is recalled and not published: arrays of 256 x 256, 7
rows at once before a 3-bit converter. Cells hold (w + 1) / 2 and the sum of inputs is exact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.components import Chip, build_chip
from archsim.config import load_hardware
from archsim.function.crossbars.circuit import Circuit
from archsim.function.crossbars.converter import Sums, converter_for
from archsim.function.crossbars.openings.counting import LayerOpening
from archsim.function.crossbars.openings.engine import conversion_noise, opening_engine
from archsim.function.crossbars.select import transfer_of
from archsim.function.quantization.network import MatrixLayer
from archsim.mapping.rows import Openings, RowPlan, expected_errors
from archsim.mapping.slicing import Slicing

Array = NDArray[Any]

HARDWARE = "rram40nm"
POLICIES = ("dense", "windowed", "compacting")


@cache
def chip_of(policy: str = "windowed") -> Chip:
    """The chip under a row activation policy."""
    return build_chip(load_hardware(HARDWARE).replace({"ima.crossbar.row_activation.policy": policy}))


@cache
def circuit_of(policy: str) -> Circuit:
    """Its arrays and converters, without noise."""
    adc, slicing = chip_of(policy).tile.ima.adc, Slicing.of(chip_of(policy))
    return Circuit(
        slicing=slicing,
        converter=converter_for(transfer_of(adc.transfer, adc.bits, 0), Sums(largest=slicing.largest_sum)),
    )


def openings_of(law: str, sigma: float) -> Openings:
    """How the chip opens rows and what a conversion errs by under noise of a law, as the order search takes it."""
    slicing, top = circuit_of("windowed").slicing, 2 ** chip_of().tile.ima.adc.bits - 1
    rows = slicing.opened_rows
    noise = conversion_noise(law, sigma, rows).astype(np.float64)
    return Openings(rows_at_once=rows, errors=expected_errors(rows, slicing.largest_sum, top, noise))


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
    circuit = replace(circuit_of(policy), rows=rows_of(layer, order), read_noise=sigma, noise_law=law, seed=seed)
    outputs = opening_engine(circuit)(layer)(x[None])[0]
    counted = LayerOpening(layer, circuit.slicing, circuit.rows[layer.name]).count(x.T[None])
    return np.rint(outputs).astype(np.int64), int(counted.reads.sum(dtype=np.int64))


def rows_of(layer: MatrixLayer, order: Array) -> Mapping[str, RowPlan]:
    """The plan that only reorders."""
    rows = np.arange(len(order), dtype=np.int64)
    plan = RowPlan(physical=rows, sign=np.ones(len(order), np.int8), order=np.asarray(order, np.int64))
    return {layer.name: plan}
