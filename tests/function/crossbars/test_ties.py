"""Sums that lie on a decision threshold: every engine takes the code that whole-number arithmetic takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from archsim.function.crossbars.analog import analog_engine
from archsim.function.crossbars.bitplanes.engine import bitplane_engine
from archsim.function.crossbars.circuit import Circuit
from archsim.function.crossbars.converter import Sums, Transfer, converter_for
from archsim.function.crossbars.meter import Meter
from archsim.function.crossbars.openings.engine import opening_engine
from tests.function.circuits import layer_of, slicing_of

ENGINES: dict[str, Callable[[Circuit, Meter], Any]] = {
    "bit-plane": bitplane_engine,
    "analog": analog_engine,
    "row-opening": opening_engine,
}


def exact_code(total: int, low: int, high: int, bits: int) -> int:
    """Thresholds at low + (k - 1/2) (high - low) / (2^bits - 1), k = 1, 2, ...: those at or below the sum."""
    steps = 2**bits - 1
    return min(max((2 * steps * (total - low) + high - low) // (2 * (high - low)), 0), steps)


@pytest.mark.parametrize("bits", range(1, 13))
def test_thresholds_decide_whole_sums_exactly(bits: int) -> None:
    for largest in range(1, 700):
        converter = converter_for(Transfer(kind="full_scale", bits=bits), Sums(largest=largest))
        sums = np.arange(largest + 1)
        assert converter.thresholds is not None
        found = np.searchsorted(converter.thresholds, sums, side="right")
        steps = 2**bits - 1
        assert (found == (2 * steps * sums + largest) // (2 * largest)).all()


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("rows", [100, 127, 128])
@pytest.mark.parametrize("cell_bits", [1, 2, 4])
@pytest.mark.parametrize("bits", [3, 5, 6, 8, 10])
def test_engines_take_the_exact_code_of_every_whole_sum(name: str, rows: int, cell_bits: int, bits: int) -> None:
    """One column of cells at the top level and a lower one, driven by 0 .. rows rows."""
    top = 2**cell_bits - 1
    slicing = slicing_of(
        weight_bits=cell_bits + 1, cell_bits=cell_bits, input_bits=2, rows=rows, encoding="differential"
    )
    weight = np.array([[[top]] * (rows - 1) + [[1]]])
    layer = layer_of(weight, weight_bits=8, input_bits=2)
    circuit = Circuit(
        slicing=slicing,
        converter=converter_for(Transfer(kind="full_scale", bits=bits), Sums(largest=slicing.largest_sum)),
    )
    x = np.zeros((1, 2 * rows, rows), np.uint8)
    for driven in range(rows):
        x[0, driven, :driven] = 1
        x[0, rows + driven, :driven] = 1
        x[0, rows + driven, -1] = 1
    sums = x[0].astype(np.int64) @ weight[0, :, 0]
    step = round(slicing.largest_sum / (2**bits - 1) * 4096)
    expected = [exact_code(int(total), 0, slicing.largest_sum, bits) * step / 4096 for total in sums]
    found = np.asarray(ENGINES[name](circuit, Meter())(layer)(x), float).ravel()
    assert found.tolist() == expected


@pytest.mark.parametrize("name", ENGINES)
def test_a_bound_of_the_range_is_inside_it(name: str) -> None:
    """Codes 4, 6, 8, 10 reach to 3 and 11, which are not clipped; every other sum is, by hand."""
    low, high, bits = 4, 10, 2
    slicing = slicing_of(weight_bits=2, cell_bits=1, input_bits=2, rows=16, encoding="differential")
    layer = layer_of(np.ones((1, 16, 1), int), weight_bits=2, input_bits=2)
    converter = converter_for(Transfer(kind="fixed", low=low, high=high, bits=bits), Sums(largest=16))
    assert (converter.lowest, converter.highest) == (3.0, 11.0)
    circuit, meter = Circuit(slicing=slicing, converter=converter), Meter()
    x = np.tri(17, 16, -1, np.uint8)[None]
    ENGINES[name](circuit, meter)(layer)(x)
    # sums 0, 1, 2 and 12 .. 16 of the positive column in the lower digit; all others of both columns are 0
    assert meter.read()["layer"].clipped == 3 + 5 + 17 + 2 * 17
