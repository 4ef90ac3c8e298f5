"""Sets of picture files in a folder or a zip archive: which there are, their classes, their pixels on demand."""

from __future__ import annotations

import os
import re
import struct
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from archsim.errors import InputError, Problem
from archsim.workload.preprocessing import Preprocessing, fit_picture

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
"""Files that count as pictures; all others in a folder or archive are passed over."""

LARGEST_FILE = 1 << 28
LARGEST_PICTURE = 1 << 26
"""Bytes of one picture file and pixels of one picture; anything above comes from a broken or hostile file."""

_BROKEN = (OSError, ValueError, SyntaxError, struct.error, zlib.error, EOFError, RuntimeError, zipfile.BadZipFile)
"""What Pillow and zipfile raise for damaged, truncated or encrypted files (Pillow's PNG reader raises SyntaxError)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureSet:
    """Picture files below a folder, or below `inside` of a zip archive; `files` are relative names, sorted."""

    root: Path
    inside: str
    files: tuple[str, ...]

    @property
    def where(self) -> str:
        """The set as messages name it."""
        return f"{self.root}/{self.inside}".rstrip("/")


def list_pictures(root: Path, inside: str = "") -> PictureSet:
    """Pictures of a folder, of a zip archive (below `inside`), or a single picture file.

    Raises `InputError`: no such folder, a broken archive, no picture in it.
    """
    if root.is_dir():
        names = [path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()]
    elif root.suffix.lower() == ".zip":
        names = _zip_names(root, inside)
    else:
        return PictureSet(root=root.parent, inside="", files=(root.name,))
    hidden = re.compile(r"(^|/)(\.|__MACOSX/)")
    files = tuple(sorted(n for n in names if n.lower().endswith(SUFFIXES) and not hidden.search(n)))
    found = PictureSet(root=root, inside=inside, files=files)
    if not files:
        raise InputError(f"holds no pictures; expected {', '.join(SUFFIXES)} files", found.where)
    return found


def _zip_names(root: Path, inside: str) -> list[str]:
    try:
        with zipfile.ZipFile(root) as archive:
            entries = [entry.filename for entry in archive.infolist() if not entry.is_dir()]
    except _BROKEN:
        raise InputError("is no zip archive, or a damaged one", str(root)) from None
    prefix = f"{inside}/" if inside else ""
    names = [name[len(prefix) :] for name in entries if name.startswith(prefix)]
    if not names:
        folders = sorted({str(PurePosixPath(name).parent) for name in entries})
        raise InputError(f"has no folder '{inside}'; it has {', '.join(folders[:8])}", str(root))
    return names


def classes_of(pictures: PictureSet) -> NDArray[np.int64] | None:
    """Class of each picture: the leading integer of its file name, or its class folder.

    Class folders (all pictures lie one level down) count by their leading integer if all have one, else in sorted
    order. Returns None where no name starts with an integer; raises `InputError` where only some do.
    """
    parents = [str(PurePosixPath(name).parent) for name in pictures.files]
    if "." not in parents:
        folders = sorted({PurePosixPath(parent).parts[0] for parent in parents})
        leading = [_leading(folder) for folder in folders]
        numbered = None not in leading and len(set(leading)) == len(leading)
        order = {folder: leading[i] if numbered else i for i, folder in enumerate(folders)}
        return np.array([order[PurePosixPath(parent).parts[0]] for parent in parents], dtype=np.int64)
    if any(parent != "." for parent in parents):
        raise InputError("mixes pictures and folders of pictures; expected one or the other", pictures.where)
    numbers = [_leading(name) for name in pictures.files]
    without = [name for name, number in zip(pictures.files, numbers, strict=True) if number is None]
    if len(without) == len(numbers):
        return None
    if without:
        what = "does not start with its class number, other pictures of the set do"
        raise InputError([Problem(f"{pictures.where}/{name}", what) for name in without])
    return np.array(numbers, dtype=np.int64)


def _leading(name: str) -> int | None:
    found = re.match(r"[0-9]{1,9}", name)
    return int(found.group()) if found else None


def check_pictures(pictures: PictureSet, indices: Sequence[int]) -> None:
    """Read the header of each chosen picture; raises `InputError` naming all that are none."""
    problems = []
    with _Opener(pictures) as opener:
        for index in indices:
            name = pictures.files[index]
            try:
                opener.check(name)
            except _BROKEN as error:
                problems.append(Problem(f"{pictures.where}/{name}", _reason(error)))
    if problems:
        raise InputError(problems)


def read_pictures(pictures: PictureSet, indices: Sequence[int], preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """Pixels [N, H, W, C] uint8 of the chosen pictures in the network's size and channel order.

    Raises `InputError` naming a picture that cannot be decoded.
    """
    height, width = preprocessing.size
    pixels = np.empty((len(indices), height, width, preprocessing.channel_count), np.uint8)
    with _Opener(pictures) as opener:
        for position, index in enumerate(indices):
            name = pictures.files[index]
            try:
                pixels[position] = fit_picture(opener.open(name), preprocessing)
            except _BROKEN as error:
                raise InputError(_reason(error), f"{pictures.where}/{name}") from None
    return pixels


def raw_pictures(pictures: PictureSet, indices: Sequence[int]) -> Iterator[bytes]:
    """Content of the chosen pictures' files. Raises `InputError` naming a picture that cannot be read."""
    with _Opener(pictures) as opener:
        for index in indices:
            name = pictures.files[index]
            try:
                yield opener.read(name)
            except _BROKEN as error:
                raise InputError(_reason(error), f"{pictures.where}/{name}") from None


