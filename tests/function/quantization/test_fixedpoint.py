"""Rescaling: dyadic multipliers, one rounding half to even, activations as clamps."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.function.quantization.fixedpoint import MULTIPLIER_BITS, clamps_of, dyadic, store
from archsim.function.quantization.network import TensorFormat
from archsim.function.reference.operations import activate
from archsim.workload.graph import Activation, Layer

UNSIGNED = TensorFormat(bits=8, signed=False, scale=0.1)
SIGNED = TensorFormat(bits=8, signed=True, scale=0.1)


@given(st.floats(1e-12, 1e6))
def test_multipliers_have_22_bits_and_are_the_nearest(factor: float) -> None:
    found = float(dyadic(factor))
    numerator = Fraction(found).numerator
    while numerator % 2 == 0:
        numerator //= 2
    assert numerator.bit_length() <= MULTIPLIER_BITS
    assert abs(found / factor - 1) <= 2.0**-MULTIPLIER_BITS


@given(st.integers(-(2**31) + 1, 2**31 - 1), st.floats(1e-9, 1e-3))
def test_eight_bit_rescaling_is_exact_integer_arithmetic(accumulator: int, factor: float) -> None:
    multiplier = float(dyadic(factor))
    exact = Fraction(accumulator) * Fraction(multiplier)
    expected = max(-127, min(127, round(exact)))  # Fraction rounds half to even
    assert int(store(np.float64(accumulator) * multiplier, SIGNED)) == expected


def test_store_rounds_half_to_even_and_clamps() -> None:
    values = np.array([-0.5, 0.5, 1.5, 2.5, 254.5, 255.5, 1e9, -3.0])
    assert list(store(values, UNSIGNED)) == [0, 0, 2, 2, 254, 255, 255, 0]
    assert list(store(-values, SIGNED)) == [0, 0, -2, -2, -127, -127, -127, 3]
    assert store(values, UNSIGNED).dtype == np.uint8


@pytest.mark.parametrize("form", [UNSIGNED, SIGNED])
@pytest.mark.parametrize(
    "op",
    [
        Activation(function="relu"),
        Activation(function="clip", low=0.0, high=6.0),
        Activation(function="clip", low=-1.234, high=0.5678),
        Activation(function="clip", low=2.0, high=float("inf")),
        Activation(function="clip", low=float("-inf"), high=100.0),
    ],
)
def test_clamps_stand_for_the_activation(form: TensorFormat, op: Activation) -> None:
    layers = (Layer(name="a", op=op, inputs=("x",), shape=(1,)),)
    limits = clamps_of(layers, form)
    real = np.linspace(-30, 30, 4001)
    assert (store(real / form.scale, form, limits) == store(activate(op, real) / form.scale, form)).all()


def test_other_functions_are_no_clamps() -> None:
    layers = (Layer(name="a", op=Activation(function="sigmoid"), inputs=("x",), shape=(1,)),)
    assert clamps_of(layers, UNSIGNED) is None
    assert clamps_of((), SIGNED) == (-127, 127)


def test_formats() -> None:
    assert (UNSIGNED.low, UNSIGNED.high, UNSIGNED.dtype) == (0, 255, np.uint8)
    assert (SIGNED.low, SIGNED.high, SIGNED.dtype) == (-127, 127, np.int8)
    wide = TensorFormat(bits=16, signed=True, scale=1.0)
    assert (wide.low, wide.high, wide.dtype) == (-32767, 32767, np.int16)
