"""The studies by name. Each is one function of a `Request` that returns what it found."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

from archsim.studies import bao2022, huang2022, isaac, redy, weinstock2023, yan2017
from archsim.studies.claims import Findings, StudyReport
from archsim.studies.request import Request, check_data

Study = Callable[[Request], Findings]

STUDIES: dict[str, Study] = {
    "bao2022": bao2022.study,
    "huang2022": huang2022.study,
    "isaac": isaac.study,
    "redy": redy.study,
    "weinstock2023": weinstock2023.study,
    "yan2017": yan2017.study,
}


def run_study(name: str, request: Request | None = None) -> StudyReport:
    """Run a study, in full on shipped data unless asked otherwise.

    Raises
    ------
    InputError
        Data that do not exist or cannot be read.
    """
    request = request or Request()
    check_data(request.data)
    start = perf_counter()
    findings = STUDIES[name](request)
    return StudyReport(study=name, findings=findings, seconds=perf_counter() - start)
