"""Energy against quality of all policies: the chart a designer chooses an operating point from."""

from __future__ import annotations

from collections.abc import Sequence

from archsim.studies.charts import Chart, Series
from archsim.studies.redy.cases import Case
from archsim.studies.redy.measure import Row

EXACT_DB = 3.0
"""Rows without any error are drawn so far above the best of the others."""


def energy_chart(case: Case, rows: Sequence[Row]) -> Chart:
    """Logit SNR against energy saved (decision hardware included), a series for each policy and range rule; 128 rows
    only, since savings are parts of static 8 bit at the same rows."""
    points = [row for row in rows if row.rows == 128]
    top = max((row.snr_db for row in points if row.snr_db is not None), default=0.0) + EXACT_DB
    kinds = dict.fromkeys((row.policy, row.calibration) for row in points)
    return Chart(
        name=case.name,
        title=f"{case.name} (exact rows at {top:.0f} dB)",
        x="energy saved, decision included [%]",
        y="logit SNR against static 8 bit [dB]",
        series=tuple(_series(points, policy, calibration, top) for policy, calibration in kinds),
    )


def _series(points: Sequence[Row], policy: str, calibration: str, top: float) -> Series:
    chosen = [row for row in points if (row.policy, row.calibration) == (policy, calibration)]
    return Series(
        name=f"{policy}, {calibration}",
        x=tuple(100 * row.net_saved for row in chosen),
        y=tuple(top if row.snr_db is None else row.snr_db for row in chosen),
        joined=False,
    )
