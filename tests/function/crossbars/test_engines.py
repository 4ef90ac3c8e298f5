"""Conformance of every engine in the seam: lossless engines equal the integer definition on any layer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.function.crossbars.engines import ENGINES
from archsim.function.quantization.network import MatrixLayer, TensorFormat
from archsim.function.unroll import Geometry


def layer_of(groups: int, rows: int, columns: int, form: TensorFormat, weight_bits: int, seed: int) -> MatrixLayer:
    top = 2 ** (weight_bits - 1) - 1
    weight = np.random.default_rng(seed).integers(-top, top + 1, (groups, rows, columns))
    geometry = Geometry(
        channels=groups * rows, height=1, width=1, out_height=1, out_width=1, columns=columns, groups=groups
    )
    return MatrixLayer(
        name="l",
        geometry=geometry,
        weight=weight.astype(np.int8 if weight_bits <= 8 else np.int16),
        weight_bits=weight_bits,
        bias=np.zeros(groups * columns, np.int64),
        scale=np.ones(groups * columns),
        pad=np.zeros(groups * rows, form.dtype),
        format=form,
    )


@pytest.mark.parametrize("name", sorted(ENGINES))
@settings(deadline=None, max_examples=30)
@given(
    groups=st.integers(1, 4),
    rows=st.integers(1, 300),
    columns=st.integers(1, 20),
    windows=st.integers(1, 30),
    bits=st.sampled_from([(8, False), (8, True), (16, False), (16, True), (4, True)]),
    weight_bits=st.sampled_from([2, 8, 16]),
    seed=st.integers(0, 2**32 - 1),
)
def test_engine_equals_the_definition(
    name: str, groups: int, rows: int, columns: int, windows: int, bits: tuple[int, bool], weight_bits: int, seed: int
) -> None:
    form = TensorFormat(bits=bits[0], signed=bits[1], scale=1.0)
    layer = layer_of(groups, rows, columns, form, weight_bits, seed)
    x = np.random.default_rng(seed + 1).integers(form.low, form.high + 1, (groups, rows, windows)).astype(form.dtype)
    multiply = ENGINES[name](layer)
    product = multiply(x.transpose(0, 2, 1))
    expected = np.einsum("grm,grc->gmc", x.astype(np.int64), layer.weight.astype(np.int64))
    assert product.shape == (groups, windows, columns)
    assert np.issubdtype(product.dtype, np.integer)
    assert (product == expected).all()
    cut = windows // 2
    if cut:
        parts = [multiply(x.transpose(0, 2, 1)[:, part]) for part in (slice(0, cut), slice(cut, None))]
        assert (np.concatenate(parts, axis=1) == expected).all()
