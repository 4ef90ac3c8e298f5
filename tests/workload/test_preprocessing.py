"""Preprocessing: the sidecar file, resizing and cropping, normalisation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from archsim.errors import InputError
from archsim.workload import Preprocessing, default_preprocessing, load_workload, preprocessing_for
from archsim.workload.preprocessing import fit_picture, normalise, read_sidecar


def test_normalise_by_hand() -> None:
    pixels = np.array([[[[10, 20, 30]], [[0, 255, 1]]]], dtype=np.uint8)  # [1, 2, 1, 3]
    found = normalise(pixels, Preprocessing(size=(2, 1), mean=(1.0, 2.0, 3.0), scale=(0.5, 1.0, 2.0)))
    assert found.dtype == np.float32
    assert found.shape == (1, 3, 2, 1)
    np.testing.assert_array_equal(found[0, :, :, 0], [[4.5, -0.5], [18, 253], [54, -4]])


def test_picture_of_the_right_size_is_untouched() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 5, 3), dtype=np.uint8)
    found = fit_picture(Image.fromarray(pixels), Preprocessing(size=(6, 5)))
    np.testing.assert_array_equal(found, pixels)


def test_bgr_reverses_the_channels() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    found = fit_picture(Image.fromarray(pixels), Preprocessing(size=(4, 4), channels="bgr"))
    np.testing.assert_array_equal(found, pixels[:, :, ::-1])


@pytest.mark.parametrize(("width", "height"), [(256, 256), (300, 200), (200, 300), (1000, 20), (7, 9)])
def test_shorter_side_to_size_over_crop_then_centre(width: int, height: int) -> None:
    picture = Image.fromarray(np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8))
    found = fit_picture(picture, Preprocessing(size=(224, 224), crop=0.875))
    short = 256 / min(width, height)
    resized = picture.resize((round(width * short), round(height * short)), Image.Resampling.BILINEAR)
    left, top = (resized.width - 224) // 2, (resized.height - 224) // 2
    np.testing.assert_array_equal(found, np.asarray(resized.crop((left, top, left + 224, top + 224))))


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK", "1", "I;16"])
def test_pictures_of_any_mode_become_what_the_network_takes(mode: str) -> None:
    picture = Image.new(mode, (40, 30))
    assert fit_picture(picture, Preprocessing(size=(8, 8))).shape == (8, 8, 3)
    assert fit_picture(picture, Preprocessing(size=(8, 8), channels="gray")).shape == (8, 8, 1)


def test_default_follows_the_network_input() -> None:
    found = default_preprocessing(load_workload("lenet5"))
    assert (found.size, found.channels, found.scale) == ((28, 28), "gray", (1 / 255,))
    assert default_preprocessing(load_workload("resnet18")).crop == 0.875


def test_default_needs_a_picture_input(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text("layers:\n  - input: {name: x, shape: [5, 8, 8]}\n  - affine\n")
    with pytest.raises(InputError, match="1 or 3 channels"):
        default_preprocessing(load_workload(path))


def sidecar(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "net.inputs.yaml"
    path.write_text(text)
    return path


def test_sidecar_with_everything(tmp_path: Path) -> None:
    text = (
        "size: [4, 6]\ncrop: 0.5\nchannels: bgr\nmean: [1, 2.5, 3]\nscale: 0.25\nsource: somewhere\n"
        "ranges:\n  conv1: [-1.5, 2e1]\nclass_names: {0: cat, 7: dog}\n"
    )
    found = read_sidecar(sidecar(tmp_path, text))
    assert found == Preprocessing(
        size=(4, 6),
        crop=0.5,
        channels="bgr",
        mean=(1.0, 2.5, 3.0),
        scale=(0.25,),
        source="somewhere",
        ranges={"conv1": (-1.5, 20.0)},
        class_names={0: "cat", 7: "dog"},
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("channels: rgb\n", "size: is missing"),
        ("size: 3\nchannels: rbg\n", "net.inputs.yaml:2: channels: 'rbg' is not one of rgb | bgr | gray; did you mean"),
        ("size: 3\ncrop: 1.5\n", "above 0 and up to 1"),
        ("size: 3\nmean: [1, 2]\n", "mean: has 2 entries"),
        ("size: 3\nmean: [1, 2, 3]\nchannels: gray\n", "gray pictures have one channel"),
        ("size: 3\nranges: {a: [2, 1]}\n", "2.0 is above 1.0"),
        ("size: 3\nranges: {a: 2}\n", "a: expected [low, high]"),
        ("size: 3\nclass_names: {cat: 1}\n", "class_names: "),
        ("size: 3\nmeen: 1\n", "did you mean 'mean'?"),
        ("- 1\n", "is no mapping"),
    ],
)
def test_sidecar_messages(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        read_sidecar(sidecar(tmp_path, text))
    assert said in str(caught.value)


def test_sidecar_must_fit_the_network(tmp_path: Path) -> None:
    network = tmp_path / "net.yaml"
    network.write_text("layers:\n  - input: {name: x, shape: [3, 8, 8]}\n  - affine\n")
    sidecar(tmp_path, "size: 9\n")
    with pytest.raises(InputError, match=r"describes inputs of shape \(3, 9, 9\), the network takes \(3, 8, 8\)"):
        preprocessing_for(network, load_workload(network))
