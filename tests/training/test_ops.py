"""Operations: forward against the float reference, gradients against finite differences in float64."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.function.reference.run import compute
from archsim.function.unroll import geometry_of
from archsim.training import ops
from archsim.training.recorders import RECORDERS
from archsim.workload.graph import (
    Activation,
    Add,
    Concat,
    Conv,
    GlobalPool,
    Layer,
    Linear,
    Op,
    Parameters,
    Pool,
    Reshape,
    Shape,
)
from archsim.workload.shapes import Misfit, infer_shape

from .nets import numeric_gradient

CLOSE = {"rtol": 1e-6, "atol": 1e-7}


def layer_of(op: Op, *shapes: Shape, target: Shape = ()) -> Layer:
    names = tuple(f"in{index}" for index in range(len(shapes)))
    return Layer(name="layer", op=op, inputs=names, shape=infer_shape(op, shapes, target))


def batch(rng: np.random.Generator, shape: Shape, images: int) -> np.ndarray:
    return rng.standard_normal((shape[0], images, *shape[1:]))


@st.composite
def matrix_layers(draw: st.DrawFn) -> tuple[Layer, Shape]:
    if draw(st.integers(0, 3)) == 0:
        return layer_of(Linear(out=draw(st.integers(1, 4))), (5,)), (5,)
    groups = draw(st.integers(1, 2))
    shape = (groups * draw(st.integers(1, 2)), draw(st.integers(3, 6)), draw(st.integers(3, 6)))
    sizes = [(draw(st.integers(1, high)), draw(st.integers(1, high))) for high in (3, 2, 2)]
    padding = tuple(draw(st.integers(0, 2)) for _ in range(4))
    op = Conv(out=groups * 2, kernel=sizes[0], stride=sizes[1], dilation=sizes[2], padding=padding, groups=groups)
    try:
        return layer_of(op, shape), shape
    except Misfit:
        small = Conv(out=groups, kernel=(1, 1), groups=groups)
        return layer_of(small, shape), shape


@settings(deadline=None, max_examples=40)
@given(matrix_layers(), st.integers(0, 99))
def test_matrix_layers(case: tuple[Layer, Shape], seed: int) -> None:
    layer, shape = case
    rng = np.random.default_rng(seed)
    x, images = batch(rng, shape, 2), 2
    geometry = geometry_of(layer, shape)
    kernel = layer.op.kernel if isinstance(layer.op, Conv) else ()
    weight = rng.standard_normal((layer.shape[0], geometry.rows // int(np.prod(kernel)), *kernel))
    bias, mix = rng.standard_normal(layer.shape[0]), rng.standard_normal((layer.shape[0], images * geometry.windows))

    def outputs(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
        return ops.matrix_forward(weight, bias, ops.patches(x, geometry))

    reference = compute(layer, [x.swapaxes(0, 1).astype(np.float32)], Parameters(weight, bias))
    found = outputs(x, weight, bias).reshape(layer.shape[0], images, *layer.shape[1:]).swapaxes(0, 1)
    np.testing.assert_allclose(found, reference, rtol=1e-4, atol=1e-4)

    on_weight, on_bias = ops.matrix_gradients(mix, ops.patches(x, geometry))
    on_x = ops.matrix_backward(mix, weight, geometry, x.shape)
    for found, at in ((on_weight.reshape(weight.shape), weight), (on_bias, bias), (on_x, x)):
        # `at` is changed in place, element by element
        numeric = numeric_gradient(lambda _: float(np.vdot(outputs(x, weight, bias), mix)), at)
        np.testing.assert_allclose(found, numeric, **CLOSE)


PLAIN = [
    layer_of(Activation(function="relu"), (3, 4, 4)),
    layer_of(Activation(function="clip", low=-0.5, high=0.7), (3, 4, 4)),
    layer_of(Pool(function="max", kernel=(2, 2), stride=(2, 2)), (3, 4, 4)),
    layer_of(Pool(function="max", kernel=(3, 2), stride=(2, 1), padding=(1, 1, 0, 0)), (3, 5, 4)),
    layer_of(Pool(function="average", kernel=(3, 3), stride=(2, 2), padding=(1, 1, 1, 1)), (3, 5, 5)),
    layer_of(Pool(function="average", kernel=(2, 2), padding=(1, 0, 0, 1), count_padding=True), (3, 4, 4)),
    layer_of(Pool(function="average", kernel=(3, 3), stride=(2, 2), ceil=True), (3, 6, 6)),
    layer_of(GlobalPool(function="average"), (3, 4, 5)),
    layer_of(GlobalPool(function="max"), (3, 4, 5)),
    layer_of(Add(), (3, 4, 4), (3, 4, 4), (3, 4, 4)),
    layer_of(Add(), (3, 4, 4), (3, 1, 1)),
    layer_of(Concat(), (3, 4, 4), (2, 4, 4)),
    layer_of(Reshape(), (3, 2, 4), target=(24,)),
    layer_of(Reshape(), (24,), target=(2, 3, 4)),
]
SHAPES = [
    [(3, 4, 4)], [(3, 4, 4)], [(3, 4, 4)], [(3, 5, 4)], [(3, 5, 5)], [(3, 4, 4)], [(3, 6, 6)], [(3, 4, 5)], [(3, 4, 5)],
    [(3, 4, 4)] * 3, [(3, 4, 4), (3, 1, 1)], [(3, 4, 4), (2, 4, 4)], [(3, 2, 4)], [(24,)],
]  # fmt: skip


@pytest.mark.parametrize(("layer", "shapes"), list(zip(PLAIN, SHAPES, strict=True)))
def test_operations_without_parameters(layer: Layer, shapes: list[Shape]) -> None:
    rng = np.random.default_rng(3)
    sources = [batch(rng, shape, 2) for shape in shapes]
    record = RECORDERS[type(layer.op)]
    out, back = record(layer, sources)
    reference = compute(layer, [source.swapaxes(0, 1).astype(np.float32) for source in sources], None)
    np.testing.assert_allclose(out.swapaxes(0, 1), reference, rtol=1e-5, atol=1e-6)
    mix = rng.standard_normal(out.shape)
    for source, found in zip(sources, back(mix), strict=True):
        numeric = numeric_gradient(lambda _: float(np.vdot(record(layer, sources)[0], mix)), source)
        np.testing.assert_allclose(found, numeric, **CLOSE)


def test_batch_norm() -> None:
    rng = np.random.default_rng(4)
    x, gain, bias = batch(rng, (3, 2, 4), 5) * 2 + 1, rng.standard_normal(3), rng.standard_normal(3)
    count, mix = 5 * 8, rng.standard_normal((3, 5, 2, 4))

    def statistics(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return ops.norm_statistics(ops.norm_sums(x, x), count)

    def loss(x: np.ndarray, gain: np.ndarray, bias: np.ndarray) -> float:
        return float(np.vdot(ops.norm_forward(x, gain, bias, *statistics(x)), mix))

    np.testing.assert_allclose(statistics(x)[0], x.mean(axis=(1, 2, 3)), rtol=1e-12)
    np.testing.assert_allclose(statistics(x)[1], x.var(axis=(1, 2, 3)), rtol=1e-9)
    sums = ops.norm_sums(mix, x)
    on_gain, on_bias = ops.norm_gradients(sums, statistics(x))
    on_x = ops.norm_backward(mix, x, gain, statistics(x), sums, count)
    np.testing.assert_allclose(on_x, numeric_gradient(lambda v: loss(v, gain, bias), x), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(on_gain, numeric_gradient(lambda v: loss(x, v, bias), gain), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(on_bias, numeric_gradient(lambda v: loss(x, gain, v), bias), rtol=1e-5, atol=1e-6)
