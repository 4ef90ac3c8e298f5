"""Batches and augmentation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from archsim.errors import InputError
from archsim.training.pictures import Augmentation, augmented, batches, decode, normalised
from archsim.workload import Preprocessing, load_data
from archsim.workload.preprocessing import normalise

from .nets import GRAY, RGB, blobs


def test_normalised_is_what_inference_feeds() -> None:
    pixels = blobs(5, RGB, 4).pixels
    np.testing.assert_array_equal(normalised(pixels, RGB).swapaxes(0, 1), normalise(pixels.transpose(0, 2, 3, 1), RGB))


def test_augmented_by_hand() -> None:
    picture = np.arange(1, 10, dtype=np.uint8).reshape(1, 1, 3, 3)
    both = np.concatenate([picture, picture])
    out = augmented(both, np.array([[1, 0], [0, -1]]), np.array([False, True]), 7)
    np.testing.assert_array_equal(out[0, 0], [[7, 7, 7], [1, 2, 3], [4, 5, 6]])
    np.testing.assert_array_equal(out[1, 0], [[2, 1, 7], [5, 4, 7], [8, 7, 7]])
    np.testing.assert_array_equal(picture, both[:1])


def test_epochs_are_permutations_and_can_be_entered_anywhere() -> None:
    pictures = blobs(23, GRAY, 5)
    wanted = Augmentation(shift=2, mirror=True)
    whole = list(batches(pictures, 5, 0, 3, wanted))
    assert [len(pixels) for pixels, _ in whole] == [5, 5, 5, 5, 3]
    rest = list(batches(pictures, 5, 0, 3, wanted, start=3))
    for (pixels, labels), (again, same) in zip(whole[3:], rest, strict=True):
        np.testing.assert_array_equal(pixels, again)
        np.testing.assert_array_equal(labels, same)
    labels = np.concatenate([found for _, found in whole if found is not None])
    assert sorted(labels) == sorted(pictures.labels)  # type: ignore[arg-type]
    plain = [np.concatenate([pixels for pixels, _ in batches(pictures, 5, seed, epoch, Augmentation())])
             for seed, epoch in ((0, 0), (0, 1), (1, 0))]  # fmt: skip
    for one in plain:
        np.testing.assert_array_equal(np.sort(one, axis=0), np.sort(pictures.pixels, axis=0))
    assert not np.array_equal(plain[0], plain[1])
    assert not np.array_equal(plain[0], plain[2])


def test_labels_are_asked_for() -> None:
    digits = Preprocessing(size=(28, 28), channels="gray")
    assert decode(load_data("digits:train", digits, limit=3), labelled=True).pixels.shape == (3, 1, 28, 28)

    bare = replace(load_data("digits:train", digits, limit=3), labels=None)
    assert decode(bare, labelled=False).labels is None
    with pytest.raises(InputError, match="has no labels"):
        decode(bare, labelled=True)
