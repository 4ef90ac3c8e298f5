"""Locates the hardware and workload files that come with archsim, from any working directory.

An installed wheel carries them in `archsim/_shipped/<kind>`; a checkout (editable install) has them beside the package.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from archsim.config.suggest import did_you_mean, excerpt
from archsim.errors import InputError

Kind = Literal["hwconfigs", "workloads"]

_PACKAGE = Path(__file__).resolve().parents[1]
_NOUN = {"hwconfigs": "hardware", "workloads": "workload"}
_SIDECAR = ".inputs"
"""`<stem>.inputs.yaml` describes the inputs of `<stem>.onnx`; it is no workload itself."""


def shipped(kind: Kind) -> Path:
    """Folder of the shipped files of one kind.

    Raises
    ------
    InputError
        When the installation holds no such folder.
    """
    for folder in (_PACKAGE / "_shipped" / kind, _PACKAGE.parent / kind):
        if folder.is_dir():
            return folder
    raise InputError(f"this installation of archsim has no shipped {kind}; reinstall it", kind)


def names(kind: Kind, suffixes: Sequence[str]) -> tuple[str, ...]:
    """Names of the shipped files of one kind that end in one of `suffixes` (with dot), sorted, without the suffix."""
    found = {
        entry.name[: -len(suffix)]
        for entry in shipped(kind).iterdir()
        for suffix in suffixes
        if entry.is_file() and entry.name.endswith(suffix)
    }
    return tuple(sorted(name for name in found if not name.endswith(_SIDECAR)))


def find(kind: Kind, name: str | os.PathLike[str], suffixes: Sequence[str]) -> Path:
    """The file that a user means by `name`: a path, or the name of a shipped file.

    Text with a folder separator or one of the `suffixes` is a path; anything else is a shipped name first and a path
    second. Where several suffixes of one shipped name exist, the earlier suffix wins.

    Raises
    ------
    InputError
        When nothing is there; the message lists the shipped names and suggests the nearest. A directory is returned
        as it is: the reader says what it expected instead.
    """
    text = os.fspath(name)
    path = Path(text)
    if not _is_path(text, suffixes):
        for suffix in suffixes:
            candidate = shipped(kind) / f"{text}{suffix}"
            if text and _exists(candidate):
                return candidate
    if text and _exists(path):
        return path
    raise InputError(_not_found(kind, text, suffixes), excerpt(text, 240))


def _is_path(text: str, suffixes: Sequence[str]) -> bool:
    separators = {os.sep, os.altsep, "/"} - {None}
    return any(sep in text for sep in separators if sep) or text.lower().endswith(tuple(suffixes))


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # too long a name, or a NUL character in it
        return False


def _not_found(kind: Kind, text: str, suffixes: Sequence[str]) -> str:
    known = names(kind, suffixes)
    stem = Path(text).name if "\0" not in text else text
    for suffix in suffixes:
        stem = stem.removesuffix(suffix)
    what = "no such file" if _is_path(text, suffixes) else f"no shipped {_NOUN[kind]} or file of this name"
    expected = f"{' | '.join(known)}, or a path to a {' or '.join(suffixes)} file"
    return f"{what}; expected {expected}{did_you_mean(stem, known)}"
