"""Rows of one network as a table: bits x granularity x quantizer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archsim.studies.claims import Table
from archsim.studies.yan2017.measure import Bench, Row

COLUMNS = (
    ("bits", "bits", ""),
    ("granularity", "levels for each", ""),
    ("quantizer", "quantizer", ""),
    ("error", "error/variance", ".5f"),
    ("accuracy", "accuracy", ".4f"),
    ("accuracy_95", "95 %", ""),
    ("agreement", "agreement", ".4f"),
    ("agreement_95", "95 %", ""),
    ("snr_db", "logit SNR", ".1f"),
    ("level_sets", "level sets", ",d"),
)


def accuracy_table(bench: Bench, rows: Sequence[Row]) -> Table:
    """Error of the weights, accuracy and agreement with intervals, and the level sets that hardware would hold."""
    float_accuracy = rows[0].float_accuracy
    against = "" if float_accuracy is None else f"; float accuracy {float_accuracy:.4f}"
    title = (
        f"{bench.case.name}, {len(bench.logits):,} pictures of {bench.case.evaluation.name}, weights rounded to "
        f"2^bits levels, activations 8 bits, no retraining{against}"
    )
    plain = tuple({**row.to_dict(), **_intervals(row)} for row in rows)
    return Table(title=title, rows=plain, columns=COLUMNS)


def _intervals(row: Row) -> dict[str, Any]:
    shown = {"accuracy_95": row.accuracy_interval, "agreement_95": row.agreement_interval}
    return {key: None if ends is None else f"{ends[0]:.3f}-{ends[1]:.3f}" for key, ends in shown.items()}
