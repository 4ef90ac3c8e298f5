"""Huang, Sun, Peng, Jiang and Yu (ACM TODAES 27(4), article 37, 2022): in-situ training on analog synapses, with
momentum against their asymmetry and a data flow for the backward pass.

Of the paper its abstract is known (FOUND): 23.59 TOPS/W of training efficiency, 12 times a naive data flow, 4.2 % of
the energy for momentum. The device equations and the chip come from the authors' tool, DNN+NeuroSim V2.1 (FOUND). What
the two data flows do, and what the 4.2 % hold, is archsim's reconstruction.

The study has parts, each a function of the request; their findings are joined.
"""

from __future__ import annotations

from collections.abc import Callable

from archsim.studies.claims import Findings
from archsim.studies.huang2022 import accuracy, costs
from archsim.studies.request import Request

__all__ = ["PARTS", "study"]

PARTS: dict[str, Callable[[Request], Findings]] = {"costs": costs.findings, "accuracy": accuracy.findings}
"""Parts by name, in the order in which they run."""


def study(request: Request) -> Findings:
    """All parts, one after the other."""
    found = [part(request) for part in PARTS.values()]
    return Findings(
        claims=tuple(claim for part in found for claim in part.claims),
        tables=tuple(table for part in found for table in part.tables),
        charts=tuple(chart for part in found for chart in part.charts),
        notes=tuple(note for part in found for note in part.notes),
    )
