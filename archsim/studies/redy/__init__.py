"""ReDy (Sabri, Riera and Gonzalez, arXiv 2306.16298): dynamic precision of activation groups on the 8-bit ISAAC
machine.

Of the paper its abstract is known: groups of convolutions' activations are quantized on the fly by a heuristic on their
distribution, which saves 13 % of energy on average. The heuristic and its operating point are archsim's reconstruction;
what the study shows is that 13 % lies inside what the reconstruction reaches.
"""

from __future__ import annotations

from archsim.studies.charts import Chart
from archsim.studies.claims import Findings, Table
from archsim.studies.redy.cases import Skipped, full_cases, quick_cases
from archsim.studies.redy.figure import energy_chart
from archsim.studies.redy.judge import latency_claims, machine_claims, network_claims, suite_claims
from archsim.studies.redy.measure import Bench, Row, measure, methods_of, prepare
from archsim.studies.redy.plan import METHODS, ROWS, settings
from archsim.studies.redy.tables import component_table, policy_table
from archsim.studies.redy.thresholds import budget_rows
from archsim.studies.redy.timing import latency_table
from archsim.studies.request import Request

__all__ = ["study"]


def study(request: Request) -> Findings:
    """All networks that the data at hand allow; the quick form uses shipped data only."""
    notes: list[str] = []
    tables: list[Table] = []
    charts: list[Chart] = []
    claims = [*machine_claims()]
    suite: list[Row] = []
    for case in quick_cases() if request.quick else full_cases(request):
        if isinstance(case, Skipped):
            notes.append(f"{case.name} skipped: {case.reason}")
            continue
        request.told(f"{case.name}, {len(case.evaluation)} pictures")
        bench = prepare(case, methods_of(case, METHODS), ROWS)
        rows = ablation(bench)
        if case.pinned:
            rows += budget_rows(bench)
            suite += rows
        times = latency_table(bench)
        claims += [*network_claims(bench, rows), *latency_claims(case.name, times)]
        tables += [policy_table(case, rows), component_table(case, rows), times]
        charts.append(energy_chart(case, rows))
        notes += [f"{case.name}: {case.note}"] if case.note else []
    claims += suite_claims(suite)
    return Findings(claims=tuple(claims), tables=tuple(tables), charts=tuple(charts), notes=tuple(notes))


def ablation(bench: Bench) -> list[Row]:
    """Every setting of the plan for which the case has ranges."""
    return [measure(bench, setting) for setting in settings() if setting.calibration in bench.networks]
