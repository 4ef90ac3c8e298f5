"""Comparing runs: totals with ratios, energy by component, what is held equal and what differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from archsim.accounting import energy_by
from archsim.errors import InputError
from archsim.result import Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A path of the hardware documents and its value in each run (None where the run's document lacks it)."""

    path: str
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Runs side by side; the first is the reference of every ratio."""

    runs: tuple[Result, ...]
    differs: tuple[Difference, ...]
    equal: tuple[str, ...]
    """Dotted paths of the hardware documents that all runs share with equal values."""
    notes: tuple[str, ...]

    def totals(self) -> dict[str, list[float | int | None]]:
        """Each total over the runs."""
        rows = [asdict(run.totals) for run in self.runs]
        return {name: [row[name] for row in rows] for name in rows[0]}

    def ratios(self) -> dict[str, list[float | None]]:
        """Each total over the reference's; None where either is missing or the reference is zero."""
        return {
            name: [None if value is None or not values[0] else value / values[0] for value in values]
            for name, values in self.totals().items()
        }

    def energy_by_component(self) -> dict[str, list[float]]:
        """Energy [J] of each component over the runs."""
        parts = [energy_by(run.actions, "component") for run in self.runs]
        return {name: [part.get(name, 0.0) for part in parts] for name in dict.fromkeys(n for p in parts for n in p)}

    def to_dict(self) -> dict[str, Any]:
        """Plain data for `archsim compare --json`."""
        return {
            "runs": [
                {"hardware": run.hardware.name, "workload": run.workload.name, "images": run.images}
                for run in self.runs
            ],
            "totals": self.totals(),
            "ratios": self.ratios(),
            "energy_by_component_j": self.energy_by_component(),
            "function": [asdict(run.function) if run.function else None for run in self.runs],
            "differs": [{"path": item.path, "values": list(item.values)} for item in self.differs],
            "held_equal": list(self.equal),
            "notes": list(self.notes),
        }


def compare(runs: Sequence[Result]) -> Comparison:
    """Put runs side by side.

    Raises `InputError` for fewer than two. Runs of different networks or image counts compare, but the notes say so.
    """
    if len(runs) < 2:
        raise InputError(f"a comparison needs at least two runs, got {len(runs)}", where="compare")
    flat = [dict(_leaves(run.hardware.expanded or {})) for run in runs]
    paths = list(dict.fromkeys(path for leaves in flat for path in leaves))
    differs, equal = [], []
    for path in paths:
        values = tuple(leaves.get(path) for leaves in flat)
        if all(value == values[0] for value in values):
            equal.append(path)
        else:
            differs.append(Difference(path=path, values=values))
    notes = []
    for what, found in (
        ("networks", [run.workload.hash for run in runs]),
        ("image counts", [run.images for run in runs]),
        ("sources of activity", [run.activity for run in runs]),
        ("archsim versions", [run.archsim_version for run in runs]),
    ):
        if len(set(found)) > 1:
            notes.append(f"the runs have different {what}: ratios mix that in")
    return Comparison(runs=tuple(runs), differs=tuple(differs), equal=tuple(equal), notes=tuple(notes))


def _leaves(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Values of a hardware document that are figures: descriptions, sources and notes are left out."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            if key not in ("bibliography", "description", "source", "notes", "name", "extends"):
                yield from _leaves(value, f"{path}.{key}" if path else str(key))
    else:
        yield path, node
