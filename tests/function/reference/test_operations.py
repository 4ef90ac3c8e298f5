"""Digital operations by hand where ONNX and onnxruntime leave room or edge cases matter."""

from __future__ import annotations

import numpy as np
import pytest

from archsim.function.reference import operations as digital
from archsim.workload.graph import Activation, LocalResponseNorm, Pad, Parameters, Pool, Softmax


def test_pool_counts_of_a_partial_window() -> None:
    op = Pool(function="average", kernel=(3, 3), stride=(2, 2), padding=(1, 1, 1, 1), ceil=True)
    assert digital.pool_counts(op, 6, 6, (1, 4, 4))[:, 0].tolist() == [4, 6, 6, 2]
    counted = Pool(
        function="average", kernel=(3, 3), stride=(2, 2), padding=(1, 1, 1, 1), ceil=True, count_padding=True
    )
    # the last window covers rows 5..7 of a map that ends, padded, at row 6
    assert digital.pool_counts(counted, 6, 6, (1, 4, 4))[:, 0].tolist() == [9, 9, 9, 6]


def test_windows_on_padding_alone_are_recognised() -> None:
    op = Pool(function="max", kernel=(2, 2), stride=(2, 2), padding=(2, 0, 0, 0))
    assert digital.reads_nothing(op, (1, 4, 4), (1, 3, 2))
    assert not digital.reads_nothing(Pool(function="max", kernel=(2, 2)), (1, 4, 4), (1, 3, 3))


def test_sigmoid_and_softmax_do_not_overflow() -> None:
    extreme = np.array([[-1e4, 0.0, 1e4]], np.float32)
    assert digital.activate(Activation(function="sigmoid"), extreme).tolist() == [[0.0, 0.5, 1.0]]
    assert digital.softmax(Softmax(), extreme).tolist() == [[0.0, 0.0, 1.0]]
    logs = digital.softmax(Softmax(log=True), np.array([[0.0, np.log(3.0)]]))
    assert np.exp(logs)[0] == pytest.approx([0.25, 0.75])


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_local_response_norm_window(size: int) -> None:
    x = np.random.default_rng(size).standard_normal((2, 6, 3, 3))
    op = LocalResponseNorm(size=size, alpha=0.5, beta=0.75, bias=2.0)
    out = digital.local_response_norm(op, x)
    for channel in range(6):
        low, high = max(0, channel - (size - 1) // 2), min(5, channel + -(-(size - 1) // 2))
        squares = np.square(x[:, low : high + 1]).sum(axis=1)
        assert out[:, channel] == pytest.approx(x[:, channel] / (2 + 0.5 / size * squares) ** 0.75)


def test_pad_and_crop() -> None:
    x = np.arange(9.0).reshape(1, 1, 3, 3)
    assert digital.pad(Pad(padding=(1, -1, 0, 2)), x, 7.0).tolist() == [
        [[[7, 7, 7, 7], [1, 2, 7, 7], [4, 5, 7, 7], [7, 8, 7, 7]]]
    ]


def test_affine_scales_channels() -> None:
    x = np.ones((2, 3, 2, 2), np.float32)
    parameters = Parameters(np.array([1, 2, 3], np.float32), np.array([0, 1, 2], np.float32))
    assert digital.affine(parameters, x)[1, :, 0, 0].tolist() == [1, 3, 5]
    assert digital.affine(Parameters(parameters.weight), x[:, :, 0, 0]).tolist() == [[1, 2, 3]] * 2
