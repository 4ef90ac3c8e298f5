"""One spelling for each computation, so that two descriptions of one network give equal graphs.

Every reader passes its operations through `canonical` before it makes a layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import inf

from archsim.workload.graph import Activation, Concat, Op, Pad, Pool, Reshape, Shape, Slice, Transpose
from archsim.workload.shapes import infer_shape


def canonical(op: Op, inputs: Sequence[Shape], target: Shape = ()) -> Op | None:
    """`op` in its canonical form, or None when it hands its only input on unchanged.

    A `ceil` or `count_padding` that makes no difference is dropped, clipping from zero upwards is a relu. Raises
    `Misfit` for operands that do not fit.
    """
    shape = infer_shape(op, inputs, target)
    if isinstance(op, Pool):
        return _pool(op, inputs, shape)
    if isinstance(op, Activation) and op.function == "clip":
        if (op.low, op.high) == (-inf, inf):
            return None
        return Activation(function="relu") if (op.low, op.high) == (0.0, inf) else op
    nothing = (
        isinstance(op, Reshape | Slice)
        or (isinstance(op, Concat) and len(inputs) == 1)
        or (isinstance(op, Pad) and not any(op.padding))
        or (isinstance(op, Transpose) and op.axes == tuple(range(len(op.axes))))
    )
    return None if nothing and shape == inputs[0] else op


def _pool(op: Pool, inputs: Sequence[Shape], shape: Shape) -> Pool:
    count = op.function == "average" and op.count_padding and any(op.padding)
    ceil = op.ceil and infer_shape(replace(op, ceil=False), inputs) != shape
    return replace(op, ceil=ceil, count_padding=count)
