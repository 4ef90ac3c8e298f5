"""The result of one run: plain numbers with their units in the names, tables, and files.

A `Result` is what `result.json` holds. It knows nothing of plans or engines, so one that was loaded from disk is as
good as one just made.
"""

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
from archsim.units import format_keyed, format_quantity

if TYPE_CHECKING:
    import pandas as pd

SCHEMA_VERSION = 1
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Figures of the whole run. `latency_s` runs from the first input to the last output of all images,
    `first_image_latency_s` to that of the first; `interval_s` is the steady time between images, None for one.
    `ops_per_s` counts two operations per multiply-accumulate over `latency_s`, `images_per_s` images over the same
    time. `energy_j` is that of all images, `dynamic_energy_j` the part that actions cost (rows of action `static`, such
    as links that are always on, left out), `energy_per_image_j` the mean of an image, static part included."""

    latency_s: float
    first_image_latency_s: float
    interval_s: float | None
    images_per_s: float
    energy_j: float
    dynamic_energy_j: float
    energy_per_image_j: float
    average_power_w: float
    area_m2: float
    macs: int
    ops_per_s: float
    ops_per_j: float
    chips: int
    tiles: int
    crossbars: int
    crossbar_utilization: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRow:
    """One stage. Crossbar fields are zero for digital stages; input statistics are None where no inputs were given.

    `engine` names the arithmetic that served the layer (integer, bit-plane or analog). `unproven_fraction` is the share
    of its conversions that could clip or round: no bound on the active rows excludes it. `clipped_fraction` is the
    share whose sum was outside the converter's range (None where not counted). `snr_db` compares what the stage leaves
    with the float network on the first pictures (None where nothing was computed, or nothing differs).
    `adc_conversions` are those made; where an ADC sparsity policy acted, `adc_skipped_fraction` is the share left out
    of what there was to convert, and `adc_decisions_mean` what a conversion made took on average.
    """

    name: str
    kind: str
    macs: int
    windows: int
    replication: int
    row_groups: int
    column_groups: int
    weight_slices: int
    crossbars: int
    tiles: int
    interval_s: float
    start_s: float
    end_s: float
    busy_s: float
    stall_input_s: float
    stall_output_s: float
    stall_contention_s: float
    fill_s: float
    drain_s: float
    energy_j: float
    adc_conversions: float
    input_bits_mean: float | None
    zero_input_fraction: float | None
    bit_density: float | None
    output_zero_fraction: float | None
    engine: str | None = None
    unproven_fraction: float | None = None
    clipped_fraction: float | None = None
    snr_db: float | None = None
    adc_decisions_mean: float | None = None
    adc_skipped_fraction: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PathRow:
    """Time that a layer's activity spent on the critical path of the images that were simulated one by one: all, or
    the first of a long stream that repeats itself. `resource` is the shared one it held ("" for none); `limit` and
    `limit_name` say what kind of limit the time is ascribed to (see `Bottleneck`), and which."""

    layer: str
    activity: str
    resource: str
    limit: str
    limit_name: str
    time_s: float
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bottleneck:
    """What limits the run most: `kind` (crossbars, digital units, bus, link, chip link, buffer, registers or depth)
    with its share of the critical path, `name` with its own, how much of the run that was busy (None for buffers and
    depth), a sentence that says so, and what would relieve it."""

    kind: str
    name: str
    kind_share: float
    share: float
    time_s: float
    utilization: float | None
    sentence: str
    relief: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """How several images flow: `fill_s` until the stream repeats itself, `interval_s` its period per image, `drain_s`
    from when one more image would have begun to the end (None where it never repeated within the run).
    `simulated_images` were simulated, the others follow from the repetition exactly."""

    fill_s: float | None
    interval_s: float | None
    drain_s: float | None
    simulated_images: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """Top-1 class of one picture, by the simulated chip and by the float network."""

    name: str
    predicted: int
    float_predicted: int
    label: int | None
    class_name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionSummary:
    """Quality against the float network; intervals are 95 % Wilson. Accuracies are None without labels or with drawn
    weights; the SNR is None where the chip equals the float network exactly. `engines` counts the layers that each kind
    of arithmetic served; layers' own ratios are taken on the first `snr_pictures`. `data` names the set of pictures,
    `data_source` where a shipped one comes from. `calibration` says where activation ranges are from: "shipped",
    "sidecar" (a file beside the network), "self" (the evaluated pictures), or the calibration set's name."""

    images: int
    calibration: str
    top1_agreement: float
    agreement_interval: tuple[float, float]
    logit_snr_db: float | None
    accuracy: float | None
    accuracy_interval: tuple[float, float] | None
    float_accuracy: float | None
    float_accuracy_interval: tuple[float, float] | None
    predictions: tuple[Prediction, ...]
    engines: Mapping[str, int]
    snr_pictures: int
    data: str | None = None
    data_source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Name and content hash of an input; `expanded` is the full hardware document, `settings` what was set in it from
    outside, by path; `weights` says where a network's weights came from, `source` what its files say of its origin."""

    name: str
    hash: str
    expanded: Mapping[str, Any] | None = None
    settings: Mapping[str, str] | None = None
    weights: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """A work the run's numbers rest on, and for what."""

    key: str
    title: str
    authors: str
    venue: str
    year: int
    doi: str | None
    url: str | None
    used_by: tuple[str, ...]


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
        if self.function is not None:
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


