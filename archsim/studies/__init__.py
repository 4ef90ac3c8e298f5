"""Studies: published results, reproduced and judged by runs made in the call."""

from __future__ import annotations

from archsim.studies.claims import Claim, StudyReport
from archsim.studies.registry import STUDIES, run_study
from archsim.studies.request import Request

__all__ = ["STUDIES", "Claim", "Request", "StudyReport", "run_study"]
