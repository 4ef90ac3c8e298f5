"""The state of a run in one file, replaced atomically: a killed run goes on from it as if nothing had happened."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.errors import InputError
from archsim.training.model import State
from archsim.training.optimizers import Slots

Array = NDArray[Any]
FORMAT = 1
_DAMAGED = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile)


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """One line of a run's history: mean loss and accuracy over the epoch's training pictures as they came (augmented),
    accuracy on the test pictures after it (None without), learning rate of its last update."""

    epoch: int
    loss: float
    accuracy: float | None
    test_accuracy: float | None
    learning_rate: float


@dataclass(slots=True, eq=False, kw_only=True)
class Run:
    """A run under way: everything that decides how it goes on. `batch` batches of epoch `epoch` (from 0) are done, with
    the sums of their losses and right answers; `updates` counts all updates so far."""

    state: State
    slots: Slots = field(default_factory=dict)
    updates: int = 0
    epoch: int = 0
    batch: int = 0
    loss: float = 0.0
    correct: int = 0
    history: list[Epoch] = field(default_factory=list)


def fingerprint(*parts: object) -> str:
    """SHA-256 (hexadecimal) of arrays (type, shape and bytes) and of the text of everything else."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(f"{part.dtype}{part.shape}".encode())
            digest.update(np.ascontiguousarray(part).data)
        else:
            digest.update(repr(part).encode())
        digest.update(b"\0")
    return digest.hexdigest()


def save_run(path: Path, run: Run, key: str) -> None:
    """Write a run beside its file and rename over it; `key` says of which training it is."""
    progress = {
        "format": FORMAT, "key": key, "updates": run.updates, "epoch": run.epoch, "batch": run.batch,
        "loss": run.loss.hex(), "correct": run.correct, "history": [asdict(line) for line in run.history],
    }  # fmt: skip
    arrays = {f"state/{name}": value for name, value in run.state.items()}
    arrays |= {f"slot/{name}": value for name, value in run.slots.items()}
    text = np.frombuffer(json.dumps(progress).encode(), np.uint8)
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with draft.open("wb") as stream:
            np.savez(stream, allow_pickle=False, progress=text, **arrays)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def load_run(path: Path, key: str) -> Run | None:
    """The run kept in a file, None where there is none.

    Raises
    ------
    InputError
        A file of another training (other network, pictures, recipe or version of archsim), or a damaged one.
    """
    if not path.exists():
        return None
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            progress = json.loads(archive["progress"].tobytes())
            arrays = {name: archive[name] for name in archive.files}
            found_key = (progress["format"], progress["key"])
            run = _run(progress, arrays)
    except _DAMAGED:
        raise InputError("is no checkpoint, or a damaged one; remove it to start anew", str(path)) from None
    if found_key != (FORMAT, key):
        what = "belongs to another training (other network, pictures or settings); remove it, or choose another folder"
        raise InputError(what, str(path))
    return run


def _run(progress: dict[str, Any], arrays: dict[str, Array]) -> Run:
    parts: dict[str, dict[str, Array]] = {"state": {}, "slot": {}}
    for name, value in arrays.items():
        kind, slash, rest = name.partition("/")
        if slash:
            parts[kind][rest] = value
    return Run(
        state=parts["state"],
        slots=parts["slot"],
        updates=int(progress["updates"]),
        epoch=int(progress["epoch"]),
        batch=int(progress["batch"]),
        loss=float.fromhex(progress["loss"]),
        correct=int(progress["correct"]),
        history=[Epoch(**line) for line in progress["history"]],
    )
