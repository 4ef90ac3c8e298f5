"""Data sets: shipped ones by name, folders and zip archives of pictures, .npz arrays; network inputs in batches."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from archsim.config.shipped import shipped
from archsim.config.suggest import did_you_mean, excerpt
from archsim.errors import InputError, Problem
from archsim.workload.pictures import PictureSet, check_pictures, classes_of, list_pictures, read_pictures
from archsim.workload.preprocessing import Preprocessing, normalise

Split = Literal["train", "test"]
_TRAIN_PART = 8000
_BROKEN = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError)
"""What `numpy.load` raises for files that are no .npz, damaged ones, and arrays of Python objects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShippedSet:
    """A data set that comes with archsim. `split`: seed-0 permutation, 8,000 for training, the rest for test."""

    file: str
    about: str
    origin: str
    split: bool


DATASETS: Mapping[str, ShippedSet] = {
    "cats": ShippedSet(
        file="cats.zip",
        about="4 photographs of cats, ImageNet classes",
        origin="hand-collected photographs in the public domain, as in the Python package alibi",
        split=False,
    ),
    "digits": ShippedSet(
        file="mnist10k.npz",
        about="10,000 MNIST digits, 8,000 train / 2,000 test",
        origin="MNIST digits of LeCun, Cortes and Burges, as in the JavaScript package mnist 1.1.0",
        split=True,
    ),
    "fashion": ShippedSet(
        file="fashion.npz",
        about="the 10,000 Fashion-MNIST test pictures, 8,000 train / 2,000 test",
        origin="Fashion-MNIST, Copyright (c) 2017 Zalando SE",
        split=True,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Some pictures: network inputs [n, C, H, W] float32, pixels [n, H, W, C] uint8, labels [n] int64 or None."""

    images: NDArray[np.float32]
    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64] | None
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dataset:
    """Pictures ready for one network; decoded and resized on demand, so its size does not bound memory.

    `labels` is int64 [N] or None; `names` are file names, or array positions for .npz sets. `origin` says where a
    shipped set comes from, `notes` what a user should know of how it was read.
    """

    name: str
    preprocessing: Preprocessing
    names: tuple[str, ...]
    labels: NDArray[np.int64] | None
    source: PictureSet | NDArray[np.uint8]
    indices: NDArray[np.int64]
    origin: str | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.indices)

    def pixels(self, start: int = 0, stop: int | None = None) -> NDArray[np.uint8]:
        """Pixels [n, H, W, C] uint8 of pictures start..stop, in the network's size and channel order.

        Raises `InputError` naming a picture that cannot be decoded.
        """
        chosen = self.indices[start:stop]
        if isinstance(self.source, PictureSet):
            return read_pictures(self.source, [int(index) for index in chosen], self.preprocessing)
        return self.source[chosen]

    def images(self, start: int = 0, stop: int | None = None) -> NDArray[np.float32]:
        """Network inputs [n, C, H, W] float32 of pictures start..stop. Raises as `pixels`."""
        return normalise(self.pixels(start, stop), self.preprocessing)

    def batches(self, size: int) -> Iterator[Batch]:
        """The whole set in order, `size` pictures at a time."""
        for start in range(0, len(self), size):
            pixels = self.pixels(start, start + size)
            yield Batch(
                images=normalise(pixels, self.preprocessing),
                pixels=pixels,
                labels=None if self.labels is None else self.labels[start : start + size],
                names=self.names[start : start + size],
            )


def load_data(
    data: str | os.PathLike[str],
    preprocessing: Preprocessing,
    *,
    limit: int | None = None,
    classes: int | None = None,
) -> Dataset:
    """A data set for a network with the given preprocessing.

    Parameters
    ----------
    data
        A shipped set (`cats`, `digits`, `fashion`; split sets as `digits:train` or `digits:test`, the default), a
        folder or .zip of pictures, a folder inside a zip (`photos.zip/test`), one picture, or an .npz with `x`
        [N, H, W] or [N, H, W, C] uint8 and optional `y` [N]. Arrays must have the network's size and channels (in
        the order red, green, blue); pictures are resized.
    limit
        Use only so many pictures, spread evenly over the set (sets are often sorted by class).
    classes
        Number of classes of the network. Labels outside it are refused; those of a shipped set, which somebody uses for
        another network than it is labelled for, are left out with a note.

    Raises
    ------
    InputError
        Unknown name, missing or damaged files, wrong size or type, labels that do not fit.
    """
    text = os.fspath(data)
    if limit is not None and limit < 1:
        raise InputError(f"is {limit}; expected 1 or more pictures", "limit")
    name, _, split = text.partition(":")
    if name in DATASETS:
        return _shipped_set(name, split, preprocessing, limit, classes)
    root, inside = _locate(text)
    if root.suffix.lower() == ".npz":
        return _array_set(root, root.stem, preprocessing, limit, classes, None)
    return _picture_set(list_pictures(root, inside), Path(text).stem, preprocessing, limit, classes)


def _shipped_set(
    name: str, split: str, preprocessing: Preprocessing, limit: int | None, classes: int | None
) -> Dataset:
    entry = DATASETS[name]
    known = ("train", "test") if entry.split else ()
    if split and split not in known:
        expected = f"expected {' or '.join(f'{name}:{part}' for part in known)}" if known else "it has no parts"
        raise InputError(f"no part {excerpt(split)}; {expected}{did_you_mean(split, known)}", f"data set '{name}'")
    path = shipped("workloads") / "data" / entry.file
    if entry.split:
        found = _array_set(path, f"{name}:{split or 'test'}", preprocessing, limit, None, split or "test")
    else:
        found = _picture_set(list_pictures(path), name, preprocessing, limit, None)
    found = replace(found, origin=entry.origin)
    if classes is None or found.labels is None or int(found.labels.max()) < classes:
        return found
    note = (
        f"labels of {found.name} left out: they reach {found.labels.max()}, the network has {classes} classes, so no "
        "accuracy is reported"
    )
    return replace(found, labels=None, notes=(note,))


def _locate(text: str) -> tuple[Path, str]:
    """The file or folder a path names, and the rest of the path inside it where that is a zip archive."""
    path = Path(text)
    try:
        for candidate in (path, *path.parents):
            if candidate == path and candidate.exists():
                return candidate, ""
            if candidate.suffix.lower() == ".zip" and candidate.is_file():
                return candidate, path.relative_to(candidate).as_posix()
    except (OSError, ValueError):
        raise InputError("is not a usable path", excerpt(text)) from None
    known = f"expected {' | '.join(DATASETS)}, or a path to a folder, .zip or .npz{did_you_mean(text, DATASETS)}"
    raise InputError(f"no data set or file of this name; {known}", excerpt(text))


def _spread(count: int, limit: int | None) -> NDArray[np.int64]:
    wanted = count if limit is None else min(limit, count)
    return np.arange(wanted, dtype=np.int64) * count // wanted


def _picture_set(
    pictures: PictureSet, name: str, preprocessing: Preprocessing, limit: int | None, classes: int | None
) -> Dataset:
    labels = classes_of(pictures)
    indices = _spread(len(pictures.files), limit)
    check_pictures(pictures, [int(index) for index in indices])
    names = tuple(pictures.files[index] for index in indices)
    chosen = None if labels is None else labels[indices]
    _check_labels(chosen, names, classes, pictures.where)
    return Dataset(name=name, preprocessing=preprocessing, names=names, labels=chosen, source=pictures, indices=indices)


def _array_set(
    path: Path,
    name: str,
    preprocessing: Preprocessing,
    limit: int | None,
    classes: int | None,
    split: Split | str | None,
) -> Dataset:
    x, y = _read_arrays(path)
    pixels = _as_pixels(x, preprocessing, str(path))
    order = np.arange(len(pixels), dtype=np.int64)
    if split is not None:
        shuffled = np.random.default_rng(0).permutation(len(pixels))
        order = shuffled[:_TRAIN_PART] if split == "train" else shuffled[_TRAIN_PART:]
    indices = order[_spread(len(order), limit)]
    names = tuple(str(index) for index in indices)
    labels = None if y is None else y[indices]
    _check_labels(labels, names, classes, str(path))
    return Dataset(name=name, preprocessing=preprocessing, names=names, labels=labels, source=pixels, indices=indices)


def _read_arrays(path: Path) -> tuple[NDArray[Any], NDArray[np.int64] | None]:
    where = str(path)
    try:
        with path.open("rb") as stream:
            archive = np.load(stream, allow_pickle=False)
            if not isinstance(archive, NpzFile):
                raise ValueError("a single array")
            with archive:
                arrays = {key: archive[key] for key in ("x", "y") if key in archive.files}
                found = tuple(archive.files)
    except (*_BROKEN, MemoryError):  # MemoryError: a header that announces an absurd shape
        raise InputError("is no .npz archive of plain arrays, or a damaged one", where) from None
    if "x" not in arrays:
        raise InputError(f"holds {', '.join(found) or 'nothing'}; expected x (pictures) and perhaps y (labels)", where)
    x, y = arrays["x"], arrays.get("y")
    problems = []
    if x.dtype != np.uint8 or x.ndim not in (3, 4) or 0 in x.shape:
        what = f"x is {x.dtype} {list(x.shape)}; expected uint8 [N, H, W] or [N, H, W, C] with N of 1 or more"
        problems.append(Problem(where, what + _advice(x)))
    if y is not None and (y.dtype.kind not in "iu" or y.ndim != 1):
        problems.append(Problem(where, f"y is {y.dtype} {list(y.shape)}; expected integers [N]"))
    elif y is not None and x.ndim and len(y) != len(x):
        problems.append(Problem(where, f"has {len(x)} pictures in x and {len(y)} labels in y; expected equal numbers"))
    if problems:
        raise InputError(problems)
    return x, None if y is None else y.astype(np.int64)


def _advice(x: NDArray[Any]) -> str:
    """How to save pictures that look like a network's inputs."""
    parts = []
    if x.ndim == 4 and x.shape[1] in (1, 3) and x.shape[3] not in (1, 3):
        parts.append("channels last: x.transpose(0, 2, 3, 1)")
    if x.dtype.kind == "f":
        parts.append("pixels 0 to 255 before any normalisation, which archsim does itself")
    return f" ({'; '.join(parts)})" if parts else ""


def _as_pixels(x: NDArray[np.uint8], preprocessing: Preprocessing, where: str) -> NDArray[np.uint8]:
    pixels = x[..., None] if x.ndim == 3 else x
    height, width = preprocessing.size
    wanted = (height, width, preprocessing.channel_count)
    if pixels.shape[1:] != wanted:
        have = " x ".join(map(str, pixels.shape[1:]))
        raise InputError(
            f"has pictures of {have} (height x width x channels); the network takes {' x '.join(map(str, wanted))}"
            f"{_advice(x)}",
            where,
        )
    return pixels[..., ::-1] if preprocessing.channels == "bgr" else pixels


def _check_labels(labels: NDArray[np.int64] | None, names: Sequence[str], classes: int | None, where: str) -> None:
    if labels is None:
        return
    bad = np.flatnonzero((labels < 0) | (labels >= (classes if classes is not None else np.iinfo(np.int64).max)))
    if len(bad):
        listed = ", ".join(f"{names[index]} has {labels[index]}" for index in bad[:3])
        listed += f" and {len(bad) - 3} more" if len(bad) > 3 else ""
        limit = "0 or more" if classes is None else f"0 to {classes - 1} (the network has {classes} classes)"
        count = "1 label is" if len(bad) == 1 else f"{len(bad)} labels are"
        raise InputError(f"{count} out of range: {listed}; expected {limit}", where)
