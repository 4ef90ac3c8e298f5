"""The studies by name. Each is one function of `quick` that returns its claims."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter

from archsim.studies import isaac
from archsim.studies.claims import Claim, StudyReport

Study = Callable[[bool], Sequence[Claim]]

STUDIES: dict[str, Study] = {"isaac": isaac.study}


def run_study(name: str, *, quick: bool = False) -> StudyReport:
    """Run a study; `quick` reduces it where it is long."""
    start = perf_counter()
    claims = tuple(STUDIES[name](quick))
    return StudyReport(study=name, claims=claims, seconds=perf_counter() - start)