def load_result(directory: str | os.PathLike[str]) -> Result:
    """Read a saved run back: a directory with `result.json`, or that file.

    Raises `InputError` when it is missing, not JSON, of another schema version, or lacks fields.
    """
    path = Path(directory)
    path = path / "result.json" if path.is_dir() else path
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}; expected a run's result.json", where=str(path)) from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"is not JSON: {error}", where=str(path)) from None
    if not isinstance(data, dict) or data.get("schema_version") != SCHEMA_VERSION:
        found = data.get("schema_version") if isinstance(data, dict) else None
        raise InputError(f"has schema_version {found}; expected {SCHEMA_VERSION}", where=str(path))
    try:
        return _from_dict(data)
    except KeyError as error:
        raise InputError(f"lacks {error}; expected a result saved by this version of archsim", str(path)) from None
    except (TypeError, ValueError) as error:
        raise InputError(f"is no result of this version of archsim: {error}", where=str(path)) from None


def _from_dict(data: dict[str, Any]) -> Result:
    function = data["function"]
    if function is not None:
        function = FunctionSummary(**{**_tuples(function), "predictions": _rows(Prediction, function["predictions"])})
    return Result(
        **{
            **{item.name: data[item.name] for item in fields(Result)},
            "hardware": Named(**data["hardware"]),
            "workload": Named(**data["workload"]),
            "totals": Totals(**data["totals"]),
            "layers": _rows(LayerRow, data["layers"]),
            "actions": _rows(ActionRow, data["actions"]),
            "area": _rows(AreaRow, data["area"]),
            "function": function,
            "notes": tuple(data["notes"]),
            "bottleneck": Bottleneck(**data["bottleneck"]),
            "stream": None if data["stream"] is None else Stream(**data["stream"]),
            "programming": None if data["programming"] is None else Programming(**data["programming"]),
            "critical_path": _rows(PathRow, data["critical_path"]),
            "citations": tuple(Citation(**_tuples(row)) for row in data["citations"]),
        }
    )


def _rows(kind: type[Any], rows: Sequence[Mapping[str, Any]]) -> tuple[Any, ...]:
    return tuple(kind(**row) for row in rows)


def _tuples(row: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}


def _csv(rows: Sequence[Any]) -> str:
    """Rows of one dataclass as CSV text; numbers in full precision, absent values empty."""
    if not rows:
        return ""
    text = io.StringIO()
    writer = csv.DictWriter(text, [item.name for item in fields(rows[0])], lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: "" if value is None else value for key, value in asdict(row).items()} for row in rows)
    return text.getvalue()
