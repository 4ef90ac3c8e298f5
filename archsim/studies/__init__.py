"""Studies: published results, reproduced and judged by runs made in the call."""

from archsim.studies.claims import Claim, StudyReport
from archsim.studies.registry import STUDIES, run_study

__all__ = ["STUDIES", "Claim", "StudyReport", "run_study"]
