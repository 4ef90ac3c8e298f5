"""Window geometry against brute force: go through every pixel of every window."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from archsim.mapping.stages import Source, Stage
from archsim.mapping.windows import inside, needs, smallest_buffer, users
from archsim.workload.graph import Conv, GlobalPool, Layer, Pool


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[Stage, tuple[int, int, int]]:
    kernel = (draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    stride = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    dilation = (draw(st.integers(1, 2)), draw(st.integers(1, 2)))
    padding = tuple(draw(st.integers(0, 3)) for _ in range(4))
    height, width = draw(st.integers(4, 9)), draw(st.integers(4, 9))
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    rows = (height + padding[0] + padding[2] - reach[0]) // stride[0] + 1
    columns = (width + padding[1] + padding[3] - reach[1]) // stride[1] + 1
    if rows < 1 or columns < 1:
        padding = (4, 4, 4, 4)
        rows, columns = ((n + 8 - r) // s + 1 for n, r, s in zip((height, width), reach, stride, strict=True))
    op = Conv(out=2, kernel=kernel, stride=stride, padding=padding, dilation=dilation)
    shape = (3, height, width)
    layer = Layer(name="c", op=op, inputs=("p",), shape=(2, rows, columns))
    source = Source(stage="p", aligned=True, values=3, extent=(height, width))
    stage = Stage(name="c", layer=layer, fused=(), operands=((source,),), operand_shapes=(shape,))
    return stage, shape


@given(convolutions())
def test_windows_read_what_lies_on_the_map(drawn: tuple[Stage, tuple[int, int, int]]) -> None:
    stage, shape = drawn
    found = inside(stage, stage.sources[0])
    assert found is not None
    assert found.tolist() == [len(pixels) for pixels in uses(stage, shape)]


def uses(stage: Stage, shape: tuple[int, int, int]) -> list[set[int]]:
    """Producer windows that each window really reads."""
    op = stage.layer.op
    assert isinstance(op, Conv)
    found = []
    for y in range(stage.shape[1]):
        for x in range(stage.shape[2]):
            pixels = set()
            for ky in range(op.kernel[0]):
                for kx in range(op.kernel[1]):
                    row = y * op.stride[0] - op.padding[0] + ky * op.dilation[0]
                    column = x * op.stride[1] - op.padding[1] + kx * op.dilation[1]
                    if 0 <= row < shape[1] and 0 <= column < shape[2]:
                        pixels.add(row * shape[2] + column)
            found.append(pixels)
    return found


@given(convolutions())
def test_needs_cover_what_windows_read(drawn: tuple[Stage, tuple[int, int, int]]) -> None:
    stage, shape = drawn
    need, last = needs(stage, stage.sources[0], shape)
    assert (np.diff(need) >= 0).all()
    assert (np.diff(last) >= 0).all()
    for window, pixels in enumerate(uses(stage, shape)):
        assert max(pixels, default=-1) < need[window]
        for pixel in pixels:
            assert last[pixel] >= window


@given(convolutions())
def test_needs_are_tight_without_dilation_and_padding(drawn: tuple[Stage, tuple[int, int, int]]) -> None:
    stage, shape = drawn
    op = stage.layer.op
    assert isinstance(op, Conv)
    if op.dilation != (1, 1) or op.padding != (0, 0, 0, 0):
        return
    need, _ = needs(stage, stage.sources[0], shape)
    exact = np.maximum.accumulate([max(pixels) + 1 for pixels in uses(stage, shape)])
    np.testing.assert_array_equal(need, exact)


@given(convolutions())
def test_users_are_the_windows_that_reach_a_pixel(drawn: tuple[Stage, tuple[int, int, int]]) -> None:
    stage, shape = drawn
    op = stage.layer.op
    assert isinstance(op, Conv)
    found = users(stage, stage.sources[0], shape)
    assert found is not None
    reads = uses(stage, shape)
    for pixel in range(shape[1] * shape[2]):
        listed = {int(window) for window in found[pixel] if window >= 0}
        wanted = {window for window, pixels in enumerate(reads) if pixel in pixels}
        # with dilation or a stride beyond the kernel the extent has holes: users may name more windows, never fewer
        assert wanted <= listed
        if op.dilation == (1, 1):
            assert wanted == listed


@given(convolutions())
def test_smallest_buffer_is_enough_and_no_less(drawn: tuple[Stage, tuple[int, int, int]]) -> None:
    stage, shape = drawn
    need, last = needs(stage, stage.sources[0], shape)
    capacity = smallest_buffer(need, last)

    def finishes(room: int) -> bool:
        sent = 0
        for window in range(len(need)):
            freed = int(np.searchsorted(last, window, side="left"))
            sent = max(sent, min(len(last), freed + room))
            if sent < need[window]:
                return False
        return True

    assert finishes(capacity)
    assert capacity == 0 or not finishes(capacity - 1)


def test_whole_maps_and_pools() -> None:
    shape = (4, 3, 5)
    source = Source(stage="p", aligned=True, values=4, extent=(1, 1))
    layer = Layer(name="g", op=GlobalPool(function="average"), inputs=("p",), shape=(4, 1, 1))
    stage = Stage(name="g", layer=layer, fused=(), operands=((source,),), operand_shapes=(shape,))
    need, last = needs(stage, source, shape)
    assert need.tolist() == [15]
    assert last.tolist() == [0] * 15
    assert users(stage, source, shape) is None
    op = Pool(function="max", kernel=(2, 2), stride=(2, 2))
    layer = Layer(name="m", op=op, inputs=("p",), shape=(4, 1, 2))
    stage = Stage(name="m", layer=layer, fused=(), operands=((source,),), operand_shapes=(shape,))
    need, _ = needs(stage, source, shape)
    assert need.tolist() == [7, 9]
