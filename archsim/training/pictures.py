"""Training pictures: the whole set in memory, drawn batches, and mild augmentation, all a function of (seed, epoch)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.errors import InputError
from archsim.workload import Dataset, Preprocessing

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmentation:
    """Changes drawn anew for each picture and epoch: moved by up to `shift` pixels in each direction (what comes in is
    `fill`), and with `mirror` flipped left to right every other time."""

    shift: int = 0
    mirror: bool = False
    fill: int = 0


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Pictures:
    """Pixels uint8 [N, C, H, W] in the network's channel order, and labels int64 [N] or None."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64] | None
    preprocessing: Preprocessing

    def __len__(self) -> int:
        return len(self.pixels)


def decode(data: Dataset, *, labelled: bool) -> Pictures:
    """All pictures of a data set. Raises `InputError` where labels are needed and it has none."""
    if labelled and data.labels is None:
        raise InputError(
            "has no labels; expected an .npz with y, or pictures named by class", f"data set '{data.name}'"
        )
    pixels = np.ascontiguousarray(data.pixels().transpose(0, 3, 1, 2))
    return Pictures(pixels=pixels, labels=data.labels, preprocessing=data.preprocessing)


def normalised(pixels: Array, preprocessing: Preprocessing) -> Array:
    """Network inputs float32 [C, n, H, W] from pixels uint8 [n, C, H, W]: (pixel - mean) * scale per channel."""
    mean, scale = (np.asarray(item, np.float32) for item in (preprocessing.mean, preprocessing.scale))
    moved = pixels.swapaxes(0, 1).astype(np.float32)
    moved -= mean.reshape(-1, 1, 1, 1)
    moved *= scale.reshape(-1, 1, 1, 1)
    return moved


def batches(
    pictures: Pictures, size: int, seed: int, epoch: int, augmentation: Augmentation, start: int = 0
) -> Iterator[tuple[Array, Array | None]]:
    """Pixels [n, C, H, W] and labels [n] of every batch of an epoch, from batch `start` on.

    The order and all changes are drawn from SeedSequence((seed, epoch)), the changes for the whole set at once: batch
    i is the same whether or not the batches before it were asked for.
    """
    generator = np.random.default_rng(np.random.SeedSequence((seed, epoch)))
    order = generator.permutation(len(pictures))
    moves = generator.integers(-augmentation.shift, augmentation.shift + 1, (len(pictures), 2))
    flips = generator.integers(0, 2, len(pictures)).astype(bool) & augmentation.mirror
    for first in range(start * size, len(order), size):
        chosen = order[first : first + size]
        pixels = augmented(pictures.pixels[chosen], moves[chosen], flips[chosen], augmentation.fill)
        yield pixels, None if pictures.labels is None else pictures.labels[chosen]


def augmented(pixels: Array, moves: Array, flips: Array, fill: int) -> Array:
    """Pixels [n, C, H, W], each picture flipped where flips [n] says so, then moved down and right by moves [n, 2]."""
    out = pixels.copy()
    out[flips] = out[flips][..., ::-1]
    reach = int(np.abs(moves).max(initial=0))
    if reach == 0:
        return out
    height, width = pixels.shape[2:]
    framed = np.full((*pixels.shape[:2], height + 2 * reach, width + 2 * reach), fill, pixels.dtype)
    framed[:, :, reach : reach + height, reach : reach + width] = out
    for index, (down, right) in enumerate(reach - moves):
        out[index] = framed[index, :, down : down + height, right : right + width]
    return out
