"""Charts of the study: accuracy against converter bits and cell errors, converter energy saved by policy."""

from __future__ import annotations

from collections.abc import Sequence

from archsim.studies.bao2022.judge import LAW, SAVED, pick
from archsim.studies.bao2022.requirement import FlawPoint, Resolution
from archsim.studies.bao2022.saving import POLICIES, Saving
from archsim.studies.charts import Chart, Series


def resolution_chart(found: Sequence[Resolution], kind: str) -> Chart:
    """Accuracy against ADC bits, a line for each design point."""
    points = dict.fromkeys(row.point for row in found)
    series = []
    for point in points:
        rows = [row for row in found if (row.point, row.kind) == (point, kind)]
        series.append(
            Series(
                name=point.name,
                x=tuple(float(row.bits) for row in rows),
                y=tuple(100 * row.accuracy for row in rows),
                low=tuple(100 * row.interval[0] for row in rows),
                high=tuple(100 * row.interval[1] for row in rows),
                joined=True,
            )
        )
    title = f"{found[0].set}, {found[0].images} pictures, {kind} converters"
    return Chart(name=f"adc-bits-{kind}", title=title, x="ADC bits", y="accuracy [%]", series=tuple(series))


def saving_chart(found: Sequence[Saving]) -> Chart:
    """Converter energy saved by policy under the fixed law, with the paper's figures as level lines."""
    policies = POLICIES[1:]
    places = tuple(float(index) for index in range(1, len(policies) + 1))
    rows = [row for row in found if row.law == LAW]
    series = []
    for name, point, reading in dict.fromkeys((row.set, row.point, row.reading.name) for row in rows):
        saved = tuple(100 * pick(rows, name, point, reading, LAW, policy).saved for policy in policies)
        series.append(Series(name=f"{point.name}, {name}, {reading}", x=places, y=saved, joined=True))
    for point, published in SAVED.items():
        flat = (published,) * len(places)
        series.append(Series(name=f"{point.name}, paper (mechanism not known)", x=places, y=flat, joined=True))
    names = ", ".join(f"{place:.0f} {policy}" for place, policy in zip(places, policies, strict=True))
    return Chart(
        name="adc-energy",
        title=f"Converter energy saved, law {LAW}",
        x=names,
        y="saved [%]",
        series=tuple(series),
    )


def flaw_chart(found: Sequence[FlawPoint], flaw: str) -> Chart:
    """Accuracy against one flaw, a line for each design point."""
    rows = [row for row in found if row.flaw == flaw]
    series = []
    for point in dict.fromkeys(row.point for row in rows):
        mine = [row for row in rows if row.point == point]
        series.append(
            Series(
                name=point.name,
                x=tuple(row.value for row in mine),
                y=tuple(100 * row.accuracy for row in mine),
                low=tuple(100 * min(row.chips) for row in mine),
                high=tuple(100 * max(row.chips) for row in mine),
                joined=True,
            )
        )
    name = flaw.lower().replace(" ", "-")
    return Chart(
        name=name, title=f"{rows[0].set}: {flaw}", x=f"{flaw} [{rows[0].unit}]", y="accuracy [%]", series=tuple(series)
    )
