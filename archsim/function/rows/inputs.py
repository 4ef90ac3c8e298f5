"""What drives the rows of a layer on some pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.function.inference.infer import infer
from archsim.function.quantization.network import MatrixLayer, QuantizedNetwork
from archsim.function.unroll import Block, unroll

Array = NDArray[Any]

WINDOWS = 300
"""Windows of a layer that statistics are taken on."""


def layer_inputs(
    network: QuantizedNetwork, pictures: Array, layers: Iterable[MatrixLayer] | None = None, windows: int = WINDOWS
) -> Mapping[str, NDArray[np.int64]]:
    """Magnitudes of the unrolled inputs of matrix layers (all of them unless named), by layer name: int64 [windows,
    rows], up to `windows` of them spread evenly over the pictures' windows.

    Parameters
    ----------
    pictures : as the network takes them ([N, C, H, W], pixels or normalised).
    """
    chosen = list(network.matrices if layers is None else layers)
    sources = {step.matrix.name: step.step.inputs[0] for step in network.steps if step.matrix is not None}
    tensors = infer(network, pictures, keep={sources[layer.name] for layer in chosen}).tensors
    return {layer.name: _windows(layer, tensors[sources[layer.name]], windows) for layer in chosen}


def _windows(layer: MatrixLayer, x: Array, windows: int) -> NDArray[np.int64]:
    geometry = layer.geometry
    maps = np.ascontiguousarray(x).reshape(len(x), geometry.channels, geometry.height, geometry.width)
    whole = Block(start=0, stop=len(x), first_row=0, rows=geometry.out_height)
    unrolled = unroll(maps, geometry, whole, layer.pad)
    flat = unrolled.reshape(-1, unrolled.shape[-1])
    count = min(windows, flat.shape[1])
    chosen = flat[:, np.arange(count) * flat.shape[1] // count].T
    return np.abs(np.ascontiguousarray(chosen).astype(np.int64))
