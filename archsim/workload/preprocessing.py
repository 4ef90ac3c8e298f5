"""From pictures to network inputs: size, crop, channel order, mean and scale, kept beside each network file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from archsim.config.complaints import problems_of
from archsim.config.document import Block, parse_yaml, plain, read_text
from archsim.config.types import Text
from archsim.errors import InputError
from archsim.workload.graph import Graph, Pair
from archsim.workload.yamlfields import PairField, Parsed, Word, real, whole, word

Channels = Literal["rgb", "bgr", "gray"]

SIDECAR_END = ".inputs.yaml"
"""How the name of a file ends that describes the inputs of the network beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedOperands:
    """Operands a network was trained for: bits, and the name of the weight quantizer
    (`archsim.function.quantization.weights.WEIGHT_QUANTIZERS`)."""

    weight_bits: int
    activation_bits: int
    weights: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocessing:
    """How a network wants its pictures: x = (pixel - mean) * scale per channel, pixels 0 to 255.

    `size` is (height, width). Pictures are resized (bilinear) so that they cover size / crop, then cropped centrally;
    crop 1 covers the size itself. `channels` gives count and order, `mean` and `scale` are in that order. `ranges`
    holds calibrated (low, high) per layer, `means` the mean of each channel there, `class_names` the names of some or
    all classes; `trained` the operands the network was trained for, if it was.
    """

    size: Pair
    channels: Channels = "rgb"
    crop: float = 1.0
    mean: tuple[float, ...] = (0.0,)
    scale: tuple[float, ...] = (1.0,)
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=lambda: MappingProxyType({}))
    means: Mapping[str, tuple[float, ...]] = field(default_factory=lambda: MappingProxyType({}))
    class_names: Mapping[int, str] = field(default_factory=lambda: MappingProxyType({}))
    trained: TrainedOperands | None = None
    source: str = ""

    @property
    def channel_count(self) -> int:
        """1 for gray, else 3."""
        return 1 if self.channels == "gray" else 3

    @property
    def shape(self) -> tuple[int, int, int]:
        """Network input shape (channels, height, width)."""
        return (self.channel_count, *self.size)


def normalise(pixels: NDArray[np.uint8], preprocessing: Preprocessing) -> NDArray[np.float32]:
    """Network inputs [N, C, H, W] float32 from pixels [N, H, W, C] uint8 in the network's size and channel order."""
    mean, scale = (np.asarray(values, dtype=np.float32) for values in (preprocessing.mean, preprocessing.scale))
    values = (pixels.astype(np.float32) - mean) * scale
    return np.ascontiguousarray(values.transpose(0, 3, 1, 2), dtype=np.float32)


def unit_note(preprocessing: Preprocessing) -> str | None:
    """What is odd in the inputs that pixels of 0 and 255 become, where mean or scale seem meant for pixels 0 to 1: a
    mean of less than one step of a pixel, or steps of a pixel that leave more than one unit each."""
    means, scales = preprocessing.mean, preprocessing.scale
    if not any(0 < abs(mean) < 1 for mean in means) and not any(abs(scale) > 1 for scale in scales):
        return None
    ends = (np.array([[0.0], [255.0]]) - np.asarray(means)) * np.asarray(scales)
    given = [", ".join(f"{value:.4g}" for value in values) for values in (means, scales)]
    return (
        f"pictures are prepared as (pixel - mean) * scale with pixels 0 to 255: mean {given[0]} and scale {given[1]} "
        f"leave inputs of {ends.min():.4g} to {ends.max():.4g}, as if they were meant for pixels 0 to 1 (expected the "
        "mean times 255, the scale over 255)"
    )


