"""Shape rules against a brute-force count of windows, and the messages of misfits."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from archsim.workload.canonical import canonical
from archsim.workload.graph import (
    Activation,
    Add,
    Affine,
    Concat,
    Conv,
    Linear,
    Mul,
    Op,
    Pad,
    Pool,
    Reshape,
    Shape,
    Slice,
    Softmax,
    Transpose,
)
from archsim.workload.shapes import Misfit, fan_in, infer_shape, parameter_shapes, same_padding, window_count

small = st.integers(1, 12)


def brute_windows(size: int, kernel: int, stride: int, before: int, after: int, *, ceil: bool) -> int:
    """Starts 0, stride, ... whose window lies inside the padded axis (with ceil: starts before the end padding)."""
    count = start = 0
    while True:
        whole = start + kernel <= size + before + after
        partial = ceil and start < size + before and start - stride + kernel < size + before + after
        if not whole and not partial:
            return count
        count += 1
        start += stride


@given(size=small, kernel=small, stride=small, before=st.integers(0, 5), after=st.integers(0, 5), ceil=st.booleans())
def test_window_count_is_the_number_of_windows(
    size: int, kernel: int, stride: int, before: int, after: int, ceil: bool
) -> None:
    assume(kernel <= size + before + after)
    assume(max(before, after) < kernel)
    expected = brute_windows(size, kernel, stride, before, after, ceil=ceil)
    assert window_count(size, kernel, stride, before, after, ceil=ceil) == expected


@given(size=small, kernel=small, stride=small, dilation=st.integers(1, 3), lower=st.booleans())
def test_same_padding_gives_the_rounded_up_quotient(
    size: int, kernel: int, stride: int, dilation: int, lower: bool
) -> None:
    top, left, bottom, right = same_padding(
        (size, size), (kernel, kernel), (stride, stride), (dilation, dilation), lower=lower
    )
    assert (top, bottom) == (left, right)
    assert abs(top - bottom) <= 1
    assert (top >= bottom) if lower else (bottom >= top)
    reach = dilation * (kernel - 1) + 1
    assert window_count(size, reach, stride, top, bottom) == -(-size // stride)


def test_conv_by_hand() -> None:
    op = Conv(out=96, kernel=(11, 11), stride=(4, 4))
    assert infer_shape(op, [(3, 224, 224)]) == (96, 54, 54)
    assert parameter_shapes(op, [(3, 224, 224)]) == ((96, 3, 11, 11), (96,))
    assert fan_in(op, [(3, 224, 224)]) == 363


def test_grouped_conv_sees_its_group_only() -> None:
    op = Conv(out=32, kernel=(3, 3), groups=16)
    assert parameter_shapes(op, [(16, 8, 8)]) == ((32, 1, 3, 3), (32,))


MISFITS: list[tuple[Op, list[Shape], str]] = [
    (Conv(out=4, kernel=(3, 3)), [(12,)], "needs a map"),
    (Conv(out=4, kernel=(3, 3), groups=3), [(4, 8, 8)], "3 groups"),
    (Conv(out=4, kernel=(3, 3), padding=(0, -1, 0, 0)), [(4, 8, 8)], "padding"),
    (Conv(out=4, kernel=(3, 3), stride=(0, 1)), [(4, 8, 8)], "stride"),
    (Conv(out=4, kernel=(3, 3), dilation=(9, 9)), [(4, 8, 8)], "does not fit a map"),
    (Pool(function="max", kernel=(2, 2), padding=(2, 0, 0, 0)), [(4, 8, 8)], "smaller than the kernel"),
    (Linear(out=3), [(4, 1, 1)], "flatten"),
    (Add(), [(4, 8, 8)], "2 or more"),
    (Add(), [(4, 8, 8), (4, 8, 1)], "expected equal shapes or"),
    (Mul(), [(4, 8, 8), (4, 1, 1), (4, 1, 1)], "expected 2"),
    (Concat(), [(4, 8, 8), (4, 8, 7)], "must agree"),
    (Concat(axis=3), [(4, 8, 8), (4, 8, 8)], "axis 3 does not exist"),
    (Slice(start=2, stop=2), [(4, 8, 8)], "does not lie inside"),
    (Slice(start=2, stop=5), [(4, 8, 8)], "does not lie inside"),
    (Transpose(axes=(0, 1)), [(4, 8, 8)], "no permutation"),
    (Softmax(axis=1), [(4,)], "does not exist"),
    (Pad(padding=(0, 0, -1, 0)), [(4, 8, 8)], "negative"),
    (Affine(), [(4,), (4,)], "expected 1"),
]


@pytest.mark.parametrize(("op", "inputs", "said"), MISFITS)
def test_misfits(op: Op, inputs: list[Shape], said: str) -> None:
    with pytest.raises(Misfit, match=said):
        infer_shape(op, inputs)


def test_reshape_keeps_the_number_of_elements() -> None:
    assert infer_shape(Reshape(), [(4, 2, 3)], (24,)) == (24,)
    with pytest.raises(Misfit, match="24 elements"):
        infer_shape(Reshape(), [(4, 2, 3)], (25,))


def test_broadcast_of_channel_gates() -> None:
    assert infer_shape(Mul(), [(4, 1, 1), (4, 8, 8)]) == (4, 8, 8)


@pytest.mark.parametrize(
    ("op", "inputs", "target", "expected"),
    [
        (Activation(function="clip", low=0.0, high=float("inf")), [(4,)], (), Activation(function="relu")),
        (Activation(function="clip", low=-float("inf"), high=float("inf")), [(4,)], (), None),
        (Reshape(), [(4,)], (4,), None),
        (Reshape(), [(4, 1, 1)], (4,), Reshape()),
        (Transpose(axes=(0, 1, 2)), [(2, 3, 4)], (), None),
        (Transpose(axes=(0, 2, 1)), [(2, 3, 3)], (), Transpose(axes=(0, 2, 1))),
        (Concat(), [(4, 2, 2)], (), None),
        (Slice(start=0, stop=4), [(4, 2, 2)], (), None),
        (Pad(padding=(0, 0, 0, 0)), [(4, 2, 2)], (), None),
    ],
)
def test_canonical_forms(op: Op, inputs: list[Shape], target: Shape, expected: Op | None) -> None:
    assert canonical(op, inputs, target) == expected
