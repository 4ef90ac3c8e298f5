"""Rows of one network as tables; which rows no other beats in energy and SNR."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from archsim.studies.claims import Table
from archsim.studies.redy.cases import Case
from archsim.studies.redy.measure import Row
from archsim.studies.redy.plan import RANGE, REDY, REDY_LOOSE, STATIC7, STATIC8

COLUMNS = (
    ("setting", "policy", ""),
    ("calibration", "ranges", ""),
    ("mean_bits", "bits", ".3f"),
    ("conversions_saved", "conversions", ".1%"),
    ("event_saved", "energy", ".1%"),
    ("net_saved", "with decision", ".1%"),
    ("cycles_saved", "cycles", ".1%"),
    ("window_time_saved", "window time", ".1%"),
    ("agreement", "agrees static", ".3f"),
    ("snr_db", "SNR static", ".1f"),
    ("float_agreement", "agrees float", ".3f"),
    ("float_snr_db", "SNR float", ".1f"),
    ("accuracy", "accuracy", ".4f"),
    ("static_accuracy", "static", ".4f"),
    ("float_accuracy", "float", ".4f"),
    ("pareto", "best", ""),
)


def policy_table(case: Case, rows: Sequence[Row]) -> Table:
    """Every setting with what it saves and what it costs in quality. Savings are parts of static 8 bit at the same
    ranges; SNRs in dB; "-" is exact."""
    best = pareto(rows)
    plain = tuple({**row.to_dict(), "pareto": "*" if row in best else ""} for row in rows)
    title = (
        f"{case.name}, {len(case.evaluation)} pictures of {case.evaluation.name}: saved against static 8 bit at the "
        "same ranges (* no other setting here has less energy and more SNR against float)"
    )
    return Table(title=title, rows=plain, columns=COLUMNS)


def pareto(rows: Sequence[Row]) -> list[Row]:
    """Rows at 128 rows that no other beats in energy (decision included) without losing SNR against float."""

    def cost(row: Row) -> tuple[float, float]:
        snr = inf if row.float_snr_db is None else row.float_snr_db
        return row.event_energy_j + row.decision_energy_j, -snr

    points = [row for row in rows if row.rows == 128]
    return [
        row
        for row in points
        if not any(
            cost(other) != cost(row) and all(a <= b for a, b in zip(cost(other), cost(row), strict=True))
            for other in points
        )
    ]


def component_table(case: Case, rows: Sequence[Row]) -> Table:
    """Dynamic energy of one picture by component in microjoules, for the main policies."""
    names = [setting.name for setting in (STATIC8, STATIC7, RANGE, REDY, REDY_LOOSE)]
    chosen = {row.setting: row for row in rows if row.setting in names and row.calibration == rows[0].calibration}
    components = list(dict.fromkeys(name for row in chosen.values() for name in row.energy_j))
    plain = tuple(
        {"component": component, **{name: chosen[name].energy_j.get(component, 0.0) * 1e6 for name in chosen}}
        for component in components
    )
    columns = (("component", "component", ""), *((name, name, ".4g") for name in chosen))
    return Table(title=f"{case.name}: dynamic energy of one picture [uJ]", rows=plain, columns=columns)