def fit_picture(picture: Image.Image, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """A picture as pixels [H, W, C] uint8 of the network's size and channel order.

    The shorter side is resized to size / crop with Pillow's bilinear filter, then the centre is cut out.
    """
    gray = preprocessing.channels == "gray"
    picture = picture.convert("L" if gray else "RGB")
    height, width = preprocessing.size
    cover = [max(int(length / preprocessing.crop + 0.5), length) for length in (width, height)]
    ratio = max(cover[0] / picture.width, cover[1] / picture.height)
    wanted = (max(round(picture.width * ratio), cover[0]), max(round(picture.height * ratio), cover[1]))
    if wanted != picture.size:
        picture = picture.resize(wanted, Image.Resampling.BILINEAR)
    left, top = (wanted[0] - width) // 2, (wanted[1] - height) // 2
    cut = np.asarray(picture.crop((left, top, left + width, top + height)), dtype=np.uint8)
    cut = cut.reshape(height, width, -1)
    return np.ascontiguousarray(cut[:, :, ::-1] if preprocessing.channels == "bgr" else cut)


def default_preprocessing(graph: Graph) -> Preprocessing:
    """Pixels scaled to 0..1 at the network's own input size, for networks that come without a sidecar.

    Raises `InputError` where the network's input is no gray or colour picture.
    """
    inputs = graph.inputs()
    if len(inputs) != 1 or len(inputs[0].shape) != 3 or inputs[0].shape[0] not in (1, 3):
        shapes = ", ".join(str(layer.shape) for layer in inputs)
        raise InputError(
            f"takes inputs of shape {shapes}; pictures need one input of 1 or 3 channels", f"workload '{graph.name}'"
        )
    channels, height, width = inputs[0].shape
    return Preprocessing(
        size=(height, width),
        channels="gray" if channels == 1 else "rgb",
        crop=0.875 if min(height, width) > 64 else 1.0,
        scale=(1 / 255,),
        source="default: pixels / 255, no preprocessing file beside the network",
    )


def sidecar_path(network: Path) -> Path:
    """Where the preprocessing of a network file is kept: `<stem>.inputs.yaml` beside it."""
    return network.with_name(f"{network.stem}{SIDECAR_END}")


def _numbers(value: object) -> tuple[float, ...]:
    items = value if isinstance(value, list) else [value]
    if len(items) not in (1, 3):
        raise ValueError(f"has {len(items)} entries; expected one number, or one a channel")
    return tuple(real(item) for item in items)


def _fraction(value: object) -> float:
    number = real(value)
    if not 0 < number <= 1:
        raise ValueError(f"is {number}; expected a part of the picture, above 0 and up to 1")
    return number


def _ranges(value: object) -> dict[str, tuple[float, float]]:
    if not isinstance(value, dict):
        raise ValueError("is no block; expected 'layer: [low, high]' lines")
    found = {}
    for name, pair in value.items():
        if not isinstance(pair, list) or len(pair) != 2:
            raise ValueError(f"{name}: expected [low, high]")
        low, high = real(pair[0]), real(pair[1])
        if low > high:
            raise ValueError(f"{name}: {low} is above {high}; expected [low, high]")
        found[str(name)] = (low, high)
    return found


def _means(value: object) -> dict[str, tuple[float, ...]]:
    if not isinstance(value, dict):
        raise ValueError("is no block; expected 'layer: [mean of each channel]' lines")
    return {
        str(name): tuple(real(item) for item in (row if isinstance(row, list) else [row]))
        for name, row in value.items()
    }


def _bits(value: object) -> int:
    number = whole(value, 1)
    if number > 16:
        raise ValueError(f"is {number}; expected 1 to 16 bits")
    return number


def _class_names(value: object) -> dict[int, str]:
    if not isinstance(value, dict):
        raise ValueError("is no block; expected 'class number: name' lines")
    return {whole(key): word(name) for key, name in value.items()}


class _Trained(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    weight_bits: Annotated[int, Parsed(_bits, {"type": "integer", "minimum": 1, "maximum": 16})]
    activation_bits: Annotated[int, Parsed(_bits, {"type": "integer", "minimum": 1, "maximum": 16})]
    weights: Word


class _Sidecar(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    size: PairField
    channels: Channels = "rgb"
    crop: Annotated[float, Parsed(_fraction, {"type": "number", "exclusiveMinimum": 0, "maximum": 1})] = 1.0
    mean: Annotated[tuple[float, ...], Parsed(_numbers, {})] = (0.0,)
    scale: Annotated[tuple[float, ...], Parsed(_numbers, {})] = (1.0,)
    ranges: Annotated[dict[str, tuple[float, float]], Parsed(_ranges, {"type": "object"})] = {}
    means: Annotated[dict[str, tuple[float, ...]], Parsed(_means, {"type": "object"})] = {}
    class_names: Annotated[dict[int, str], Parsed(_class_names, {"type": "object"})] = {}
    trained: _Trained | None = None
    source: Text | None = None
    calibration: Word | None = None

    @model_validator(mode="after")
    def _one_number_a_channel(self) -> Self:
        for name in ("mean", "scale"):
            if len(getattr(self, name)) == 3 and self.channels == "gray":
                raise ValueError(f"{name} has 3 entries, but gray pictures have one channel")
        return self


def read_sidecar(path: str | os.PathLike[str]) -> Preprocessing:
    """Preprocessing from its YAML file. Raises `InputError` with every problem, each with file and line."""
    return _parsed(read_text(Path(path)), os.fspath(path))


@lru_cache(maxsize=64)
def _parsed(text: str, name: str) -> Preprocessing:
    """A run asks several times for the same text."""
    root = parse_yaml(text, name)
    if not isinstance(root, Block):
        raise InputError("is no mapping; expected 'size:' and other lines", root.where)
    try:
        read: Any = _Sidecar.model_validate(plain(root))
    except ValidationError as error:
        raise InputError(problems_of(error, _Sidecar, root)) from None
    return Preprocessing(
        size=read.size,
        channels=read.channels,
        crop=read.crop,
        mean=read.mean,
        scale=read.scale,
        ranges=MappingProxyType(read.ranges),
        means=MappingProxyType(read.means),
        class_names=MappingProxyType(read.class_names),
        trained=None if read.trained is None else TrainedOperands(**read.trained.model_dump()),
        source=read.source or "",
    )
