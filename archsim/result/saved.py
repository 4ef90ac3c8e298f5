"""Results read back."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from archsim.accounting import ActionRow, AreaRow, Programming
from archsim.errors import InputError
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
from archsim.result.run import SCHEMA_VERSION, Result


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
            "mapping": Mapped(**data["mapping"]),
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
