"""Pictures of the study: digits and fashion as shipped, or the full sets below `--data`.

Full sets are taken from (N pictures of 28 x 28 uint8 each)

    mnist.npz, fashion_mnist.npz, fashion-mnist.npz      x_train, y_train, x_test, y_test (Keras' layout)
    train-images-idx3-ubyte and the three other files of that set, also with .gz or as train-images.idx3-ubyte; those
    with "fashion" in their path are Fashion-MNIST, others are MNIST

A single .npz given as `--data` may have any name.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.errors import InputError
from archsim.studies.request import Request
from archsim.training import Pictures, decode
from archsim.workload import Dataset, Graph, Preprocessing, default_preprocessing, load_data

Array = NDArray[Any]

IDX = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
ARCHIVES = {"digits": ("mnist.npz",), "fashion": ("fashion_mnist.npz", "fashion-mnist.npz")}
PIXELS = (28, 28)
CLASSES = 10


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Material:
    """One data set: training pictures, test pictures, and the latter as a data set of runs. `full` where the user's."""

    name: str
    train: Pictures
    test: Pictures
    data: Dataset
    full: bool


def material(name: str, graph: Graph, request: Request) -> Material:
    """The set `digits` or `fashion`: the user's full one where there is one, else 8,000 and 2,000 shipped pictures.

    Raises
    ------
    InputError
        Files of a full set that cannot be read or do not fit.
    """
    prepared = replace(default_preprocessing(graph), source="pixels / 255")
    arrays = None if request.quick else full_set(name, request)
    if arrays is None:
        train, test = (load_data(f"{name}:{part}", prepared, classes=CLASSES) for part in ("train", "test"))
    else:
        train, test = (_dataset(name, part, arrays, prepared) for part in ("train", "test"))
    return Material(
        name=name,
        train=decode(train, labelled=True),
        test=decode(test, labelled=True),
        data=test,
        full=arrays is not None,
    )


def _dataset(name: str, part: str, arrays: Mapping[str, Array], prepared: Preprocessing) -> Dataset:
    pixels, labels = arrays[f"x_{part}"], arrays[f"y_{part}"].astype(np.int64)
    return Dataset(
        name=f"full {name}:{part}",
        preprocessing=prepared,
        names=tuple(map(str, range(len(pixels)))),
        labels=labels,
        source=np.ascontiguousarray(pixels[..., None]),
        indices=np.arange(len(pixels), dtype=np.int64),
    )


def full_set(name: str, request: Request) -> dict[str, Array] | None:
    """x_train, y_train, x_test, y_test of a full set in the user's data, None where there is none."""
    root = request.data
    if root is None:
        return None
    if root.is_file():
        fashion = "fashion" in root.stem.lower()
        return _archive(root) if root.suffix == ".npz" and fashion == (name == "fashion") else None
    for archive in ARCHIVES[name]:
        found = request.find(archive)
        if found is not None:
            return _archive(found)
    paths = {key: _idx_file(root, stem, name) for key, stem in IDX.items()}
    present = {key: path for key, path in paths.items() if path is not None}
    if not present:
        return None
    if len(present) < len(IDX):
        missing = ", ".join(IDX[key] for key in IDX if key not in present)
        raise InputError(f"holds a part of the full {name}; expected also {missing}", where=str(root))
    return _checked({key: read_idx(path) for key, path in present.items()}, str(root))


def _idx_file(root: Path, stem: str, name: str) -> Path | None:
    """A file of an idx set below a folder, under any of its usual names."""
    dotted = stem.replace("-idx", ".idx")
    for wanted in (stem, f"{stem}.gz", dotted, f"{dotted}.gz"):
        for path in sorted(root.rglob(wanted)):
            if ("fashion" in path.relative_to(root).as_posix().lower()) == (name == "fashion"):
                return path
    return None


def read_idx(path: Path) -> Array:
    """An array of the idx format (magic 0, 0, 8 = uint8, axes; big-endian extents; values), also with gzip."""
    try:
        content = path.read_bytes()
        content = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"cannot be read: {error}", where=str(path)) from None
    if len(content) < 4 or content[:3] != b"\0\0\x08" or len(content) < 4 + 4 * content[3]:
        raise InputError("is no idx file of bytes; expected one as MNIST comes in", where=str(path))
    axes = content[3]
    shape = tuple(int(extent) for extent in np.frombuffer(content, ">u4", axes, 4))
    values = np.frombuffer(content, np.uint8, -1, 4 + 4 * axes)
    if len(values) != prod(shape):
        what = f"has {len(values)} values; its head announces {' x '.join(map(str, shape))}"
        raise InputError(what, where=str(path))
    return values.reshape(shape)


def _archive(path: Path) -> dict[str, Array]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            found = {key: archive[key] for key in IDX if key in archive.files}
            held = tuple(archive.files)
    except (OSError, ValueError, EOFError, zlib.error, AttributeError) as error:
        raise InputError(f"cannot be read as an .npz archive: {error}", where=str(path)) from None
    if len(found) < len(IDX):
        raise InputError(f"holds {', '.join(held) or 'nothing'}; expected {', '.join(IDX)}", where=str(path))
    return _checked(found, str(path))


def _checked(arrays: dict[str, Array], where: str) -> dict[str, Array]:
    """The arrays of a full set, or `InputError` with what does not fit."""
    for part in ("train", "test"):
        x, y = arrays[f"x_{part}"], arrays[f"y_{part}"]
        if x.dtype != np.uint8 or x.ndim != 3 or x.shape[1:] != PIXELS or len(x) == 0:
            raise InputError(f"x_{part} is {x.dtype} {list(x.shape)}; expected uint8 [N, 28, 28]", where=where)
        if y.dtype.kind not in "iu" or y.shape != (len(x),) or y.min() < 0 or y.max() >= CLASSES:
            raise InputError(f"y_{part} is {y.dtype} {list(y.shape)}; expected [{len(x)}] classes 0 to 9", where=where)
    return arrays
