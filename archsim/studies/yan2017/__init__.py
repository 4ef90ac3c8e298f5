"""Yan, Ahn and Duan (CASES 2017, work in progress): non-uniform weight quantization for memory cells of few levels.

FOUND (abstract): evenly generated quantization points are not equally important to a network; non-uniform points stand
for the weights better; "as low as only 4 bits" suffice, so that cells of few levels can compute.

UNKNOWN: the algorithm, the networks, every table. What is here is archsim's reconstruction
(`archsim.function.quantization.levels`): merge 256 uniform points by importance, then Lloyd-Max. The bands are those
that the reconstruction reaches on networks and pictures of our own; the clipped uniform quantizers beside it say how
much of the gain is clipping alone.
"""

from __future__ import annotations

from archsim.studies.charts import Chart
from archsim.studies.claims import Claim, Findings, Table
from archsim.studies.request import Request
from archsim.studies.yan2017.cases import Skipped, available_cases
from archsim.studies.yan2017.costs import cost_table_rows, costs_table
from archsim.studies.yan2017.densities import density_claims, density_rows, density_table
from archsim.studies.yan2017.distil import distillation_claims, distillation_table, distilled
from archsim.studies.yan2017.figure import accuracy_chart, error_chart
from archsim.studies.yan2017.judge import network_claims
from archsim.studies.yan2017.measure import measure, prepare
from archsim.studies.yan2017.noise import error_claims, error_points, error_table
from archsim.studies.yan2017.plan import settings_of
from archsim.studies.yan2017.tables import accuracy_table

__all__ = ["study"]


def study(request: Request) -> Findings:
    """All networks that the data at hand allow; quick: shipped data and few settings."""
    densities = density_rows(request)
    claims: list[Claim] = [*density_claims(densities)]
    tables: list[Table] = [density_table(densities)]
    charts: list[Chart] = []
    notes: list[str] = []
    for case in available_cases(request):
        if isinstance(case, Skipped):
            notes.append(f"{case.name} skipped: {case.reason}")
            continue
        bench = prepare(case)
        rows = []
        for setting in settings_of(case, request.quick):
            request.told(f"{case.name}, {setting.label}")
            rows.append(measure(bench, setting))
        claims += network_claims(bench, rows)
        tables.append(accuracy_table(bench, rows))
        charts.append(accuracy_chart(bench, rows))
        if case.errors:
            points = error_points(bench, request)
            claims += error_claims(case, points)
            tables.append(error_table(case, points))
            charts.append(error_chart(case, points))
        if case.unlabelled is not None:
            trained = distilled(bench, request)
            claims += distillation_claims(bench, trained)
            tables.append(distillation_table(case, trained))
        notes += [f"{case.name}: {case.note}"] if case.note else []
    tables.append(costs_table(cost_table_rows(request)))
    return Findings(claims=tuple(claims), tables=tuple(tables), charts=tuple(charts), notes=tuple(notes))
