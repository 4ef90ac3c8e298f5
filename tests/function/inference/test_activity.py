"""Counts of what drives the rows, against counting on unrolled inputs bit by bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.components import build_chip
from archsim.config import load_hardware
from archsim.function.crossbars.encodings import Drive
from archsim.function.inference.activity import (
    Counting,
    digit_table,
    drives_by_row,
    input_counts,
    row_group_starts,
    zero_groups,
)
from archsim.function.inference.infer import infer
from archsim.function.quantization.calibrate import calibrate
from archsim.function.quantization.network import MatrixLayer, Pixels, TensorFormat
from archsim.function.quantization.quantize import quantize
from archsim.function.unroll import Geometry
from archsim.mapping.slicing import Slicing, grid_for
from tests.function.nets import everything, pictures
from tests.function.test_kernels import geometries, unroll_oracle


def layer_of(geometry: Geometry, form: TensorFormat, pad: np.ndarray) -> MatrixLayer:
    empty = np.zeros(0, np.int64)
    return MatrixLayer(
        name="l",
        geometry=geometry,
        weight=empty,
        weight_bits=8,
        bias=empty,
        scale=empty.astype(float),
        pad=pad.astype(form.dtype),
        format=form,
    )


@settings(deadline=None, max_examples=60)
@given(
    geometries(),
    st.sampled_from([(8, False), (8, True), (16, False), (16, True), (5, True), (12, False)]),
    st.integers(1, 8),
    st.integers(0, 2**32 - 1),
)
def test_counts_equal_those_of_the_unrolled_inputs(g: Geometry, kind: tuple[int, bool], dac: int, seed: int) -> None:
    form = TensorFormat(bits=kind[0], signed=kind[1], scale=1.0)
    rng = np.random.default_rng(seed)
    x = rng.integers(form.low, form.high + 1, (3, g.channels, g.height, g.width)).astype(form.dtype)
    x[rng.random(x.shape) < 0.4] = 0
    pad = rng.integers(0, min(form.high, 100), g.channels)
    found = input_counts(x, layer_of(g, form, pad), dac)
    for image in range(3):
        unrolled = unroll_oracle(x[image : image + 1], g, pad.astype(form.dtype)).astype(np.int64)
        # drivers of several levels drive signed inputs with an offset of half the range, and zeros with it
        offset = 2 ** (form.bits - 1) if form.signed and dac > 1 else 0
        lines = (unrolled + offset) % 2**form.bits
        ones = sum(int(((lines >> bit) & 1).sum()) for bit in range(form.bits))
        active = sum(int((((lines >> low) & (2**dac - 1)) != 0).sum()) for low in range(0, form.bits, dac))
        assert found[image].tolist() == [int((unrolled == 0).sum()), ones, active]


@settings(deadline=None, max_examples=60)
@given(geometries(), st.sampled_from([(8, False), (8, True), (5, True)]), st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_drives_by_row_equal_those_of_the_unrolled_inputs(
    g: Geometry, kind: tuple[int, bool], dac: int, seed: int
) -> None:
    form = TensorFormat(bits=kind[0], signed=kind[1], scale=1.0)
    rng = np.random.default_rng(seed)
    x = rng.integers(form.low, form.high + 1, (3, g.channels, g.height, g.width)).astype(form.dtype)
    x[rng.random(x.shape) < 0.4] = 0
    pad = rng.integers(0, min(form.high, 15), g.channels)
    layer = layer_of(g, form, pad)
    expected = np.zeros(g.groups * g.rows, np.int64)
    for image in range(3):
        unrolled = unroll_oracle(x[image : image + 1], g, pad.astype(form.dtype)).astype(np.int64)
        offset = 2 ** (form.bits - 1) if form.signed and dac > 1 else 0
        lines = (unrolled + offset) % 2**form.bits
        for low in range(0, form.bits, dac):
            expected += (((lines >> low) & (2**dac - 1)) != 0).reshape(len(expected), -1).sum(axis=1)
    assert drives_by_row(x, layer, dac).tolist() == expected.tolist()
    assert drives_by_row(x, layer, dac).sum() == input_counts(x, layer, dac)[:, 2].sum()


def test_codes_and_digits_by_hand() -> None:
    assert Drive(bits=8, dac_bits=1, signed=True).codes(np.array([-1, -127, 5], np.int8)).tolist() == [255, 129, 5]
    assert Drive(bits=5, dac_bits=1, signed=True).codes(np.array([-1, -15, 7], np.int8)).tolist() == [31, 17, 7]
    # 0b1001_0000: two ones; two of four 2-bit digits
    assert digit_table(Drive(bits=8, dac_bits=2, signed=False))[0b10010000].tolist() == [0, 2, 2]
    assert digit_table(Drive(bits=8, dac_bits=1, signed=False))[0].tolist() == [1, 0, 0]
    assert digit_table(Drive(bits=8, dac_bits=8, signed=True))[128 + 77].tolist() == [0, 5, 1]
    assert digit_table(Drive(bits=8, dac_bits=8, signed=True))[128].tolist() == [1, 1, 1]


def test_zero_groups() -> None:
    unrolled = np.zeros((2, 5, 3), np.int8)
    unrolled[0, 4, 1] = -3
    unrolled[1, 0, :] = 1
    geometry = Geometry(channels=10, height=1, width=1, out_height=1, out_width=3, columns=1, groups=2)
    starts = row_group_starts(geometry, crossbar_rows=4, packed=1)
    assert starts.tolist() == [0, 4, 5, 9, 10]
    assert zero_groups(unrolled, starts).tolist() == [3, 2, 0, 3]
    assert row_group_starts(geometry, crossbar_rows=16, packed=2).tolist() == [0, 10]


@pytest.mark.parametrize(("channels", "groups", "columns"), [(64, 1, 256), (512, 1, 16), (48, 48, 1), (64, 4, 16)])
def test_row_groups_are_the_mappings(channels: int, groups: int, columns: int) -> None:
    slicing = Slicing.of(build_chip(load_hardware("isaac-8bit")))
    geometry = Geometry(
        channels=channels, height=8, width=8, out_height=6, out_width=6, columns=columns, kernel=(3, 3), groups=groups
    )
    grid = grid_for(geometry.rows, columns, groups, slicing)
    lengths = np.diff(row_group_starts(geometry, slicing.rows, grid.packed_groups))
    assert lengths.tolist() == [int(grid.rows[grid.row_set == index][0]) for index in range(grid.row_set.max() + 1)]


def test_activity_of_a_network() -> None:
    graph = everything()
    pixels = Pixels(mean=(128.0,), scale=(1 / 64,))
    images = pictures(4, 12)
    images[:, :, :3] = 0
    network = quantize(graph, calibrate(graph, [pixels.normalise(images)]), pixels=pixels)
    counting = Counting(crossbar_rows=32, packed_groups=(("dw", 3),))
    found = infer(network, images, counting=counting, keep=["x", "c1.r", "dw.6", "fc"])
    activity = {layer.name: layer for layer in found.activity}
    assert list(activity) == [layer.name for layer in network.matrices]
    first = activity["c1"]
    assert (first.images, first.windows, first.rows, first.inputs) == (4, 144, 27, 144 * 27)
    assert first.stored_zero_fraction == (images == 0).mean() > 0.2
    assert 0 < first.zero_input_fraction < first.stored_zero_fraction  # padding drives the mean, 128
    assert first.bit_density == pytest.approx(first.active_row_fraction)  # one-bit digits
    assert first.output_zeros.tolist() == (found.tensors["c1.r"] == 0).sum(axis=(1, 2, 3)).tolist()
    assert 0 < first.activation_zero_fraction <= first.output_zero_fraction
    assert activity["dw"].stored_zero_fraction == first.output_zero_fraction
    assert len(activity["dw"].zero_groups) == 6
    assert activity["fc"].outputs == 10
    assert activity["fc"].output_zero_fraction == 0
    assert 0 <= activity["dw"].zero_group_fraction < 1


def test_nothing_is_counted_unasked() -> None:
    graph = everything()
    images = pictures(2, 12)
    pixels = Pixels(mean=(128.0,), scale=(1 / 64,))
    network = quantize(graph, calibrate(graph, [pixels.normalise(images)]), pixels=pixels)
    assert infer(network, images).activity == ()
