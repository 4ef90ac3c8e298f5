"""What a study is asked for: its form, the user's data, and whom to tell how far it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from archsim.errors import InputError


def _silent(_: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """How a study is to be run.

    Attributes
    ----------
    quick : reduced to what the test suite can afford, on shipped data.
    data : a directory with pictures and networks that do not ship, or one such file.
    told : takes a line on what is being done, such as "seed 2 of 3".
    """

    quick: bool = False
    data: Path | None = None
    told: Callable[[str], None] = _silent

    def find(self, name: str) -> Path | None:
        """A file of the user's data by its name, at any depth; None where there is none."""
        if self.data is None:
            return None
        if self.data.is_file():
            return self.data if self.data.name == name else None
        return next(iter(sorted(self.data.rglob(name))), None)

    def missing(self, name: str) -> str:
        """Why a file was not found, for what a study skips."""
        if self.data is None:
            return f"{name} does not ship; point --data at a directory that has it"
        return f"{name} is not below {self.data}"


def check_data(data: Path | None) -> None:
    """Raise `InputError` when the user's data do not exist."""
    if data is not None and not data.exists():
        raise InputError("does not exist; expected a directory or a file", f"--data {data}")
