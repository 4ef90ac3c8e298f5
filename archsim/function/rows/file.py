"""Row plans as a file, with what they were found for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from archsim.errors import InputError, Problem
from archsim.mapping.rows import RowPlan
from archsim.mapping.slicing import Slicing
from archsim.workload import Graph, workload_hash

FORMAT = 1
FIELDS = ("physical", "sign", "order")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class RowFile:
    """Row plans of one network.

    Attributes
    ----------
    workload, network : name and hash (`archsim.workload.workload_hash`) of the network.
    settings : what the plans depend on: operand bits, array rows, the passes, and the pictures' name.
    plans : by layer name.
    """

    workload: str
    network: str
    settings: Mapping[str, Any]
    plans: Mapping[str, RowPlan]

    def to_json(self) -> str:
        """The file's text; `hash` is of all other fields."""
        body = self._plain()
        return json.dumps({"format": FORMAT, "hash": _digest(body), **body}, indent=1, allow_nan=False) + "\n"

    def _plain(self) -> dict[str, Any]:
        plans = {
            name: {field: np.asarray(getattr(plan, field)).tolist() for field in FIELDS}
            for name, plan in self.plans.items()
        }
        return {"workload": self.workload, "network": self.network, "settings": dict(self.settings), "plans": plans}


def read_rows(path: str | Path) -> RowFile:
    """Saved row plans.

    Raises `InputError` when the file is missing, holds no row plans, or was changed after it was made.
    """
    where = str(path)
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}; expected a file of `archsim rows`", where) from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"is not JSON: {error}", where) from None
    if not isinstance(found, dict) or found.get("format") != FORMAT or "plans" not in found:
        raise InputError(f"holds no row plans of format {FORMAT}; `archsim rows` writes them", where)
    try:
        made = RowFile(
            workload=str(found["workload"]),
            network=str(found["network"]),
            settings=dict(found["settings"]),
            plans={name: _plan(held) for name, held in found["plans"].items()},
        )
        intact = _digest(made._plain()) == found["hash"]
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InputError(f"holds no row plans: {error}", where) from None
    if not intact:
        raise InputError("was changed after it was made: its hash does not fit its contents", where)
    return made


def check_rows(made: RowFile, graph: Graph, slicing: Slicing, where: str) -> None:
    """Raise `InputError` naming all that does not fit: another network, operand widths or height of arrays."""
    problems = []
    if made.network != workload_hash(graph):
        problems.append(Problem(where, f"was made for {made.workload}, not for this {graph.name} (weights differ)"))
    for name in ("input_bits", "weight_bits", "rows"):
        if made.settings.get(name) != getattr(slicing, name):
            what = f"was made for {name} {made.settings.get(name)}; this chip has {getattr(slicing, name)}"
            problems.append(Problem(where, what))
    if problems:
        raise InputError(problems)


def _plan(held: Mapping[str, list[int]]) -> RowPlan:
    return RowPlan(
        physical=np.array(held["physical"], np.int64),
        sign=np.array(held["sign"], np.int8),
        order=np.array(held["order"], np.int64),
    )


def _digest(body: Mapping[str, Any]) -> str:
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