class _Opener:
    """Opens pictures of a set by name."""

    def __init__(self, pictures: PictureSet) -> None:
        self._pictures = pictures
        self._archive: zipfile.ZipFile | None = None
        self._quiet = warnings.catch_warnings()

    def __enter__(self) -> _Opener:
        if self._pictures.root.suffix.lower() == ".zip" and self._pictures.root.is_file():
            status = self._pictures.root.stat()
            self._archive = _archive(self._pictures.root, (status.st_mtime_ns, status.st_size, os.getpid()))
        self._quiet.__enter__()
        warnings.simplefilter("ignore", UserWarning)  # Pillow on odd metadata; damaged pixels raise
        return self

    def __exit__(self, *_: object) -> None:
        self._quiet.__exit__(None, None, None)

    def check(self, name: str) -> None:
        """Read the header of a picture, not its pixels."""
        with self._stream(name) as stream:
            _bounded(Image.open(stream))

    def open(self, name: str) -> Image.Image:
        """A picture whose file has been read; pixels are decoded when they are used."""
        return _bounded(Image.open(BytesIO(self.read(name))))

    def read(self, name: str) -> bytes:
        """Content of a picture's file."""
        with self._stream(name) as stream:
            return stream.read()

    def _stream(self, name: str) -> IO[bytes]:
        if self._archive is not None:
            inside = self._pictures.inside
            entry = self._archive.getinfo(f"{inside}/{name}" if inside else name)
            size = entry.file_size
        else:
            size = (self._pictures.root / name).stat().st_size
        if size > LARGEST_FILE:
            raise ValueError(f"has {size} bytes, more than {LARGEST_FILE}")
        return self._archive.open(entry) if self._archive is not None else (self._pictures.root / name).open("rb")


@lru_cache(maxsize=2)
def _archive(path: Path, _state: tuple[int, int, int]) -> zipfile.ZipFile:
    """An archive, open until others take its place: the list of 60,000 pictures takes longer to read than a batch of
    them, and sets are read in batches. `_state` tells a changed file, and a forked process, whose reads would move this
    one's place in the file."""
    return zipfile.ZipFile(path)


def _bounded(picture: Image.Image) -> Image.Image:
    if picture.width * picture.height > LARGEST_PICTURE:
        raise ValueError(f"has {picture.width} x {picture.height} pixels, more than {LARGEST_PICTURE}")
    return picture


def _reason(error: Exception) -> str:
    return str(error) if type(error) is ValueError else "is no readable picture, or a damaged one"
