"""Machines and layers for the tests of converters, encodings and engines."""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from archsim.function.crossbars.circuit import CellModel, Circuit
from archsim.function.crossbars.converter import Sums, Transfer, converter_for
from archsim.function.quantization.network import MatrixLayer, TensorFormat
from archsim.function.unroll import Geometry
from archsim.mapping.slicing import Slicing

Array = NDArray[Any]


def slicing_of(
    *,
    weight_bits: int = 8,
    cell_bits: int = 2,
    input_bits: int = 8,
    dac_bits: int = 1,
    encoding: str = "offset",
    rows: int = 128,
    columns: int = 128,
    sibling_arrays: bool = False,
    unit_column: bool = False,
) -> Slicing:
    """The slicing of a machine described by its bits."""
    pair = encoding == "differential"
    stored = max(1, weight_bits - 1) if pair else weight_bits
    slices = ceil(stored / cell_bits)
    per_weight = (1 if sibling_arrays else slices) * (2 if pair else 1)
    return Slicing(
        weight_bits=weight_bits,
        cell_bits=cell_bits,
        level_bits=cell_bits if encoding == "flip" else min(cell_bits, stored),
        input_bits=input_bits,
        dac_bits=dac_bits,
        encoding=encoding,
        weight_slices=slices,
        input_cycles=ceil(input_bits / dac_bits),
        rows=rows,
        columns=columns,
        weights_per_array=columns // per_weight,
        arrays_per_weight=slices if sibling_arrays else 1,
        columns_per_weight=per_weight,
        unit_column=unit_column,
    )


def with_units(slicing: Slicing, asked: bool = True) -> Slicing:
    """The same machine where the hardware file asks for unit columns, or does not."""
    return replace(slicing, unit_column=asked)


def lowest_weight(slicing: Slicing) -> int:
    """The most negative weight that the encoding holds."""
    return -(2 ** (slicing.weight_bits - 1)) + (slicing.encoding == "differential")


def layer_of(weight: Array, *, weight_bits: int = 8, input_bits: int = 8, signed: bool = False) -> MatrixLayer:
    """A fully connected layer [groups, rows, columns]."""
    groups, rows, columns = weight.shape
    form = TensorFormat(bits=input_bits, signed=signed, scale=1.0)
    geometry = Geometry(
        channels=groups * rows, height=1, width=1, out_height=1, out_width=1, columns=columns, groups=groups
    )
    return MatrixLayer(
        name="layer",
        geometry=geometry,
        weight=weight.astype(np.int8 if weight_bits <= 8 else np.int16),
        weight_bits=weight_bits,
        bias=np.zeros(groups * columns, np.int64),
        scale=np.ones(groups * columns),
        pad=np.zeros(groups * rows, form.dtype),
        format=form,
    )


def inputs_for(layer: MatrixLayer, windows: int, rng: np.random.Generator, share: float = 0.7) -> Array:
    """Random inputs [groups, windows, rows], `share` of them not zero."""
    form, geometry = layer.format, layer.geometry
    x = rng.integers(form.low, form.high + 1, (geometry.groups, geometry.rows, windows))
    x[rng.random(x.shape) > share] = 0
    return x.astype(form.dtype).transpose(0, 2, 1)


def stuck(on: float) -> CellModel:
    """Cells of which a share is stuck at level 3."""
    return lambda levels, rng: np.where(rng.random(levels.shape) < on, 3, levels).astype(np.uint8)


def observed_evenly(slicing: Slicing) -> Sums:
    """Every sum of a full array met once."""
    largest = slicing.rows * (2**slicing.dac_bits - 1) * (2**slicing.cell_bits - 1)
    return Sums(largest=largest, observed=np.ones(largest + 1, np.int64))


def circuit_of(slicing: Slicing, transfer: Transfer, *, unit: bool = True, cells: CellModel | None = None) -> Circuit:
    """A machine with these converters and cells."""
    converter = converter_for(transfer, observed_evenly(slicing))
    return Circuit(slicing=with_units(slicing, unit), converter=converter, cells=cells, seed=5)


slicings = st.builds(
    slicing_of,
    weight_bits=st.integers(2, 16),
    cell_bits=st.integers(1, 8),
    input_bits=st.integers(2, 16),
    dac_bits=st.integers(1, 8),
    encoding=st.sampled_from(["offset", "flip", "differential"]),
    rows=st.sampled_from([16, 17, 64, 100, 128, 200]),
    columns=st.sampled_from([32, 48, 128]),
    sibling_arrays=st.booleans(),
)
"""Machines of every bit width; 32 columns hold at least one 16-bit weight in a differential pair of 1-bit cells."""

typical = st.builds(
    slicing_of,
    cell_bits=st.sampled_from([1, 2, 4]),
    encoding=st.sampled_from(["offset", "flip", "differential"]),
    rows=st.sampled_from([64, 128, 256]),
)
"""8-bit machines with 1-bit DACs, as most papers have them."""

transfers = st.one_of(
    st.builds(
        Transfer, kind=st.sampled_from(["unit", "full_scale", "calibrated", "quantiles"]), bits=st.integers(1, 10)
    ),
    st.builds(Transfer, kind=st.just("fixed"), bits=st.integers(2, 9), low=st.floats(-5, 20), high=st.floats(21, 400)),
    st.builds(
        Transfer,
        kind=st.sampled_from(["unit", "full_scale"]),
        bits=st.integers(3, 9),
        offset=st.floats(-2, 2),
        gain=st.floats(-0.1, 0.1),
        inl=st.floats(-1, 1),
        dnl=st.floats(0, 0.5),
        seed=st.integers(0, 99),
    ),
    st.just(Transfer(kind="ideal")),
)
