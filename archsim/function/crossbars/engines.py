"""The seam for crossbar arithmetic: engines by name.

An engine prepares one layer (packs bits, programs cells, ...) and returns the function that multiplies unrolled inputs.
Engines with options of their own (converter, cell model, seed) are closures passed to `infer` in place of a name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.function.crossbars.integer import Multiply, prepare_integer
from archsim.function.quantization.network import MatrixLayer

Array = NDArray[Any]
Engine = Callable[[MatrixLayer], Multiply]
"""Takes a layer; returns a function of x [groups, windows, rows] (integers in the layer's input format, any strides)
that gives the accumulators [groups, windows, columns]. Results must not depend on how windows are split between
calls."""


def integer_engine(layer: MatrixLayer) -> Multiply:
    """Exact arithmetic: lossless converters, ideal cells."""
    # pixels that pad may use the whole code range, one more than a symmetric format does
    return prepare_integer(layer.weight, layer.format.high + layer.format.signed)


def oracle_engine(layer: MatrixLayer) -> Multiply:
    """The definition, in int64: slow, for tests and for checking other engines."""
    weight = layer.weight.astype(np.int64)
    return lambda x: np.matmul(x.astype(np.int64), weight)


ENGINES: dict[str, Engine] = {"integer": integer_engine, "oracle": oracle_engine}
"""Engines by name; one conformance test runs over all of them."""
