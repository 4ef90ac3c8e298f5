"""Noise of the read: one normal number for every conversion, and the seam that tells a product which windows it
computes and which digits of them are read.

Numbers are counted, not drawn one after the other: conversion number n of a layer always gets number n of the layer's
stream, whichever thread, batch or block of windows computes it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.function.quantization.network import MatrixLayer
from archsim.function.unroll import Block, Geometry

Array = NDArray[Any]
Windows = NDArray[np.int64]
Planes = tuple[Array, Array]
"""Digits that windows stream: how many, and the first; uint8 [row groups, windows]."""

_PURPOSE = 0x4EAD
"""Sets the streams of read noise apart from those of the cells (`archsim.function.crossbars.arrays.generator_for`)."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ReadProduct:
    """A product that is told about the windows it computes: their numbers through all pictures of a data set, which
    noise follows, and the digits they stream where not all of them are read. `first_image` is the number of the first
    picture of this batch."""

    product: Callable[[Array, Windows, Planes | None], Array]
    geometry: Geometry
    first_image: int = 0

    def starting_at(self, image: int) -> ReadProduct:
        """The same product for a batch that begins `image` pictures later."""
        return replace(self, first_image=self.first_image + image)

    def of_block(self, x: Array, block: Block, planes: Planes | None = None) -> Array:
        """Accumulators [groups, windows, columns] of x [groups, windows, rows] for the windows of a block."""
        return self.product(x, self._numbers(block), planes)

    def __call__(self, x: Array) -> Array:
        """The first windows, all digits of them."""
        return self.product(x, np.arange(x.shape[1]) + self.first_image * self.geometry.windows, None)

    def _numbers(self, block: Block) -> Windows:
        images = self.first_image + np.arange(block.start, block.stop)
        width = self.geometry.out_width
        inside = np.arange(block.first_row * width, (block.first_row + block.rows) * width)
        return (images[:, None] * self.geometry.windows + inside).ravel()


Product = Callable[[Array], Array]


def starting_at(product: Product, image: int) -> Product:
    """`product` for a batch that begins at this picture of the data set; only noise depends on it."""
    return product.starting_at(image) if isinstance(product, ReadProduct) else product


def from_image(prepare: Callable[[MatrixLayer], Product], image: int) -> Callable[[MatrixLayer], Product]:
    """The engine `prepare` for a batch that begins at this picture of the data set."""
    return lambda layer: starting_at(prepare(layer), image)


def of_block(product: Product, x: Array, block: Block, planes: Planes | None = None) -> Array:
    """`product` of the inputs of a block's windows; `planes` are the digits they stream, where not all of them are."""
    return product.of_block(x, block, planes) if isinstance(product, ReadProduct) else product(x)


def noise_key(seed: int, layer: str, replica: int = 0) -> np.uint64:
    """Key of a layer's stream of read noise."""
    name = int.from_bytes(sha256(layer.encode()).digest()[:8], "little")
    return np.uint64(np.random.SeedSequence([seed, name, replica, _PURPOSE]).generate_state(1, np.uint64)[0])
