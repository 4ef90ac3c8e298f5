"""The folder of a sweep: what was asked, what is done, one file a point, each written whole or not at all.

    sweep.json            the study, its points' number and their hash
    points.jsonl          coordinates and content key of every point, in study order
    points/<key>.json     what became of a point, once it is finished
    table.csv, .parquet   all rows in study order, once all are finished

Nothing in it depends on when, where or in what order points were run.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from archsim import __version__
from archsim.errors import InputError
from archsim.files import write_whole
from archsim.sweeps.point import Outcome

SCHEMA_VERSION = 1
HEAD, PLAN, POINTS = "sweep.json", "points.jsonl", "points"
TABLES = ("table.csv", "table.parquet")


class PointStore:
    """Finished points by content key, one file each, in a folder that the first makes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, key: str) -> Outcome | None:
        """What became of a point; None where it is not finished, or its file is damaged."""
        try:
            row = json.loads((self.folder / f"{key}.json").read_text(encoding="utf-8"))
            if row.pop("key") != key:
                return None
            error, kind, notes = row.pop("error"), row.pop("error_type"), tuple(row.pop("notes"))
            return Outcome(key=key, error=error, error_type=kind, notes=notes, metrics=row)
        except (OSError, ValueError, KeyError, AttributeError, TypeError):
            return None

    def write(self, outcome: Outcome) -> None:
        """Keep what became of a point; its whole run as well, where the outcome has it, in a folder of its own.

        Raises `InputError` where nothing can be written.
        """
        path = self.folder / f"{outcome.key}.json"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if outcome.result is not None:
                outcome.result.save(self.folder / outcome.key)
            write_whole(path, json.dumps(outcome.to_dict(), indent=1, allow_nan=False) + "\n")
        except OSError as error:
            raise InputError(f"cannot be written: {error.strerror}", str(path)) from None

    def has_result(self, key: str) -> bool:
        """Whether the whole run of a point was kept."""
        return (self.folder / key / "result.json").is_file()

    def keys(self) -> set[str]:
        """Keys of the finished points."""
        return {path.stem for path in self.folder.glob("*.json") if not path.name.startswith(".")}


def plan_lines(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Lines of points.jsonl."""
    for row in rows:
        yield json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n"


def content_hash(lines: Iterable[str]) -> str:
    """SHA-256 (hexadecimal) of a plan: coordinates and contents of all points, in order."""
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line.encode())
    return digest.hexdigest()


def read_json(path: Path) -> Any:
    """A JSON file. Raises `InputError` where it is missing or none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=str(path)) from None
    except (UnicodeDecodeError, ValueError) as error:
        raise InputError(f"is not JSON: {error}", where=str(path)) from None


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Make a folder and hold it for this process alone; drafts of killed runs are removed.

    Raises `InputError` where another process is at work in it, or it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot be made: {error.strerror}", where=str(folder)) from None
    with _locked(folder):
        for part in (folder, folder / POINTS):
            for draft in part.glob(".*.part"):
                draft.unlink(missing_ok=True)
        yield


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    try:
        import fcntl
    except ImportError:  # no such locks on this system
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError("another sweep is at work in this folder", where=str(folder)) from None
        except OSError:  # a file system without locks
            pass
        yield
    finally:
        os.close(handle)


def check_folder(folder: Path, name: str, content: str, keys: set[str], *, update: bool) -> None:
    """Refuse a folder that holds something else.

    The same study goes on in its folder, and so does one that grew: every finished point is still one of its points.
    With `update` any sweep's folder is taken over: shared points are kept, the others stay as files.

    Raises
    ------
    InputError
        Another study's folder, or tables and points that no sweep left.
    """
    head = folder / HEAD
    if not head.exists():
        strange = [part for part in (*TABLES, PLAN) if (folder / part).exists()]
        if strange or any((folder / POINTS).glob("*")):
            found = ", ".join(strange) or POINTS
            raise InputError(f"holds {found} but no {HEAD}; expected a new folder, or one of a sweep", str(folder))
        return
    old = read_json(head)
    if not isinstance(old, dict) or "hash" not in old:
        raise InputError("is no head of a sweep; expected another folder, or none of this name", str(head))
    if old["hash"] == content or update:
        return
    finished = PointStore(folder / POINTS).keys()
    gone = finished - keys
    if not gone:
        return
    made = "" if old.get("archsim_version") == __version__ else f", made by archsim {old.get('archsim_version')}"
    what = (
        f"holds the sweep '{old.get('name')}'{made}: {len(gone)} of its {len(finished)} finished points are not in "
        f"'{name}'; expected another folder (-o), or --update to go on here with what both have in common"
    )
    raise InputError(what, where=str(folder))
