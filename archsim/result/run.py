"""The result of one run, its tables, and its files."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from math import fsum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archsim.accounting import ActionRow, AreaRow, Programming
from archsim.config.suggest import did_you_mean
from archsim.errors import InputError
from archsim.files import write_whole
from archsim.notebook import html_lines, html_table
from archsim.result.rows import (
    Bottleneck,
    Citation,
    FunctionSummary,
    LayerRow,
    Mapped,
    Named,
    PathRow,
    Stream,
    Totals,
)
from archsim.units import format_keyed, format_quantity

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_VERSION = 2
_NOTEBOOK = (
    "name",
    "kind",
    "macs",
    "windows",
    "replication",
    "crossbars",
    "start_s",
    "end_s",
    "busy_s",
    "stall_input_s",
    "stall_output_s",
    "stall_contention_s",
    "energy_j",
)
"""Columns of a layer that a notebook shows."""
TABLES = ("layers", "actions", "area", "totals", "energy", "critical_path", "resources", "predictions")
"""What `Result.to_pandas` gives."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Result:
    """Everything one run found; see the README for the JSON contract. `detail` is that of the timing; `activity` is
    "measured" when counts came from real inputs, else "assumed (...)"."""

    archsim_version: str
    seed: int
    engine: str
    images: int
    hardware: Named
    workload: Named
    totals: Totals
    layers: tuple[LayerRow, ...]
    actions: tuple[ActionRow, ...]
    area: tuple[AreaRow, ...]
    activity: str
    function: FunctionSummary | None
    notes: tuple[str, ...]
    citations: tuple[Citation, ...]
    resource_busy_s: Mapping[str, float]
    bottleneck: Bottleneck
    critical_path: tuple[PathRow, ...]
    mapping: Mapped
    detail: str = "window"
    stream: Stream | None = None
    programming: Programming | None = None
    schema_version: int = SCHEMA_VERSION

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as in `result.json`."""
        data = asdict(self)
        data["schema_version"] = self.schema_version
        return {"schema_version": data.pop("schema_version"), **data}

    def to_json(self) -> str:
        """`result.json` as text."""
        return json.dumps(self.to_dict(), indent=1, allow_nan=False) + "\n"

    def flat(self) -> dict[str, float | int | str | None]:
        """One row of figures: all totals, `energy_<component>_j` and `area_<component>_m2`, the kind of `bottleneck`,
        and with pictures `accuracy`, `top1_agreement`, `logit_snr_db`, `float_accuracy` and `pictures` (None where a
        run does not define one)."""
        row: dict[str, float | int | str | None] = asdict(self.totals)
        energies: dict[str, list[float]] = {}
        for action in self.actions:
            energies.setdefault(action.component, []).append(action.energy_j)
        row |= {f"energy_{component}_j": fsum(parts) for component, parts in sorted(energies.items())}
        areas: dict[str, list[float]] = {}
        for part in self.area:
            areas.setdefault(part.component, []).append(part.area_m2)
        row |= {f"area_{component}_m2": fsum(parts) for component, parts in sorted(areas.items())}
        row["bottleneck"] = self.bottleneck.kind
        found = self.function
        if found is not None:
            row |= {"accuracy": found.accuracy, "top1_agreement": found.top1_agreement}
            row |= {"logit_snr_db": found.logit_snr_db, "float_accuracy": found.float_accuracy}
            row["pictures"] = found.images
        return row

    def save(self, directory: str | os.PathLike[str]) -> Path:
        """Write `result.json`, `layers.csv`, `actions.csv` and `area.csv`; each file appears whole or not at all.

        Raises `InputError` when the directory cannot be written.
        """
        folder = Path(directory)
        tables = {"layers.csv": self.layers, "actions.csv": self.actions, "area.csv": self.area}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for name, rows in tables.items():
                write_whole(folder / name, _csv(rows))
            write_whole(folder / "result.json", self.to_json())
        except OSError as error:
            raise InputError(f"cannot write results here: {error.strerror}", where=str(folder)) from None
        return folder

    def to_pandas(self, table: str) -> pd.DataFrame:
        """A table as a DataFrame: `totals`, `layers`, `actions`, `area`, `energy` (by layer and component [J]),
        `critical_path`, `resources` (time each shared resource was held) or `predictions`."""
        import pandas as pd

        if table not in TABLES:
            raise InputError(f"there is no table '{table}'; expected {', '.join(TABLES)}{did_you_mean(table, TABLES)}")
        if table == "energy":
            actions = pd.DataFrame([asdict(row) for row in self.actions])
            return actions.pivot_table(
                index="layer", columns="component", values="energy_j", aggfunc=fsum, fill_value=0.0, sort=False
            )
        if table == "resources":
            busy = {"resource": list(self.resource_busy_s), "busy_s": list(self.resource_busy_s.values())}
            return pd.DataFrame(busy).assign(utilization=lambda rows: rows["busy_s"] / self.totals.latency_s)
        if table == "totals":
            return pd.DataFrame([asdict(self.totals)])
        rows = (self.function.predictions if self.function else ()) if table == "predictions" else getattr(self, table)
        return pd.DataFrame([asdict(row) for row in rows])

    def __repr__(self) -> str:
        totals = self.totals
        parts = [
            f"{self.images} image{'' if self.images == 1 else 's'}",
            f"latency {format_quantity(totals.latency_s, 's')}",
            f"energy {format_quantity(totals.energy_j, 'J')}",
            f"area {format_quantity(totals.area_m2, 'm2')}",
        ]
        if self.function is not None and self.function.top1_agreement is not None:
            parts.append(f"agreement with float {self.function.top1_agreement:.4f}")
        return f"<Result {self.workload.name} on {self.hardware.name}: {', '.join(parts)}>"

    def _repr_html_(self) -> str:
        """Totals and layers as tables, for notebooks."""
        title = f"{self.workload.name} on {self.hardware.name}, {self.images} image{'' if self.images == 1 else 's'}"
        totals = [(key, format_keyed(key, value)) for key, value in asdict(self.totals).items()]
        layers = [[format_keyed(key, getattr(row, key)) for key in _NOTEBOOK] for row in self.layers]
        lines = [f"bottleneck: {self.bottleneck.sentence}", *[f"note: {note}" for note in self.notes]]
        return (
            html_table(title, ("total", ""), totals)
            + html_table("Layers", _NOTEBOOK, layers, text=2)
            + html_lines(lines)
        )


def _csv(rows: Sequence[Any]) -> str:
    """Rows of one dataclass as CSV text; numbers in full precision, absent values empty."""
    if not rows:
        return ""
    text = io.StringIO()
    writer = csv.DictWriter(text, [item.name for item in fields(rows[0])], lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: "" if value is None else value for key, value in asdict(row).items()} for row in rows)
    return text.getvalue()
