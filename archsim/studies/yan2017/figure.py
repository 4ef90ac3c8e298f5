"""Accuracy against bits, and against programming error."""

from __future__ import annotations

from collections.abc import Sequence

from archsim.studies.charts import Chart, Series
from archsim.studies.yan2017.cases import Case
from archsim.studies.yan2017.measure import Bench, Row
from archsim.studies.yan2017.noise import Point

GRANULARITIES = ("layer", "channel", "shared")


def accuracy_chart(bench: Bench, rows: Sequence[Row]) -> Chart:
    """A series for each quantizer and granularity, with 95 % intervals; agreement where the claim is on agreement."""
    kinds = dict.fromkeys((row.quantizer, row.granularity) for row in rows if row.bits < 8)
    scored = bench.case.name != "squeezenet1.1" and rows[0].accuracy is not None
    return Chart(
        name=f"bits-{bench.case.name}",
        title=f"{bench.case.name}: weights of few levels, no retraining",
        x="bits of a weight",
        y="top-1 accuracy" if scored else "top-1 agreement with float",
        series=tuple(
            _bits([row for row in rows if (row.quantizer, row.granularity) == kind], kind, scored) for kind in kinds
        ),
    )


def _bits(rows: Sequence[Row], kind: tuple[str, str], scored: bool) -> Series:
    ordered = sorted((row for row in rows if row.bits < 8), key=lambda row: row.bits)
    shares = [row.accuracy if scored and row.accuracy is not None else row.agreement for row in ordered]
    ends = [
        row.accuracy_interval if scored and row.accuracy_interval is not None else row.agreement_interval
        for row in ordered
    ]
    return Series(
        name=f"{kind[0]}, {kind[1]}",
        x=tuple(row.bits for row in ordered),
        y=tuple(shares),
        low=tuple(low for low, _ in ends),
        high=tuple(high for _, high in ends),
    )


def error_chart(case: Case, points: Sequence[Point]) -> Chart:
    """Accuracy against the standard deviation of writing."""
    kinds = dict.fromkeys((point.quantizer, point.encoding) for point in points)
    return Chart(
        name=f"error-{case.name}",
        title=f"{case.name}: {points[0].bits}-bit weights on cells that err",
        x="standard deviation of programming [% of the conductance window]",
        y="top-1 accuracy",
        series=tuple(
            _errors([point for point in points if (point.quantizer, point.encoding) == kind], f"{kind[0]}, {kind[1]}")
            for kind in kinds
        ),
    )


def _errors(points: Sequence[Point], name: str) -> Series:
    return Series(
        name=name,
        x=tuple(100 * point.sigma for point in points),
        y=tuple(point.accuracy for point in points),
        low=tuple(point.interval[0] for point in points),
        high=tuple(point.interval[1] for point in points),
    )
