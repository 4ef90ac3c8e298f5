"""What a study reports: claims with the published value, the measured one, and the band it is judged by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from archsim.studies.charts import Chart


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One published figure. `status`: found in the paper, inferred from it, or derived by arithmetic. `measured`
    comes from a run in the call.

    `paper` is None where only a property is claimed; the band `low`..`high` (inclusive) decides. `reason` says why a
    claim is not met where that is understood: it stays in the table as not met, and does not fail its study.
    """

    id: str
    paper: float | None
    measured: float
    low: float
    high: float
    status: Literal["found", "inferred", "derived"]
    note: str
    reason: str = ""

    @property
    def passed(self) -> bool:
        """Whether the measured value is inside the band."""
        return self.low <= self.measured <= self.high


def within(
    id_: str,
    paper: float,
    measured: float,
    tolerance: float,
    status: Literal["found", "inferred", "derived"],
    note: str,
) -> Claim:
    """A claim judged by a relative tolerance around the published value."""
    half = abs(paper) * tolerance
    return Claim(id=id_, paper=paper, measured=measured, low=paper - half, high=paper + half, status=status, note=note)


def around(
    id_: str, paper: float, measured: float, half: float, status: Literal["found", "inferred", "derived"], note: str
) -> Claim:
    """A claim judged by an absolute tolerance around the published value."""
    return Claim(id=id_, paper=paper, measured=measured, low=paper - half, high=paper + half, status=status, note=note)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Measured rows behind the claims. `rows` are plain data; `columns` picks what a terminal shows, as key, heading
    and format (such as `.1%`)."""

    title: str
    rows: tuple[Mapping[str, Any], ...]
    columns: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What a study returns: claims, the tables and charts behind them, and notes on what was left out and why."""

    claims: tuple[Claim, ...]
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyReport:
    """What one study found and how long it took."""

    study: str
    findings: Findings
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether every claim is inside its band, or known not to be."""
        return all(claim.passed or claim.reason for claim in self.findings.claims)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for `archsim reproduce --json`."""
        plain = asdict(self.findings)
        claims = [{**asdict(claim), "pass": claim.passed} for claim in self.findings.claims]
        return {"study": self.study, **plain, "claims": claims, "seconds": self.seconds}
