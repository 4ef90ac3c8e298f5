"""The few exception types of archsim.

`InputError` is for what a user gave (files, names, options): the command line turns it into exit status 2.
`SimulationError` is for a run that could not finish on valid input: exit status 1. Nothing else is meant to escape.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


class ArchsimError(Exception):
    """Base of every error archsim raises on purpose."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: `where` (file:line, layer or option) and `what` (with what was expected)."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" if self.where else self.what


class InputError(ArchsimError):
    """Input that cannot be used; carries *all* problems found, not only the first."""

    def __init__(self, problems: Iterable[Problem] | str, where: str = "") -> None:
        if isinstance(problems, str):
            problems = [Problem(where, problems)]
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def __reduce__(self) -> tuple[type[InputError], tuple[tuple[Problem, ...]]]:
        return (type(self), (self.problems,))


class SimulationError(ArchsimError):
    """A run on valid input that broke one of its own invariants or cannot proceed."""


class DeadlockError(SimulationError):
    """Work is left and nothing can move; the message names who waits for whom."""
