"""The studies by name. Each is one function of `quick` that returns its claims."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter

from archsim.studies import isaac, redy
from archsim.studies.claims import Claim, Findings, StudyReport

Study = Callable[[bool], Sequence[Claim] | Findings]

STUDIES: dict[str, Study] = {"isaac": isaac.study, "redy": redy.study}


def run_study(name: str, *, quick: bool = False) -> StudyReport:
    """Run a study; `quick` reduces it where it is long."""
    start = perf_counter()
    found = STUDIES[name](quick)
    seconds = perf_counter() - start
    if isinstance(found, Findings):
        return StudyReport(study=name, claims=found.claims, seconds=seconds, tables=found.tables, notes=found.notes)
    return StudyReport(study=name, claims=tuple(found), seconds=seconds)
