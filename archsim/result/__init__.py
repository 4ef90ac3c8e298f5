"""The result of one run: plain numbers with their units in the names, tables, and files.

A `Result` is what `result.json` holds. It knows nothing of plans or engines, so one that was loaded from disk is as
good as one just made.
"""

from archsim.result.rows import (
    Bottleneck,
    Citation,
    FunctionSummary,
    LayerRow,
    Mapped,
    Named,
    PathRow,
    Prediction,
    Stream,
    Totals,
)
from archsim.result.run import SCHEMA_VERSION, TABLES, Result
from archsim.result.saved import load_result

__all__ = [
    "SCHEMA_VERSION",
    "TABLES",
    "Bottleneck",
    "Citation",
    "FunctionSummary",
    "LayerRow",
    "Mapped",
    "Named",
    "PathRow",
    "Prediction",
    "Result",
    "Stream",
    "Totals",
    "load_result",
]
